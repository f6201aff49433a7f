//! TLS towards a cluster, or another worker, from PEM files.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::ConnectError;
use crate::config::ClientTls;

/// What connections are secured with. Reads files.
pub fn client(files: &ClientTls) -> Result<Arc<ClientConfig>, ConnectError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.ca)? {
        roots.add(certificate).map_err(ConnectError::Tls)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let chain = chain.build();
    let chain = chain.map_err(|error| ConnectError::Tls(Error::General(error.to_string())))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ConnectError::Tls)?;
    let builder = if files.verify_names {
        builder.with_webpki_verifier(chain)
    } else {
        let any_name = Arc::new(AnyName(chain));
        builder
            .dangerous()
            .with_custom_certificate_verifier(any_name)
    };
    let config = match &files.identity {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let key = PrivateKeyDer::from_pem_file(path);
            let key = key.map_err(|source| pem(path, "a private key", source))?;
            let chain = certificates(path)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(ConnectError::Tls)?
        }
    };
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let wrong = |source| pem(path, "certificates", source);
    let all = CertificateDer::pem_file_iter(path).map_err(wrong)?;
    let all: Result<Vec<_>, _> = all.collect();
    all.map_err(wrong)
}

fn pem(path: &Path, what: &'static str, source: rustls::pki_types::pem::Error) -> ConnectError {
    ConnectError::Pem {
        path: path.to_owned(),
        what,
        source,
    }
}

/// Asks who signed a certificate, not whom it names: what the classic sink's driver does, and what clusters are set
/// up for whose certificates name no addresses.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.0
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
