//! Drives a `Device` over a stream: writes what it says, feeds it what comes, keeps its time.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf, BytesMut};
use messina_mqtt::device::{Device, Input, Options, Output, Token};
use messina_mqtt::packet::{Codec, ConnAck, EncodeError, Packet, Publish};
use messina_mqtt::reason::ReasonCode;
use thiserror::Error;
use tokio::io::AsyncWrite as _;
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::time::sleep_until;
use tokio_util::io::poll_read_buf;

use crate::listener::Stream;

/// Largest packet taken from a server.
const MAX_PACKET: u32 = 256 << 20;

/// Bytes waiting for the socket above which the device is asked to hold back.
const HIGH_WATER: usize = 256 << 10;

/// Bytes read at a time.
const READ: usize = 16 << 10;

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
    /// The server's answer to an UNSUBSCRIBE; 3.1.1 gives no codes.
    Unsubscribed(Vec<ReasonCode>),
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
    stream: Option<Stream>,
    /// Whether something was written that may not be on its way yet.
    unflushed: bool,
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
            stream: None,
            unflushed: false,
            incoming: BytesMut::new(),
            outgoing: BytesMut::new(),
            events: VecDeque::new(),
            closing: None,
            held_back: false,
        }
    }

    /// Connects over TCP; the device says CONNECT, and [`Event::Connected`] will follow.
    pub async fn connect(&mut self, address: impl ToSocketAddrs) -> io::Result<()> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        self.attach(Box::new(socket));
        Ok(())
    }

    /// Goes on over a stream to a server; the device says CONNECT, and [`Event::Connected`] will follow.
    pub fn attach(&mut self, stream: Stream) {
        self.codec = Codec::device(self.device.options().version, MAX_PACKET);
        self.incoming.clear();
        self.outgoing.clear();
        self.closing = None;
        self.stream = Some(stream);
        self.unflushed = false;
        self.device.handle(now(), Input::Opened);
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
        self.stream.is_some()
    }

    /// Drops the connection as a lost network would: no DISCONNECT, no warning.
    pub fn cut(&mut self) {
        self.over();
    }

    /// Forgets the connection; what the device learned on it is still told.
    fn over(&mut self) {
        self.stream = None;
        self.unflushed = false;
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
            let pumped = poll_fn(|cx| Poll::Ready(self.pump(cx))).await;
            let wait = match pumped {
                Ok(wait) => wait,
                Err(error) => return self.lost(error),
            };
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            if self.has_written()
                && let Some(reason) = self.closing.take()
            {
                self.say_goodbye().await;
                self.over();
                return Event::Closed(Ok(reason));
            }
            if self.stream.is_none() {
                return Event::Closed(Err(LinkError::Closed));
            }
            let timer = async {
                match wait {
                    Some(time) => sleep_until(time.into()).await,
                    None => std::future::pending().await,
                }
            };
            let moved = tokio::select! {
                moved = poll_fn(|cx| self.poll_stream(cx)) => moved,
                () = timer => {
                    self.device.handle(now(), Input::Tick);
                    Ok(())
                }
            };
            if let Err(error) = moved {
                return self.lost(error);
            }
        }
    }

    /// Whether everything the device said is on its way.
    fn has_written(&self) -> bool {
        self.outgoing.is_empty() && !self.unflushed
    }

    /// Closes what is below MQTT, as far as that goes without waiting.
    async fn say_goodbye(&mut self) {
        if let Some(stream) = &mut self.stream {
            poll_fn(|cx| {
                // Nobody is left who could be told how it went.
                let _closed = Pin::new(&mut *stream).poll_shutdown(cx);
                Poll::Ready(())
            })
            .await;
        }
    }

    fn lost(&mut self, error: LinkError) -> Event {
        self.over();
        Event::Closed(Err(error))
    }

    /// Takes everything the device has to say, and writes what the socket takes.
    fn pump(&mut self, cx: &mut Context<'_>) -> Result<Option<Instant>, LinkError> {
        loop {
            let wait = self.poll()?;
            if let Poll::Ready(Err(error)) = self.poll_send(cx) {
                return Err(error);
            }
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
                Output::Unsubscribed(_, reasons) => {
                    self.events.push_back(Event::Unsubscribed(reasons));
                }
                Output::Close(reason) => self.closing = Some(reason),
                Output::Wait(time) => return Ok(time),
            }
        }
    }

    fn encode(&mut self, packet: &Packet) -> Result<(), LinkError> {
        Ok(self.codec.encode(packet, &mut self.outgoing)?)
    }

    /// Ready when something came, or room for more is there.
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        if !self.has_written() && self.poll_send(cx)?.is_ready() {
            return Poll::Ready(Ok(()));
        }
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Err(LinkError::Closed));
        };
        self.incoming.reserve(READ);
        if ready!(poll_read_buf(Pin::new(stream), cx, &mut self.incoming))? == 0 {
            return Poll::Ready(Err(LinkError::Closed));
        }
        Poll::Ready(self.receive())
    }

    /// Writes what the stream takes; ready when that is everything.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Ok(()));
        };
        while !self.outgoing.is_empty() {
            match ready!(Pin::new(&mut *stream).poll_write(cx, &self.outgoing))? {
                0 => return Poll::Ready(Err(LinkError::Closed)),
                written => self.outgoing.advance(written),
            }
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn receive(&mut self) -> Result<(), LinkError> {
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
