//! One connection: bytes in, a `Session` driven, publishes to the log, answers out.
//!
//! All publishes of a socket read go to the log in one append; the log's answers come back batched, one wake-up
//! for each commit; all answers leave in one write. While a peer takes no bytes, or the log's queue is full, its
//! socket is not read.

mod asked;
mod authenticating;
mod changes;
mod feeding;
mod forgetting;
mod opening;
mod publishing;
mod rights;
mod socket;
mod wait;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use messina_mqtt::packet::{Codec, Delivery, Publish};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::session::{Dropped, Forward, Input, Outgoing, Output, Session};
use messina_store::log::AppendWaiter;
use tokio::io::{AsyncRead, AsyncWrite};

use self::asked::{Ask, Asked, Change};
use self::authenticating::{AuthStep, PendingAuth};
use self::forgetting::Unforgotten;
use self::opening::Identity;
use self::publishing::{Batch, Submitted};
use self::socket::Socket;
use self::wait::{Alarm, Stopping, Woken};
use super::produce::Destinations;
use super::read_buffer;
use super::recurring::Line;
use super::server::Gateway;
use super::wills::PendingWill;

/// Whether something is done, or must be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Done,
    Wait,
}

/// Who is at the other end, before it says so itself.
#[derive(Debug)]
pub struct Peer {
    /// Where it is.
    pub address: SocketAddr,
    /// The name in its certificate, see [`Credentials::certificate`](crate::access::Credentials::certificate).
    pub certificate: Option<Box<str>>,
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self {
            address,
            certificate: None,
        }
    }
}

/// One connection.
pub struct Connection<S> {
    gateway: Arc<Gateway>,
    socket: Socket<S>,
    peer: SocketAddr,
    certificate: Option<Box<str>>,
    codec: Codec,
    session: Box<Session>,
    identity: Option<Identity>,
    /// An enhanced authentication that waits for the client.
    pending_auth: Option<Box<PendingAuth>>,
    incoming: BytesMut,
    asked: Asked,
    destinations: Destinations,
    waiter: Arc<AppendWaiter>,
    submitted: VecDeque<Submitted>,
    /// What the log has refused to forget.
    unforgotten: Option<Box<Unforgotten>>,
    /// Retained publishes the client's subscriptions are still to be answered with.
    replay: VecDeque<Forward>,
    /// What waits for room in the log's queue.
    held_up: Option<Box<Batch>>,
    /// What is to be published if the client stays away.
    will: Option<Box<PendingWill>>,
    next_ticket: u64,
    wait_until: Option<Instant>,
    alarm: Alarm,
    stopping: Option<Stopping>,
    mailbox_first: bool,
    /// The session has said to close.
    closing: bool,
    /// The socket is gone, or is not to be used any more.
    gone: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A connection that was just accepted.
    pub fn new(gateway: Arc<Gateway>, stream: S, peer: Peer) -> Box<Self> {
        let now = gateway.clock.now();
        let session = Box::new(Session::new(Arc::clone(&gateway.limits), now));
        let codec = Codec::server(gateway.limits.maximum_packet_size);
        let stopping = gateway.shutdown.intake().clone().cancelled_owned();
        Box::new(Self {
            gateway,
            socket: Socket::new(stream),
            peer: peer.address,
            certificate: peer.certificate,
            codec,
            session,
            identity: None,
            pending_auth: None,
            incoming: BytesMut::new(),
            asked: Asked::default(),
            destinations: Destinations::default(),
            waiter: AppendWaiter::new(),
            submitted: VecDeque::new(),
            unforgotten: None,
            replay: VecDeque::new(),
            held_up: None,
            will: None,
            next_ticket: 0,
            wait_until: None,
            alarm: Alarm::default(),
            stopping: Some(Box::pin(stopping)),
            mailbox_first: false,
            closing: false,
            gone: false,
        })
    }

    /// Serves the connection to its end, and leaves its session where the client will find it.
    ///
    /// The future is small: what is rarely waited for is boxed.
    pub async fn serve(mut self: Box<Self>) {
        // It says until when it waits for CONNECT.
        self.poll_session();
        loop {
            while self.advance() == Step::Wait {
                Box::pin(self.advance_slowly()).await;
            }
            if self.is_over() {
                break;
            }
            match poll_fn(|cx| self.poll_woken(cx)).await {
                Woken::Read(bytes) => self.on_bytes(bytes),
                Woken::Wrote => {}
                Woken::Ended => self.on_ended(),
                Woken::Answered => self.on_answers(),
                Woken::Posted => self.on_posted(),
                Woken::TimeCame => self.on_time(),
                Woken::Stopping => self.tell(Input::Disconnect(ReasonCode::ServerShuttingDown)),
            }
        }
        Box::pin(self.leave()).await;
    }

    /// Whether nothing is left to do: the log has answered, and the answers are written or cannot be.
    fn is_over(&self) -> bool {
        self.gone || (self.closing && self.submitted.is_empty() && !self.socket.has_to_write())
    }

    /// Does what can be done without waiting: decodes, drives the session, submits to the log.
    fn advance(&mut self) -> Step {
        loop {
            self.decode();
            self.replay();
            self.feed();
            if self.asked.who() {
                return Step::Wait;
            }
            if self.asked.work.is_empty() {
                return Step::Done;
            }
            if self.submit() == Step::Wait {
                return Step::Wait;
            }
        }
    }

    /// Waits for what [`advance`](Self::advance) cannot do by itself.
    async fn advance_slowly(&mut self) {
        if let Some(connect) = self.asked.connect.take() {
            self.admit(connect).await;
        } else if let Some(step) = self.asked.authentication.take() {
            self.authenticate(step).await;
        } else {
            self.make_way().await;
        }
    }

    fn tell(&mut self, input: Input) {
        let now = self.gateway.clock.now();
        self.session.handle(now, input);
        self.poll_session();
    }

    /// Decodes what has come, as far as the session takes more.
    fn decode(&mut self) {
        let now = self.gateway.clock.now();
        while !self.closing && !self.gone && !self.asked.who() && self.session.reads() {
            if self.socket.outgoing.len() > self.gateway.config.limits.max_outgoing_bytes {
                return;
            }
            match self.codec.decode(&mut self.incoming) {
                Ok(Some(packet)) => {
                    self.session.handle(now, Input::Packet(packet));
                    self.poll_session();
                }
                Ok(None) => {
                    read_buffer::unpin(&mut self.incoming);
                    return;
                }
                Err(error) => {
                    tracing::debug!(peer = %self.peer, %error, "a packet is malformed; the connection is closed");
                    self.gateway.events.closed("malformed");
                    self.incoming.clear();
                    self.session.handle(now, Input::Disconnect(error.reason()));
                    self.poll_session();
                    return;
                }
            }
        }
    }

    /// Takes everything the session has to say, until it waits.
    fn poll_session(&mut self) {
        loop {
            match self.session.poll() {
                Output::Send(packet) => {
                    if let Err(error) = self.codec.encode(&packet, &mut self.socket.outgoing) {
                        tracing::warn!(peer = %self.peer, %error, "a packet cannot be encoded and is not sent");
                    }
                }
                Output::SendPublish(outgoing) => {
                    if !self.may_send(&outgoing) {
                        continue;
                    }
                    self.write_publish(&outgoing);
                }
                Output::Connect(connect) => self.asked.connect = Some(connect),
                Output::Authenticate { begins, data } => {
                    self.asked.authentication = Some(AuthStep { begins, data });
                }
                Output::Deliver(publish, ticket) => {
                    self.asked.work.push_back(Ask::Publish(publish, ticket));
                }
                Output::Release(packet_id) => self.ask(Change::Release(packet_id)),
                Output::Record(packet_id) => self.ask(Change::Record(packet_id)),
                Output::Delivered(packet_id) => self.ask(Change::Delivered(packet_id)),
                Output::Subscribe(request) => {
                    let subscribing = self.examine(request);
                    self.ask(Change::Subscribe(subscribing));
                }
                Output::Unsubscribe(request) => self.ask(Change::Unsubscribe(request)),
                Output::Will(publish, delay) => self.on_will(*publish, delay),
                Output::Close(reason) => self.close(reason),
                Output::Wait(until) => {
                    self.wait_until = until;
                    self.count_dropped();
                    return;
                }
            }
        }
    }

    fn count_dropped(&mut self) {
        let dropped = self.session.take_dropped();
        if dropped != Dropped::default() {
            let client = self.session.client_id();
            self.gateway.events.dropped(client, dropped);
        }
    }

    fn ask(&mut self, change: Change) {
        self.asked.work.push_back(Ask::Change(change));
    }

    /// The connection ends without the client's word: its will is published, or waits with its session.
    fn on_will(&mut self, publish: Publish, delay: Duration) {
        match self.gateway.clock.now().checked_add(delay) {
            Some(due) if !delay.is_zero() => {
                let author = self.identity.as_ref();
                let author = author.map(|own| own.rights.user().clone());
                self.will = Some(Box::new(PendingWill {
                    publish,
                    due,
                    author,
                }));
            }
            _ => {
                // It is published by the rules of now; the connection ends in any case.
                let _is_known = self.take_up_rules();
                self.asked.work.push_back(Ask::Publish(publish, None));
                self.ask(Change::WillPublished);
            }
        }
    }

    fn write_publish(&mut self, outgoing: &Outgoing) {
        let topic_alias = self.session.topic_alias(outgoing);
        let delivery = Delivery {
            topic_alias,
            ..outgoing.delivery()
        };
        let out = &mut self.socket.outgoing;
        match self.codec.encode_shared(&outgoing.publish, &delivery, out) {
            Ok(()) => {
                self.gateway.events.delivered();
                if let Some(alias) = topic_alias {
                    self.session.topic_alias_sent(outgoing, alias);
                }
            }
            Err(error) => {
                tracing::warn!(peer = %self.peer, %error, "a publish cannot be encoded");
            }
        }
    }

    fn close(&mut self, reason: ReasonCode) {
        if reason.is_error() {
            tracing::debug!(peer = %self.peer, %reason, "the connection is closed");
            self.gateway.events.closed(reason.text());
            self.socket.lingers = reason != ReasonCode::ServerShuttingDown;
        }
        self.closing = true;
    }

    fn on_time(&mut self) {
        let limit = self.gateway.config.limits.write_timeout;
        let now = self.gateway.clock.now();
        if self
            .socket
            .stalled_since
            .is_some_and(|since| now.duration_since(since) >= limit)
        {
            if let Some(left_out) = self.gateway.turn(Line::SlowPeer) {
                tracing::info!(peer = %self.peer, left_out, "a peer takes no bytes; its connection is closed");
            }
            self.gateway.events.closed("slow");
            self.on_ended();
            return;
        }
        if let Some(identity) = &mut self.identity
            && !identity.rights.on_time(now)
        {
            self.tell(Input::Disconnect(ReasonCode::MaximumConnectTime));
            return;
        }
        self.forget_at(now);
        self.tell(Input::Tick);
    }

    fn on_bytes(&mut self, bytes: BytesMut) {
        self.keep_up();
        if self.incoming.is_empty() {
            self.incoming = bytes;
        } else {
            self.incoming.extend_from_slice(&bytes);
        }
    }

    fn on_ended(&mut self) {
        self.gone = true;
        self.socket.outgoing.clear();
        self.tell(Input::Closed);
    }
}
