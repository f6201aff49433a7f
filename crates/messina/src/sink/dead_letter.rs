//! Dead letters: records that cannot become rows, kept whole, with the reason, and replayable.
//!
//! A dead letter is the consumed record as it was (key, value, headers, timestamp) with Kafka Connect's context
//! headers behind its own (CONNECT-SPEC 3.8). A replay takes them off again.

use std::collections::BTreeSet;

use bytes::Bytes;
use messina_connect::config::ConnectorConfig;
use messina_connect::plan::RecordError;
use messina_connect::record::RecordHeader;
use messina_store::log::{NewRecord, StoredRecord};

use crate::record_log::{RecordLog, RecordLogError, SourcePartition};

/// The topic of dead letters whose connector names none.
pub const DEAD_LETTER_TOPIC: &str = "messina.dead-letters";

/// The option of a connector that names its topic of dead letters.
pub const DEAD_LETTER_OPTION: &str = "errors.deadletterqueue.topic.name";

/// The topics that connectors keep dead letters in, of whom each names one or none; without any connector the one of
/// those that name none.
pub fn dead_letter_topics<'c>(named: impl Iterator<Item = Option<&'c str>>) -> BTreeSet<String> {
    let topic = |named: Option<&str>| {
        let named = named.filter(|name| !name.is_empty());
        named.unwrap_or(DEAD_LETTER_TOPIC).to_owned()
    };
    let mut topics: BTreeSet<String> = named.map(topic).collect();
    if topics.is_empty() {
        topics.insert(DEAD_LETTER_TOPIC.to_owned());
    }
    topics
}

/// The same of a configuration's connectors.
pub fn dead_letter_topics_of(connectors: &[ConnectorConfig]) -> BTreeSet<String> {
    let named = connectors.iter().map(|own| own.get(DEAD_LETTER_OPTION));
    dead_letter_topics(named.map(|option| option.map(|own| own.value.as_str())))
}

/// What Kafka Connect's context headers begin with.
pub const ERROR_HEADER_PREFIX: &str = "__connect.errors.";

/// A dead letter, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Where the record was consumed from.
    pub source: SourcePartition,
    /// Its offset there.
    pub offset: i64,
    /// The connector that refused it.
    pub connector: String,
    /// The stage it was refused in, Kafka Connect's name for it.
    pub stage: String,
    /// The converter, transform or connector class.
    pub class_name: String,
    /// The Java exception people filter on.
    pub exception_class: String,
    /// What is wrong with the record.
    pub message: String,
    /// The record as it was consumed, without the context headers.
    pub record: NewRecord,
}

/// A consumed record that was refused, and why.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// The connector that refused it.
    pub connector: &'a str,
    /// Which of its tasks.
    pub task: usize,
    /// Where it was consumed from.
    pub source: &'a SourcePartition,
    /// The record as it was consumed.
    pub record: &'a StoredRecord,
    /// Why it was refused.
    pub error: &'a RecordError,
}

/// Bytes of a key or value in a log line at most; the whole of it is in the dead letter.
const MOST_LOGGED: usize = 4096;

impl Failure<'_> {
    /// The record to append: as it was consumed, with Kafka Connect's context behind its headers if `context`.
    pub fn dead_letter(&self, context: bool) -> NewRecord {
        let record = self.record;
        let mut headers = original_headers(&record.headers);
        if context {
            headers.extend(self.context());
        }
        NewRecord {
            key: record.key.clone(),
            value: record.value.clone(),
            headers,
            timestamp: record.timestamp,
        }
    }

    fn context(&self) -> impl Iterator<Item = RecordHeader> {
        let error = self.error;
        let context = [
            ("topic", self.source.topic.to_string()),
            ("partition", self.source.partition.to_string()),
            ("offset", self.record.offset.to_string()),
            ("connector.name", self.connector.to_owned()),
            ("task.id", self.task.to_string()),
            ("stage", error.stage.name().to_owned()),
            ("class.name", error.class_name.clone()),
            ("exception.class.name", error.exception_class.to_owned()),
            ("exception.message", error.message.clone()),
            (
                "exception.stacktrace",
                format!("{}: {}", error.exception_class, error.message),
            ),
        ];
        context.into_iter().map(|(name, value)| RecordHeader {
            name: Bytes::from(format!("{ERROR_HEADER_PREFIX}{name}")),
            value: Some(Bytes::from(value)),
        })
    }

    /// The error line that `errors.log.enable` asks for; with the record's content where that was asked for too.
    pub(super) fn log(&self, messages: bool) {
        let shown = |bytes: &Option<Bytes>| {
            let bytes = bytes.as_ref().filter(|_| messages)?;
            let head = bytes.get(..MOST_LOGGED).unwrap_or(bytes);
            Some(String::from_utf8_lossy(head).into_owned())
        };
        let (key, value) = (shown(&self.record.key), shown(&self.record.value));
        tracing::error!(
            connector = self.connector,
            stage = self.error.stage.name(),
            class = self.error.class_name,
            topic = %self.source.topic,
            partition = self.source.partition,
            offset = self.record.offset,
            timestamp = self.record.timestamp,
            key,
            value,
            exception = self.error.exception_class,
            reason = self.error.message,
            "a record has failed"
        );
    }
}

impl DeadLetter {
    /// Reads a record of a dead letter topic; `None` if it lacks the context that says where it came from.
    pub fn parse(record: &StoredRecord) -> Option<Self> {
        let context = |name: &str| {
            let wanted = |header: &&RecordHeader| {
                header
                    .name
                    .strip_prefix(ERROR_HEADER_PREFIX.as_bytes())
                    .is_some_and(|rest| rest == name.as_bytes())
            };
            let value = record.headers.iter().rev().find(wanted)?.value.as_ref()?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        let partition = context("partition")?.parse().ok()?;
        Some(Self {
            source: SourcePartition {
                topic: context("topic")?.into(),
                partition,
            },
            offset: context("offset")?.parse().ok()?,
            connector: context("connector.name").unwrap_or_default(),
            stage: context("stage").unwrap_or_default(),
            class_name: context("class.name").unwrap_or_default(),
            exception_class: context("exception.class.name").unwrap_or_default(),
            message: context("exception.message").unwrap_or_default(),
            record: NewRecord {
                key: record.key.clone(),
                value: record.value.clone(),
                headers: original_headers(&record.headers),
                timestamp: record.timestamp,
            },
        })
    }

    /// Appends the original record to the topic and partition it came from. Done when it is durable there; the
    /// dead letter stays where it is.
    pub async fn replay(self, log: &dyn RecordLog) -> Result<(), RecordLogError> {
        log.append(&self.source.topic, self.source.partition, vec![self.record])
            .await
    }
}

/// The headers without the context of an earlier failure.
fn original_headers(headers: &[RecordHeader]) -> Vec<RecordHeader> {
    let own = |header: &&RecordHeader| !header.name.starts_with(ERROR_HEADER_PREFIX.as_bytes());
    headers.iter().filter(own).cloned().collect()
}

#[cfg(test)]
mod tests {
    use messina_connect::plan::Stage;

    use super::*;

    #[test]
    fn a_dead_letter_keeps_the_record_and_can_be_read_back() {
        let header = |name: &'static str, value: &'static str| RecordHeader {
            name: Bytes::from_static(name.as_bytes()),
            value: Some(Bytes::from_static(value.as_bytes())),
        };
        let record = StoredRecord {
            offset: 42,
            timestamp: 1_700_000_000_000,
            key: Some(Bytes::from_static(b"device/1")),
            value: Some(Bytes::from_static(b"\xff\x00 not text")),
            headers: vec![
                header("mqtt.topic", "device/1"),
                header("__connect.errors.offset", "41"),
            ],
        };
        let source = SourcePartition {
            topic: "readings".into(),
            partition: 3,
        };
        let error = RecordError {
            stage: Stage::ValueConverter,
            class_name: "org.apache.kafka.connect.json.JsonConverter".to_owned(),
            exception_class: "org.apache.kafka.connect.errors.DataException",
            message: "not JSON".to_owned(),
        };
        let failure = Failure {
            connector: "readings",
            task: 0,
            source: &source,
            record: &record,
            error: &error,
        };
        let bare = failure.dead_letter(false);
        assert_eq!((&bare.value, bare.headers.len()), (&record.value, 1));
        let letter = failure.dead_letter(true);
        assert_eq!(
            (&letter.key, &letter.value, letter.timestamp),
            (&record.key, &record.value, record.timestamp)
        );
        assert_eq!(
            letter.headers.len(),
            11,
            "one own header, ten of context, none of the earlier failure"
        );

        let NewRecord {
            key,
            value,
            headers,
            timestamp,
        } = letter;
        let read = DeadLetter::parse(&StoredRecord {
            offset: 0,
            timestamp,
            key,
            value,
            headers,
        })
        .unwrap();
        assert_eq!((read.source, read.offset), (source, 42));
        assert_eq!(
            (read.stage.as_str(), read.message.as_str()),
            ("VALUE_CONVERTER", "not JSON")
        );
        assert_eq!(read.record.headers, [header("mqtt.topic", "device/1")]);
        assert_eq!(read.record.value, record.value);
        assert_eq!(DeadLetter::parse(&record), None);
    }
}
