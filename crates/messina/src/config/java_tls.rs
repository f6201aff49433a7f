//! TLS of a listener as Java's properties say it. Kafka Connect's listeners and the MQTT proxy's have the same options,
//! each under a beginning of its own: `listeners.https.ssl.`, `listeners.ssl.`.

use std::path::PathBuf;

use super::java_store::{self, StoreHolds, StoreKind};
use super::{ClientCertificates, TlsConfig, TlsVersion};

/// Properties that can say what is wrong with them.
pub(super) trait JavaProperties {
    /// The value, unless it is empty.
    fn text(&self, option: &str) -> Option<&str>;
    /// An error about an option.
    fn refuse(&mut self, option: &str, message: &str, help: &str);
    /// A warning about one.
    fn warn(&mut self, option: &str, message: &str, help: &str);
}

/// The options of properties that begin with `prefix`.
pub(super) struct JavaTls<'a, P> {
    properties: &'a mut P,
    prefix: String,
}

impl<'a, P: JavaProperties> JavaTls<'a, P> {
    pub(super) fn new(properties: &'a mut P, prefix: impl Into<String>) -> Self {
        let prefix = prefix.into();
        Self { properties, prefix }
    }

    /// An option's whole name.
    pub(super) fn name(&self, option: &str) -> String {
        format!("{}{option}", self.prefix)
    }

    fn text(&self, option: &str) -> Option<&str> {
        self.properties.text(&self.name(option))
    }

    fn refuse(&mut self, option: &str, message: &str, help: &str) {
        let name = self.name(option);
        self.properties.refuse(&name, message, help);
    }

    fn warn(&mut self, option: &str, message: &str, help: &str) {
        let name = self.name(option);
        self.properties.warn(&name, message, help);
    }

    /// What a listener needs that encrypts; what is wrong is said.
    pub(super) fn server(&mut self) -> Option<TlsConfig> {
        let own = self.store("keystore", StoreHolds::Key);
        if self.text("keystore.location").is_none() {
            let kind = self.name("keystore.type");
            let help = format!(
                "name a PEM file with the server's key and certificates, and add `{kind}=PEM`"
            );
            self.refuse("keystore.location", "is missing", &help);
        }
        if self.text("key.password").is_some() {
            let message = "is set, and keys with a password are not read";
            let help = "take it off with `openssl pkey -in KEY.pem -out CLEAR.pem`, and have the file readable for \
                        nobody else";
            self.refuse("key.password", message, help);
        }
        if self.text("cipher.suites").is_some() {
            let help = "the suites are those of TLS 1.2 and 1.3 that are not broken";
            self.warn("cipher.suites", "has no effect", help);
        }
        let clients = self.clients();
        let min_version = self.min_version();
        let own = own?;
        Some(TlsConfig {
            certificate: own.clone(),
            key: own,
            min_version,
            clients,
        })
    }

    /// The file of a store that is PEM, `keystore` or `truststore`; [`server`](Self::server) says what is wrong with
    /// it.
    pub(super) fn file(&self, store: &str) -> Option<PathBuf> {
        let (path, kind) = self.found(store)?;
        (kind == Ok(StoreKind::Pem)).then(|| PathBuf::from(path))
    }

    /// Where a store is, and of which kind it is.
    fn found(&self, store: &str) -> Option<(&str, Result<StoreKind, String>)> {
        let path = self.text(&format!("{store}.location"))?;
        let kind = self.text(&format!("{store}.type"));
        Some((path, java_store::kind(kind, path)))
    }

    fn store(&mut self, store: &str, holds: StoreHolds) -> Option<PathBuf> {
        let (path, kind) = self.found(store)?;
        let (location, option) = (format!("{store}.location"), format!("{store}.type"));
        match kind {
            Ok(StoreKind::Pem) => return Some(PathBuf::from(path)),
            Ok(kind) => {
                let commands = java_store::conversion(kind, holds, path);
                let (name, option) = (self.name(&location), self.name(&option));
                let help =
                    format!("{commands}; and set `{option}=PEM` and `{name}` to the new file");
                self.refuse(&location, "is a store that only Java reads", &help);
            }
            Err(message) => self.refuse(&option, &message, "PEM is read as it is"),
        }
        None
    }

    fn clients(&mut self) -> Option<ClientCertificates> {
        let authorities = self.store("truststore", StoreHolds::Authorities);
        let written = self.text("client.auth").unwrap_or("none");
        let required = match written.to_ascii_lowercase().as_str() {
            "none" => return None,
            "requested" => false,
            "required" => true,
            other => {
                let message = format!("is `{other}`");
                self.refuse("client.auth", &message, "one of none, requested, required");
                return None;
            }
        };
        if self.text("truststore.location").is_none() {
            let message = "asks for certificates, and nothing says whose";
            let help = format!("add `{}`, a PEM file", self.name("truststore.location"));
            self.refuse("client.auth", message, &help);
        }
        Some(ClientCertificates {
            authorities: authorities?,
            revoked: None,
            required,
        })
    }

    /// The oldest version that is both enabled and spoken.
    fn min_version(&mut self) -> TlsVersion {
        let option = "enabled.protocols";
        let Some(written) = self.text(option).map(str::to_owned) else {
            return TlsVersion::Tls12;
        };
        let has = |version: &str| {
            let mut all = written.split(',').map(str::trim);
            all.any(|own| own.eq_ignore_ascii_case(version))
        };
        match (has("TLSv1.2"), has("TLSv1.3")) {
            (true, true) => TlsVersion::Tls12,
            (false, true) => TlsVersion::Tls13,
            (true, false) => {
                let message = "leaves out TLSv1.3, which is spoken too";
                self.warn(option, message, "add TLSv1.3");
                TlsVersion::Tls12
            }
            (false, false) => {
                let message = "has neither TLSv1.2 nor TLSv1.3";
                let help = "older versions are broken, and not spoken";
                self.refuse(option, message, help);
                TlsVersion::Tls12
            }
        }
    }
}
