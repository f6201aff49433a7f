//! One connection: bytes in, a `Session` driven, publishes to the log, answers out.
//!
//! All publishes of a socket read go to the log in one append; the log's answers come back batched, one wake-up
//! for each commit; all answers leave in one write. While a peer takes no bytes, or the log's queue is full, its
//! socket is not read.

use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Buf, BytesMut};
use messina_mqtt::packet::{ClientId, Codec, Connect, PacketId, Publish, QoS, Version};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::session::{
    Admission, Forward, Input, Output, Session, SubscribeRequest, Ticket, UnsubscribeRequest,
};
use messina_store::log::{Append, AppendWaiter, Completion, NewRecord, PartitionHandle, Permit};
use tokio::io::{AsyncRead, AsyncWrite};

use super::mailbox::{Mailbox, Signal};
use super::produce::{Destination, Destinations};
use super::read_buffer;
use super::server::Gateway;
use super::sessions::SessionKey;

/// Deliveries handed to a session at once, before its answers are written.
const DELIVERIES_AT_ONCE: usize = 256;

/// Bytes an idle connection's output buffer may keep.
const KEPT_OUTPUT: usize = 4096;

/// What a connection has given to the log and not been answered for.
#[derive(Debug)]
struct Submitted {
    ticket: u64,
    work: Vec<Work>,
}

/// What must happen once the log has answered.
#[derive(Debug)]
enum Work {
    /// A publish is durable: acknowledge it, and give it to subscribers.
    Published {
        publish: Publish,
        ticket: Option<Ticket>,
        route: usize,
    },
    /// A QoS 2 identifier is forgotten.
    Released(PacketId),
}

/// What the session asked for that cannot be done while it is polled.
#[derive(Debug, Default)]
struct Asked {
    connect: Option<Box<Connect>>,
    publishes: Vec<(Publish, Option<Ticket>)>,
    releases: Vec<PacketId>,
}

/// Whose connection it is, once it has been let in.
#[derive(Debug)]
struct Identity {
    client: ClientId,
    key: SessionKey,
    mailbox: Arc<Mailbox>,
}

/// What woke a connection.
enum Woken {
    Read(BytesMut),
    Wrote,
    Ended,
    Answered,
    Posted,
    TimeCame,
    Stopping,
}

/// One connection.
pub struct Connection<S> {
    gateway: Arc<Gateway>,
    stream: S,
    peer: SocketAddr,
    codec: Codec,
    session: Box<Session>,
    identity: Option<Identity>,
    incoming: BytesMut,
    outgoing: BytesMut,
    asked: Asked,
    destinations: Destinations,
    waiter: Arc<AppendWaiter>,
    submitted: VecDeque<Submitted>,
    next_ticket: u64,
    wait_until: Option<Instant>,
    /// Since when the peer has taken nothing of `outgoing`.
    stalled_since: Option<Instant>,
    /// The session has said to close.
    closing: bool,
    /// The socket is gone, or is not to be used any more.
    gone: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A connection that was just accepted.
    pub fn new(gateway: Arc<Gateway>, stream: S, peer: SocketAddr) -> Self {
        let now = gateway.clock.now();
        let session = Box::new(Session::new(Arc::clone(&gateway.limits), now));
        let codec = Codec::server(gateway.limits.maximum_packet_size);
        Self {
            gateway,
            stream,
            peer,
            codec,
            session,
            identity: None,
            incoming: BytesMut::new(),
            outgoing: BytesMut::new(),
            asked: Asked::default(),
            destinations: Destinations::default(),
            waiter: AppendWaiter::new(),
            submitted: VecDeque::new(),
            next_ticket: 0,
            wait_until: None,
            stalled_since: None,
            closing: false,
            gone: false,
        }
    }

    /// Serves the connection to its end, and leaves its session where the client will find it.
    pub async fn serve(mut self) {
        loop {
            self.advance().await;
            if self.is_over() {
                break;
            }
            match self.wait().await {
                Woken::Read(bytes) => self.on_bytes(bytes),
                Woken::Wrote => {}
                Woken::Ended => self.on_ended(),
                Woken::Answered => self.on_answers(),
                Woken::Posted => self.on_posted(),
                Woken::TimeCame => self.on_time(),
                Woken::Stopping => self.tell(Input::Disconnect(ReasonCode::ServerShuttingDown)),
            }
        }
        self.leave().await;
    }

    /// Whether nothing is left to do: the log has answered, and the answers are written or cannot be.
    fn is_over(&self) -> bool {
        self.gone || (self.closing && self.submitted.is_empty() && self.outgoing.is_empty())
    }

    /// Does what can be done without the peer: decodes, drives the session, submits to the log.
    async fn advance(&mut self) {
        loop {
            self.decode();
            if let Some(connect) = self.asked.connect.take() {
                self.admit(connect).await;
                continue;
            }
            if self.asked.publishes.is_empty() && self.asked.releases.is_empty() {
                return;
            }
            self.submit().await;
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
        while !self.closing && !self.gone && self.asked.connect.is_none() && self.session.reads() {
            if self.outgoing.len() > self.gateway.config.limits.max_outgoing_bytes {
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
                    if let Err(error) = self.codec.encode(&packet, &mut self.outgoing) {
                        tracing::warn!(peer = %self.peer, %error, "a packet cannot be encoded and is not sent");
                    }
                }
                Output::SendPublish(outgoing) => {
                    match self.codec.encode_shared(
                        &outgoing.publish,
                        &outgoing.delivery(),
                        &mut self.outgoing,
                    ) {
                        Ok(()) => self.gateway.events.delivered(),
                        Err(error) => {
                            tracing::warn!(peer = %self.peer, %error, "a publish cannot be encoded");
                        }
                    }
                }
                Output::Connect(connect) => self.asked.connect = Some(connect),
                Output::Deliver(publish, ticket) => self.asked.publishes.push((publish, ticket)),
                Output::Release(packet_id) => self.asked.releases.push(packet_id),
                Output::Subscribe(request) => self.subscribe(&request),
                Output::Unsubscribe(request) => self.unsubscribe(&request),
                Output::Will(publish, _delay) => self.asked.publishes.push((*publish, None)),
                Output::Close(reason) => self.close(reason),
                Output::Wait(until) => {
                    self.wait_until = until;
                    return;
                }
            }
        }
    }

    fn close(&mut self, reason: ReasonCode) {
        if reason.is_error() {
            tracing::debug!(peer = %self.peer, %reason, "the connection is closed");
            self.gateway.events.closed(reason.text());
        }
        self.closing = true;
    }

    fn subscribe(&mut self, request: &SubscribeRequest) {
        let Some(identity) = &self.identity else {
            return;
        };
        let subscriptions = &self.gateway.subscriptions;
        subscriptions.insert(identity.key, &identity.mailbox, &request.subscriptions);
        let granted = request
            .subscriptions
            .iter()
            .map(|asked| ReasonCode::granted(asked.options.qos));
        let now = self.gateway.clock.now();
        self.session
            .handle(now, Input::Subscribed(request.packet_id, granted.collect()));
    }

    fn unsubscribe(&mut self, request: &UnsubscribeRequest) {
        let Some(identity) = &self.identity else {
            return;
        };
        self.gateway
            .subscriptions
            .remove(identity.key, request.filters.iter());
        let now = self.gateway.clock.now();
        self.session
            .handle(now, Input::Unsubscribed(request.packet_id));
    }

    /// Lets the client in: finds its session, or begins one.
    async fn admit(&mut self, connect: Box<Connect>) {
        let assigned = connect
            .client_id
            .is_empty()
            .then(|| self.gateway.new_client_id());
        let client = assigned.as_ref().unwrap_or(&connect.client_id).detached();
        let attached = self.gateway.sessions.attach(&client).await;
        let mut identity = Identity {
            client,
            key: attached.key,
            mailbox: attached.mailbox,
        };
        let mut previous = attached.previous;
        if connect.clean_start
            && let Some(ended) = previous.take()
        {
            self.gateway.end(identity.key, &ended).await;
            (identity.key, identity.mailbox) = self.gateway.sessions.begin_anew(&identity.client);
        }
        let is_new = previous.is_none();
        self.identity = Some(identity);
        self.tell(Input::Admit(Box::new(Admission {
            connect,
            assigned,
            previous,
        })));
        if is_new && self.session.expiry() > 0 {
            self.remember_session().await;
        }
    }

    /// Makes the session's existence durable; its CONNACK is still unwritten.
    async fn remember_session(&mut self) {
        let Some(identity) = &self.identity else {
            return;
        };
        let now = self.gateway.clock.unix_millis();
        let record = self
            .gateway
            .state
            .begun(&identity.client, self.session.expiry(), now);
        if let Err(error) = self.gateway.log.append_wait(vec![record]).await {
            tracing::warn!(peer = %self.peer, %error, "a session cannot be made durable; the client is refused");
            self.outgoing.clear();
            self.tell(Input::Disconnect(ReasonCode::ServerUnavailable));
        }
    }

    /// Hands all publishes and releases that are pending to the log, in one append.
    async fn submit(&mut self) {
        let now = self.gateway.clock.unix_millis();
        let mut records: Vec<(PartitionHandle, NewRecord)> =
            Vec::with_capacity(self.asked.publishes.len());
        let mut work = Vec::with_capacity(self.asked.publishes.len());
        let client = self.client();
        for (publish, ticket) in std::mem::take(&mut self.asked.publishes) {
            self.gateway.events.published(publish.qos);
            let gateway = &self.gateway;
            let destination = self
                .destinations
                .resolve(&publish.topic, &client, &gateway.routes, &gateway.topics)
                .await;
            let Destination::Log(to) = &*destination else {
                self.settle(publish, ticket, &destination);
                continue;
            };
            if let Some(record) = to.record(&publish, now) {
                if publish.qos == QoS::ExactlyOnce
                    && self.session.expiry() > 0
                    && let Some(packet_id) = publish.packet_id
                {
                    records.push(gateway.state.received(&client, packet_id, now));
                }
                gateway.events.submitted(to.route);
                records.push(record);
                work.push(Work::Published {
                    publish,
                    ticket,
                    route: to.route,
                });
            }
        }
        for packet_id in std::mem::take(&mut self.asked.releases) {
            if self.session.expiry() == 0 {
                // The session ends with the connection: there is nothing durable to forget.
                self.tell(Input::Released(packet_id));
                continue;
            }
            records.push(self.gateway.state.released(&client, packet_id, now));
            work.push(Work::Released(packet_id));
        }
        self.append(records, work).await;
    }

    fn client(&self) -> ClientId {
        self.identity
            .as_ref()
            .map(|identity| identity.client.clone())
            .unwrap_or_default()
    }

    async fn append(&mut self, records: Vec<(PartitionHandle, NewRecord)>, work: Vec<Work>) {
        if records.is_empty() {
            return;
        }
        let permit = self.room_for(&records).await;
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.submitted.push_back(Submitted { ticket, work });
        let waiter = Arc::clone(&self.waiter);
        self.gateway.log.append(Append {
            records,
            permit,
            waiter,
            ticket,
            want_offsets: false,
        });
    }

    async fn room_for(&self, records: &[(PartitionHandle, NewRecord)]) -> Permit {
        let bytes = records.iter().map(|(_, record)| record.size_bound()).sum();
        match self.gateway.log.try_reserve(bytes) {
            Some(permit) => permit,
            None => self.gateway.log.reserve(bytes).await,
        }
    }

    /// Settles a publish that does not go into the log.
    fn settle(&mut self, publish: Publish, ticket: Option<Ticket>, destination: &Destination) {
        let reason = self.gateway.settle(publish, destination, self.publisher());
        let Some(ticket) = ticket else { return };
        // MQTT 3.1.1 cannot say no: refused for good, the publish is answered and counted, or its client would
        // send it again for ever.
        let told = match self.session.version() {
            Version::V311 => ReasonCode::Success,
            Version::V5 => reason,
        };
        self.tell(Input::Accepted(ticket, told));
    }

    fn publisher(&self) -> SessionKey {
        self.identity
            .as_ref()
            .map_or(SessionKey::NONE, |identity| identity.key)
    }

    /// The log has answered some of what was submitted.
    fn on_answers(&mut self) {
        let mut completions: Vec<Completion> = Vec::new();
        self.waiter.drain(&mut completions);
        let now = self.gateway.clock.now();
        for completion in completions {
            while let Some(submitted) = self
                .submitted
                .pop_front_if(|first| first.ticket <= completion.ticket)
            {
                let refused = completion.result.as_ref().err();
                for work in submitted.work {
                    self.finish(work, refused, now);
                }
            }
        }
        self.poll_session();
    }

    fn finish(
        &mut self,
        work: Work,
        refused: Option<&messina_store::log::AppendError>,
        now: Instant,
    ) {
        match (work, refused) {
            (
                Work::Published {
                    publish,
                    ticket,
                    route,
                },
                None,
            ) => {
                self.gateway.events.accepted(route);
                if let Some(ticket) = ticket {
                    self.session
                        .handle(now, Input::Accepted(ticket, ReasonCode::Success));
                }
                let full = self
                    .gateway
                    .subscriptions
                    .deliver(publish, self.publisher(), now);
                self.gateway.events.undelivered(full);
            }
            (Work::Published { ticket, route, .. }, Some(error)) => {
                self.gateway.events.refused(route, error);
                if let Some(ticket) = ticket {
                    self.session
                        .handle(now, Input::Accepted(ticket, ReasonCode::QuotaExceeded));
                }
            }
            (Work::Released(packet_id), None) => {
                self.session.handle(now, Input::Released(packet_id));
            }
            (Work::Released(_), Some(_)) => {
                self.session
                    .handle(now, Input::Disconnect(ReasonCode::ServerUnavailable));
            }
        }
    }

    /// Something is in the mailbox: publishes, or the word that another connection takes over.
    fn on_posted(&mut self) {
        let Some(identity) = &self.identity else {
            return;
        };
        if let Some(signal) = identity.mailbox.take_signal() {
            self.tell(Input::Disconnect(match signal {
                Signal::TakenOver => ReasonCode::SessionTakenOver,
                Signal::Stopping => ReasonCode::ServerShuttingDown,
            }));
            return;
        }
        let mut deliveries: Vec<Forward> = Vec::new();
        identity.mailbox.take(DELIVERIES_AT_ONCE, &mut deliveries);
        let now = self.gateway.clock.now();
        for delivery in deliveries {
            self.session.handle(now, Input::Publish(delivery));
        }
        self.poll_session();
        let dropped = self.session.take_dropped();
        self.gateway
            .events
            .undelivered(dropped.overflow + dropped.too_large + dropped.expired);
    }

    fn on_time(&mut self) {
        let limit = self.gateway.config.limits.write_timeout;
        let now = self.gateway.clock.now();
        if self
            .stalled_since
            .is_some_and(|since| now.duration_since(since) >= limit)
        {
            tracing::info!(peer = %self.peer, "a peer takes no bytes; its connection is closed");
            self.gateway.events.closed("slow");
            self.on_ended();
            return;
        }
        self.tell(Input::Tick);
    }

    fn on_bytes(&mut self, bytes: BytesMut) {
        self.gateway.events.received(bytes.len());
        if self.incoming.is_empty() {
            self.incoming = bytes;
        } else {
            self.incoming.extend_from_slice(&bytes);
        }
    }

    fn on_ended(&mut self) {
        self.gone = true;
        self.outgoing.clear();
        self.tell(Input::Closed);
    }

    /// Waits for whatever comes first.
    async fn wait(&mut self) -> Woken {
        let reads = !self.closing && self.session.reads() && self.incoming_is_partial();
        let has_submitted = !self.submitted.is_empty();
        let mailbox = self
            .identity
            .as_ref()
            .map(|identity| Arc::clone(&identity.mailbox));
        let takes_posts =
            !self.closing && self.outgoing.len() <= self.gateway.config.limits.max_outgoing_bytes;
        let is_unknown = self.identity.is_none() && !self.closing;
        let deadline = self.deadline();
        let waiter = Arc::clone(&self.waiter);
        let gateway = Arc::clone(&self.gateway);
        let mut io = pin!(poll_fn(|cx| self.poll_io(cx, reads)));
        tokio::select! {
            biased;
            woken = &mut io => woken,
            () = waiter.notified(), if has_submitted => Woken::Answered,
            () = posted(mailbox.as_deref()), if takes_posts => Woken::Posted,
            () = at(deadline) => Woken::TimeCame,
            // With an identity the mailbox brings the word: a token waited for here costs a lock each time round.
            () = gateway.shutdown.intake_stopped(), if is_unknown => Woken::Stopping,
        }
    }

    /// Whether more bytes are needed: what has come holds no whole packet, or the session takes none now.
    fn incoming_is_partial(&self) -> bool {
        self.incoming.len() < self.gateway.limits.maximum_packet_size as usize + read_buffer::BLOCK
    }

    fn deadline(&self) -> Option<Instant> {
        let stalled = self
            .stalled_since
            .map(|since| since + self.gateway.config.limits.write_timeout);
        match (self.wait_until, stalled) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    fn poll_io(&mut self, cx: &mut Context<'_>, reads: bool) -> Poll<Woken> {
        if !self.outgoing.is_empty() {
            match self.poll_write(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(Woken::Wrote),
                Poll::Ready(Err(_)) => return Poll::Ready(Woken::Ended),
                Poll::Pending => {}
            }
        }
        if !reads {
            return Poll::Pending;
        }
        match read_buffer::poll_read(Pin::new(&mut self.stream), cx) {
            Poll::Ready(Ok(bytes)) if !bytes.is_empty() => Poll::Ready(Woken::Read(bytes)),
            Poll::Ready(_) => Poll::Ready(Woken::Ended),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.outgoing) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => {
                    self.outgoing.advance(written);
                    self.stalled_since = None;
                    self.gateway.events.sent(written);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    if self.stalled_since.is_none() {
                        self.stalled_since = Some(self.gateway.clock.now());
                    }
                    return Poll::Pending;
                }
            }
        }
        if self.outgoing.capacity() > KEPT_OUTPUT {
            self.outgoing = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }

    /// The connection is over: its will and what it had submitted are seen through, its session goes to sleep or ends.
    async fn leave(mut self) {
        if !self.gone {
            // Nothing can be done about a peer that does not take the end of the stream.
            drop(tokio::io::AsyncWriteExt::shutdown(&mut self.stream).await);
        }
        self.tell(Input::Closed);
        loop {
            if !self.asked.publishes.is_empty() || !self.asked.releases.is_empty() {
                self.submit().await;
            }
            if self.submitted.is_empty() {
                break;
            }
            self.waiter.notified().await;
            self.on_answers();
        }
        let Some(identity) = self.identity.take() else {
            return;
        };
        self.gateway
            .leave(identity.client, identity.key, self.session)
            .await;
    }
}

async fn posted(mailbox: Option<&Mailbox>) {
    match mailbox {
        Some(mailbox) => mailbox.posted().await,
        None => pending().await,
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => pending().await,
    }
}
