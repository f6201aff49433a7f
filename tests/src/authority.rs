//! An authority of a test's own, and what it signs.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};

/// An authority, and the folder its files are in.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// Its certificate.
    pub pem: PathBuf,
}

impl Authority {
    /// A new one, with its certificate in `NAME.pem`.
    pub fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let pem = folder.join(format!("{name}.pem"));
        std::fs::write(&pem, issuer.pem()).expect("a file");
        Self { issuer, pem }
    }

    /// A certificate for a host or address, and its key, in one file beside its own.
    pub fn issue(&self, name: &str, host: &str) -> PathBuf {
        let mut params = CertificateParams::new(vec![host.to_owned()]).expect("names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        let path = self.pem.with_file_name(format!("{name}.pem"));
        let text = format!("{}{}", certificate.pem(), key.serialize_pem());
        std::fs::write(&path, text).expect("a file");
        path
    }
}
