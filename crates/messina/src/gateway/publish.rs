//! What every publish goes through, whoever it comes from: all that becomes durable with it, and its way to
//! subscribers afterwards. Publishes of clients come in batches ([`connection`](super::connection)); what the
//! gateway itself has to say, a will whose delay is over, comes alone.

use std::time::Instant;

use messina_mqtt::packet::{ClientId, Publish};
use messina_mqtt::topic::Topic;
use messina_store::log::{AppendError, NewRecord};

use super::produce::{Destination, Destinations, LogDestination};
use super::recipients::{Lost, Recipients, Stored};
use super::recurring::Line;
use super::retained;
use super::server::Gateway;
use super::sessions::SessionKey;
use super::state::delivery::Body;
use super::wills::PendingWill;
use crate::access::{Client, Identity};
use crate::config::Unmatched;
use crate::record_log::LogPartition;

/// How a publish has come, and where it goes beside its subscribers.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// By the route of this index.
    Routed(usize),
    /// No route takes it: it is for subscribers only.
    Unrouted,
    /// Another gateway has it in its books.
    Relayed,
}

/// A publish on its way through the log.
#[derive(Debug)]
pub struct Published {
    publish: Publish,
    way: Way,
    recipients: Recipients,
    /// What it changes of what is retained.
    retained: Option<Box<retained::Change>>,
}

impl Gateway {
    /// Adds to `records` what becomes durable with a publish of `publisher`'s: its record, that it is on its way to
    /// sessions that outlive the process, and that it is retained. `now` is in ms since 1970. None, and nothing added,
    /// if it `may_fail` and a session that wants it has no room.
    pub fn prepare(
        &self,
        records: &mut Vec<(LogPartition, NewRecord)>,
        to: Option<&LogDestination>,
        publish: Publish,
        (publisher, may_fail): (SessionKey, bool),
        now: i64,
    ) -> Option<Published> {
        let before = records.len();
        let (recipients, full) = self.prepare_deliveries(records, &publish, publisher, now);
        if may_fail && !full.is_empty() {
            recipients.cancel(&publish);
            records.truncate(before);
            return None;
        }
        self.missed(full);
        let relay = self.relay.as_ref();
        records.extend(relay.and_then(|relay| relay.letter(&publish, now)));
        if let Some(record) = to.and_then(|to| to.record(&publish, now)) {
            records.push(record);
        }
        let mut retained = None;
        if publish.retain && !self.config.publish_only {
            // [MQTT-3.3.1-8]
            match self.retained.change(&publish, now) {
                Some((change, record)) => {
                    records.push(record);
                    retained = Some(Box::new(change));
                }
                None => self.events.unretained(),
            }
        }
        let way = to.map_or(Way::Unrouted, |to| Way::Routed(to.route));
        if let Way::Routed(route) = way {
            self.events.submitted(route);
        }
        Some(Published {
            publish,
            way,
            recipients,
            retained,
        })
    }

    /// The same for a publish that another gateway has passed on, which has all but its subscribers here behind it.
    pub(super) fn prepare_letter(
        &self,
        records: &mut Vec<(LogPartition, NewRecord)>,
        publish: Publish,
        now: i64,
    ) -> Published {
        let (recipients, full) = self.prepare_deliveries(records, &publish, SessionKey::NONE, now);
        self.missed(full);
        Published {
            publish,
            way: Way::Relayed,
            recipients,
            retained: None,
        }
    }

    /// Chooses who gets a publish, and adds what becomes durable for sessions that outlive the process; gives those
    /// that have no room.
    fn prepare_deliveries(
        &self,
        records: &mut Vec<(LogPartition, NewRecord)>,
        publish: &Publish,
        publisher: SessionKey,
        now: i64,
    ) -> (Recipients, Vec<Lost>) {
        let mut recipients = self.subscriptions.select(&publish.topic, publisher);
        let mut body = None;
        let full = recipients.reserve(publish, |client, stored| match stored {
            Stored::Sending(delivery) => {
                body = body.take().or_else(|| Body::new(publish, now));
                if let Some(body) = &body {
                    records.push(self.state.sending(client, body, delivery, now));
                }
            }
            Stored::Displaced(key) => {
                records.push(self.state.delivered(client, key, now));
            }
        });
        (recipients, full)
    }

    /// A publish is as durable as it is to be: it goes to whoever wants it.
    pub fn complete(&self, published: Published, now: Instant) {
        match published.way {
            Way::Routed(route) => self.events.accepted(route),
            Way::Unrouted => self.events.unrouted(Unmatched::M2m),
            Way::Relayed => {}
        }
        if let Some(change) = published.retained {
            self.retained.apply(*change);
        }
        let missed = published
            .recipients
            .deliver(published.publish, &self.subscriptions, now); // [MQTT-4.6.0-5] [MQTT-4.6.0-6]
        self.missed(missed);
    }

    /// Counts what clients did not get.
    pub(super) fn missed(&self, lost: Vec<Lost>) {
        for (client, why, publishes) in lost {
            self.events.lost(&client, why, publishes);
        }
    }

    /// The log has refused a publish: it goes to nobody.
    pub fn abandon(&self, published: Published, error: &AppendError) {
        if let Way::Routed(route) = published.way {
            self.events.refused(route, error);
        }
        published.recipients.cancel(&published.publish);
    }

    /// Whether the author of a will of `client` may publish to its topic; one that nobody knows was asked at CONNECT.
    fn may_publish(&self, client: &ClientId, author: Option<&Identity>, topic: &Topic) -> bool {
        author.is_none_or(|identity| {
            let client = Client {
                identity,
                client_id: client.as_str(),
            };
            self.access.acl().may_write(client, topic)
        })
    }

    /// Publishes the will of `client`, whose connection is gone; its durable form is forgotten in the same append. By
    /// the rules of now: a will that its author may not publish any more is forgotten and counted.
    pub(super) async fn publish_will(&self, client: &ClientId, key: SessionKey, will: PendingWill) {
        let PendingWill {
            publish, author, ..
        } = will;
        if !self.may_publish(client, author.as_ref(), &publish.topic) {
            self.events.denied("will");
            let done = vec![self.state.will_done(client, self.clock.unix_millis())];
            if let Err(error) = self.log.append_wait(done).await
                && let Some(left_out) = self.turn(Line::WillLost)
            {
                tracing::warn!(client_id = %client, %error, left_out, "a will that is not to be published stays in the log; it is looked at again after a restart");
            }
            return;
        }
        let destination = Destinations::default()
            .resolve(&publish.topic, client, &self.routes, &self.topics)
            .await;
        self.events.published(publish.qos);
        let now = self.clock.unix_millis();
        let mut records = vec![self.state.will_done(client, now)];
        let published = match &*destination {
            Destination::Log(to) => {
                self.prepare(&mut records, Some(to), publish, (key, false), now)
            }
            Destination::Local => self.prepare(&mut records, None, publish, (key, false), now),
            refused => {
                self.settle(refused);
                None
            }
        };
        let result = self.log.append_wait(records).await;
        match (published, result) {
            (Some(published), Ok(())) => self.complete(published, self.clock.now()),
            (Some(published), Err(error)) => {
                if let Some(left_out) = self.turn(Line::WillLost) {
                    tracing::warn!(client_id = %client, %error, left_out, "a will cannot be published now; it is after a restart");
                }
                self.abandon(published, &error);
            }
            (None, _) => {}
        }
    }
}
