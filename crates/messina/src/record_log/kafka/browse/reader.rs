//! A consumer that belongs to no group: it is told where to read, and commits nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use messina_store::log::StoredRecord;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::metadata::{Metadata, MetadataTopic};
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::Instant;

use super::PartitionBounds;
use super::readers::Place;
use crate::config::KafkaConfig;
use crate::record_log::kafka::client::{ClientEvents, ClientRole, client_config};
use crate::record_log::kafka::gather::Gather;
use crate::record_log::kafka::{Asked, KafkaLogError};

/// A cluster that says nothing for this long is away.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait in the library at once.
const A_MOMENT: Duration = Duration::from_millis(100);
/// What `ListOffsets` takes in place of a time: the end of a partition, and its first record.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// First offset; negative counts back from the end. The oldest record if absent.
    pub offset: Option<i64>,
    /// Most records.
    pub most: usize,
    /// Most bytes, roughly.
    pub most_bytes: usize,
    /// How long to wait for a record when there is none.
    pub wait: Duration,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Records in order.
    pub records: Vec<StoredRecord>,
    /// Where to go on.
    pub next: i64,
    /// The offset behind the last committed record.
    pub end: i64,
}

/// A consumer, and where it would go on.
pub(super) struct Reader {
    consumer: BaseConsumer<ClientEvents>,
    servers: String,
    open: Option<(Place, i64)>,
}

impl Reader {
    /// Connects to nobody yet.
    pub(super) fn open(config: &Arc<KafkaConfig>) -> Result<Self, KafkaLogError> {
        let servers = config.servers();
        let asked = Asked {
            operation: "read",
            subject: "any topic".to_owned(),
            servers: servers.clone(),
        };
        let mut settings = client_config(config, ClientRole::Consumer)?;
        // librdkafka wants a name; nothing is committed under it.
        settings.set("group.id", "messina-tools");
        let events = ClientEvents::new(Arc::clone(config), "tools");
        let consumer = settings.create_with_context(events);
        Ok(Self {
            consumer: consumer.map_err(|error| asked.failed(error))?,
            servers,
            open: None,
        })
    }

    pub(super) fn has_open(&self, place: &Place) -> bool {
        self.open.as_ref().is_some_and(|(own, _)| own == place)
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// One topic, or all, with the bounds of their partitions. A topic that does not exist is left out.
    pub(super) fn topics(
        &mut self,
        name: Option<&str>,
    ) -> Result<BTreeMap<String, Vec<PartitionBounds>>, KafkaLogError> {
        let asked = self.asked(
            "look at",
            name.map_or("the topics".into(), |name| format!("`{name}`")),
        );
        self.listen();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.bounds(name) {
                Err(error) if is_passing(&error) && Instant::now() < deadline => {
                    std::thread::sleep(A_MOMENT);
                }
                answer => return answer.map_err(|error| self.failed(&asked, error)),
            }
        }
    }

    fn bounds(&self, name: Option<&str>) -> KafkaResult<BTreeMap<String, Vec<PartitionBounds>>> {
        let metadata = self.consumer.fetch_metadata(name, PATIENCE)?;
        bounds(&self.consumer, &metadata)
    }

    /// Records of a partition; none if there is no such partition.
    pub(super) fn read(&mut self, wanted: &Wanted) -> Result<Option<Page>, KafkaLogError> {
        let subject = format!("`{}` partition {}", wanted.topic, wanted.partition);
        let asked = self.asked("read", subject);
        let found = self.topics(Some(&wanted.topic))?.remove(&wanted.topic);
        let found = found.into_iter().flatten();
        let Some(bounds) = found
            .into_iter()
            .find(|own| own.partition == wanted.partition)
        else {
            return Ok(None);
        };
        let PartitionBounds { start, end, .. } = bounds;
        let from = match wanted.offset {
            None => start,
            Some(back) if back < 0 => end.saturating_add(back).max(start),
            Some(offset) => offset.max(start),
        };
        if from > end || (from == end && wanted.wait.is_zero()) || wanted.most == 0 {
            return Ok(Some(Page {
                records: Vec::new(),
                next: from,
                end,
            }));
        }
        let page = self.go_to(wanted, from);
        let page = page.and_then(|()| self.page(wanted, from, end));
        page.map(Some).map_err(|error| self.failed(&asked, error))
    }

    /// Begins to fetch from there, unless that is where it is.
    fn go_to(&mut self, wanted: &Wanted, from: i64) -> KafkaResult<()> {
        let place = (wanted.topic.clone(), wanted.partition);
        if self.open.as_ref() == Some(&(place.clone(), from)) {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&wanted.topic, wanted.partition, Offset::Offset(from))?;
        self.open = None;
        self.consumer.assign(&list)?;
        self.open = Some((place, from));
        Ok(())
    }

    /// What there is from here on, within the limits; with nothing there, what comes within the time to wait.
    fn page(&mut self, wanted: &Wanted, from: i64, end: i64) -> KafkaResult<Page> {
        let mut page = Page {
            records: Vec::new(),
            next: from,
            end,
        };
        let (mut gather, mut bytes) = (Gather::default(), 0);
        let patience = if from < end { PATIENCE } else { wanted.wait };
        let deadline = Instant::now() + patience;
        let mut ended = false;
        loop {
            let is_full = page.records.len() >= wanted.most || bytes >= wanted.most_bytes;
            // Beyond the end as it was asked for there may be more, which the next page has.
            if is_full || (!page.records.is_empty() && page.next >= end) {
                break;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.consumer.poll(left.min(A_MOMENT)) {
                Some(Ok(message)) => {
                    let record = gather.record(&message);
                    bytes += record.memory();
                    page.next = message.offset() + 1;
                    page.records.push(record);
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    // Behind the last record there may be marks of transactions, which nobody is shown.
                    page.next = page.next.max(end);
                    if wanted.wait.is_zero() || !page.records.is_empty() || from < end {
                        ended = true;
                        break;
                    }
                }
                Some(Err(error)) if is_final(&error) => return Err(error),
                Some(Err(_)) | None if left.is_zero() => {
                    if from < end {
                        return Err(KafkaError::MessageConsumption(
                            RDKafkaErrorCode::OperationTimedOut,
                        ));
                    }
                    ended = true;
                    break;
                }
                Some(Err(_)) | None => {}
            }
        }
        page.end = page.end.max(page.next);
        self.stay(ended || page.next >= end, page.next)?;
        Ok(page)
    }

    /// Remembers where to go on; at the end of a partition fetches no more, as nobody may ever ask.
    fn stay(&mut self, ended: bool, next: i64) -> KafkaResult<()> {
        if ended {
            self.open = None;
            return self.consumer.unassign();
        }
        if let Some((_, at)) = &mut self.open {
            *at = next;
        }
        Ok(())
    }

    /// Lets the client hear what has happened since it was asked last: a token to renew, a connection that failed.
    fn listen(&self) {
        // With a partition open this would take its records; it is listened to when they are read.
        while !self.is_open() && self.consumer.poll(Duration::ZERO).is_some() {}
    }

    fn asked(&self, operation: &'static str, subject: String) -> Asked {
        Asked {
            operation,
            subject,
            servers: self.servers.clone(),
        }
    }

    /// The error, with the reason that the connection gave if it is about that.
    fn failed(&self, asked: &Asked, error: KafkaError) -> KafkaLogError {
        self.listen();
        let away = matches!(
            error.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                    | RDKafkaErrorCode::OperationTimedOut
                    | RDKafkaErrorCode::AllBrokersDown
            )
        );
        match self.consumer.context().last_error() {
            Some((code, said)) if away => asked.clone().answered(code, Some(said)),
            _ => asked.clone().failed(error),
        }
    }
}

/// Where the partitions of these topics begin and end, asked of all brokers at once.
fn bounds(
    consumer: &BaseConsumer<ClientEvents>,
    metadata: &Metadata,
) -> KafkaResult<BTreeMap<String, Vec<PartitionBounds>>> {
    let there = |topic: &&MetadataTopic| topic.error().is_none() && !topic.partitions().is_empty();
    let mut places = BTreeMap::new();
    for topic in metadata.topics().iter().filter(there) {
        for partition in topic.partitions() {
            // A partition that has lost its leader can be asked nothing.
            if partition.leader() >= 0 {
                places.insert((topic.name().to_owned(), partition.id()), (0, 0));
            }
        }
    }
    if places.is_empty() {
        return Ok(BTreeMap::new());
    }
    let starts = offsets(consumer, places.keys(), EARLIEST)?;
    let ends = offsets(consumer, places.keys(), LATEST)?;
    let mut topics: BTreeMap<String, Vec<PartitionBounds>> = BTreeMap::new();
    for ((topic, partition), _) in places {
        let place = (topic, partition);
        let (Some(start), Some(end)) = (starts.get(&place), ends.get(&place)) else {
            continue;
        };
        topics.entry(place.0).or_default().push(PartitionBounds {
            partition,
            start: *start,
            end: *end,
        });
    }
    Ok(topics)
}

/// One offset of each partition. A topic that is deleted meanwhile is left out.
fn offsets<'p>(
    consumer: &BaseConsumer<ClientEvents>,
    places: impl Iterator<Item = &'p Place>,
    which: i64,
) -> KafkaResult<BTreeMap<Place, i64>> {
    let mut list = TopicPartitionList::new();
    for (topic, partition) in places {
        list.add_partition_offset(topic, *partition, Offset::from_raw(which))?;
    }
    let answered = consumer.offsets_for_times(list, PATIENCE)?;
    let known = answered.elements().into_iter().filter_map(|element| {
        let place = (element.topic().to_owned(), element.partition());
        match (element.error(), element.offset()) {
            (Ok(()), Offset::Offset(offset)) => Some((place, offset)),
            _ => None,
        }
    });
    Ok(known.collect())
}

/// Whether a leader has changed, or a topic came or went, since the brokers told of it.
fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::ReplicaNotAvailable
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
        )
    )
}

/// Whether waiting changes nothing.
fn is_final(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::SaslAuthenticationFailed
                | RDKafkaErrorCode::OffsetOutOfRange
                | RDKafkaErrorCode::AutoOffsetReset
        )
    )
}
