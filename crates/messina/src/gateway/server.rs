//! The gateway as a whole: what all connections share, and the loop that accepts them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use messina_mqtt::packet::{ClientId, Publish};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::session::{Limits, Overflow, Session};
use messina_mqtt::topic::TopicLimits;
use messina_store::log::{AppendError, Log};
use tokio::net::TcpListener;

use super::connection::Connection;
use super::events::Events;
use super::mailbox::MailboxLimits;
use super::produce::{Destination, Topics};
use super::route::Routes;
use super::sessions::{SessionKey, Sessions};
use super::state::{SessionState, StateError};
use super::subscriptions::Subscriptions;
use crate::config::{GatewayConfig, Unmatched};
use crate::listener::tcp;
use crate::runtime::clock::Clock;
use crate::runtime::shutdown::Shutdown;
use crate::runtime::tasks::Tasks;
use crate::telemetry::metrics::Metrics;

/// How long the accept loop waits after the system could give no connection (no file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often sessions whose time is over are looked for.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);

/// What all connections share.
#[derive(Debug)]
pub struct Gateway {
    /// The configuration.
    pub config: GatewayConfig,
    /// The limits of every session.
    pub limits: Arc<Limits>,
    /// Where records go.
    pub log: Log,
    /// Its topics, made on first use.
    pub topics: Topics,
    /// Which publish goes to which topic.
    pub routes: Arc<Routes>,
    /// Who wants which publish.
    pub subscriptions: Subscriptions,
    /// Whose session is where.
    pub sessions: Sessions,
    /// What of a session survives the process.
    pub state: SessionState,
    /// Counters and log lines.
    pub events: Events,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// When to stop.
    pub shutdown: Shutdown,
    ids: AtomicU64,
    start: i64,
}

/// What a gateway is made of.
pub struct Parts {
    /// The configuration.
    pub config: GatewayConfig,
    /// Where records go.
    pub log: Log,
    /// Its topics.
    pub topics: Topics,
    /// Which publish goes to which topic.
    pub routes: Arc<Routes>,
    /// Where it counts.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// When to stop.
    pub shutdown: Shutdown,
}

impl Gateway {
    /// A gateway that knows the sessions an earlier run has left in the log.
    pub async fn restore(parts: Parts) -> Result<Arc<Self>, StateError> {
        let session = &parts.config.session;
        let limits = Arc::new(limits_of(&parts.config));
        let state = SessionState::open(&parts.log).await?;
        let sessions = Sessions::new(session.max_sessions);
        let now = parts.clock.now();
        for restored in state.restore(&parts.log)? {
            sessions.restore(
                Box::new(Session::restore(Arc::clone(&limits), restored, now)),
                now,
            );
        }
        let mailbox = MailboxLimits {
            count: session.max_queued_messages,
            bytes: session.max_queued_bytes,
        };
        Ok(Arc::new(Self {
            subscriptions: Subscriptions::new(mailbox),
            events: Events::new(&parts.metrics, Arc::clone(&parts.routes)),
            start: parts.clock.unix_millis(),
            ids: AtomicU64::new(0),
            config: parts.config,
            limits,
            log: parts.log,
            topics: parts.topics,
            routes: parts.routes,
            sessions,
            state,
            clock: parts.clock,
            shutdown: parts.shutdown,
        }))
    }

    /// A client identifier for a client that brings none [MQTT-3.1.3-6]: unique over restarts.
    pub fn new_client_id(&self) -> ClientId {
        let number = self.ids.fetch_add(1, Ordering::Relaxed);
        let text = format!("messina-{:x}-{number:x}", self.start);
        ClientId::new(&text).unwrap_or_default()
    }

    /// Settles a publish that does not go into the log, and says what its publisher is told.
    pub fn settle(
        &self,
        publish: Publish,
        destination: &Destination,
        publisher: SessionKey,
    ) -> ReasonCode {
        match destination {
            Destination::Log(_) => ReasonCode::Success,
            Destination::Local => {
                self.events.unrouted(Unmatched::M2m);
                self.events.undelivered(self.subscriptions.deliver(
                    publish,
                    publisher,
                    self.clock.now(),
                ));
                ReasonCode::Success
            }
            Destination::Drop => {
                self.events.unrouted(Unmatched::Drop);
                ReasonCode::Success
            }
            Destination::Reject => {
                self.events.unrouted(Unmatched::Reject);
                ReasonCode::NotAuthorized
            }
            Destination::Illegal { route, reason } => {
                if let Some(route) = self.routes.get(*route) {
                    self.events.illegal(route, reason);
                }
                ReasonCode::TopicNameInvalid
            }
        }
    }

    /// A session has ended: nothing of it is to be found after a restart.
    async fn forget_durably(&self, session: &Session) -> Result<(), AppendError> {
        let now = self.clock.unix_millis();
        let client = session.client_id();
        let released = session
            .received()
            .map(|packet_id| self.state.released(client, packet_id, now));
        let mut records: Vec<_> = released.collect();
        records.push(self.state.ended(client, now));
        self.log.append_wait(records).await.map(drop)
    }

    /// A connection is gone: its session goes to sleep, or ends.
    pub async fn leave(&self, client: ClientId, key: SessionKey, session: Box<Session>) {
        let now = self.clock.now();
        let lasts = session.expiry() > 0;
        if !lasts {
            self.end_index(key, &session);
            self.sessions.end(&client);
            return;
        }
        if let Err(ended) = self.sessions.sleep(&client, session, now) {
            tracing::warn!(client_id = %client, "too many sessions sleep (`gateway.session.max_sessions`); this one is ended");
            self.end(key, &ended).await;
        }
    }

    /// Ends a session: no subscription of it is left, and nothing is to be found after a restart.
    pub async fn end(&self, key: SessionKey, session: &Session) {
        self.end_index(key, session);
        if let Err(error) = self.forget_durably(session).await {
            tracing::warn!(client_id = %session.client_id(), %error, "an ended session stays in the log; it ends again after a restart");
        }
    }

    /// Takes an ended session's subscriptions out of the index.
    fn end_index(&self, key: SessionKey, session: &Session) {
        let filters = session.subscriptions().iter().map(|own| &own.filter);
        self.subscriptions.remove(key, filters);
    }

    /// Ends sessions whose time is over, until the program stops.
    pub async fn expire_sessions(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(EXPIRY_INTERVAL) => {}
                () = self.shutdown.intake_stopped() => return,
            }
            for (key, session) in self.sessions.take_expired(self.clock.now()) {
                self.end(key, &session).await;
            }
            let (connected, asleep) = self.sessions.count();
            self.events.sessions(connected + asleep);
        }
    }
}

fn limits_of(config: &GatewayConfig) -> Limits {
    let session = &config.session;
    Limits {
        connect_timeout: config.limits.connect_timeout,
        keep_alive: session
            .max_keep_alive
            .map(|longest| u16::try_from(longest.as_secs()).unwrap_or(u16::MAX)),
        session_expiry: u32::try_from(session.max_session_expiry.as_secs()).unwrap_or(u32::MAX),
        receive_maximum: session.receive_maximum,
        maximum_packet_size: config.limits.max_packet_size,
        topic_alias_maximum: session.topic_alias_maximum,
        topics: TopicLimits {
            max_length: session.max_topic_length,
            max_levels: session.max_topic_levels,
        },
        // Retained publishes and shared subscriptions come with the complete server; until then clients are told.
        retain_available: false,
        shared_subscriptions_available: false,
        subscriptions: session.max_subscriptions,
        inflight: session.max_inflight,
        queued: session.max_queued_messages,
        queued_bytes: session.max_queued_bytes,
        overflow: Overflow::DropNewest,
        ..Limits::default()
    }
}

/// Accepts connections until the program stops.
pub async fn accept(gateway: Arc<Gateway>, listener: TcpListener, tasks: Tasks) {
    loop {
        let accepted = tokio::select! {
            accepted = tcp::accept(&listener) => accepted,
            () = gateway.shutdown.intake_stopped() => return,
        };
        match accepted {
            Ok((stream, peer)) => open(&gateway, stream, peer, &tasks),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn open(gateway: &Arc<Gateway>, stream: tokio::net::TcpStream, peer: SocketAddr, tasks: &Tasks) {
    if gateway.events.connections() >= gateway.config.limits.max_connections as u64 {
        // Closed without a CONNACK: whoever opens too many shall not cost us a session each.
        gateway.events.closed("too many connections");
        return;
    }
    let gateway = Arc::clone(gateway);
    gateway.events.opened();
    tasks.spawn("gateway", async move {
        let events = Arc::clone(&gateway);
        Connection::new(gateway, stream, peer).serve().await;
        events.events.gone();
    });
}
