//! From a client's publishes to the log, and from the log's answers to acknowledgements and subscribers.

use std::sync::Arc;
use std::time::Instant;

use messina_mqtt::packet::{ClientId, PacketId, Publish, QoS, Version};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::session::{Input, Ticket};
use messina_store::log::{AppendError, Completion, NewRecord, Permit};
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::produce::{Destination, LogDestination};
use super::super::publish::Published;
use super::super::sessions::SessionKey;
use super::{Ask, Change, Connection, Step};
use crate::config::QueueFull;
use crate::record_log::{Append, LogPartition};

/// What a connection has given to the log and not been answered for.
#[derive(Debug)]
pub(super) struct Submitted {
    ticket: u64,
    since: Instant,
    work: Vec<Work>,
    /// Identifiers that are free once it is durable that their publishes are done with: another process would tell the
    /// client of the earlier by an identifier that it has for a later one.
    delivered: Vec<PacketId>,
}

/// What must happen once the log has answered.
#[derive(Debug)]
pub(super) enum Work {
    /// A publish is durable: acknowledge it, and give it to subscribers.
    Published(Published, Option<Ticket>),
    /// A change of the session is.
    Changed(Change),
}

/// What goes to the log in one append, and what must happen afterwards.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) records: Vec<(LogPartition, NewRecord)>,
    pub(super) work: Vec<Work>,
    /// Identifiers of publishes that are done with.
    pub(super) delivered: Vec<PacketId>,
}

impl Batch {
    fn with_capacity(publishes: usize) -> Self {
        Self {
            records: Vec::with_capacity(publishes),
            work: Vec::with_capacity(publishes),
            delivered: Vec::new(),
        }
    }

    fn size_bound(&self) -> usize {
        let bounds = self.records.iter().map(|(_, record)| record.size_bound());
        bounds.sum()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Hands all publishes and changes that are pending to the log, in one append. Says to wait if that takes
    /// a Kafka topic that is not there yet, or room the log does not have now.
    pub(super) fn submit(&mut self) -> Step {
        if self.held_up.is_some() {
            return Step::Wait;
        }
        if self.asked.work.is_empty() {
            return Step::Done;
        }
        let now = self.gateway.clock.unix_millis();
        let client = self.client();
        let mut asked = std::mem::take(&mut self.asked.work);
        let mut batch = Batch::with_capacity(asked.len());
        while let Some(ask) = asked.pop_front() {
            let (publish, ticket) = match ask {
                Ask::Publish(publish, ticket) => (publish, ticket),
                Ask::Change(change) => {
                    self.add_change(&mut batch, change, now);
                    continue;
                }
            };
            if !self.is_allowed(&publish) {
                self.deny(ticket);
                continue;
            }
            let gateway = &self.gateway;
            let destination =
                self.destinations
                    .find(&publish.topic, &client, &gateway.routes, &gateway.topics);
            let Some(destination) = destination else {
                // What was asked for later waits with it.
                asked.push_front(Ask::Publish(publish, ticket));
                asked.append(&mut self.asked.work);
                self.asked.work = asked;
                self.append(batch, now);
                return Step::Wait;
            };
            gateway.events.published(publish.qos);
            match &*destination {
                Destination::Log(to) => match to.refuses(&publish, gateway.log.max_record()) {
                    Some(refused) => self.settle(ticket, &refused),
                    None => self.add(&mut batch, Some(to), publish, ticket, now),
                },
                Destination::Local => self.add(&mut batch, None, publish, ticket, now),
                _ => self.settle(ticket, &destination),
            }
        }
        self.append(batch, now)
    }

    /// Adds a publish to the batch, with all that becomes durable in the same append: its record, of QoS 2 its
    /// packet identifier, and that it is on its way to sessions that outlive the process.
    fn add(
        &mut self,
        batch: &mut Batch,
        to: Option<&LogDestination>,
        publish: Publish,
        ticket: Option<Ticket>,
        now: i64,
    ) {
        let gateway = &*self.gateway;
        let before = batch.records.len();
        if publish.qos == QoS::ExactlyOnce
            && self.session.expiry() > 0
            && let (Some(packet_id), Some(identity)) = (publish.packet_id, &self.identity)
        {
            let received = gateway.state.received(&identity.client, packet_id, now);
            batch.records.push(received);
        }
        // Only what can be answered is refused.
        let may_fail = gateway.config.session.queue_full == QueueFull::Reject
            && ticket.is_some()
            && self.session.version() == Version::V5;
        let from = (self.publisher(), may_fail);
        let Some(published) = gateway.prepare(&mut batch.records, to, publish, from, now) else {
            batch.records.truncate(before);
            gateway.events.full();
            if let Some(ticket) = ticket {
                self.tell(Input::Accepted(ticket, ReasonCode::QuotaExceeded));
            }
            return;
        };
        if batch.records.len() > before {
            batch.work.push(Work::Published(published, ticket));
        } else {
            // Nothing of it is to be durable: it goes to the connected at once.
            self.published(published, ticket, self.gateway.clock.now());
            self.poll_session();
        }
    }

    fn client(&self) -> ClientId {
        self.identity
            .as_ref()
            .map(|identity| identity.client.clone())
            .unwrap_or_default()
    }

    fn append(&mut self, mut batch: Batch, now: i64) -> Step {
        self.add_delivered(&mut batch, now);
        if batch.records.is_empty() {
            // A SUBSCRIBE of which nothing was granted, say: there is nothing to wait for.
            let now = self.gateway.clock.now();
            for work in batch.work {
                self.finish(work, None, now);
            }
            self.free(&batch.delivered);
            self.poll_session();
            return Step::Done;
        }
        let Some(permit) = self.gateway.log.try_reserve(batch.size_bound()) else {
            self.held_up = Some(Box::new(batch));
            return Step::Wait;
        };
        self.append_with(permit, batch);
        Step::Done
    }

    fn append_with(&mut self, permit: Permit, batch: Batch) {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.submitted.push_back(Submitted {
            ticket,
            since: self.gateway.clock.now(),
            work: batch.work,
            delivered: batch.delivered,
        });
        self.gateway.log.append(Append {
            records: batch.records,
            permit,
            waiter: Arc::clone(&self.waiter),
            ticket,
        });
    }

    /// Waits for what [`submit`](Self::submit) could not do without: room in the log's queue, or a Kafka topic.
    pub(super) async fn make_way(&mut self) {
        if let Some(batch) = self.held_up.take() {
            let permit = self.gateway.log.reserve(batch.size_bound()).await;
            self.append_with(permit, *batch);
        } else if let Some(Ask::Publish(publish, _)) = self.asked.work.front() {
            let topic = publish.topic.clone();
            let client = self.client();
            let gateway = &self.gateway;
            self.destinations
                .resolve(&topic, &client, &gateway.routes, &gateway.topics)
                .await;
        }
    }

    /// Settles a publish that goes nowhere.
    fn settle(&mut self, ticket: Option<Ticket>, destination: &Destination) {
        let reason = self.gateway.settle(destination);
        if matches!(destination, Destination::Disconnect) {
            self.tell(Input::Disconnect(reason));
            return;
        }
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
    pub(super) fn on_answers(&mut self) {
        let mut completions: Vec<Completion> = Vec::new();
        self.waiter.drain(&mut completions);
        let now = self.gateway.clock.now();
        for completion in completions {
            while let Some(submitted) = self
                .submitted
                .pop_front_if(|first| first.ticket <= completion.ticket)
            {
                self.gateway
                    .events
                    .answered(now.saturating_duration_since(submitted.since));
                let refused = completion.result.as_ref().err();
                for work in submitted.work {
                    self.finish(work, refused, now);
                }
                match refused {
                    None => self.free(&submitted.delivered),
                    Some(_) => self.keep_taken(submitted.delivered, now),
                }
            }
        }
        self.poll_session();
    }

    fn finish(&mut self, work: Work, refused: Option<&AppendError>, now: Instant) {
        match (work, refused) {
            (Work::Published(published, ticket), None) => self.published(published, ticket, now),
            (Work::Published(published, ticket), Some(error)) => {
                self.gateway.abandon(published, error);
                if let Some(ticket) = ticket {
                    self.session
                        .handle(now, Input::Accepted(ticket, ReasonCode::QuotaExceeded));
                }
            }
            (Work::Changed(change), None) => self.changed(change),
            (Work::Changed(change), Some(_)) => {
                self.undo(&change);
                let unavailable = Input::Disconnect(ReasonCode::ServerBusy);
                self.session.handle(now, unavailable);
            }
        }
    }

    /// A publish is as durable as it is to be: it is acknowledged, and goes to whoever wants it.
    fn published(&mut self, published: Published, ticket: Option<Ticket>, now: Instant) {
        if let Some(ticket) = ticket {
            self.session
                .handle(now, Input::Accepted(ticket, ReasonCode::Success));
        }
        self.gateway.complete(published, now);
    }
}
