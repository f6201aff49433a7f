//! Packets as they come from a socket, and topics.

use bytes::BytesMut;
use messina_mqtt::filter_tree::FilterTree;
use messina_mqtt::packet::{Codec, Packet, Version};
use messina_mqtt::topic::{Topic, TopicFilter};

use super::Target;

/// What a client may send to the gateway.
pub(super) const SERVER: Target = Target {
    name: "mqtt_server",
    seeds: &[
        // CONNECT of 3.1.1 with a will, SUBSCRIBE, PUBLISH with QoS 2, PUBREL, PINGREQ, DISCONNECT.
        b"\x10\x18\x00\x04MQTT\x04\x06\x00\x3c\x00\x01a\x00\x03a/b\x00\x04gone\x82\x08\x00\x01\x00\x03a/#\x02\
          \x34\x0a\x00\x03a/b\x00\x07abc\x62\x02\x00\x07\xc0\x00\xe0\x00",
        // CONNECT of 5.0 with properties, PUBLISH with properties, SUBSCRIBE with an identifier, DISCONNECT.
        b"\x10\x1b\x00\x04MQTT\x05\x02\x00\x3c\x0d\x11\x00\x00\x00\x0a\x21\x00\x10\x27\x00\x00\x10\x00\x00\x01a\
          \x32\x17\x00\x03a/b\x00\x07\x0e\x01\x01\x02\x00\x00\x00\x05\x26\x00\x01k\x00\x01vx\
          \x82\x0d\x00\x01\x02\x0b\x05\x00\x05+/b/#\x2e\xe0\x02\x04\x00",
    ],
    run: server,
};

/// What a server may send to a client, in both versions.
pub(super) const DEVICE: Target = Target {
    name: "mqtt_device",
    seeds: &[
        b"\x20\x02\x01\x00\x90\x03\x00\x01\x02\x50\x02\x00\x07\xd0\x00",
        b"\x20\x09\x00\x00\x06\x21\x00\x0a\x22\x00\x05\x90\x04\x00\x01\x00\x01\x40\x03\x00\x07\x10\xe0\x01\x8b",
    ],
    run: device,
};

/// A filter and topics, one a line.
pub(super) const TOPIC: Target = Target {
    name: "mqtt_topic",
    seeds: &[
        b"a/+/#\na/b/c\na\n$SYS/x",
        b"$share/g/+/b\na/b\n/b",
        b"#\n$a\n/",
    ],
    run: topic,
};

/// The largest packet taken, far more than a mutated input.
const MAX_PACKET: u32 = 1 << 20;

fn server(bytes: &[u8]) {
    let mut codec = Codec::server(MAX_PACKET);
    let mut back = Codec::server(MAX_PACKET);
    decode_all(&mut codec, bytes, |version, packet| {
        // A client's packet is encoded by a client's codec and read back by a server's.
        let device = Codec::device(version, MAX_PACKET);
        reads_back(&device, &mut back, packet);
    });
}

fn device(bytes: &[u8]) {
    for version in [Version::V311, Version::V5] {
        let mut codec = Codec::device(version, MAX_PACKET);
        decode_all(&mut codec, bytes, |_, _| {});
    }
}

/// Decodes what a socket would hand over, once at once and once byte by byte: the packets are the same.
fn decode_all(codec: &mut Codec, bytes: &[u8], mut each: impl FnMut(Version, &Packet)) {
    let mut slow = codec.clone();
    let mut whole = BytesMut::from(bytes);
    let mut packets = Vec::new();
    while let Ok(Some(packet)) = codec.decode(&mut whole) {
        if let Some(version) = codec.version() {
            each(version, &packet);
        }
        packets.push(packet);
    }
    let mut dripping = BytesMut::new();
    let mut expected = packets.iter();
    for byte in bytes {
        dripping.extend_from_slice(std::slice::from_ref(byte));
        match slow.decode(&mut dripping) {
            Ok(Some(packet)) => {
                assert_eq!(Some(&packet), expected.next(), "split input, other packet");
            }
            Ok(None) => {}
            Err(_) => break,
        }
    }
    assert_eq!(expected.next(), None, "split input, fewer packets");
}

fn reads_back(from: &Codec, to: &mut Codec, packet: &Packet) {
    let mut written = BytesMut::new();
    from.encode(packet, &mut written)
        .unwrap_or_else(|error| panic!("a decoded packet is not written: {error}: {packet:?}"));
    let again = to.decode(&mut written);
    assert_eq!(
        again.as_ref().ok().and_then(Option::as_ref),
        Some(packet),
        "another packet comes back"
    );
    assert!(written.is_empty(), "bytes are left");
}

fn topic(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let Ok(filter) = TopicFilter::new(lines.next().unwrap_or_default()) else {
        return;
    };
    let mut tree = FilterTree::new();
    tree.insert(&filter, 1, ());
    for topic in lines.filter_map(|line| Topic::new(line).ok()) {
        let mut found = false;
        tree.matches(&topic, |_: &i32, ()| found = true);
        assert_eq!(
            found,
            filter.matches(&topic),
            "tree and filter disagree on {topic:?}"
        );
    }
    tree.remove(&filter, &1);
    assert!(tree.is_empty(), "a removed filter stays");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(mut codec: Codec, bytes: &[u8]) -> usize {
        let mut buffer = BytesMut::from(bytes);
        let mut count = 0;
        while let Some(packet) = codec.decode(&mut buffer).unwrap() {
            assert!(codec.version().is_some(), "{packet:?}");
            count += 1;
        }
        assert!(buffer.is_empty(), "{count} packets, then {buffer:?}");
        count
    }

    #[test]
    fn the_seeds_are_whole_conversations() {
        let counts = SERVER
            .seeds
            .iter()
            .map(|seed| kinds(Codec::server(MAX_PACKET), seed));
        assert_eq!(counts.collect::<Vec<_>>(), [6, 4]);
        let versions = [Version::V311, Version::V5].into_iter();
        let counts = versions
            .zip(DEVICE.seeds)
            .map(|(version, seed)| kinds(Codec::device(version, MAX_PACKET), seed));
        assert_eq!(counts.collect::<Vec<_>>(), [4, 4]);
    }
}
