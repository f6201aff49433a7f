//! `/api/produce` and `/api/consume`: records in and out of the log, as a Kafka client would.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use messina_connect::record::RecordHeader;
use messina_store::log::{
    AppendError, Log, NewRecord, PartitionHandle, ReadError, StoredRecord, is_internal,
};

use super::api::{
    Consume, Consumed, ConsumedRecord, Octets, Position, Produce, ProduceRecord, Produced,
};
use super::exchange::{ApiError, Asked, Body};
use super::status::Sources;
use crate::gateway::partitioner::partition_of;

/// Most records in one answer.
pub const MOST_RECORDS: usize = 10_000;
/// Most bytes read for one answer.
const MOST_BYTES: usize = 4 << 20;
/// Longest wait for a record.
const MOST_WAIT: Duration = Duration::from_secs(30);

/// `POST /api/produce`
pub async fn produce(
    State(sources): State<Arc<Sources>>,
    Body(asked): Body<Produce>,
) -> Result<Json<Produced>, ApiError> {
    if is_internal(&asked.topic) {
        return Err(ApiError::bad_request(&format!(
            "`{}` is Messina's own; nobody else writes to it",
            asked.topic
        )));
    }
    let partitions = sources.log.partitions(&asked.topic);
    if partitions.is_empty() {
        let topic = &asked.topic;
        return Err(ApiError::not_found(&format!(
            "there is no topic `{topic}`; `messina topics create {topic}` makes it"
        )));
    }
    let now = sources.clock.unix_millis();
    let mut records = Vec::with_capacity(asked.records.len());
    for (index, record) in asked.records.into_iter().enumerate() {
        let record = placed(record, &partitions, index, now)
            .map_err(|why| ApiError::bad_request(&format!("record {index}: {why}")))?;
        records.push(record);
    }
    let numbers: Vec<i32> = records.iter().map(|(handle, _)| handle.index()).collect();
    let offsets = sources.log.append_wait(records).await?;
    let positions = numbers
        .into_iter()
        .zip(offsets)
        .map(|(partition, offset)| Position { partition, offset });
    Ok(Json(Produced {
        records: positions.collect(),
    }))
}

fn placed(
    record: ProduceRecord,
    partitions: &[PartitionHandle],
    index: usize,
    now: i64,
) -> Result<(PartitionHandle, NewRecord), String> {
    let key = octets(record.key)?;
    let number = match (record.partition, &key) {
        (Some(number), _) => usize::try_from(number).unwrap_or(usize::MAX),
        (None, Some(key)) => partition_of(key, partitions.len()),
        (None, None) => index % partitions.len(),
    };
    let handle = partitions.get(number).ok_or_else(|| {
        format!(
            "the topic has {} partitions, numbered from 0",
            partitions.len()
        )
    })?;
    let mut headers = Vec::with_capacity(record.headers.len());
    for (name, value) in record.headers {
        headers.push(RecordHeader {
            name: Bytes::from(name),
            value: octets(value)?,
        });
    }
    let value = octets(record.value)?;
    Ok((
        handle.clone(),
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
    let handle = sources
        .log
        .partition(&asked.topic, asked.partition)
        .ok_or_else(|| {
            ApiError::not_found(&format!(
                "there is no partition {} of topic `{}`",
                asked.partition, asked.topic
            ))
        })?;
    let offset = absolute(&handle, asked.offset);
    if offset >= handle.end_offset() && asked.wait > 0 {
        let wait = Duration::from_millis(asked.wait).min(MOST_WAIT);
        // Nothing came: the answer is an empty list, not an error.
        drop(tokio::time::timeout(wait, handle.wait_beyond(offset)).await);
    }
    let records = read(
        &sources.log,
        &handle,
        offset,
        asked.max.unwrap_or(MOST_RECORDS),
    )
    .await?;
    let next = records.last().map_or(offset, |record| record.offset + 1);
    let records = records
        .iter()
        .map(|record| consumed(handle.index(), record))
        .collect();
    Ok(Json(Consumed {
        records,
        next,
        end: handle.end_offset(),
    }))
}

/// The offset meant by what was asked: the oldest if absent, from the end if negative.
pub fn absolute(handle: &PartitionHandle, offset: Option<i64>) -> i64 {
    match offset {
        None => handle.start_offset(),
        Some(offset) if offset < 0 => (handle.end_offset() + offset).max(handle.start_offset()),
        Some(offset) => offset,
    }
}

/// Up to `most` records from `offset`; none beyond the high watermark.
pub async fn read(
    log: &Log,
    handle: &PartitionHandle,
    offset: i64,
    most: usize,
) -> Result<Vec<StoredRecord>, ApiError> {
    if offset >= handle.end_offset() {
        return Ok(Vec::new());
    }
    let (reader, partition) = (log.clone(), handle.clone());
    let read = tokio::task::spawn_blocking(move || reader.read(&partition, offset, MOST_BYTES));
    let mut records = read
        .await
        .map_err(|error| ApiError::unavailable(&error))??;
    records.truncate(most.min(MOST_RECORDS));
    Ok(records)
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
