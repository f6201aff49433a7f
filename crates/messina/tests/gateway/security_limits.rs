//! Peers that guess, flood, or never finish what they begin: they are bounded, and their neighbours notice nothing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use messina::config::{CertificateUser, ListenerConfig};
use messina_mqtt::packet::{Publish, QoS, Version};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::Topic;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::bench::{Bench, PATIENCE, open_log};
use super::listeners::{Authority, Served, listener, serve, server_files, web_socket};
use super::security::{Client, Guarded, options};

fn refusals(guarded: &Guarded, reason: &str) -> u64 {
    let all = &guarded.bench.metrics.gateway.refused_logins;
    all.get_or_create_owned(&[("reason", reason.to_owned())])
        .get()
}

fn own(payload: &str, qos: QoS) -> Publish {
    let mut publish = Publish::new(Topic::new("home/ada/1").unwrap(), payload.to_owned());
    publish.qos = qos;
    publish
}

#[tokio::test]
async fn guessing_gets_slower_and_only_for_who_guesses() {
    let guarded = Guarded::with("limits = { failed_logins = 3, backoff = '3s' }").await;
    let address = guarded.served.address;
    let guess = |number: u32, version| {
        let mut options = options("ada", version);
        options.password = Some(format!("guess {number}").into());
        Client::enter(address, options)
    };
    let mut looked_at = 0;
    for number in 0..20 {
        let version = [Version::V311, Version::V5][(number % 2) as usize];
        let answer = guess(number, version).await.err().unwrap();
        match (answer, version) {
            (ReasonCode::BadUserNameOrPassword, _) => looked_at += 1,
            (ReasonCode::ConnectionRateExceeded, Version::V5)
            | (ReasonCode::ServerUnavailable, Version::V311) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(looked_at, 3, "the others are refused unseen");
    assert_eq!(refusals(&guarded, "wrong_password"), 3);
    assert_eq!(refusals(&guarded, "backoff"), 17);
    // Not even the right password is looked at now, or guessing would go on.
    let right = Client::enter(address, options("ada", Version::V5)).await;
    assert_eq!(right.err(), Some(ReasonCode::ConnectionRateExceeded));
    // Another user of the same address comes in.
    guarded.client("bob", Version::V5).await;
    let start = Instant::now();
    while Client::enter(address, options("ada", Version::V5))
        .await
        .is_err()
    {
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        start.elapsed() >= Duration::from_millis(300),
        "{:?}",
        start.elapsed()
    );
}

async fn dial_from(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(from.parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Whether the peer closes within `patience`. Waits for as long as it does not.
async fn is_closed(stream: &mut TcpStream, patience: Duration) -> bool {
    let mut rest = [0; 1024];
    let end = async { while let Ok(1..) = stream.read(&mut rest).await {} };
    tokio::time::timeout(patience, end).await.is_ok()
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_others_have_theirs() {
    let guarded = Guarded::with("limits = { connections_per_address = 3 }").await;
    let address = guarded.served.address;
    let pause = Duration::from_millis(200);
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = dial_from("127.0.0.1:0", address).await;
        assert!(!is_closed(&mut stream, pause).await);
        open.push(stream);
    }
    let mut fourth = dial_from("127.0.0.1:0", address).await;
    assert!(is_closed(&mut fourth, PATIENCE).await);
    let mut elsewhere = dial_from("127.0.0.2:0", address).await;
    assert!(!is_closed(&mut elsewhere, pause).await);
    drop(open.pop());
    let start = Instant::now();
    loop {
        let mut again = dial_from("127.0.0.1:0", address).await;
        if !is_closed(&mut again, pause).await {
            break;
        }
        assert!(start.elapsed() < PATIENCE);
    }
}

#[tokio::test]
async fn a_flood_is_read_at_its_rate_and_its_neighbour_at_once() {
    for (limit, count, size) in [
        ("publishes_per_second = 20", 50, 10),
        ("bytes_per_second = 10_000", 25, 1000),
    ] {
        let guarded = Guarded::with(&format!("limits = {{ {limit} }}")).await;
        let mut flood = guarded.client("ada", Version::V5).await;
        let mut neighbour = guarded.client("bob", Version::V5).await;
        let start = Instant::now();
        let payload = "x".repeat(size);
        for _ in 1..count {
            flood.publish(own(&payload, QoS::AtMostOnce)).await;
        }
        let publish = Publish::new(Topic::new("yard/1").unwrap(), "quick");
        let quick = Publish {
            qos: QoS::AtLeastOnce,
            ..publish
        };
        assert_eq!(neighbour.publish(quick).await, ReasonCode::Success);
        let first = start.elapsed();
        // What was read at once is taken at once; what comes after it is read when the rate allows.
        for _ in 0..2 {
            let last = flood.publish(own(&payload, QoS::AtLeastOnce)).await;
            assert_eq!(last, ReasonCode::Success);
        }
        // A second's worth at once, one and a half seconds for the others.
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(1400), "{limit}: {took:?}");
        assert!(first < took / 2, "{limit}: {first:?} of {took:?}");
        assert_eq!(guarded.bench.records().len(), count + 2, "nothing is lost");
    }
}

#[tokio::test]
async fn a_client_has_so_many_subscriptions() {
    let dir = tempfile::tempdir().unwrap();
    let settings = "[gateway.session]\nmax_subscriptions = 3\n";
    let bench = Bench::open(open_log(&dir.path().join("log")), settings).await;
    let config = ListenerConfig::plain("127.0.0.1:0".parse().unwrap());
    let served = serve(&bench, &config, CertificateUser::Off).await;
    for (version, refused) in [
        (Version::V311, ReasonCode::UnspecifiedError),
        (Version::V5, ReasonCode::QuotaExceeded),
    ] {
        let mut options = options("ada", version);
        (options.user_name, options.password) = (None, None);
        let mut client = Client::enter(served.address, options).await.unwrap();
        let granted = ReasonCode::GrantedQoS1;
        assert_eq!(client.subscribe(&["a", "b"]).await, [granted; 2]);
        assert_eq!(client.subscribe(&["c", "d"]).await, [granted, refused]);
        // One of those it has may be changed.
        assert_eq!(client.subscribe(&["b", "e"]).await, [granted, refused]);
    }
}

/// A gateway whose patience with handshakes and CONNECT is short.
async fn hurried(dir: &std::path::Path) -> Bench {
    let settings = "[gateway.limits]\nconnect_timeout = '500ms'\nmax_packet_size = '64KiB'\n";
    Bench::open(open_log(&dir.join("log")), settings).await
}

/// Sends `bytes` one by one without end, and tells when the peer closed, and what it took until then.
async fn trickle(mut stream: TcpStream, bytes: impl Iterator<Item = u8>) -> (Duration, usize) {
    let start = Instant::now();
    let mut taken = 0;
    for byte in bytes {
        if stream.write_all(&[byte]).await.is_err() {
            break;
        }
        taken += 1;
        if is_closed(&mut stream, Duration::from_millis(20)).await {
            break;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "the peer never closes after {taken} bytes"
        );
    }
    (start.elapsed(), taken)
}

const CONNECT: &[u8] = b"\x10\xff\x7f\x00\x04MQTT\x05\x02\x00\x3c";
const UPGRADE: &[u8] = b"GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nX-Long: ";
/// A `ClientHello` that says it has 16 KiB.
const HELLO: &[u8] = b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03";

#[tokio::test]
async fn who_never_finishes_is_closed_at_the_time_limit() {
    let dir = tempfile::tempdir().unwrap();
    let bench = hurried(dir.path()).await;
    let authority = Authority::new("ours");
    let tls = server_files(dir.path(), &authority.issue("server", 1, false));
    let plain = serve(&bench, &listener(None, None), CertificateUser::Off).await;
    let mut neighbour = Client::enter(plain.address, nobody()).await.unwrap();
    for (config, begin) in [
        (listener(None, None), CONNECT),
        (listener(None, Some(web_socket(&[]))), UPGRADE),
        (listener(Some(tls), None), HELLO),
    ] {
        let served = serve(&bench, &config, CertificateUser::Off).await;
        let endless = begin.iter().copied().chain(std::iter::repeat(b'x'));
        let slow = trickle(served.dial().await, endless);
        let (quick, (took, _)) =
            tokio::join!(neighbour.publish(own("quick", QoS::AtLeastOnce)), slow);
        assert_eq!(quick, ReasonCode::Success);
        let limit = Duration::from_millis(400)..Duration::from_secs(3);
        assert!(limit.contains(&took), "{config}: {took:?}");
    }
    assert_eq!(
        bench.gateway.events.connections(),
        1,
        "only the neighbour is left"
    );
}

fn nobody() -> messina_mqtt::device::Options {
    let mut options = options("ada", Version::V5);
    (options.user_name, options.password) = (None, None);
    options
}

/// Sends as fast as the peer takes, and tells how much it took until it closed.
async fn pour(served: &Served, begin: &[u8]) -> usize {
    let mut stream = served.dial().await;
    stream.write_all(begin).await.unwrap();
    let block = [b'x'; 4096];
    let mut taken = 0;
    let pouring = async {
        while stream.write_all(&block).await.is_ok() {
            taken += block.len();
        }
    };
    let ended = tokio::time::timeout(PATIENCE, pouring).await;
    assert!(ended.is_ok(), "the peer never closes");
    taken
}

#[tokio::test]
async fn what_has_no_end_is_not_kept_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let bench = hurried(dir.path()).await;
    let authority = Authority::new("ours");
    let tls = server_files(dir.path(), &authority.issue("server", 1, false));
    // The sockets' own buffers take some megabytes on their own; what is meant is that it ends.
    let most = 16 << 20;
    for (config, begin) in [
        // 256 MiB are announced, and 64 KiB allowed.
        (
            listener(None, None),
            &b"\x10\xff\xff\xff\x7f\x00\x04MQTT\x05"[..],
        ),
        (listener(None, Some(web_socket(&[]))), UPGRADE),
        (listener(Some(tls), None), HELLO),
    ] {
        let served = serve(&bench, &config, CertificateUser::Off).await;
        let taken = pour(&served, begin).await;
        assert!(taken < most, "{config}: {taken} bytes were taken");
    }
}

#[tokio::test]
async fn a_packet_that_never_ends_does_not_keep_a_client_alive() {
    let dir = tempfile::tempdir().unwrap();
    let bench = hurried(dir.path()).await;
    let served = serve(&bench, &listener(None, None), CertificateUser::Off).await;
    let mut stream = served.dial().await;
    // Keep alive 1 s.
    let connect = b"\x10\x0f\x00\x04MQTT\x05\x02\x00\x01\x00\x00\x02me";
    stream.write_all(connect).await.unwrap();
    let mut connack = [0; 2];
    stream.read_exact(&mut connack).await.unwrap();
    assert_eq!(connack[0], 0x20);
    let mut rest = vec![0; connack[1].into()];
    stream.read_exact(&mut rest).await.unwrap();
    assert_eq!(rest[1], 0, "it is in");
    let publish = b"\x30\xff\x7f\x00\x01a".iter().copied();
    let endless = publish.chain(std::iter::repeat(b'x'));
    let (took, _) = trickle(stream, endless).await;
    let limit = Duration::from_millis(1200)..Duration::from_secs(4);
    assert!(limit.contains(&took), "{took:?}");
}

#[tokio::test]
async fn hundreds_that_never_finish_cost_little_and_end() {
    let dir = tempfile::tempdir().unwrap();
    let bench = hurried(dir.path()).await;
    let authority = Authority::new("ours");
    let tls = server_files(dir.path(), &authority.issue("server", 1, false));
    let plain = serve(&bench, &listener(None, None), CertificateUser::Off).await;
    let mut neighbour = Client::enter(plain.address, nobody()).await.unwrap();
    for (config, begin) in [
        (listener(None, None), CONNECT),
        (listener(None, Some(web_socket(&[]))), UPGRADE),
        (listener(Some(tls), None), HELLO),
    ] {
        let served = serve(&bench, &config, CertificateUser::Off).await;
        let before = resident();
        let mut all = Vec::new();
        for _ in 0..300 {
            let mut stream = served.dial().await;
            stream.write_all(begin).await.unwrap();
            all.push(stream);
        }
        let quick = neighbour.publish(own("quick", QoS::AtLeastOnce)).await;
        assert_eq!(quick, ReasonCode::Success);
        let grown = resident().saturating_sub(before);
        assert!(grown < 300 * (128 << 10), "{config}: {grown} bytes for 300");
        for stream in &mut all {
            assert!(is_closed(stream, PATIENCE).await, "{config}");
        }
    }
    let start = Instant::now();
    while bench.gateway.events.connections() > 1 {
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Bytes of this process in memory. Other tests run in it too: bounds on it leave room.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = pages.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// A connection through a proxy on this machine, which says that it is `client`'s.
async fn proxied(served: &Served, client: [u8; 4]) -> TcpStream {
    let mut stream = served.dial().await;
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend(client);
    header.extend([127, 0, 0, 1, 0x10, 0x01, 0x07, 0x5b]);
    stream.write_all(&header).await.unwrap();
    stream
}

/// The reason code of the CONNACK; `None` if the connection ends without one.
async fn connack(stream: &mut TcpStream) -> Option<u8> {
    let connect = b"\x10\x0f\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x02me";
    stream.write_all(connect).await.ok()?;
    let mut start = [0; 4];
    stream.read_exact(&mut start).await.ok()?;
    Some(start[3])
}

#[tokio::test]
async fn behind_a_proxy_limits_and_rights_go_by_the_clients_address() {
    let dir = tempfile::tempdir().unwrap();
    let settings = "[gateway.limits]\nconnect_timeout = '500ms'\n\
                    [mqtt.access]\nanonymous = 'loopback'\nlimits = { connections_per_address = 2 }\n";
    let bench = Bench::open(open_log(&dir.path().join("log")), settings).await;
    let config = ListenerConfig {
        proxy_protocol: true,
        ..listener(None, None)
    };
    let served = serve(&bench, &config, CertificateUser::Off).await;
    // Without a name only this machine may come: the client's, not the proxy's.
    let mut near = proxied(&served, [127, 0, 0, 1]).await;
    assert_eq!(connack(&mut near).await, Some(0));
    let mut far = proxied(&served, [203, 0, 113, 5]).await;
    assert_eq!(
        connack(&mut far).await,
        Some(ReasonCode::NotAuthorized.as_u8())
    );
    drop(far);
    // Two connections of each address, though all come from one.
    let pause = Duration::from_millis(100);
    let mut all = Vec::new();
    for last in 10..20 {
        for count in 0..3 {
            let mut stream = proxied(&served, [203, 0, 113, last]).await;
            let closed = is_closed(&mut stream, if count < 2 { pause } else { PATIENCE }).await;
            assert_eq!(closed, count == 2, "{last} {count}");
            all.push(stream);
        }
        all.clear();
    }
    // Who is no proxy does not come in, and who says nothing is closed.
    let mut plain = served.dial().await;
    assert_eq!(connack(&mut plain).await, None);
    let slow = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x08\0".iter().copied();
    let (took, _) = trickle(served.dial().await, slow.chain(std::iter::repeat(0))).await;
    let limit = Duration::from_millis(400)..Duration::from_secs(3);
    assert!(limit.contains(&took), "{took:?}");
}

#[tokio::test]
async fn a_proxy_may_pass_on_what_is_encrypted() {
    let dir = tempfile::tempdir().unwrap();
    let bench = hurried(dir.path()).await;
    let authority = Authority::new("ours");
    let tls = server_files(dir.path(), &authority.issue("server", 1, false));
    let config = ListenerConfig {
        proxy_protocol: true,
        ..listener(Some(tls), None)
    };
    let served = serve(&bench, &config, CertificateUser::Off).await;
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let connector = tokio_rustls::TlsConnector::from(authority.trusted(None));
    let stream = proxied(&served, [127, 0, 0, 1]).await;
    let mut stream = connector.connect(name, stream).await.unwrap();
    let connect = b"\x10\x0f\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x02me";
    stream.write_all(connect).await.unwrap();
    let mut start = [0; 4];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!((start[0], start[3]), (0x20, 0));
}
