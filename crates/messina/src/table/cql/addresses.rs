//! Nodes that are reached by other addresses than they tell: behind a router, or a proxy.

use std::collections::HashMap;
use std::net::SocketAddr;

use scylla::errors::TranslationError;
use scylla::policies::address_translator::{AddressTranslator, UntranslatedPeer};

use super::ConnectError;
use crate::table::BoxFuture;

/// What addresses that nodes tell are from here; those it does not know are what they are.
#[derive(Debug)]
pub(super) struct Addresses(HashMap<SocketAddr, SocketAddr>);

impl Addresses {
    /// Looks the names of hosts up.
    pub(super) async fn resolve(pairs: &[(String, String)]) -> Result<Self, ConnectError> {
        let mut addresses = HashMap::with_capacity(pairs.len());
        for (own, here) in pairs {
            addresses.insert(resolved(own).await?, resolved(here).await?);
        }
        Ok(Self(addresses))
    }
}

async fn resolved(address: &str) -> Result<SocketAddr, ConnectError> {
    let wrong = |source| ConnectError::Address {
        address: address.to_owned(),
        source,
    };
    let mut found = tokio::net::lookup_host(address).await.map_err(wrong)?;
    found
        .next()
        .ok_or_else(|| wrong(std::io::ErrorKind::NotFound.into()))
}

impl AddressTranslator for Addresses {
    fn translate_address<'a, 'p, 'f>(
        &'a self,
        peer: &'p UntranslatedPeer,
    ) -> BoxFuture<'f, Result<SocketAddr, TranslationError>>
    where
        'a: 'f,
        'p: 'f,
        Self: 'f,
    {
        let told = peer.untranslated_address();
        let here = self.0.get(&told).copied().unwrap_or(told);
        Box::pin(std::future::ready(Ok(here)))
    }
}
