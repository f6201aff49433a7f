//! Drives a `Device` over TCP: writes what it says, feeds it what comes, keeps its time.

use std::collections::VecDeque;
use std::io;
use std::time::Instant;

use bytes::{Buf, BytesMut};
use messina_mqtt::device::{Device, Input, Options, Output, Token};
use messina_mqtt::packet::{Codec, ConnAck, EncodeError, Packet, Publish};
use messina_mqtt::reason::ReasonCode;
use thiserror::Error;
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::time::sleep_until;

/// Largest packet taken from a server.
const MAX_PACKET: u32 = 256 << 20;

/// Bytes waiting for the socket above which the device is asked to hold back.
const HIGH_WATER: usize = 256 << 10;

/// What the owner of a link wants to know.
#[derive(Debug)]
pub enum Event {
    /// The server let the device in, or refused it.
    Connected(Box<ConnAck>),
    /// A publish came.
    Received(Publish),
    /// What became of a publish.
    Published(Token, ReasonCode),
    /// The server's answer to a SUBSCRIBE.
    Subscribed(Vec<ReasonCode>),
    /// The connection is over; [`Link::connect`] makes another.
    Closed(Result<ReasonCode, LinkError>),
}

/// Why a connection ended that nobody wanted to end.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The socket failed.
    #[error(transparent)]
    Socket(#[from] io::Error),
    /// The server closed the connection without a word.
    #[error("the server closed the connection")]
    Closed,
    /// The server sent what is no MQTT.
    #[error("the server sent a malformed packet")]
    Malformed(#[source] messina_mqtt::packet::DecodeError),
    /// A packet cannot be sent to this server.
    #[error("cannot send the packet")]
    Unsendable(#[from] EncodeError),
}

/// A device and its connection.
#[derive(Debug)]
pub struct Link {
    device: Device,
    codec: Codec,
    socket: Option<TcpStream>,
    incoming: BytesMut,
    outgoing: BytesMut,
    events: VecDeque<Event>,
    closing: Option<ReasonCode>,
    held_back: bool,
}

/// The time, for the device.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Link {
    /// A device without a connection.
    pub fn new(options: Options) -> Self {
        let codec = Codec::device(options.version, MAX_PACKET);
        Self {
            device: Device::new(options, now()),
            codec,
            socket: None,
            incoming: BytesMut::new(),
            outgoing: BytesMut::new(),
            events: VecDeque::new(),
            closing: None,
            held_back: false,
        }
    }

    /// Connects; the device says CONNECT, and [`Event::Connected`] will follow.
    pub async fn connect(&mut self, address: impl ToSocketAddrs) -> io::Result<()> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        self.codec = Codec::device(self.device.options().version, MAX_PACKET);
        self.incoming.clear();
        self.outgoing.clear();
        self.closing = None;
        self.socket = Some(socket);
        self.device.handle(now(), Input::Opened);
        Ok(())
    }

    /// Tells the device something.
    pub fn handle(&mut self, input: Input) {
        self.device.handle(now(), input);
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        self.socket.is_some()
    }

    /// Drops the connection as a lost network would: no DISCONNECT, no warning.
    pub fn cut(&mut self) {
        self.over();
    }

    /// Forgets the connection; what the device learned on it is still told.
    fn over(&mut self) {
        self.socket = None;
        self.outgoing.clear();
        self.device.handle(now(), Input::Closed);
        loop {
            match self.device.poll() {
                Output::Published(token, reason) => {
                    self.events.push_back(Event::Published(token, reason));
                }
                Output::Received(publish) => self.events.push_back(Event::Received(publish)),
                Output::Wait(_) => break,
                Output::Send(_)
                | Output::Connected(_)
                | Output::Subscribed(..)
                | Output::Unsubscribed(..)
                | Output::Close(_) => {}
            }
        }
        self.closing = None;
        self.held_back = false;
        self.device.handle(now(), Input::Writable(true));
    }

    /// Runs until there is something to tell. Safe to cancel: nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Event {
        loop {
            let wait = match self.pump() {
                Ok(wait) => wait,
                Err(error) => return self.lost(error),
            };
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            if self.outgoing.is_empty()
                && let Some(reason) = self.closing.take()
            {
                self.over();
                return Event::Closed(Ok(reason));
            }
            let Some(socket) = &self.socket else {
                return Event::Closed(Err(LinkError::Closed));
            };
            let timer = async {
                match wait {
                    Some(time) => sleep_until(time.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                ready = socket.writable(), if !self.outgoing.is_empty() => drop(ready),
                ready = socket.readable() => drop(ready),
                () = timer => self.device.handle(now(), Input::Tick),
            }
            if let Err(error) = self.receive() {
                return self.lost(error);
            }
        }
    }

    fn lost(&mut self, error: LinkError) -> Event {
        self.over();
        Event::Closed(Err(error))
    }

    /// Takes everything the device has to say, and writes what the socket takes.
    fn pump(&mut self) -> Result<Option<Instant>, LinkError> {
        loop {
            let wait = self.poll()?;
            self.send()?;
            let full = self.outgoing.len() > HIGH_WATER;
            if full == self.held_back {
                return Ok(wait);
            }
            self.held_back = full;
            self.device.handle(now(), Input::Writable(!full));
        }
    }

    fn poll(&mut self) -> Result<Option<Instant>, LinkError> {
        loop {
            match self.device.poll() {
                Output::Send(packet) => self.encode(&packet)?,
                Output::Connected(answer) => self.events.push_back(Event::Connected(answer)),
                Output::Received(publish) => self.events.push_back(Event::Received(publish)),
                Output::Published(token, reason) => {
                    self.events.push_back(Event::Published(token, reason));
                }
                Output::Subscribed(_, reasons) => self.events.push_back(Event::Subscribed(reasons)),
                Output::Unsubscribed(..) => {}
                Output::Close(reason) => self.closing = Some(reason),
                Output::Wait(time) => return Ok(time),
            }
        }
    }

    fn encode(&mut self, packet: &Packet) -> Result<(), LinkError> {
        Ok(self.codec.encode(packet, &mut self.outgoing)?)
    }

    fn send(&mut self) -> Result<(), LinkError> {
        let Some(socket) = &self.socket else {
            return Ok(());
        };
        while !self.outgoing.is_empty() {
            match socket.try_write(&self.outgoing) {
                Ok(0) => return Err(LinkError::Closed),
                Ok(written) => self.outgoing.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<(), LinkError> {
        let Some(socket) = &self.socket else {
            return Ok(());
        };
        self.incoming.reserve(16 << 10);
        match socket.try_read_buf(&mut self.incoming) {
            Ok(0) => return Err(LinkError::Closed),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        while let Some(packet) = self
            .codec
            .decode(&mut self.incoming)
            .map_err(LinkError::Malformed)?
        {
            self.device.handle(now(), Input::Packet(packet));
        }
        Ok(())
    }
}
