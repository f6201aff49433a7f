//! From a client's publishes to the log, and from the log's answers to acknowledgements and subscribers.

use std::sync::Arc;
use std::time::Instant;

use messina_mqtt::packet::{ClientId, PacketId, Publish, QoS, Version};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::session::{Input, Ticket};
use messina_store::log::{Append, AppendError, Completion, NewRecord, PartitionHandle, Permit};
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::produce::{Destination, LogDestination};
use super::super::sessions::SessionKey;
use super::{Connection, Step};

/// What a connection has given to the log and not been answered for.
#[derive(Debug)]
pub(super) struct Submitted {
    ticket: u64,
    since: Instant,
    work: Vec<Work>,
}

/// What must happen once the log has answered.
#[derive(Debug)]
pub(super) enum Work {
    /// A publish is durable: acknowledge it, and give it to subscribers.
    Published {
        publish: Publish,
        ticket: Option<Ticket>,
        route: usize,
    },
    /// A QoS 2 identifier is forgotten.
    Released(PacketId),
}

/// What goes to the log in one append, and what must happen afterwards.
#[derive(Debug)]
pub(super) struct Batch {
    records: Vec<(PartitionHandle, NewRecord)>,
    work: Vec<Work>,
}

impl Batch {
    fn with_capacity(publishes: usize) -> Self {
        Self {
            records: Vec::with_capacity(publishes),
            work: Vec::with_capacity(publishes),
        }
    }

    fn size_bound(&self) -> usize {
        let bounds = self.records.iter().map(|(_, record)| record.size_bound());
        bounds.sum()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Hands all publishes and releases that are pending to the log, in one append. Says to wait if that takes
    /// a Kafka topic that is not there yet, or room the log does not have now.
    pub(super) fn submit(&mut self) -> Step {
        if self.held_up.is_some() {
            return Step::Wait;
        }
        if self.asked.publishes.is_empty() && self.asked.releases.is_empty() {
            return Step::Done;
        }
        let now = self.gateway.clock.unix_millis();
        let client = self.client();
        let mut batch = Batch::with_capacity(self.asked.publishes.len());
        let mut publishes = std::mem::take(&mut self.asked.publishes).into_iter();
        while let Some((publish, ticket)) = publishes.next() {
            let gateway = &self.gateway;
            let destination =
                self.destinations
                    .find(&publish.topic, &client, &gateway.routes, &gateway.topics);
            let Some(destination) = destination else {
                // Releases wait with it: they come after the publishes before them.
                self.asked.publishes = std::iter::once((publish, ticket))
                    .chain(publishes)
                    .collect();
                self.append(batch);
                return Step::Wait;
            };
            self.gateway.events.published(publish.qos);
            match &*destination {
                Destination::Log(to) => self.add(&mut batch, to, publish, ticket, &client, now),
                _ => self.settle(publish, ticket, &destination),
            }
        }
        for packet_id in std::mem::take(&mut self.asked.releases) {
            if self.session.expiry() == 0 {
                // The session ends with the connection: there is nothing durable to forget.
                self.tell(Input::Released(packet_id));
                continue;
            }
            let released = self.gateway.state.released(&client, packet_id, now);
            batch.records.push(released);
            batch.work.push(Work::Released(packet_id));
        }
        self.append(batch)
    }

    /// Adds a publish to the batch; of QoS 2, its packet identifier becomes durable in the same append.
    fn add(
        &self,
        batch: &mut Batch,
        to: &LogDestination,
        publish: Publish,
        ticket: Option<Ticket>,
        client: &ClientId,
        now: i64,
    ) {
        let Some(record) = to.record(&publish, now) else {
            return;
        };
        if publish.qos == QoS::ExactlyOnce
            && self.session.expiry() > 0
            && let Some(packet_id) = publish.packet_id
        {
            let received = self.gateway.state.received(client, packet_id, now);
            batch.records.push(received);
        }
        self.gateway.events.submitted(to.route);
        batch.records.push(record);
        batch.work.push(Work::Published {
            publish,
            ticket,
            route: to.route,
        });
    }

    fn client(&self) -> ClientId {
        self.identity
            .as_ref()
            .map(|identity| identity.client.clone())
            .unwrap_or_default()
    }

    fn append(&mut self, batch: Batch) -> Step {
        if batch.records.is_empty() {
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
        });
        self.gateway.log.append(Append {
            records: batch.records,
            permit,
            waiter: Arc::clone(&self.waiter),
            ticket,
            want_offsets: false,
        });
    }

    /// Waits for what [`submit`](Self::submit) could not do without: room in the log's queue, or a Kafka topic.
    pub(super) async fn make_way(&mut self) {
        if let Some(batch) = self.held_up.take() {
            let permit = self.gateway.log.reserve(batch.size_bound()).await;
            self.append_with(permit, *batch);
        } else if let Some((publish, _)) = self.asked.publishes.first() {
            let topic = publish.topic.clone();
            let client = self.client();
            let gateway = &self.gateway;
            self.destinations
                .resolve(&topic, &client, &gateway.routes, &gateway.topics)
                .await;
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
            }
        }
        self.poll_session();
    }

    fn finish(&mut self, work: Work, refused: Option<&AppendError>, now: Instant) {
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
}
