//! The client's side of TLS: whom it trusts, and what it shows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};

use super::super::CommandError;
use crate::listener::tls::{TlsError, all};

/// Where systems keep the authorities they trust, in one file.
const SYSTEM_AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// mosquitto's flags of TLS.
#[derive(Debug, Clone, Args)]
pub(super) struct TlsArgs {
    /// Authorities to trust, PEM; turns TLS on
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    cafile: Option<PathBuf>,
    /// Authorities to trust, every PEM file of a directory; turns TLS on
    #[arg(long, value_name = "DIR", help_heading = "TLS")]
    capath: Option<PathBuf>,
    /// Trust the system's authorities; turns TLS on, and is what mqtts:// and wss:// do without --cafile and --capath
    #[arg(long, help_heading = "TLS")]
    tls_use_os_certs: bool,
    /// Certificate to show, PEM
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "TLS")]
    cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "TLS")]
    key: Option<PathBuf>,
    /// Do not check that the server's certificate is for its host name; who issued it is still checked
    #[arg(long, help_heading = "TLS")]
    insecure: bool,
    /// The one version of TLS to use
    #[arg(long, value_enum, help_heading = "TLS")]
    tls_version: Option<Version>,
    /// Application protocol to ask for (ALPN)
    #[arg(long, value_name = "NAME", help_heading = "TLS")]
    tls_alpn: Option<String>,
}

/// mosquitto's names of the versions.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Version {
    /// TLS 1.2
    #[value(name = "tlsv1.2")]
    Tls12,
    /// TLS 1.3
    #[value(name = "tlsv1.3")]
    Tls13,
}

static ONLY_1_2: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
static ONLY_1_3: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

impl TlsArgs {
    /// Whether a flag asks for TLS.
    pub(super) fn is_asked_for(&self) -> bool {
        self.cafile.is_some() || self.capath.is_some() || self.tls_use_os_certs
    }

    /// Refuses flags that would do nothing: a connection thought to be secure must not go out in the clear.
    pub(super) fn refuse_without_tls(&self) -> Result<(), CommandError> {
        let idle = [
            (self.cert.is_some(), "--cert"),
            (self.insecure, "--insecure"),
            (self.tls_version.is_some(), "--tls-version"),
            (self.tls_alpn.is_some(), "--tls-alpn"),
        ];
        match idle.iter().find(|(is_given, _)| *is_given) {
            Some((_, flag)) => Err(CommandError::Usage(format!(
                "`{flag}` has no meaning without TLS; add --cafile, --capath or --tls-use-os-certs"
            ))),
            None => Ok(()),
        }
    }

    /// What rustls needs. Reads the files.
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, CommandError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let versions = match self.tls_version {
            None => rustls::ALL_VERSIONS,
            Some(Version::Tls12) => ONLY_1_2,
            Some(Version::Tls13) => ONLY_1_3,
        };
        let wrong = |error: Error| CommandError::Usage(format!("TLS cannot be set up: {error}"));
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .map_err(wrong)?;
        let roots = Arc::new(self.roots()?);
        let builder = if self.insecure {
            let inner = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
            let inner = inner.map_err(|error| {
                CommandError::Usage(format!("the server cannot be verified: {error}"))
            })?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyName { inner }))
        } else {
            builder.with_root_certificates(roots)
        };
        let mut config = match self.cert.as_ref().zip(self.key.as_ref()) {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let pair = |source| TlsError::Pair {
                    certificate: certificate.clone(),
                    key: key.clone(),
                    source,
                };
                let chain = all("certificate", certificate)?;
                let private = PrivateKeyDer::from_pem_file(key).map_err(|source| {
                    let (what, path) = ("private key", key.clone());
                    TlsError::File { what, path, source }
                })?;
                builder
                    .with_client_auth_cert(chain, private)
                    .map_err(pair)?
            }
        };
        config.alpn_protocols = self
            .tls_alpn
            .iter()
            .map(|name| name.clone().into())
            .collect();
        Ok(Arc::new(config))
    }

    fn roots(&self) -> Result<RootCertStore, CommandError> {
        let mut roots = RootCertStore::empty();
        if let Some(file) = &self.cafile {
            add(&mut roots, file)?;
        }
        if let Some(dir) = &self.capath {
            add_dir(&mut roots, dir)?;
        }
        if self.tls_use_os_certs || !self.is_asked_for() {
            add_system(&mut roots)?;
        }
        Ok(roots)
    }
}

fn add(roots: &mut RootCertStore, file: &Path) -> Result<(), TlsError> {
    for authority in all::<CertificateDer<'static>>("certificate", file)? {
        roots.add(authority).map_err(|source| TlsError::Authority {
            path: file.to_owned(),
            source,
        })?;
    }
    Ok(())
}

/// Adds what can be used of a directory; other files may lie in it.
fn add_dir(roots: &mut RootCertStore, dir: &Path) -> Result<(), CommandError> {
    let failed = |source| CommandError::File {
        action: "read",
        path: dir.display().to_string(),
        source,
    };
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let Ok(found) = all("certificate", &path) {
            let (added, ignored) = roots.add_parsable_certificates(found);
            tracing::debug!(path = %path.display(), added, ignored, "read authorities");
        }
    }
    if roots.is_empty() {
        let dir = dir.display();
        return Err(CommandError::Usage(format!(
            "no file in `{dir}` holds an authority's certificate (PEM)"
        )));
    }
    Ok(())
}

fn add_system(roots: &mut RootCertStore) -> Result<(), CommandError> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let usual = SYSTEM_AUTHORITIES.iter().map(PathBuf::from);
    let Some(file) = named.into_iter().chain(usual).find(|file| file.exists()) else {
        return Err(CommandError::Usage(
            "the system's authorities are not where they usually are; name a file with --cafile"
                .to_owned(),
        ));
    };
    // Systems keep certificates that rustls does not take beside those that it does.
    let (_added, _ignored) = roots.add_parsable_certificates(all("certificate", &file)?);
    Ok(())
}

/// Takes a certificate that the authorities vouch for, whatever name it has.
#[derive(Debug)]
struct AnyName {
    inner: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        status: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self
            .inner
            .verify_server_cert(own, between, name, status, now)
        {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
