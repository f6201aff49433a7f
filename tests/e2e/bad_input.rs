//! What a peer does wrong costs that peer its connection, or a record its place in the table; nobody else.

use messina_e2e::patience::until;
use messina_e2e::server::Site;
use messina_e2e::wire::{Wire, connect, packet, publish, string, subscribe};
use serde_json::json;

/// Bytes a version 5 client should not have sent, and the reason code it is told.
fn malformed() -> Vec<(&'static str, Vec<u8>, u8)> {
    vec![
        ("reserved packet type 0", vec![0x00, 0x00], 0x81),
        (
            "PUBLISH at QoS 3",
            packet(0x36, &[&string("a")[..], &[0, 1, 0]].concat()),
            0x81,
        ),
        (
            "a remaining length of five bytes",
            vec![0x30, 0x80, 0x80, 0x80, 0x80, 0x01],
            0x81,
        ),
        (
            "SUBSCRIBE with wrong flags",
            packet(0x80, &[0, 1, 0, 0, 1, b'a', 0]),
            0x81,
        ),
        ("SUBSCRIBE without a filter", packet(0x82, &[0, 1, 0]), 0x82),
        (
            "a topic that is not UTF-8",
            packet(0x30, &[0, 2, 0xC3, 0x28, 0]),
            0x81,
        ),
        (
            "a packet identifier of 0",
            publish(5, 1, 0, "a", b"x"),
            0x82,
        ),
        ("a second CONNECT", connect(5, "again", true), 0x82),
        ("PUBLISH to a wildcard", publish(5, 1, 1, "a/+", b"x"), 0x81),
        (
            "an unknown topic alias",
            packet(0x30, &[0, 0, 3, 0x23, 0xFF, 0xFF]),
            0x94,
        ),
    ]
}

#[test]
fn malformed_packets_close_only_their_connection_with_the_right_reason() {
    let site = Site::new();
    let _server = site.start();
    let mut bystander = Wire::connected(site.mqtt, 5, "bystander");
    for (name, bytes, reason) in malformed() {
        let mut wire = Wire::connected(site.mqtt, 5, "offender");
        wire.send(&bytes);
        let frame = wire
            .frame()
            .unwrap_or_else(|| panic!("{name}: closed without a reason"));
        assert_eq!(frame.packet_type(), 14, "{name}: {frame:?}");
        assert_eq!(frame.body.first(), Some(&reason), "{name}: {frame:?}");
        assert_eq!(wire.frame(), None, "{name}: closed after the reason");
        assert!(bystander.is_alive(), "{name}: another connection suffered");
    }
}

#[test]
fn a_3_1_1_client_is_closed_without_a_packet_it_would_not_know() {
    let site = Site::new();
    let _server = site.start();
    let mut wire = Wire::connected(site.mqtt, 4, "offender");
    wire.send(&packet(0x82, &[0, 1]));
    assert_eq!(wire.frame(), None);
}

#[test]
fn a_first_packet_that_is_no_connect_is_closed() {
    let site = Site::new();
    let _server = site.start();
    for bytes in [subscribe(5, 1, "a", 0), b"GET / HTTP/1.1\r\n\r\n".to_vec()] {
        let mut wire = Wire::open(site.mqtt);
        wire.send(&bytes);
        assert_eq!(wire.frame(), None);
    }
}

#[test]
fn a_payload_that_does_not_decode_is_a_dead_letter_and_the_next_record_goes_on() {
    let site = Site::new();
    let _server = site.start();
    let mut wire = Wire::connected(site.mqtt, 4, "device");
    wire.send(&publish(4, 1, 1, "temperature", b"not a number,2.1# 2.2"));
    wire.send(&publish(4, 1, 2, "temperature", b"7,2.5"));
    for id in [1, 2] {
        assert_eq!(wire.frame().expect("a PUBACK").number(0), id);
    }
    let admin = site.admin();
    until("the good one's row", || {
        (admin.count("SELECT count(*) FROM temperature") == 1).then_some(())
    });
    let letters = until("a dead letter", || {
        let letters = admin.get("/api/dlq");
        let letters = letters["dead_letters"].as_array()?.clone();
        (!letters.is_empty()).then_some(letters)
    });
    assert_eq!(letters.len(), 1, "{letters:?}");
    let letter = &letters[0];
    assert_eq!(
        (&letter["topic"], &letter["record_offset"]),
        (&json!("temperature"), &json!(0)),
        "{letter}"
    );
    assert_eq!(letter["connector"], "temperature", "{letter}");
    assert_eq!(
        letter["record"]["value"], "not a number,2.1# 2.2",
        "the letter keeps the value"
    );
    assert!(
        letter["reason"]
            .as_str()
            .is_some_and(|reason| !reason.is_empty()),
        "{letter}"
    );

    // Replayed as it is, it comes back; nothing is lost on the way.
    admin.post("/api/dlq/replay", &json!({ "all": true }));
    until(
        "the replayed record is in its topic again, and is a dead letter again",
        || {
            let records = admin.consume_all("temperature");
            let letters = admin.consume_all("messina.dead-letters");
            (records.len() == 3 && letters.len() == 2).then_some(())
        },
    );
}
