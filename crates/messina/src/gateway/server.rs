//! The gateway as a whole: what all connections share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use messina_mqtt::packet::ClientId;
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::session::{Limits, Overflow, Session};
use messina_mqtt::topic::TopicLimits;
use messina_store::log::AppendError;

use super::events::Events;
use super::mailbox::Mailbox;
use super::passing_on::Leaver;
use super::produce::{Destination, Topics};
use super::recurring::Line;
use super::relay::Relay;
use super::retained::Retained;
use super::room::{Loss, QueueLimits, TotalBytes};
use super::route::Routes;
use super::sessions::{Asleep, Ended, SessionKey, Sessions};
use super::state::{SessionState, StateError};
use super::subscriptions::Subscriptions;
use super::waking::woken;
use super::wills::{self, PendingWill};
use crate::access::Access;
use crate::config::{GatewayConfig, Unmatched};
use crate::record_log::LogWriter;
use crate::runtime::clock::Clock;
use crate::runtime::shutdown::Shutdown;
use crate::telemetry::metrics::Metrics;

/// What all connections share.
#[derive(Debug)]
pub struct Gateway {
    /// The configuration.
    pub config: GatewayConfig,
    /// The limits of every session.
    pub limits: Arc<Limits>,
    /// Where records go.
    pub log: LogWriter,
    /// Its topics, made on first use.
    pub topics: Topics,
    /// Which publish goes to which topic.
    pub routes: Arc<Routes>,
    /// Who wants which publish.
    pub subscriptions: Subscriptions,
    /// The way to other gateways of the same Kafka.
    pub relay: Option<Arc<Relay>>,
    /// The last publish of each topic that asked for it.
    pub retained: Retained,
    /// Whose session is where.
    pub sessions: Sessions,
    /// What of a session survives the process.
    pub state: SessionState,
    /// Counters and log lines.
    pub events: Events,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who may connect, and what clients may do.
    pub access: Access,
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
    pub log: LogWriter,
    /// Its topics.
    pub topics: Topics,
    /// Which publish goes to which topic.
    pub routes: Arc<Routes>,
    /// Where it counts.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who may connect, and what clients may do.
    pub access: Access,
    /// When to stop.
    pub shutdown: Shutdown,
}

impl Gateway {
    /// A gateway that knows the sessions an earlier run has left in the log.
    pub async fn restore(parts: Parts) -> Result<Arc<Self>, StateError> {
        let session = &parts.config.session;
        let limits = Arc::new(limits_of(&parts.config));
        let now = (parts.clock.now(), parts.clock.unix_millis());
        // From Kafka each takes a second, nearly all of it spent waiting.
        let ((state, left), retained, relay) = tokio::try_join!(
            SessionState::restored(&parts.log, now),
            Retained::open(&parts.log, parts.config.retained, now.1),
            relay(&parts, now.1),
        )?;
        let total = Arc::new(TotalBytes::new(session.max_queued_bytes_total));
        let sessions = Sessions::new(session.max_sessions, total);
        let queue = QueueLimits {
            count: session.max_queued_messages,
            bytes: session.max_queued_bytes,
            age: session.max_queued_age,
            full: session.queue_full,
        };
        let subscriptions = Subscriptions::new(queue, relay.clone());
        for left in left {
            let (asleep, slots, waiting) = woken(left, &limits, &queue, now);
            let own = asleep.session.subscriptions().to_vec();
            let (key, mailbox) = sessions.restore(asleep, slots, waiting);
            subscriptions.insert(key, &mailbox, own.iter());
        }
        Ok(Arc::new(Self {
            subscriptions,
            relay,
            retained,
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
            access: parts.access,
            shutdown: parts.shutdown,
        }))
    }

    /// A client identifier for a client that brings none [MQTT-3.1.3-6]: unique over restarts.
    pub fn new_client_id(&self) -> ClientId {
        let number = self.ids.fetch_add(1, Ordering::Relaxed);
        let text = format!("messina-{:x}-{number:x}", self.start);
        ClientId::new(&text).unwrap_or_default()
    }

    /// Reads the files again that say who may connect and do what. Wrong ones change nothing.
    pub async fn reload(self: &Arc<Self>) {
        let gateway = Arc::clone(self);
        match tokio::task::spawn_blocking(move || gateway.access.reload()).await {
            Ok(Ok(())) => tracing::info!("the files of `mqtt.access` are read again"),
            Ok(Err(error)) => {
                tracing::error!(%error, "a file of `mqtt.access` is wrong; what was read before stays");
            }
            Err(error) => {
                tracing::error!(%error, "reading the files of `mqtt.access` again has failed");
            }
        }
    }

    /// See [`Recurring::turn`](super::recurring::Recurring::turn).
    pub(super) fn turn(&self, line: Line) -> Option<u64> {
        self.events.turn(line, self.clock.now())
    }

    /// Settles a publish that goes nowhere, and says what its publisher is told.
    pub fn settle(&self, destination: &Destination) -> ReasonCode {
        match destination {
            Destination::Log(_) | Destination::Local => ReasonCode::Success,
            Destination::Drop => {
                self.events.unrouted(Unmatched::Drop);
                ReasonCode::Success
            }
            Destination::Reject => {
                self.events.unrouted(Unmatched::Reject);
                ReasonCode::NotAuthorized
            }
            Destination::Disconnect => {
                self.events.unrouted(Unmatched::Disconnect);
                ReasonCode::TopicNameInvalid
            }
            Destination::TooLarge { route, reason } => {
                if let Some(route) = self.routes.get(*route) {
                    self.events.illegal(route, reason);
                }
                ReasonCode::ImplementationSpecificError
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
    async fn forget_durably(
        &self,
        session: &Session,
        mailbox: &Mailbox,
    ) -> Result<(), AppendError> {
        let now = self.clock.unix_millis();
        let state = &self.state;
        let client = session.client_id();
        let mut records: Vec<_> = session
            .received()
            .map(|packet_id| state.released(client, packet_id, now))
            .collect();
        for key in mailbox.keys() {
            records.push(state.delivered(client, key, now));
        }
        for own in session.subscriptions() {
            records.push(state.unsubscribed(client, &own.filter, now));
        }
        records.push(state.will_done(client, now));
        records.push(state.ended(client, now));
        self.log.append_wait(records).await
    }

    /// A connection is gone: its session goes to sleep, or ends.
    pub async fn leave(
        &self,
        client: ClientId,
        key: SessionKey,
        mailbox: Arc<Mailbox>,
        session: Box<Session>,
        will: Option<Box<PendingWill>>,
    ) {
        if session.expiry() > 0 {
            let next = mailbox.next_place();
            self.remember_absence((&client, next), &session, will.as_deref())
                .await;
        }
        let result = self
            .sessions
            .sleep(&client, session, will, self.clock.now());
        let Err(Asleep { session, will, .. }) = result else {
            return;
        };
        if session.expiry() > 0
            && let Some(left_out) = self.turn(Line::TooManySessions)
        {
            tracing::warn!(client_id = %client, left_out, "too many sessions sleep (`gateway.session.max_sessions`); this one is ended");
        }
        let ended = Ended {
            key,
            mailbox,
            session,
            will,
        };
        self.end(ended).await;
        self.sessions.end(&client);
    }

    /// Makes durable since when a session's client is away, from which place on nothing was sent to it, and what is
    /// left to be said of it.
    async fn remember_absence(
        &self,
        (client, next): (&ClientId, u64),
        session: &Session,
        will: Option<&PendingWill>,
    ) {
        let now = self.clock.unix_millis();
        let mut records = vec![self.state.asleep(client, session.expiry(), next, now)];
        let pending = will.and_then(|will| {
            let left = will.due.saturating_duration_since(self.clock.now());
            let left = i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
            wills::pending(will, now.saturating_add(left))
        });
        records.push(match pending {
            Some(value) => self.state.will(client, value, now),
            None => self.state.will_done(client, now),
        });
        if let Err(error) = self.log.append_wait(records).await
            && let Some(left_out) = self.turn(Line::AbsenceLost)
        {
            tracing::warn!(client_id = %client, %error, left_out, "that a client has left is not durable; after a restart its session's time begins anew");
        }
    }

    /// Ends a session: its will is published [MQTT-3.1.2-8], no subscription of it is left, and nothing is to be
    /// [MQTT3-3.1.2-7] found after a restart.
    /// What it has by shared subscriptions goes to their other members.
    pub async fn end(&self, mut ended: Ended) {
        let session = &mut ended.session;
        if let Some(will) = ended.will {
            self.publish_will(session.client_id(), ended.key, *will)
                .await;
        }
        let filters = session.subscriptions().iter().map(|own| &own.filter);
        self.subscriptions.remove(ended.key, filters);
        ended.mailbox.close().await;
        let leaver = Leaver {
            key: ended.key,
            mailbox: &ended.mailbox,
            for_good: true,
        };
        self.pass_on(leaver, session).await;
        let undelivered = session.undelivered() + ended.mailbox.waiting();
        self.events
            .lost(session.client_id(), Loss::Ended, undelivered as u64);
        if !ended.mailbox.is_kept() {
            return;
        }
        if let Err(error) = self.forget_durably(session, &ended.mailbox).await
            && let Some(left_out) = self.turn(Line::EndLost)
        {
            tracing::warn!(client_id = %session.client_id(), %error, left_out, "an ended session stays in the log; it ends again after a restart");
        }
    }
}

/// The way to other gateways, if there may be others.
async fn relay(parts: &Parts, now: i64) -> Result<Option<Arc<Relay>>, StateError> {
    match &parts.log {
        LogWriter::Kafka(log) if log.remembers() => {
            let relay = Relay::open(log).await?;
            relay.begin(&parts.log, now).await?;
            Ok(Some(Arc::new(relay)))
        }
        LogWriter::Kafka(_) | LogWriter::Embedded(_) => Ok(None),
    }
}

fn limits_of(config: &GatewayConfig) -> Limits {
    let session = &config.session;
    let longest = if config.publish_only {
        Duration::ZERO
    } else {
        session.max_session_expiry
    };
    Limits {
        connect_timeout: config.limits.connect_timeout,
        keep_alive: session
            .max_keep_alive
            .map(|longest| u16::try_from(longest.as_secs()).unwrap_or(u16::MAX)),
        session_expiry: u32::try_from(longest.as_secs()).unwrap_or(u32::MAX),
        retain_available: !config.publish_only,
        receive_maximum: session.receive_maximum,
        maximum_packet_size: config.limits.max_packet_size,
        topic_alias_maximum: session.topic_alias_maximum,
        topics: TopicLimits {
            max_length: session.max_topic_length,
            max_levels: session.max_topic_levels,
        },
        subscriptions: session.max_subscriptions,
        inflight: session.max_inflight,
        queued: session.max_queued_messages,
        queued_bytes: session.max_queued_bytes,
        overflow: Overflow::DropNewest,
        ..Limits::default()
    }
}
