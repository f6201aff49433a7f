//! MQTT by hand: bytes written and read without any of our code, so that what is wrong in ours shows.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::patience::{OF_DEVICES, until};

/// A control packet as it came: its first byte, and what follows the remaining length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Packet type and flags.
    pub first: u8,
    /// Variable header and payload.
    pub body: Vec<u8>,
}

impl Frame {
    /// The packet type, 1 to 15.
    pub fn packet_type(&self) -> u8 {
        self.first >> 4
    }

    /// The two bytes at `at` as a number.
    pub fn number(&self, at: usize) -> u16 {
        self.body
            .get(at..at + 2)
            .map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }
}

/// A connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
}

impl Wire {
    /// Connects the socket, and nothing more.
    pub fn open(address: SocketAddr) -> Self {
        until("the server accepts a connection", || {
            Self::try_open(address)
        })
    }

    /// Connects the socket if somebody listens.
    pub fn try_open(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(OF_DEVICES)).ok()?;
        Some(Self { stream })
    }

    /// Connects with a clean session and expects success.
    pub fn connected(address: SocketAddr, version: u8, client_id: &str) -> Self {
        let mut wire = Self::open(address);
        wire.send(&connect(version, client_id, true));
        let answer = wire.frame().expect("a CONNACK");
        assert_eq!((answer.packet_type(), answer.body[1]), (2, 0), "{answer:?}");
        wire
    }

    /// Writes bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        assert!(self.try_send(bytes), "the server has closed the connection");
    }

    /// Writes bytes as they are; false when the connection is gone.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// The next packet; `None` when the server has closed the connection.
    pub fn frame(&mut self) -> Option<Frame> {
        let first = self.byte()?;
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        Some(Frame { first, body })
    }

    /// Whether the connection answers a PINGREQ.
    pub fn is_alive(&mut self) -> bool {
        self.stream.write_all(&[0xC0, 0]).is_ok()
            && self.frame().is_some_and(|frame| frame.first == 0xD0)
    }

    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(0) => None,
            Ok(_) => Some(byte[0]),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
                ) =>
            {
                None
            }
            Err(error) => panic!("nothing came from the server: {error}"),
        }
    }
}

/// A packet from its first byte and what follows the remaining length.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut rest = body.len();
    loop {
        let low = u8::try_from(rest & 0x7F).unwrap();
        rest >>= 7;
        bytes.push(if rest > 0 { low | 0x80 } else { low });
        if rest == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

/// A string with its length.
pub fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

/// CONNECT with keep alive 60 s; not clean in version 5 asks for a session of an hour.
pub fn connect(version: u8, client_id: &str, clean: bool) -> Vec<u8> {
    let properties: &[u8] = match (version, clean) {
        (5, true) => &[0],
        (5, false) => &[5, 0x11, 0, 0, 0x0E, 0x10],
        _ => &[],
    };
    let flags = if clean { 2 } else { 0 };
    packet(
        0x10,
        &[
            &string("MQTT"),
            &[version, flags, 0, 60][..],
            properties,
            &string(client_id),
        ]
        .concat(),
    )
}

/// PUBLISH; `id` is left out at QoS 0.
pub fn publish(version: u8, qos: u8, id: u16, topic: &str, payload: &[u8]) -> Vec<u8> {
    let id = if qos > 0 {
        id.to_be_bytes().to_vec()
    } else {
        Vec::new()
    };
    let properties: &[u8] = if version == 5 { &[0] } else { &[] };
    packet(
        0x30 | (qos << 1),
        &[&string(topic), &id, properties, payload].concat(),
    )
}

/// PUBREL.
pub fn pubrel(id: u16) -> Vec<u8> {
    packet(0x62, &id.to_be_bytes())
}

/// SUBSCRIBE to one filter.
pub fn subscribe(version: u8, id: u16, filter: &str, qos: u8) -> Vec<u8> {
    let properties: &[u8] = if version == 5 { &[0] } else { &[] };
    packet(
        0x82,
        &[&id.to_be_bytes(), properties, &string(filter), &[qos]].concat(),
    )
}
