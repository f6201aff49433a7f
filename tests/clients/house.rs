//! A running server with every kind of listener, and certificates made for it.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::Output;

use messina_e2e::outside::{MosquittoSub, mosquitto};
use messina_e2e::server::{Server, Site, free_addresses};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    SanType,
};
use tempfile::TempDir;

/// The protocol versions, as mosquitto's clients call them.
pub(crate) const VERSIONS: [&str; 2] = ["mqttv311", "mqttv5"];

/// A way in for mosquitto's clients: an address, and what their command line says besides.
#[derive(Debug, Clone)]
pub(crate) struct Entrance {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) arguments: Vec<String>,
}

impl Entrance {
    /// Runs one of mosquitto's clients to its end.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Output {
        mosquitto(program, self.address, &self.with(arguments))
    }

    /// Runs `mosquitto_pub` and expects that the server takes it.
    pub(crate) fn publish(&self, arguments: &[&str]) {
        let output = self.run("mosquitto_pub", arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        let silent = output.status.success() && said.is_empty();
        assert!(silent, "{} {arguments:?}: {said}", self.name);
    }

    /// A subscriber that stays.
    pub(crate) fn subscribe(&self, arguments: &[&str], format: &str) -> MosquittoSub {
        MosquittoSub::start_with(self.address, &self.with(arguments), format)
    }

    fn with<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let own = self.arguments.iter().map(String::as_str);
        own.chain(arguments.iter().copied()).collect()
    }
}

/// A server that is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) plain: Entrance,
    pub(crate) tls: Entrance,
    pub(crate) web_socket: SocketAddr,
    pub(crate) secure_web_socket: SocketAddr,
    pub(crate) site: Site,
    server: Server,
    authority: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl House {
    /// Nobody has to say who they are.
    pub(crate) fn open() -> Self {
        Self::with(|_, site| site)
    }

    /// The same with files and settings: `furnish` is given a folder.
    pub(crate) fn with(furnish: impl FnOnce(&TempDir, Site) -> Site) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = authority();
        let [tls, web_socket, secure_web_socket] = free_addresses();
        let (certificate, key) = issue(&authority, "server", tls.ip());
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        fs::write(folder.path().join("server.pem"), certificate).unwrap();
        fs::write(folder.path().join("server.key"), key).unwrap();
        let here = folder.path().display();
        let files = format!(
            "certificate = '{here}/server.pem', key = '{here}/server.key', client_ca = '{here}/ca.pem', \
             client_certificate = 'optional'"
        );
        let site = Site::new().set(format!(
            "gateway.listener=[{{ listen = '{tls}', protocol = 'mqtts', tls = {{ {files} }} }}, \
             {{ listen = '{web_socket}', protocol = 'ws' }}, \
             {{ listen = '{secure_web_socket}', protocol = 'wss', tls = {{ {files} }} }}]"
        ));
        let site = furnish(&folder, site);
        let server = site.start();
        let plain = entrance("plain", site.mqtt, &[]);
        let trust = folder.path().join("ca.pem").display().to_string();
        Self {
            tls: entrance("tls", tls, &["--cafile", &trust]),
            plain,
            web_socket,
            secure_web_socket,
            site,
            server,
            authority,
            folder,
        }
    }

    /// Who signed the server's certificate.
    pub(crate) fn authority_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The TLS listener for a client that has a certificate of that name.
    pub(crate) fn tls_as(&self, name: &str) -> Entrance {
        let (certificate, key) = issue(&self.authority, name, self.tls.address.ip());
        let file = |end: &str| self.folder.path().join(format!("{name}.{end}"));
        fs::write(file("pem"), certificate).unwrap();
        fs::write(file("key"), key).unwrap();
        let mut entrance = self.tls.clone();
        for (option, end) in [("--cert", "pem"), ("--key", "key")] {
            entrance.arguments.push(option.to_owned());
            entrance.arguments.push(file(end).display().to_string());
        }
        entrance
    }

    /// Kills the server and starts it again on what it had.
    pub(crate) fn kill_and_restart(&mut self) {
        self.server.kill();
        self.server = self.site.start();
    }
}

fn entrance(name: &'static str, address: SocketAddr, arguments: &[&str]) -> Entrance {
    Entrance {
        name,
        address,
        arguments: arguments.iter().map(|own| (*own).to_owned()).collect(),
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, "the house");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issue(
    authority: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    at: IpAddr,
) -> (String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = vec![SanType::IpAddress(at)];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    (certificate.pem(), key.serialize_pem())
}
