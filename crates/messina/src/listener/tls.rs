//! TLS below a listener: the server's certificate, and who a client's certificate says it is.
//! Its files are read again on a reload; connections that stand are not touched.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::{CertificateUser, ClientCertificates, TlsConfig, TlsVersion};

/// Why TLS cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM.
    #[error("cannot read {what} in `{}`", path.display())]
    File {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// A file holds nothing of what it is for.
    #[error("there is no {what} in `{}`; it must be PEM, `-----BEGIN ...`", path.display())]
    Empty {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key are not usable together.
    #[error("the certificate `{}` and the key `{}` cannot be used together", certificate.display(), key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// A certificate of an authority cannot be used.
    #[error("a certificate in `{}` is no authority's", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// Clients cannot be verified.
    #[error("clients cannot be verified with `{}`", path.display())]
    Verifier {
        /// The authorities' file.
        path: PathBuf,
        /// Why.
        source: VerifierBuilderError,
    },
}

/// What a listener's TLS is made of, as last read.
#[derive(Debug)]
pub struct Tls {
    config: TlsConfig,
    /// Which name of a client's certificate counts.
    user: CertificateUser,
    current: ArcSwap<ServerConfig>,
}

impl Tls {
    /// Reads the files. Blocks.
    pub fn open(config: TlsConfig, user: CertificateUser) -> Result<Self, TlsError> {
        let current = ArcSwap::new(read(&config)?);
        Ok(Self {
            config,
            user,
            current,
        })
    }

    /// Reads them again, for connections to come. If one is wrong nothing changes. Blocks.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.store(read(&self.config)?);
        Ok(())
    }

    /// Shakes hands with a client. Gives the name its certificate has, empty if it has none of the kind that is
    /// asked for; `None` without a certificate, or if it is not to say who the client is.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<(TlsStream<S>, Option<Box<str>>)> {
        let acceptor = TlsAcceptor::from(self.current.load_full());
        let stream = acceptor.accept(stream).await?;
        let (_, session) = stream.get_ref();
        let own = session.peer_certificates().and_then(<[_]>::first);
        let name = own
            .filter(|_| self.user != CertificateUser::Off)
            .map(|own| name_of(own, self.user).unwrap_or_default());
        Ok((stream, name))
    }
}

/// The name of a kind in a certificate that was verified.
fn name_of(certificate: &CertificateDer<'_>, kind: CertificateUser) -> Option<Box<str>> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    if kind == CertificateUser::CommonName {
        let name = certificate.subject().iter_common_name().next()?;
        return name.as_str().ok().map(Box::from);
    }
    let others = certificate.subject_alternative_name().ok()??;
    let mut others = others.value.general_names.iter();
    others.find_map(|name| match (kind, name) {
        (CertificateUser::DnsName, GeneralName::DNSName(name))
        | (CertificateUser::Email, GeneralName::RFC822Name(name))
        | (CertificateUser::Uri, GeneralName::URI(name)) => Some(Box::from(*name)),
        _ => None,
    })
}

fn read(config: &TlsConfig) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain: Vec<CertificateDer<'static>> = all("certificate", &config.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&config.key)
        .map_err(|source| missing("private key", &config.key, source))?;
    let pair = |source| TlsError::Pair {
        certificate: config.certificate.clone(),
        key: config.key.clone(),
        source,
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions(config.min_version))
        .map_err(pair)?;
    let builder = match &config.clients {
        Some(clients) => builder.with_client_cert_verifier(verifier(clients, provider)?),
        None => builder.with_no_client_auth(),
    };
    let config = builder.with_single_cert(chain, key).map_err(pair)?;
    Ok(Arc::new(config))
}

static ONLY_1_3: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

fn versions(least: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match least {
        TlsVersion::Tls12 => rustls::ALL_VERSIONS,
        TlsVersion::Tls13 => ONLY_1_3,
    }
}

fn verifier(
    clients: &ClientCertificates,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    let path = &clients.authorities;
    for authority in all::<CertificateDer<'static>>("certificate", path)? {
        roots.add(authority).map_err(|source| TlsError::Authority {
            path: path.clone(),
            source,
        })?;
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    if let Some(revoked) = &clients.revoked {
        let lists = all::<CertificateRevocationListDer<'static>>("revocation list", revoked)?;
        builder = builder.with_crls(lists);
    }
    if !clients.required {
        builder = builder.allow_unauthenticated();
    }
    builder.build().map_err(|source| TlsError::Verifier {
        path: path.clone(),
        source,
    })
}

/// Everything of a kind in a file, at least one.
pub(crate) fn all<T: PemObject>(what: &'static str, path: &Path) -> Result<Vec<T>, TlsError> {
    let bytes = fs::read(path).map_err(|error| missing(what, path, pem::Error::Io(error)))?;
    let all: Vec<T> = T::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|source| missing(what, path, source))?;
    if all.is_empty() {
        return Err(missing(what, path, pem::Error::NoItemsFound));
    }
    Ok(all)
}

fn missing(what: &'static str, path: &Path, source: pem::Error) -> TlsError {
    let path = path.to_owned();
    match source {
        pem::Error::NoItemsFound => TlsError::Empty { what, path },
        source => TlsError::File { what, path, source },
    }
}
