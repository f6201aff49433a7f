//! What clients and the operator keep secret is in no log line, however much is logged.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::BytesMut;
use messina_e2e::server::free_ports;
use messina_mqtt::packet::{
    Auth, AuthProperties, ClientId, Codec, Connect, MqttString, Packet, Version,
};
use messina_mqtt::reason::ReasonCode;
use rcgen::{CertificateParams, KeyPair};
use ring::{digest, hmac, pbkdf2};

const PASSWORD: &str = "correct-horse-battery";
const WRONG: &str = "hunter2-hunter2";
const TOKEN_SECRET: &str = "a-secret-for-tokens-of-32-bytes-or-more";
const NONCE: &str = "fyko+d2lbbFgONRv9qkxdawL";

fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_messina"));
    command
        .current_dir(dir)
        .env("RUST_LOG", "trace")
        .stdin(Stdio::null());
    command
}

/// A token that is signed, or one whose signature is spoilt.
fn token(user: &str, is_good: bool) -> String {
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let head = part(r#"{"alg":"HS256","typ":"JWT"}"#);
    let body = part(&format!(r#"{{"sub":"{user}","exp":4102444800}}"#));
    let key = hmac::Key::new(hmac::HMAC_SHA256, TOKEN_SECRET.as_bytes());
    let mut sign = hmac::sign(&key, format!("{head}.{body}").as_bytes())
        .as_ref()
        .to_vec();
    if !is_good {
        sign.reverse();
    }
    format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(sign))
}

fn start(dir: &Path, mqtt: u16, tls: u16) -> (Child, Vec<String>) {
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(dir.join("server.pem"), certificate.pem()).unwrap();
    std::fs::write(dir.join("server.key"), key.serialize_pem()).unwrap();
    let entry = messina::access::entry_for("ada", PASSWORD.as_bytes(), None).unwrap();
    let scram =
        messina::access::entry_for("scram", PASSWORD.as_bytes(), NonZeroU32::new(4096)).unwrap();
    std::fs::write(dir.join("passwords"), format!("{entry}\n{scram}\n")).unwrap();
    std::fs::write(dir.join("token.key"), TOKEN_SECRET).unwrap();
    let here = dir.display();
    let settings = format!(
        "[admin]\nlisten = 'off'\n[log]\nwal_size = '1MiB'\n\
         [mqtt.access]\npassword_file = '{here}/passwords'\n\
         [[mqtt.access.jwt]]\nalgorithm = 'HS256'\nkey = {{ file = '{here}/token.key' }}\n\
         [gateway]\nlisten = '127.0.0.1:{mqtt}'\n\
         [[gateway.listener]]\nlisten = '127.0.0.1:{tls}'\nprotocol = 'mqtts'\n\
         tls = {{ certificate = '{here}/server.pem', key = '{here}/server.key' }}\n"
    );
    std::fs::write(dir.join("messina.toml"), settings).unwrap();
    let log = std::fs::File::create(dir.join("up.log")).unwrap();
    let child = command(dir)
        .args(["up", "-vv"])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    for port in [mqtt, tls] {
        let mut tries = 0;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            tries += 1;
            let said = std::fs::read_to_string(dir.join("up.log")).unwrap();
            assert!(tries < 200, "nobody listens on {port}: {said}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let private = key.serialize_pem();
    let private = private.lines().filter(|line| !line.starts_with("---"));
    let mut secrets: Vec<String> = private.map(str::to_owned).collect();
    // Of an entry: what follows the last `$` or `:` is what guessing would start from.
    for own in [&entry, &scram] {
        secrets.push(own.rsplit(['$', ':', ',']).next().unwrap().to_owned());
    }
    (child, secrets)
}

struct Raw {
    stream: TcpStream,
    codec: Codec,
    incoming: BytesMut,
}

impl Raw {
    fn send(&mut self, packet: &Packet) {
        let mut bytes = BytesMut::new();
        self.codec.encode(packet, &mut bytes).unwrap();
        self.stream.write_all(&bytes).unwrap();
    }

    fn next(&mut self) -> Packet {
        loop {
            if let Some(packet) = self.codec.decode(&mut self.incoming).unwrap() {
                return packet;
            }
            let mut some = [0; 1024];
            let count = self.stream.read(&mut some).unwrap();
            assert!(count > 0, "the server closed the connection");
            self.incoming.extend_from_slice(some.get(..count).unwrap());
        }
    }
}

fn sign(key: &[u8], message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, message).as_ref().to_vec()
}

/// Logs in by SCRAM-SHA-256 with this password; gives the server's answer and what was secret about it.
fn scram(port: u16, password: &str) -> (Packet, Vec<String>) {
    let mut raw = Raw {
        stream: TcpStream::connect(("127.0.0.1", port)).unwrap(),
        codec: Codec::device(Version::V5, 1 << 20),
        incoming: BytesMut::new(),
    };
    let timeout = Some(Duration::from_secs(20));
    raw.stream.set_read_timeout(timeout).unwrap();
    let first = format!("n=scram,r={NONCE}");
    let mut connect = Connect::new(Version::V5, ClientId::new("scram").unwrap());
    let method = MqttString::new("SCRAM-SHA-256").unwrap();
    connect.properties.authentication_method = Some(method.clone());
    connect.properties.authentication_data = Some(format!("n,,{first}").into());
    raw.send(&Packet::Connect(Box::new(connect)));
    let Packet::Auth(challenge) = raw.next() else {
        panic!("no challenge");
    };
    let challenge = challenge.properties.unwrap().authentication_data.unwrap();
    let challenge = String::from_utf8(challenge.to_vec()).unwrap();
    let fields: Vec<&str> = challenge.split(',').map(|field| &field[2..]).collect();
    let [nonce, salt, rounds] = fields[..] else {
        panic!("{challenge}");
    };
    let mut salted = [0; 32];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        rounds.parse().unwrap(),
        &STANDARD.decode(salt).unwrap(),
        password.as_bytes(),
        &mut salted,
    );
    let client_key = sign(&salted, b"Client Key");
    let unproven = format!("c=biws,r={nonce}");
    let messages = format!("{first},{challenge},{unproven}");
    let stored = digest::digest(&digest::SHA256, &client_key);
    let signature = sign(stored.as_ref(), messages.as_bytes());
    let both = client_key.iter().zip(signature);
    let proof: Vec<u8> = both.map(|(key, byte)| key ^ byte).collect();
    let proof = STANDARD.encode(proof);
    let properties = AuthProperties {
        authentication_method: Some(method),
        authentication_data: Some(format!("{unproven},p={proof}").into()),
        ..AuthProperties::default()
    };
    raw.send(&Packet::Auth(Auth {
        reason: ReasonCode::ContinueAuthentication,
        properties: Some(Box::new(properties)),
    }));
    let secrets = [proof, nonce.to_owned(), STANDARD.encode(client_key)];
    (raw.next(), secrets.to_vec())
}

/// A secret in the shapes in which a careless line would show it.
fn shapes(secret: &str) -> [String; 4] {
    let bytes = secret.as_bytes();
    let numbers = format!("{bytes:?}");
    let hexadecimal = bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    [
        secret.to_owned(),
        numbers.trim_matches(['[', ']']).to_owned(),
        hexadecimal,
        STANDARD.encode(secret),
    ]
}

#[test]
fn no_secret_is_in_any_line_at_the_most_verbose_level() {
    let dir = tempfile::tempdir().unwrap();
    let [mqtt, tls] = free_ports();
    let (mut up, mut secrets) = start(dir.path(), mqtt, tls);
    let good = token("carl", true);
    let bad = token("carl", false);
    let mut tools = String::new();
    for (user, password, code) in [
        ("ada", PASSWORD, 0),
        ("ada", WRONG, 134),
        ("nobody", WRONG, 134),
        ("carl", good.as_str(), 0),
        ("carl", bad.as_str(), 134),
    ] {
        for place in [vec!["-p".to_owned(), mqtt.to_string()], {
            let url = format!("mqtts://localhost:{tls}");
            ["-L", &url, "--cafile", "server.pem"]
                .map(str::to_owned)
                .to_vec()
        }] {
            let output = command(dir.path())
                .args([
                    "pub", "-V", "5", "-t", "a", "-m", "b", "-q", "1", "-u", user,
                ])
                .args(&place)
                .env("MESSINA_PASSWORD", password)
                .output()
                .unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(code), "{user} {place:?}: {said}");
            tools.push_str(&said);
        }
    }
    let (answer, proofs) = scram(mqtt, PASSWORD);
    assert!(matches!(&answer, Packet::ConnAck(own) if own.reason == ReasonCode::Success));
    secrets.extend(proofs);
    let (answer, proofs) = scram(mqtt, WRONG);
    assert!(matches!(&answer, Packet::ConnAck(own) if own.reason.is_error()));
    secrets.extend(proofs);
    // What is read again is logged again.
    let pid = up.id().to_string();
    let send = |signal: &str| {
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
    };
    let log = || std::fs::read_to_string(dir.path().join("up.log")).unwrap();
    send("-HUP");
    let mut tries = 0;
    while !log().contains("are read again") {
        tries += 1;
        assert!(tries < 200, "nothing is read again: {}", log());
        std::thread::sleep(Duration::from_millis(50));
    }
    send("-TERM");
    assert!(up.wait().unwrap().success());
    let log = log();
    // It is as verbose as it can be, and it speaks of what happened.
    for part in ["DEBUG", "a client is not let in", "are read again"] {
        assert!(log.contains(part), "{part}: {log}");
    }
    secrets.extend([PASSWORD, WRONG, TOKEN_SECRET, NONCE, &good, &bad].map(str::to_owned));
    for own in [&good, &bad] {
        secrets.push(own.rsplit('.').next().unwrap().to_owned());
    }
    for secret in &secrets {
        assert!(secret.len() >= 8, "`{secret}` would be found anywhere");
        for shape in shapes(secret) {
            for (whose, text) in [("the program", &log), ("the tools", &tools)] {
                let line = text.lines().find(|line| line.contains(&shape));
                assert_eq!(line, None, "{whose} shows {secret}");
            }
        }
    }
}
