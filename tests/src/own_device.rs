//! The same devices as in [`fleet`](crate::fleet), on our own device half: what the tools and the simulator run.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{JoinHandle, spawn};
use std::time::Instant;

use bytes::BytesMut;
use messina_mqtt::device::{Device, Input, Options, Output, Token};
use messina_mqtt::packet::{ClientId, Codec, Publish, QoS, Version};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::Topic;

use crate::fleet::{Profile, Report, Signals, WINDOW};
use crate::patience::{OF_DEVICES, until};

/// Starts a device as a thread.
pub fn own_device(
    profile: Profile,
    address: SocketAddr,
    signals: Arc<Signals>,
) -> JoinHandle<Report> {
    spawn(move || {
        let mut own = OwnDevice::new(profile, signals);
        let mut reconnects = 0;
        while !own.connection(address) {
            reconnects += 1;
        }
        Report {
            profile: own.profile,
            promised: own.next,
            forgotten: own.forgotten,
            reconnects,
        }
    })
}

/// What became of handing everything on that the device had to say.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Open,
    Over,
}

struct OwnDevice {
    profile: Profile,
    version: Version,
    signals: Arc<Signals>,
    device: Device,
    open: BTreeSet<u64>,
    next: u64,
    met: bool,
    forgotten: u64,
}

impl OwnDevice {
    fn new(profile: Profile, signals: Arc<Signals>) -> Self {
        let version = if profile.version == 5 {
            Version::V5
        } else {
            Version::V311
        };
        let mut options = Options::new(ClientId::new(&profile.client_id).unwrap());
        options.version = version;
        if version == Version::V311 {
            options.properties.session_expiry_interval = None;
        }
        let device = Device::new(options, Instant::now());
        Self {
            profile,
            version,
            signals,
            device,
            open: BTreeSet::new(),
            next: 0,
            met: false,
            forgotten: 0,
        }
    }

    /// One connection's life; true when the device has nothing left to do.
    fn connection(&mut self, address: SocketAddr) -> bool {
        let mut stream = until("a device can connect", || TcpStream::connect(address).ok());
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(OF_DEVICES)).unwrap();
        let mut codec = Codec::device(self.version, 1 << 20);
        let mut incoming = BytesMut::new();
        self.device.handle(Instant::now(), Input::Opened);
        let done = loop {
            // What was answered makes room for more: else nothing would be under way once one read answers all.
            if self.hand_on(&mut stream, &codec) == State::Over {
                break false;
            }
            self.publish_more();
            if self.hand_on(&mut stream, &codec) == State::Over {
                break false;
            }
            if self.open.is_empty()
                && self.device.inflight() == 0
                && self.signals.finish.load(Ordering::Relaxed)
            {
                self.device
                    .handle(Instant::now(), Input::Disconnect(ReasonCode::Success));
                self.hand_on(&mut stream, &codec);
                break true;
            }
            if !self.read(&mut stream, &mut codec, &mut incoming) {
                break false;
            }
        };
        self.device.handle(Instant::now(), Input::Closed);
        self.hand_on(&mut stream, &codec);
        done
    }

    fn publish_more(&mut self) {
        if !self.device.is_open() {
            return;
        }
        while self.open.len() < WINDOW && !self.signals.finish.load(Ordering::Relaxed) {
            let payload = (self.profile.payload)(self.next);
            let mut publish = Publish::new(Topic::new(&self.profile.topic).unwrap(), payload);
            publish.qos = if self.profile.qos == 2 {
                QoS::ExactlyOnce
            } else {
                QoS::AtLeastOnce
            };
            self.open.insert(self.next);
            self.device
                .handle(Instant::now(), Input::Publish(Token(self.next), publish));
            self.next += 1;
        }
    }

    /// Does what the device says, until it says to wait.
    fn hand_on(&mut self, stream: &mut TcpStream, codec: &Codec) -> State {
        let mut outgoing = BytesMut::new();
        let mut state = State::Open;
        loop {
            match self.device.poll() {
                Output::Send(packet) => codec
                    .encode(&packet, &mut outgoing)
                    .expect("our packets can be written"),
                Output::Published(Token(number), reason) => {
                    assert_eq!(
                        reason,
                        ReasonCode::Success,
                        "{}: reading {number}",
                        self.profile.client_id
                    );
                    assert!(
                        self.open.remove(&number),
                        "{}: answered twice",
                        self.profile.client_id
                    );
                    self.signals.promises.fetch_add(1, Ordering::Relaxed);
                }
                Output::Connected(connack) => {
                    assert_eq!(
                        connack.reason,
                        ReasonCode::Success,
                        "{}",
                        self.profile.client_id
                    );
                    self.forgotten += u64::from(self.met && !connack.session_present);
                    self.met = true;
                }
                Output::Close(_) => state = State::Over,
                Output::Wait(_) => break,
                other => panic!("{}: {other:?}", self.profile.client_id),
            }
        }
        // A connection that takes no bytes is gone, which the next read says as well.
        drop(stream.write_all(&outgoing));
        state
    }

    /// Reads once; false when the connection is gone.
    fn read(&mut self, stream: &mut TcpStream, codec: &mut Codec, incoming: &mut BytesMut) -> bool {
        let mut buffer = [0; 4096];
        let Ok(count) = stream.read(&mut buffer) else {
            return false;
        };
        incoming.extend_from_slice(&buffer[..count]);
        while let Some(packet) = codec
            .decode(incoming)
            .expect("the server's bytes are packets")
        {
            self.device.handle(Instant::now(), Input::Packet(packet));
        }
        count > 0
    }
}
