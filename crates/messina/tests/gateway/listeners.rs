//! TLS and WebSocket listeners, over real sockets, with certificates made here.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt as _, StreamExt as _};
use messina::config::{
    self, CertificateUser, ClientCertificates, Inputs, ListenerConfig, Source, TlsConfig,
    TlsVersion, WebSocketConfig,
};
use messina::gateway::accept::accept;
use messina::listener::{Below, Listening, inspect};
use messina::runtime::tasks::Tasks;
use messina_mqtt::packet::{Codec, Packet, QoS, Version};
use messina_mqtt::reason::ReasonCode;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};

use super::bench::{Bench, PATIENCE, connect, open_log, publish};

/// Who signs certificates.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, PEM.
pub(super) struct Pair {
    certificate: String,
    key: String,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    pub(super) fn issue(&self, name: &str, serial: u64, expired: bool) -> Pair {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(serial));
        if expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        Pair {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    fn revoke(&self, serial: u64) -> String {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2100, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    /// What a client needs that trusts this authority, with its own certificate if it has one.
    pub(super) fn trusted(&self, own: Option<&Pair>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        Arc::new(match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let chain = CertificateDer::pem_slice_iter(own.certificate.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
                builder
                    .with_client_auth_cert(chain.map(Result::unwrap).collect(), key)
                    .unwrap()
            }
        })
    }
}

fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path
}

pub(super) fn server_files(dir: &Path, pair: &Pair) -> TlsConfig {
    TlsConfig {
        certificate: write(dir, "server.pem", &pair.certificate),
        key: write(dir, "server.key", &pair.key),
        min_version: TlsVersion::Tls12,
        clients: None,
    }
}

pub(super) fn listener(
    tls: Option<TlsConfig>,
    web_socket: Option<WebSocketConfig>,
) -> ListenerConfig {
    ListenerConfig {
        tls,
        web_socket,
        ..ListenerConfig::plain("127.0.0.1:0".parse().unwrap())
    }
}

/// A listener of a gateway.
pub(super) struct Served {
    pub(super) address: SocketAddr,
    below: Arc<Below>,
}

pub(super) async fn serve(bench: &Bench, config: &ListenerConfig, user: CertificateUser) -> Served {
    let below = Arc::new(Below::open(config, user).unwrap());
    let socket = TcpListener::bind(config.listen).await.unwrap();
    let address = socket.local_addr().unwrap();
    let listening = Listening {
        socket,
        below: Arc::clone(&below),
    };
    let tasks = Tasks::new(Arc::default());
    tokio::spawn(accept(Arc::clone(&bench.gateway), listening, tasks));
    Served { address, below }
}

impl Served {
    pub(super) async fn dial(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn shake(&self, config: &Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::clone(config));
        connector.connect(name, self.dial().await).await
    }

    /// Whether a client gets as far as a CONNACK. With TLS 1.3 it learns of a refusal only when it reads.
    async fn lets_in(&self, config: &Arc<ClientConfig>, name: &str) -> bool {
        match self.shake(config).await {
            Ok(mut stream) => ask(&mut stream, connect_packet(name)).await.is_some(),
            Err(_) => false,
        }
    }

    async fn web_socket(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<WebSocketStream<TcpStream>, tungstenite::Error> {
        let uri = format!("ws://{}{path}", self.address);
        let mut request = uri.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let upgraded = tokio_tungstenite::client_async(request, self.dial().await).await;
        upgraded.map(|(socket, _response)| socket)
    }
}

fn connect_packet(name: &str) -> Packet {
    Packet::Connect(Box::new(connect(name)))
}

fn encode(packet: &Packet) -> BytesMut {
    let mut bytes = BytesMut::new();
    let codec = Codec::device(Version::V5, 1 << 20);
    codec.encode(packet, &mut bytes).unwrap();
    bytes
}

/// Sends a packet and gives the answer; `None` if the connection ends instead.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, packet: Packet) -> Option<Packet> {
    stream.write_all(&encode(&packet)).await.ok()?;
    stream.flush().await.ok()?;
    let mut codec = Codec::device(Version::V5, 1 << 20);
    let mut incoming = BytesMut::new();
    loop {
        if let Some(packet) = codec.decode(&mut incoming).unwrap() {
            return Some(packet);
        }
        let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut incoming));
        if read.await.unwrap().ok()? == 0 {
            return None;
        }
    }
}

async fn publishes<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, payload: &str) -> ReasonCode {
    match ask(stream, publish(payload, QoS::AtLeastOnce, 1)).await {
        Some(Packet::PubAck(ack)) => ack.reason,
        other => panic!("{other:?} is not a PUBACK"),
    }
}

#[tokio::test]
async fn a_client_certificate_says_who_its_owner_is() {
    let dir = tempfile::tempdir().unwrap();
    let rules = write(dir.path(), "acl", "user pump\ntopic write room/1\n");
    let settings = format!(
        "[mqtt.access]\ncertificate_user = 'common_name'\nacl_file = '{}'\n",
        rules.display()
    );
    let bench = Bench::open(open_log(&dir.path().join("log")), &settings).await;
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let mut tls = server_files(dir.path(), &ours.issue("server", 1, false));
    tls.clients = Some(ClientCertificates {
        authorities: write(dir.path(), "ca.pem", &ours.issuer.pem()),
        revoked: Some(write(dir.path(), "revoked.pem", &ours.revoke(9))),
        required: true,
    });
    let config = listener(Some(tls), None);
    let served = serve(&bench, &config, CertificateUser::CommonName).await;

    let pump = ours.trusted(Some(&ours.issue("pump", 2, false)));
    let mut neighbour = served.shake(&pump).await.unwrap();
    assert!(ask(&mut neighbour, connect_packet("pump")).await.is_some());
    assert_eq!(publishes(&mut neighbour, "open").await, ReasonCode::Success);
    let valve = ours.trusted(Some(&ours.issue("valve", 3, false)));
    let mut valve = served.shake(&valve).await.unwrap();
    assert!(ask(&mut valve, connect_packet("valve")).await.is_some());
    let denied = ReasonCode::NotAuthorized;
    assert_eq!(publishes(&mut valve, "mine").await, denied);

    let expired = ours.issue("pump", 4, true);
    let revoked = ours.issue("pump", 9, false);
    let unknown = theirs.issue("pump", 5, false);
    for refused in [None, Some(&expired), Some(&revoked), Some(&unknown)] {
        assert!(!served.lets_in(&ours.trusted(refused), "pump").await);
    }
    // And a client that expects another server does not come in either.
    assert!(served.shake(&theirs.trusted(None)).await.is_err());
    assert_eq!(
        publishes(&mut neighbour, "close").await,
        ReasonCode::Success
    );
    assert_eq!(bench.records(), ["open", "close"]);
}

#[tokio::test]
async fn a_reload_changes_the_certificate_for_those_who_come() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(&dir.path().join("log")).await;
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let tls = server_files(dir.path(), &old.issue("server", 1, false));
    let config = listener(Some(tls), None);
    let served = serve(&bench, &config, CertificateUser::Off).await;
    let mut standing = served.shake(&old.trusted(None)).await.unwrap();
    assert!(ask(&mut standing, connect_packet("old")).await.is_some());

    let next = new.issue("server", 2, false);
    write(dir.path(), "server.pem", &next.certificate);
    let error = served.below.reload().unwrap_err().to_string();
    assert!(error.contains("server.key"), "{error}");
    assert!(served.lets_in(&old.trusted(None), "same").await);

    write(dir.path(), "server.key", &next.key);
    served.below.reload().unwrap();
    assert!(served.lets_in(&new.trusted(None), "new").await);
    assert!(!served.lets_in(&old.trusted(None), "late").await);
    assert_eq!(publishes(&mut standing, "still").await, ReasonCode::Success);
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours");
    let mut tls = server_files(dir.path(), &authority.issue("server", 1, false));
    let open = |tls: &TlsConfig| {
        let config = listener(Some(tls.clone()), None);
        Below::open(&config, CertificateUser::Off)
            .unwrap_err()
            .to_string()
    };
    let server = std::mem::replace(&mut tls.certificate, dir.path().join("nowhere.pem"));
    assert!(open(&tls).contains("nowhere.pem"), "{}", open(&tls));
    tls.certificate = write(dir.path(), "empty.pem", "nothing\n");
    let said = open(&tls);
    assert!(
        said.contains("no certificate in") && said.contains("empty.pem"),
        "{said}"
    );
    tls.certificate = server;
    tls.key = tls.certificate.clone();
    let said = open(&tls);
    assert!(said.contains("no private key in"), "{said}");
    tls.key = write(dir.path(), "other.key", &authority.issue("x", 2, false).key);
    let said = open(&tls);
    assert!(said.contains("cannot be used together"), "{said}");
}

#[tokio::test]
async fn a_handshake_that_never_comes_ends_the_connection() {
    let dir = tempfile::tempdir().unwrap();
    let settings = "[gateway.limits]\nconnect_timeout = \"200ms\"\n";
    let bench = Bench::open(open_log(&dir.path().join("log")), settings).await;
    let authority = Authority::new("ours");
    let tls = server_files(dir.path(), &authority.issue("server", 1, false));
    for config in [
        listener(Some(tls), None),
        listener(None, Some(web_socket(&[]))),
    ] {
        let served = serve(&bench, &config, CertificateUser::Off).await;
        let mut silent = served.dial().await;
        let mut nothing = [0; 1];
        let read = tokio::time::timeout(PATIENCE, silent.read(&mut nothing));
        assert!(matches!(read.await.unwrap(), Ok(0) | Err(_)));
    }
}

pub(super) fn web_socket(origins: &[&str]) -> WebSocketConfig {
    WebSocketConfig {
        path: "/mqtt".to_owned(),
        origins: origins.iter().map(|own| (*own).to_owned()).collect(),
    }
}

const MQTT: (&str, &str) = ("sec-websocket-protocol", "mqtt");

#[tokio::test]
async fn packets_come_in_frames_however_they_are_cut() {
    // [MQTT-6.0.0-1] [MQTT-6.0.0-2] [MQTT-6.0.0-3] [MQTT-6.0.0-4]
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(dir.path()).await;
    let config = listener(None, Some(web_socket(&[])));
    let served = serve(&bench, &config, CertificateUser::Off).await;
    let mut page = served.web_socket("/mqtt", &[MQTT]).await.unwrap();
    let mut bytes = encode(&connect_packet("page"));
    for number in 1..=3_u16 {
        let reading = publish(&number.to_string(), QoS::AtLeastOnce, number);
        bytes.unsplit(encode(&reading));
    }
    let bytes = bytes.freeze();
    for cut in [0..7, 7..bytes.len() - 3, bytes.len() - 3..bytes.len()] {
        page.send(Message::Binary(bytes.slice(cut))).await.unwrap();
        page.send(Message::Ping(Bytes::new())).await.unwrap();
    }
    let mut codec = Codec::device(Version::V5, 1 << 20);
    let mut incoming = BytesMut::new();
    let mut acknowledged = 0;
    while acknowledged < 3 {
        let message = tokio::time::timeout(PATIENCE, page.next()).await.unwrap();
        if let Message::Binary(bytes) = message.unwrap().unwrap() {
            incoming.extend_from_slice(&bytes);
        }
        while let Some(packet) = codec.decode(&mut incoming).unwrap() {
            acknowledged += usize::from(matches!(packet, Packet::PubAck(_)));
        }
    }
    assert_eq!(bench.records(), ["1", "2", "3"]);
    page.send(Message::text("hello")).await.unwrap();
    let end = async { while let Some(Ok(_)) = page.next().await {} };
    tokio::time::timeout(PATIENCE, end).await.unwrap();
}

#[tokio::test]
async fn an_upgrade_needs_the_path_the_protocol_and_an_origin_that_may() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(dir.path()).await;
    let config = listener(None, Some(web_socket(&["https://console.example"])));
    let served = serve(&bench, &config, CertificateUser::Off).await;
    let allowed = ("origin", "https://console.example");
    let foreign = ("origin", "https://elsewhere.example");
    let older = ("sec-websocket-protocol", "chat, mqttv3.1");
    for headers in [vec![MQTT], vec![MQTT, allowed], vec![older]] {
        assert!(served.web_socket("/mqtt", &headers).await.is_ok());
    }
    for (path, headers, status) in [
        ("/other", vec![MQTT], 404),
        ("/mqtt", vec![], 400),
        ("/mqtt", vec![("sec-websocket-protocol", "chat")], 400),
        ("/mqtt", vec![MQTT, foreign], 403),
    ] {
        match served.web_socket(path, &headers).await {
            Err(tungstenite::Error::Http(response)) => {
                assert_eq!(response.status().as_u16(), status);
            }
            other => panic!("{other:?} is not a refusal"),
        }
    }
}

#[tokio::test]
async fn much_goes_out_over_tls_to_a_peer_that_reads_late() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::in_dir(&dir.path().join("log")).await;
    let authority = Authority::new("ours");
    let tls = server_files(dir.path(), &authority.issue("server", 1, false));
    let config = listener(Some(tls), None);
    let served = serve(&bench, &config, CertificateUser::Off).await;
    let mut late = served.shake(&authority.trusted(None)).await.unwrap();
    assert!(ask(&mut late, connect_packet("late")).await.is_some());
    let subscribe = Packet::Subscribe(super::bench::subscribe_all(QoS::AtLeastOnce));
    assert!(ask(&mut late, subscribe).await.is_some());
    let mut sender = bench.client(connect("sender")).await;
    let payload = "x".repeat(10_000);
    for number in 1..=200_u16 {
        sender.publish(&payload, number).await;
    }
    let mut codec = Codec::device(Version::V5, 1 << 20);
    let mut incoming = BytesMut::new();
    let mut received = 0;
    while received < 200 {
        let read = tokio::time::timeout(PATIENCE, late.read_buf(&mut incoming));
        assert!(read.await.unwrap().unwrap() > 0);
        while let Some(packet) = codec.decode(&mut incoming).unwrap() {
            assert!(matches!(packet, Packet::Publish(_)));
            received += 1;
        }
    }
}

#[test]
fn check_says_what_is_weak_about_listeners() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours");
    let expired = authority.issue("server", 1, true);
    write(dir.path(), "server.pem", &expired.certificate);
    write(dir.path(), "server.key", &expired.key);
    let text = format!(
        "data = '{}'\n[gateway]\nlisten = '0.0.0.0:1883'\n[mqtt.access]\npassword_file = 'p'\n\
         [[gateway.listener]]\nlisten = '0.0.0.0:8883'\nprotocol = 'mqtts'\n\
         tls = {{ certificate = 'server.pem', key = 'server.key' }}\n",
        dir.path().display()
    );
    let source = Source::new("test.toml", text);
    let config = config::load_text(Some(&source), &Inputs::default());
    let now = 1_800_000_000_000;
    let found = inspect(&config.unwrap().config, now);
    let said: Vec<_> = found
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    for part in [
        "passwords cross the network in the clear at 0.0.0.0:1883",
        "everybody on this machine may read the private key",
        "is expired since 2021-01-01T00:00:00Z",
    ] {
        assert!(
            said.iter().any(|one| one.contains(part)),
            "{part}: {said:?}"
        );
    }
    assert_eq!(said.len(), 3);
}
