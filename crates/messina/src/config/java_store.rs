//! Java's stores of keys and certificates: which are read as they are, and how the others are converted.

use std::path::Path;

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreKind {
    /// PEM: read as it is.
    Pem,
    /// PKCS #12.
    Pkcs12,
    /// Java's own.
    Jks,
}

/// What a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreHolds {
    /// A private key and its certificates.
    Key,
    /// Certificates of authorities.
    Authorities,
}

/// The kind of the store at `location`: what its type says, else what its name does, else Java's default.
pub(super) fn kind(written: Option<&str>, location: &str) -> Result<StoreKind, String> {
    let written = written.map(str::to_ascii_uppercase);
    match written.as_deref() {
        Some("PEM") => return Ok(StoreKind::Pem),
        Some("PKCS12") => return Ok(StoreKind::Pkcs12),
        // With Java 9 and later both names open both kinds: the file's own name says more.
        Some("JKS") | None => {}
        Some(other) => return Err(format!("`{other}` is none of JKS, PKCS12 and PEM")),
    }
    let extension = Path::new(location).extension().and_then(|own| own.to_str());
    let extension = extension.unwrap_or_default().to_ascii_lowercase();
    Ok(match extension.as_str() {
        "pem" | "crt" | "cer" | "key" if written.is_none() => StoreKind::Pem,
        "p12" | "pfx" | "pkcs12" => StoreKind::Pkcs12,
        _ => StoreKind::Jks,
    })
}

/// The commands that make PEM of a store.
pub(super) fn conversion(kind: StoreKind, holds: StoreHolds, location: &str) -> String {
    let stem = Path::new(location).with_extension("");
    let stem = stem.display();
    let flag = match holds {
        StoreHolds::Key => "-nodes",
        StoreHolds::Authorities => "-nokeys",
    };
    match kind {
        StoreKind::Pem => String::new(),
        StoreKind::Pkcs12 => format!("openssl pkcs12 -in {location} {flag} -out {stem}.pem"),
        StoreKind::Jks => format!(
            "keytool -importkeystore -srckeystore {location} -destkeystore {stem}.p12 -deststoretype PKCS12; \
             openssl pkcs12 -in {stem}.p12 {flag} -out {stem}.pem"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stores_kind_is_what_its_type_or_its_name_says() {
        for (written, location, expected) in [
            (None, "/etc/server.pem", StoreKind::Pem),
            (None, "/etc/server.crt", StoreKind::Pem),
            (Some("pem"), "/etc/server", StoreKind::Pem),
            (None, "/etc/server.P12", StoreKind::Pkcs12),
            (Some("PKCS12"), "/etc/server.jks", StoreKind::Pkcs12),
            (Some("JKS"), "/etc/server.p12", StoreKind::Pkcs12),
            (None, "/etc/server.keystore", StoreKind::Jks),
            (Some("jks"), "/etc/server.pem", StoreKind::Jks),
        ] {
            assert_eq!(
                kind(written, location),
                Ok(expected),
                "{written:?} {location}"
            );
        }
        assert!(kind(Some("BCFKS"), "x").is_err());
    }

    #[test]
    fn the_commands_name_the_operators_own_file() {
        assert_eq!(
            conversion(StoreKind::Pkcs12, StoreHolds::Key, "/etc/a.p12"),
            "openssl pkcs12 -in /etc/a.p12 -nodes -out /etc/a.pem"
        );
        assert_eq!(
            conversion(StoreKind::Jks, StoreHolds::Authorities, "ca.jks"),
            "keytool -importkeystore -srckeystore ca.jks -destkeystore ca.p12 -deststoretype PKCS12; \
             openssl pkcs12 -in ca.p12 -nokeys -out ca.pem"
        );
    }
}
