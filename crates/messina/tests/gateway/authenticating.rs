//! SCRAM-SHA-256 on a connection: coming in, proving it again, and everything that must not pass.

use std::num::NonZeroU32;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use messina::access::entry_for;
use messina_mqtt::packet::{Auth, AuthProperties, Connect, MqttString, Packet, QoS, Version};
use messina_mqtt::reason::ReasonCode;
use ring::{digest, hmac, pbkdf2};

use super::bench::{Bench, Client, connect, open_log};

const SCRAM: &str = "SCRAM-SHA-256";

async fn bench(dir: &Path) -> Bench {
    let entry = entry_for("ada", b"hunter2", NonZeroU32::new(4096)).unwrap();
    std::fs::write(dir.join("passwords"), entry + "\n").unwrap();
    let file = dir.join("passwords");
    let settings = format!("[mqtt.access]\npassword_file = '{}'\n", file.display());
    Bench::open(open_log(&dir.join("log")), &settings).await
}

fn first(user: &str) -> String {
    format!("n={user},r=fyko+d2lbbFgONRv9qkxdawL")
}

fn with_method(method: &str, user: &str) -> Connect {
    let mut own = connect("pump");
    own.properties.authentication_method = Some(MqttString::new(method).unwrap());
    own.properties.authentication_data = Some(format!("n,,{}", first(user)).into());
    own
}

fn auth(reason: ReasonCode, data: String) -> Packet {
    let properties = AuthProperties {
        authentication_method: Some(MqttString::new(SCRAM).unwrap()),
        authentication_data: Some(data.into()),
        ..AuthProperties::default()
    };
    let properties = Some(Box::new(properties));
    Packet::Auth(Auth { reason, properties })
}

/// The data of an AUTH.
fn data_of(packet: Packet, reason: ReasonCode) -> String {
    match packet {
        Packet::Auth(auth) if auth.reason == reason => {
            let data: Bytes = auth.properties.unwrap().authentication_data.unwrap();
            String::from_utf8(data.to_vec()).unwrap()
        }
        other => panic!("{other:?} is not an AUTH of {reason}"),
    }
}

fn sign(key: &[u8], message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, message).as_ref().to_vec()
}

/// What a client with this password answers (RFC 5802, 3), and what the server must say then.
fn proof(user: &str, challenge: &str, password: &str) -> (String, String) {
    let mut fields = challenge.split(',').map(|field| field.get(2..).unwrap());
    let nonce = fields.next().unwrap();
    let salt = STANDARD.decode(fields.next().unwrap()).unwrap();
    let rounds: NonZeroU32 = fields.next().unwrap().parse().unwrap();
    let mut salted = [0; 32];
    let password = password.as_bytes();
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        rounds,
        &salt,
        password,
        &mut salted,
    );
    let client_key = sign(&salted, b"Client Key");
    let unproven = format!("c=biws,r={nonce}");
    let messages = format!("{},{challenge},{unproven}", first(user));
    let stored = digest::digest(&digest::SHA256, &client_key);
    let signature = sign(stored.as_ref(), messages.as_bytes());
    let both = client_key.iter().zip(signature);
    let proof: Vec<u8> = both.map(|(key, byte)| key ^ byte).collect();
    let ours = sign(&sign(&salted, b"Server Key"), messages.as_bytes());
    (
        format!("{unproven},p={}", STANDARD.encode(proof)),
        format!("v={}", STANDARD.encode(ours)),
    )
}

/// Goes on from the challenge; gives what comes then, and what the server must have signed.
async fn prove(client: &mut Client, user: &str, password: &str) -> (Packet, String) {
    let challenge = data_of(client.next().await, ReasonCode::ContinueAuthentication);
    let (proof, signature) = proof(user, &challenge, password);
    let reason = ReasonCode::ContinueAuthentication;
    client.send(auth(reason, proof)).await;
    (client.next().await, signature)
}

#[tokio::test]
async fn a_client_proves_who_it_is_and_so_does_the_server() {
    // [MQTT-4.12.0-2] [MQTT-4.12.0-3] [MQTT-4.12.0-4] [MQTT-4.12.0-5] [MQTT-4.12.1-1]
    let dir = tempfile::tempdir().unwrap();
    let bench = bench(dir.path()).await;
    let mut pump = bench.dial(Version::V5, 1 << 16);
    pump.send(Packet::Connect(Box::new(with_method(SCRAM, "ada"))))
        .await;
    let (connack, signature) = prove(&mut pump, "ada", "hunter2").await;
    let Packet::ConnAck(connack) = connack else {
        panic!("{connack:?} is not a CONNACK");
    };
    assert_eq!(connack.reason, ReasonCode::Success);
    let method = connack.properties.authentication_method.unwrap();
    assert_eq!(method.as_str(), SCRAM);
    let data = connack.properties.authentication_data.unwrap();
    assert_eq!(data, signature);
    assert_eq!(pump.publish("21.5", 1).await, ReasonCode::Success);

    let again = auth(ReasonCode::ReAuthenticate, format!("n,,{}", first("ada")));
    pump.send(again.clone()).await;
    let (success, signature) = prove(&mut pump, "ada", "hunter2").await;
    assert_eq!(data_of(success, ReasonCode::Success), signature);
    assert_eq!(pump.publish("21.6", 2).await, ReasonCode::Success);

    // One who fails to is gone [MQTT-4.12.1-2].
    pump.send(again).await;
    let (disconnect, _) = prove(&mut pump, "ada", "wrong").await;
    assert!(
        matches!(disconnect, Packet::Disconnect(_)),
        "{disconnect:?}"
    );
    assert!(pump.receive().await.is_none());
    assert_eq!(bench.records(), ["21.5", "21.6"]);
}

#[tokio::test]
async fn whoever_cannot_is_not_let_in() {
    let dir = tempfile::tempdir().unwrap();
    let bench = bench(dir.path()).await;
    for (user, password) in [("ada", "hunter3"), ("grace", "hunter2")] {
        let mut client = bench.dial(Version::V5, 1 << 16);
        let own = with_method(SCRAM, user);
        client.send(Packet::Connect(Box::new(own))).await;
        match prove(&mut client, user, password).await.0 {
            Packet::ConnAck(connack) => assert!(connack.reason.is_error()),
            other => panic!("{other:?} is not a CONNACK"),
        }
        assert!(client.receive().await.is_none());
    }
    // A method nobody knows [MQTT-4.12.0-1].
    let mut client = bench.dial(Version::V5, 1 << 16);
    let refused = client.connect(with_method("GSSAPI", "ada")).await;
    assert_eq!(refused.reason, ReasonCode::BadAuthenticationMethod);
    assert!(bench.records().is_empty());
}

#[tokio::test]
async fn authentication_nobody_asked_for_is_a_protocol_error() {
    // [MQTT-4.12.0-6] [MQTT-4.12.0-7]
    let dir = tempfile::tempdir().unwrap();
    let bench = bench(dir.path()).await;
    let again = || auth(ReasonCode::ReAuthenticate, format!("n,,{}", first("ada")));
    let mut own = connect("plain");
    own.user_name = Some(MqttString::new("ada").unwrap());
    own.password = Some("hunter2".into());
    let mut plain = bench.client(own).await;
    plain.send(again()).await;
    plain.is_told_to_go(ReasonCode::ProtocolError).await;
    // In the middle of an exchange nothing else is said.
    let mut hasty = bench.dial(Version::V5, 1 << 16);
    let own = with_method(SCRAM, "ada");
    hasty.send(Packet::Connect(Box::new(own))).await;
    data_of(hasty.next().await, ReasonCode::ContinueAuthentication);
    hasty
        .send(super::bench::publish("21.5", QoS::AtMostOnce, 0))
        .await;
    assert!(hasty.receive().await.is_none());
    assert!(bench.records().is_empty());
}
