//! TLS towards a cluster, or another worker's listener, from PEM files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::config::ClientTls;

/// Why connections cannot be secured.
#[derive(Debug, thiserror::Error)]
pub enum TlsClientError {
    /// A file of certificates or keys is none.
    #[error("`{}` is not a PEM file of {what}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// Why.
        source: pem::Error,
    },
    /// What is in it is not usable.
    #[error("what is in `{}` cannot be used for TLS", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Error,
    },
}

/// What connections are secured with. Reads files.
pub fn client(files: &ClientTls) -> Result<Arc<ClientConfig>, TlsClientError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.ca)? {
        let added = roots.add(certificate);
        added.map_err(|source| unusable(&files.ca, source))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let chain = chain.build();
    let chain = chain.map_err(|error| unusable(&files.ca, Error::General(error.to_string())))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|source| unusable(&files.ca, source))?;
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
            let key = key.map_err(|source| not_pem(path, "a private key", source))?;
            let identified = builder.with_client_auth_cert(certificates(path)?, key);
            identified.map_err(|source| unusable(path, source))?
        }
    };
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsClientError> {
    let wrong = |source| not_pem(path, "certificates", source);
    let all = CertificateDer::pem_file_iter(path).map_err(wrong)?;
    let all: Result<Vec<_>, _> = all.collect();
    all.map_err(wrong)
}

fn not_pem(path: &Path, what: &'static str, source: pem::Error) -> TlsClientError {
    let path = path.to_owned();
    TlsClientError::Pem { path, what, source }
}

fn unusable(path: &Path, source: Error) -> TlsClientError {
    let path = path.to_owned();
    TlsClientError::Unusable { path, source }
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
