//! The few MQTT 3.1.1 packets a load needs, by hand.

use anyhow::{Result, bail};

/// A packet from its first byte and what follows the remaining length.
fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut rest = body.len();
    loop {
        let low = (rest & 0x7F) as u8;
        rest >>= 7;
        bytes.push(if rest > 0 { low | 0x80 } else { low });
        if rest == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
}

/// DISCONNECT.
pub(crate) const DISCONNECT: [u8; 2] = [0xE0, 0];

/// CONNECT, no keep alive; a session that is not clean outlives its connection.
pub(crate) fn connect(client_id: &str, clean: bool) -> Vec<u8> {
    let head = [4, if clean { 2 } else { 0 }, 0, 0];
    packet(
        0x10,
        &[&string("MQTT"), &head[..], &string(client_id)].concat(),
    )
}

/// SUBSCRIBE to one filter.
pub(crate) fn subscribe(filter: &str, qos: u8) -> Vec<u8> {
    packet(0x82, &[&[0, 1][..], &string(filter), &[qos]].concat())
}

/// A PUBLISH that is copied for each message, with the identifier written into the copy.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    id_at: Option<usize>,
}

impl Template {
    /// A publish to `topic`.
    pub(crate) fn new(qos: u8, topic: &str, payload: &[u8]) -> Self {
        let id: &[u8] = if qos > 0 { &[0, 0] } else { &[] };
        let bytes = packet(0x30 | (qos << 1), &[&string(topic), id, payload].concat());
        let id_at = (qos > 0).then(|| bytes.len() - payload.len() - 2);
        Self { bytes, id_at }
    }

    /// Appends one publish.
    pub(crate) fn append(&self, id: u16, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        if let Some(at) = self.id_at
            && let Some(place) = out.get_mut(start + at..start + at + 2)
        {
            place.copy_from_slice(&id.to_be_bytes());
        }
    }
}

/// The first byte of a packet, its body, and the bytes behind it.
type Front<'a> = (u8, &'a [u8], &'a [u8]);

/// The packet at the front of `bytes`: its first byte, its body, and what follows it.
pub(crate) fn front(bytes: &[u8]) -> Result<Option<Front<'_>>> {
    let Some((&first, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    let mut length = 0_usize;
    for (index, byte) in rest.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            let Some(after) = rest.get(index + 1..) else {
                return Ok(None);
            };
            return Ok(after
                .split_at_checked(length)
                .map(|(body, rest)| (first, body, rest)));
        }
    }
    if rest.len() >= 4 {
        bail!("a remaining length of five bytes from the server")
    }
    Ok(None)
}

/// The packet identifier of an acknowledgement.
pub(crate) fn id(body: &[u8]) -> [u8; 2] {
    body.first_chunk().copied().unwrap_or_default()
}

/// The packet identifier of a PUBLISH with QoS above 0.
pub(crate) fn publish_id(body: &[u8]) -> [u8; 2] {
    let topic = body
        .first_chunk()
        .map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
    body.get(2 + topic..).map_or([0; 2], id)
}
