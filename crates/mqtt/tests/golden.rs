//! The vectors of `testdata/mqtt`: bytes on the wire, and what they mean or why they are refused.
//!
//! A vector is a block of `key = value` lines:
//!
//! - `name`: what the vector shows
//! - `from`: `client 4`, `client 5`, `server 4` or `server 5`; `new client`: before any CONNECT
//! - `hex`: one packet, spaces for the eye
//! - `means`: the packet as `Debug` writes it, or `refused`: the reason code and the words of the error
//! - `writes`: the bytes our encoder makes of it, if they are not those of `hex`
#![expect(clippy::panic, reason = "a vector with a wrong key is a failed test")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[expect(
    dead_code,
    reason = "the strategies for packets are for the other tests"
)]
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::BytesMut;
use messina_mqtt::packet::{Codec, Packet, Version};

type Vector = BTreeMap<String, String>;

fn vectors(text: &str) -> Vec<Vector> {
    let mut vectors = vec![Vector::new()];
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"))
    {
        if line.is_empty() {
            vectors.push(Vector::new());
        } else {
            let (key, value) = line.split_once(" = ").unwrap();
            let old = vectors
                .last_mut()
                .unwrap()
                .insert(key.to_owned(), value.to_owned());
            assert_eq!(old, None, "{line} comes twice");
        }
    }
    vectors.retain(|vector| !vector.is_empty());
    vectors
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    assert!(digits.len().is_multiple_of(2), "{text}");
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The end that receives what `from` sends.
fn receiver(from: &str) -> Codec {
    const LIMIT: u32 = 1024;
    match from {
        "new client" => Codec::server(LIMIT),
        "client 4" => support::server_with_limit(Version::V311, LIMIT),
        "client 5" => support::server_with_limit(Version::V5, LIMIT),
        "server 4" => Codec::device(Version::V311, LIMIT),
        "server 5" => Codec::device(Version::V5, LIMIT),
        other => panic!("nobody is called {other}"),
    }
}

fn meaning(vector: &Vector) -> (&'static str, String, Option<Packet>) {
    let mut buffer = BytesMut::from(unhex(&vector["hex"]).as_slice());
    match receiver(&vector["from"]).decode(&mut buffer) {
        Ok(Some(packet)) if buffer.is_empty() => ("means", format!("{packet:?}"), Some(packet)),
        Ok(Some(_)) => (
            "means",
            format!("a packet, and then {}", hex(&buffer)),
            None,
        ),
        Ok(None) => ("means", "an incomplete packet".to_owned(), None),
        Err(error) => (
            "refused",
            format!("0x{:02x} {error}", error.reason().as_u8()),
            None,
        ),
    }
}

fn written(vector: &Vector, packet: &Packet) -> String {
    let version = match packet {
        Packet::Connect(connect) => connect.version,
        _ if vector["from"].ends_with('4') => Version::V311,
        _ => Version::V5,
    };
    hex(&support::encode(packet, version))
}

fn check(file: &str, text: &str) {
    let vectors = vectors(text);
    assert!(!vectors.is_empty(), "{file} is empty");
    let mut wrong = String::new();
    for vector in &vectors {
        let (key, value, packet) = meaning(vector);
        if vector.get(key) != Some(&value) {
            writeln!(wrong, "{}\n{key} = {value}", vector["name"]).unwrap();
        }
        let Some(packet) = packet else { continue };
        let written = written(vector, &packet);
        let expected = hex(&unhex(vector.get("writes").unwrap_or(&vector["hex"])));
        if written != expected {
            writeln!(wrong, "{}\nwrites = {written}", vector["name"]).unwrap();
        }
    }
    assert!(
        wrong.is_empty(),
        "{file} says otherwise than the codec:\n{wrong}"
    );
}

#[test]
fn good_packets_of_3_1_1_mean_what_they_say() {
    check(
        "good-v3.txt",
        include_str!("../../../testdata/mqtt/good-v3.txt"),
    );
}

#[test]
fn good_packets_of_5_mean_what_they_say() {
    check(
        "good-v5.txt",
        include_str!("../../../testdata/mqtt/good-v5.txt"),
    );
}

#[test]
fn malformed_packets_are_refused_with_their_reason() {
    let text = include_str!("../../../testdata/mqtt/malformed.txt");
    assert!(
        vectors(text)
            .iter()
            .all(|vector| vector.contains_key("refused"))
    );
    check("malformed.txt", text);
}
