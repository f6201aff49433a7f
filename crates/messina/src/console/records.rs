//! `/api/produce` and `/api/consume`: records in and out of the log, as a Kafka client would.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use messina_connect::record::RecordHeader;
use messina_store::log::{AppendError, NewRecord, ReadError, StoredRecord, is_internal};

use super::api::{
    Consume, Consumed, ConsumedRecord, Octets, Position, Produce, ProduceRecord, Produced,
};
use super::exchange::{ApiError, Asked, Body};
use super::log_view::LogView;
use super::status::Sources;
use crate::gateway::partitioner::partition_of;
use crate::record_log::kafka::browse::Wanted;

/// Most records in one answer.
pub const MOST_RECORDS: usize = 10_000;
/// Most bytes read for one answer.
pub const MOST_BYTES: usize = 4 << 20;
/// Longest wait for a record.
const MOST_WAIT: Duration = Duration::from_secs(30);

/// `POST /api/produce`
pub async fn produce(
    State(sources): State<Arc<Sources>>,
    Body(asked): Body<Produce>,
) -> Result<Json<Produced>, ApiError> {
    let now = sources.clock.unix_millis();
    append(&sources.view, asked, now).await.map(Json)
}

/// Appends records to a topic that is not Messina's own; those that say no time get `now`.
pub async fn append(view: &LogView, asked: Produce, now: i64) -> Result<Produced, ApiError> {
    if is_internal(&asked.topic) {
        return Err(ApiError::bad_request(&format!(
            "`{}` is Messina's own; nobody else writes to it",
            asked.topic
        )));
    }
    let partitions = view.partitions(&asked.topic).await?.len();
    if partitions == 0 {
        let topic = &asked.topic;
        return Err(ApiError::not_found(&format!(
            "there is no topic `{topic}`; `messina topics create {topic}` makes it"
        )));
    }
    let mut records = Vec::with_capacity(asked.records.len());
    for (index, record) in asked.records.into_iter().enumerate() {
        let record = placed(record, partitions, index, now)
            .map_err(|why| ApiError::bad_request(&format!("record {index}: {why}")))?;
        records.push(record);
    }
    let numbers: Vec<i32> = records.iter().map(|(partition, _)| *partition).collect();
    let offsets = view.append(&asked.topic, records).await?;
    let positions = numbers
        .into_iter()
        .zip(offsets)
        .map(|(partition, offset)| Position { partition, offset });
    Ok(Produced {
        records: positions.collect(),
    })
}

fn placed(
    record: ProduceRecord,
    partitions: usize,
    index: usize,
    now: i64,
) -> Result<(i32, NewRecord), String> {
    let key = octets(record.key)?;
    let number = match (record.partition, &key) {
        (Some(number), _) => usize::try_from(number).unwrap_or(usize::MAX),
        (None, Some(key)) => partition_of(key, partitions),
        (None, None) => index % partitions,
    };
    let number = i32::try_from(number).ok().filter(|_| number < partitions);
    let number =
        number.ok_or_else(|| format!("the topic has {partitions} partitions, numbered from 0"))?;
    let mut headers = Vec::with_capacity(record.headers.len());
    for (name, value) in record.headers {
        headers.push(RecordHeader {
            name: Bytes::from(name),
            value: octets(value)?,
        });
    }
    let value = octets(record.value)?;
    Ok((
        number,
        NewRecord {
            key,
            value,
            headers,
            timestamp: record.timestamp.unwrap_or(now),
        },
    ))
}

fn octets(octets: Option<Octets>) -> Result<Option<Bytes>, String> {
    octets
        .map(Octets::into_bytes)
        .transpose()
        .map_err(|error| format!("not base64: {error}"))
}

impl From<AppendError> for ApiError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::TooLarge { .. } | AppendError::Refused(_) => ApiError::bad_request(&error),
            AppendError::TopicDeleted(_) => ApiError::not_found(&error),
            AppendError::Full(_) | AppendError::Failed(_) | AppendError::Closed => {
                ApiError::unavailable(&error)
            }
        }
    }
}

/// `GET /api/consume`
pub async fn consume(
    State(sources): State<Arc<Sources>>,
    Asked(asked): Asked<Consume>,
) -> Result<Json<Consumed>, ApiError> {
    page(&sources.view, asked).await.map(Json)
}

/// Records of a partition.
pub async fn page(view: &LogView, asked: Consume) -> Result<Consumed, ApiError> {
    let partition = asked.partition;
    let page = view.read(wanted(asked)).await?;
    let records = page.records.iter();
    Ok(Consumed {
        records: records.map(|record| consumed(partition, record)).collect(),
        next: page.next,
        end: page.end,
    })
}

/// What is asked for, within what one answer holds.
fn wanted(asked: Consume) -> Wanted {
    Wanted {
        topic: asked.topic,
        partition: asked.partition,
        offset: asked.offset,
        most: asked.max.unwrap_or(MOST_RECORDS).min(MOST_RECORDS),
        most_bytes: MOST_BYTES,
        wait: Duration::from_millis(asked.wait).min(MOST_WAIT),
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::OutOfRange { .. } => ApiError::bad_request(&error),
            ReadError::UnknownTopic(_) | ReadError::TopicDeleted(_) => ApiError::not_found(&error),
            ReadError::Damaged(_) | ReadError::Disk(_) => ApiError::unavailable(&error),
        }
    }
}

/// A record as the API shows it.
pub fn consumed(partition: i32, record: &StoredRecord) -> ConsumedRecord {
    let header = |header: &RecordHeader| {
        (
            String::from_utf8_lossy(&header.name).into_owned(),
            header.value.as_deref().map(Octets::of),
        )
    };
    ConsumedRecord {
        partition,
        offset: record.offset,
        timestamp: record.timestamp,
        key: record.key.as_deref().map(Octets::of),
        value: record.value.as_deref().map(Octets::of),
        headers: record.headers.iter().map(header).collect(),
    }
}
