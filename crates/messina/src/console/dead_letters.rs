//! `/api/dlq`: dead letters, why they are, and back to where they came from.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use messina_store::log::{PartitionHandle, StoredRecord, is_internal};

use super::api::{DeadLetterEntry, DeadLetterList, ListDeadLetters, Octets, Replay, Replayed};
use super::exchange::{ApiError, Asked, Body};
use super::records::{MOST_RECORDS, absolute, consumed, read};
use super::status::Sources;
use crate::sink::dead_letter::{DEAD_LETTER_TOPIC, DeadLetter};

/// `GET /api/dlq`
pub async fn list(
    State(sources): State<Arc<Sources>>,
    Asked(asked): Asked<ListDeadLetters>,
) -> Result<Json<DeadLetterList>, ApiError> {
    let Some(handle) = sources.log.partition(DEAD_LETTER_TOPIC, 0) else {
        return Ok(Json(DeadLetterList {
            dead_letters: Vec::new(),
            next: 0,
            end: 0,
        }));
    };
    let offset = absolute(&handle, asked.offset);
    let records = read(
        &sources.log,
        &handle,
        offset,
        asked.max.unwrap_or(MOST_RECORDS),
    )
    .await?;
    let next = records.last().map_or(offset, |record| record.offset + 1);
    let dead_letters = records.iter().filter_map(entry).collect();
    Ok(Json(DeadLetterList {
        dead_letters,
        next,
        end: handle.end_offset(),
    }))
}

fn entry(record: &StoredRecord) -> Option<DeadLetterEntry> {
    let letter = DeadLetter::parse(record)?;
    let mut shown = consumed(0, record);
    shown.headers = letter
        .record
        .headers
        .iter()
        .map(|header| {
            (
                String::from_utf8_lossy(&header.name).into_owned(),
                header.value.as_deref().map(Octets::of),
            )
        })
        .collect();
    Some(DeadLetterEntry {
        offset: record.offset,
        topic: letter.source.topic.to_string(),
        partition: Some(letter.source.partition),
        record_offset: Some(letter.offset),
        connector: letter.connector,
        stage: letter.stage,
        reason: letter.message,
        record: shown,
    })
}

/// `POST /api/dlq/replay`
pub async fn replay(
    State(sources): State<Arc<Sources>>,
    Body(asked): Body<Replay>,
) -> Result<Json<Replayed>, ApiError> {
    let Some(handle) = sources.log.partition(DEAD_LETTER_TOPIC, 0) else {
        return Err(ApiError::not_found(&"there are no dead letters"));
    };
    let replayed = match (asked.all, asked.offsets.is_empty()) {
        (true, true) => replay_all(&sources, &handle).await?,
        (false, false) => replay_some(&sources, &handle, &asked.offsets).await?,
        _ => {
            return Err(ApiError::bad_request(
                &"name the dead letters by `offsets`, or say `all`: one of the two",
            ));
        }
    };
    Ok(Json(Replayed { replayed }))
}

async fn replay_all(sources: &Sources, handle: &PartitionHandle) -> Result<u64, ApiError> {
    // Records that fail again become new dead letters behind this end.
    let end = handle.end_offset();
    let mut offset = handle.start_offset();
    let mut replayed = 0;
    while offset < end {
        let records = read(&sources.log, handle, offset, MOST_RECORDS).await?;
        let Some(last) = records.last() else { break };
        offset = last.offset + 1;
        for record in records.iter().filter(|record| record.offset < end) {
            replayed += u64::from(replay_one(sources, record).await?);
        }
    }
    Ok(replayed)
}

async fn replay_some(
    sources: &Sources,
    handle: &PartitionHandle,
    offsets: &[i64],
) -> Result<u64, ApiError> {
    let mut replayed = 0;
    for offset in offsets {
        let records = read(&sources.log, handle, *offset, 1).await?;
        let record = records.first().filter(|record| record.offset == *offset);
        let record = record.ok_or_else(|| {
            ApiError::not_found(&format!("there is no dead letter at offset {offset}"))
        })?;
        replayed += u64::from(replay_one(sources, record).await?);
    }
    Ok(replayed)
}

/// Whether the record was a dead letter; it then is durably back in its topic.
async fn replay_one(sources: &Sources, record: &StoredRecord) -> Result<bool, ApiError> {
    let Some(letter) = DeadLetter::parse(record) else {
        return Ok(false);
    };
    // Headers can be forged by whoever may publish to the topic of dead letters.
    if is_internal(&letter.source.topic) {
        return Ok(false);
    }
    letter
        .replay(&*sources.record_log)
        .await
        .map_err(|error| ApiError::unavailable(&error))?;
    Ok(true)
}
