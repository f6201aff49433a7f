//! Publishes to records: where a publish of this client to this topic goes, worked out once and kept.
//!
//! The way of a publish on the hot path: [`Destinations::resolve`] answers from the last topic seen, the
//! record is made of slices of the read buffer, and one [`Append`](crate::record_log::Append) carries all
//! publishes of a socket read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use messina_connect::record::RecordHeader;
use messina_mqtt::packet::{ClientId, Publish, QoS};
use messina_mqtt::topic::Topic;
use messina_store::log::{NewRecord, TopicConfig};

use crate::config::{RouteHeaders, Unmatched};
use crate::record_log::{LogPartition, LogWriter, WriterError};

use super::partitioner::partition_of;
use super::route::{Route, Routed, Routes};

/// Where the publishes of one client to one topic go.
#[derive(Debug)]
pub enum Destination {
    /// Into the log.
    Log(LogDestination),
    /// To subscribers only.
    Local,
    /// Nowhere: acknowledged, counted and dropped.
    Drop,
    /// Nowhere: refused.
    Reject,
    /// Nowhere: whoever publishes it is disconnected.
    Disconnect,
    /// Nowhere: refused, the log takes no record this large.
    TooLarge {
        /// Index of the route that matched.
        route: usize,
        /// Why, for the log line.
        reason: String,
    },
    /// Nowhere: refused, the MQTT topic makes no legal Kafka topic or the log will not have it.
    Illegal {
        /// Index of the route that matched.
        route: usize,
        /// Why, for the reason string and the log line.
        reason: String,
    },
}

/// Bytes of a record beside what is in it, with room to spare for MQTT's own properties.
const FRAMING: usize = 1024;

/// A place in the log, with all that is the same for every publish that goes there.
#[derive(Debug)]
pub struct LogDestination {
    /// Index of the route.
    pub route: usize,
    partitions: Vec<LogPartition>,
    keyed: Option<(Bytes, usize)>,
    next: AtomicU32,
    headers: Vec<RecordHeader>,
    facts: RouteHeaders,
}

impl LogDestination {
    fn new(
        route: &Route,
        index: usize,
        partitions: Vec<LogPartition>,
        key: Option<String>,
        topic: &Topic,
        client: &ClientId,
    ) -> Self {
        let mut headers = Vec::new();
        if route.headers.topic {
            headers.push(header(
                "mqtt.topic",
                Bytes::copy_from_slice(topic.as_str().as_bytes()),
            ));
        }
        if route.headers.client_id {
            headers.push(header(
                "mqtt.client.id",
                client.as_mqtt_string().as_bytes().clone(),
            ));
        }
        for (name, value) in &route.constant_headers {
            headers.push(RecordHeader {
                name: Bytes::from(name.clone()),
                value: Some(Bytes::from(value.clone())),
            });
        }
        let keyed = key.map(|key| {
            let partition = partition_of(key.as_bytes(), partitions.len());
            (Bytes::from(key), partition)
        });
        Self {
            route: index,
            partitions,
            keyed,
            next: AtomicU32::new(0),
            headers,
            facts: route.headers,
        }
    }

    /// Where a publish goes that makes a record larger than `limit` bytes. It is found out here, because the log would
    /// refuse with it everything that comes in the same append.
    pub fn refuses(&self, publish: &Publish, limit: usize) -> Option<Destination> {
        let named = self.headers.iter();
        let named = named.map(|header| header.value.as_ref().map_or(0, Bytes::len));
        let properties = publish.properties.as_ref();
        let users = properties.into_iter().flat_map(|own| &own.user_properties);
        let users = users.map(|(name, value)| name.as_bytes().len() + value.as_bytes().len());
        let key = self.keyed.as_ref().map_or(0, |(key, _)| key.len());
        let size = publish.payload.len() + key + named.sum::<usize>() + users.sum::<usize>();
        if size + FRAMING <= limit {
            return None;
        }
        let reason = format!(
            "its record has about {size} bytes, the log takes {limit}: raise `message.max.bytes` in [kafka.producer] and \
             `max.message.bytes` of the topic, or lower `gateway.limits.max_packet_size`"
        );
        Some(Destination::TooLarge {
            route: self.route,
            reason,
        })
    }

    /// Whether the Kafka topic was deleted since, or has more partitions now.
    pub fn is_stale(&self) -> bool {
        self.partitions.first().is_none_or(LogPartition::is_stale)
    }

    /// The record of `publish`, and the partition it goes to.
    pub fn record(&self, publish: &Publish, timestamp: i64) -> Option<(LogPartition, NewRecord)> {
        let partition = match &self.keyed {
            Some((_, partition)) => *partition,
            None => {
                self.next.fetch_add(1, Ordering::Relaxed) as usize % self.partitions.len().max(1)
            }
        };
        let record = NewRecord {
            key: self.keyed.as_ref().map(|(key, _)| key.clone()),
            value: Some(publish.payload.clone()),
            headers: self.headers(publish),
            timestamp,
        };
        Some((self.partitions.get(partition)?.clone(), record))
    }

    fn headers(&self, publish: &Publish) -> Vec<RecordHeader> {
        let mut headers = Vec::with_capacity(self.headers.len() + 1);
        headers.extend_from_slice(&self.headers);
        if self.facts.qos {
            headers.push(header(
                "mqtt.qos",
                Bytes::from_static(qos_text(publish.qos)),
            ));
        }
        if self.facts.retain {
            headers.push(header(
                "mqtt.retain",
                Bytes::from_static(if publish.retain { b"true" } else { b"false" }),
            ));
        }
        if let Some(properties) = &publish.properties {
            if self.facts.content_type
                && let Some(content_type) = &properties.content_type
            {
                headers.push(header("mqtt.content.type", content_type.as_bytes().clone()));
            }
            if self.facts.response
                && let Some(response_topic) = &properties.response_topic
            {
                headers.push(header(
                    "mqtt.response.topic",
                    response_topic.as_bytes().clone(),
                ));
            }
            if self.facts.response
                && let Some(correlation) = &properties.correlation_data
            {
                headers.push(header("mqtt.correlation.data", correlation.clone()));
            }
            if self.facts.user_properties {
                for (name, value) in &properties.user_properties {
                    headers.push(RecordHeader {
                        name: name.as_bytes().clone(),
                        value: Some(value.as_bytes().clone()),
                    });
                }
            }
        }
        headers
    }
}

fn header(name: &'static str, value: Bytes) -> RecordHeader {
    RecordHeader {
        name: Bytes::from_static(name.as_bytes()),
        value: Some(value),
    }
}

fn qos_text(qos: QoS) -> &'static [u8] {
    match qos {
        QoS::AtMostOnce => b"0",
        QoS::AtLeastOnce => b"1",
        QoS::ExactlyOnce => b"2",
    }
}

/// Resolves destinations for one connection; remembers the last, as most devices publish to one topic.
#[derive(Debug, Default)]
pub struct Destinations {
    last: Option<(Topic, Arc<Destination>)>,
}

impl Destinations {
    /// Where a publish to `topic` goes; none if that takes a Kafka topic which is not there yet.
    pub fn find(
        &mut self,
        topic: &Topic,
        client: &ClientId,
        routes: &Routes,
        topics: &Topics,
    ) -> Option<Arc<Destination>> {
        if let Some((last, destination)) = &self.last
            && last == topic
            && !is_stale(destination)
        {
            return Some(Arc::clone(destination));
        }
        let destination = topics.destination(topic, client, routes).ok()?;
        Some(self.remember(topic, destination))
    }

    /// Where a publish to `topic` goes. Creates the Kafka topic if the log does not have it yet.
    pub async fn resolve(
        &mut self,
        topic: &Topic,
        client: &ClientId,
        routes: &Routes,
        topics: &Topics,
    ) -> Arc<Destination> {
        let destination = match topics.destination(topic, client, routes) {
            Ok(destination) => destination,
            Err(missing) => topics.create_for(missing, topic, client).await,
        };
        self.remember(topic, destination)
    }

    fn remember(&mut self, topic: &Topic, destination: Destination) -> Arc<Destination> {
        let destination = Arc::new(destination);
        // The topic is a slice of a read buffer; kept as it is, it would pin the whole buffer.
        self.last = Some((topic.detached(), Arc::clone(&destination)));
        destination
    }
}

/// A Kafka topic a publish needs and the log does not have.
#[derive(Debug)]
struct Missing<'a> {
    route: &'a Route,
    index: usize,
    kafka_topic: String,
    key: Option<String>,
}

fn is_stale(destination: &Destination) -> bool {
    matches!(destination, Destination::Log(log) if log.is_stale())
}

/// The log's topics as routes need them: created on first use, within a limit.
#[derive(Debug)]
pub struct Topics {
    log: LogWriter,
    config: TopicConfig,
    most: usize,
}

impl Topics {
    /// Topics of `log`; new ones get `config`, and no more than `max_topics` come to be.
    pub fn new(log: LogWriter, config: TopicConfig, max_topics: usize) -> Self {
        Self {
            log,
            config,
            most: max_topics,
        }
    }

    fn destination<'a>(
        &self,
        topic: &Topic,
        client: &ClientId,
        routes: &'a Routes,
    ) -> Result<Destination, Missing<'a>> {
        Ok(match routes.route(topic, client.as_str()) {
            Routed::Unmatched(Unmatched::M2m) => Destination::Local,
            Routed::Unmatched(Unmatched::Drop) => Destination::Drop,
            Routed::Unmatched(Unmatched::Reject) => Destination::Reject,
            Routed::Unmatched(Unmatched::Disconnect) => Destination::Disconnect,
            Routed::Illegal {
                index,
                kafka_topic,
                why,
            } => Destination::Illegal {
                route: index,
                reason: format!("`{kafka_topic}` {why}"),
            },
            Routed::Log {
                route,
                index,
                kafka_topic,
                key,
            } => {
                let partitions = self.log.partitions(&kafka_topic);
                if partitions.is_empty() {
                    return Err(Missing {
                        route,
                        index,
                        kafka_topic,
                        key,
                    });
                }
                Destination::Log(LogDestination::new(
                    route, index, partitions, key, topic, client,
                ))
            }
        })
    }

    async fn create_for(
        &self,
        missing: Missing<'_>,
        topic: &Topic,
        client: &ClientId,
    ) -> Destination {
        let Missing {
            route,
            index,
            kafka_topic,
            key,
        } = missing;
        match self.partitions(&kafka_topic).await {
            Ok(partitions) => Destination::Log(LogDestination::new(
                route, index, partitions, key, topic, client,
            )),
            Err(error) => Destination::Illegal {
                route: index,
                reason: format!("Kafka topic `{kafka_topic}`: {error}"),
            },
        }
    }

    /// The partitions of `kafka_topic`, which is created if there is none.
    pub async fn partitions(&self, kafka_topic: &str) -> Result<Vec<LogPartition>, TopicsError> {
        let partitions = self.log.partitions(kafka_topic);
        if !partitions.is_empty() {
            return Ok(partitions);
        }
        if self.log.topics() >= self.most {
            return Err(TopicsError::TooMany(self.most));
        }
        Ok(self.log.provide(kafka_topic, &self.config).await?)
    }
}

/// Why a Kafka topic could not be had.
#[derive(Debug, thiserror::Error)]
pub enum TopicsError {
    /// The limit is reached.
    #[error("the log already has {0} topics; raise `log.max_topics` or delete some")]
    TooMany(usize),
    /// The log said no.
    #[error(transparent)]
    Topic(#[from] WriterError),
}
