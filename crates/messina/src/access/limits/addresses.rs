//! Connections of one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::network::Network;

/// Counts connections by address. The table has an entry for each address that is connected, no more.
#[derive(Debug, Default)]
pub struct Addresses {
    connected: Mutex<HashMap<Network, u32>>,
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub struct ConnectionSlot {
    addresses: Arc<Addresses>,
    network: Network,
}

impl Addresses {
    /// Counts a connection; `None` if there are `limit` from its address already.
    pub fn connect(
        self: &Arc<Self>,
        address: IpAddr,
        limit: Option<u32>,
    ) -> Option<ConnectionSlot> {
        let network = Network::from(address);
        let mut connected = self.connected.lock();
        let count = connected.entry(network).or_default();
        if limit.is_some_and(|limit| *count >= limit) {
            return None;
        }
        *count += 1;
        Some(ConnectionSlot {
            addresses: self.clone(),
            network,
        })
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut connected = self.addresses.connected.lock();
        if let Some(count) = connected.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                connected.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_as_many_connections_as_it_may_until_one_ends() {
        let addresses = Arc::new(Addresses::default());
        let (near, far): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let first = addresses.connect(near, Some(2)).unwrap();
        let _second = addresses.connect(near, Some(2)).unwrap();
        assert!(addresses.connect(near, Some(2)).is_none());
        assert!(addresses.connect(far, Some(2)).is_some());
        drop(first);
        let third = addresses.connect(near, Some(2));
        assert!(third.is_some());
        // One address is left: the far one's entry went with its connection.
        assert_eq!(addresses.connected.lock().len(), 1);
    }

    #[test]
    fn a_limit_of_none_and_a_refused_connection_leave_no_entry() {
        let addresses = Arc::new(Addresses::default());
        let near: IpAddr = [192, 0, 2, 1].into();
        let all: Vec<_> = (0..100).map(|_| addresses.connect(near, None)).collect();
        assert!(all.iter().all(Option::is_some));
        drop(all);
        assert!(addresses.connected.lock().is_empty());
    }
}
