//! `/api/dlq`: dead letters, why they are, and back to where they came from.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use messina_store::log::{StoredRecord, is_internal};

use super::api::{
    DeadLetterEntry, DeadLetterList, DeadLetterTopic, ListDeadLetters, Octets, Replay, Replayed,
};
use super::exchange::{ApiError, Asked, Body};
use super::log_view::LogView;
use super::records::{MOST_BYTES, MOST_RECORDS, consumed};
use super::status::Sources;
use crate::record_log::RecordLog;
use crate::record_log::kafka::browse::{Page, Wanted};
use crate::sink::dead_letter::{DEAD_LETTER_TOPIC, DeadLetter};

/// `GET /api/dlq`
pub async fn list(
    State(sources): State<Arc<Sources>>,
    Asked(asked): Asked<ListDeadLetters>,
) -> Result<Json<DeadLetterList>, ApiError> {
    let letters = sources.dead_letters();
    letters.list(asked).await.map(Json)
}

/// `POST /api/dlq/replay`
pub async fn replay(
    State(sources): State<Arc<Sources>>,
    Body(asked): Body<Replay>,
) -> Result<Json<Replayed>, ApiError> {
    let letters = sources.dead_letters();
    let replayed = letters.replay(asked).await?;
    Ok(Json(Replayed { replayed }))
}

/// The dead letters of a log.
#[derive(Debug)]
pub struct DeadLetters<'a> {
    /// Where they are.
    pub view: &'a LogView,
    /// What puts them back.
    pub log: &'a dyn RecordLog,
    /// The topics that connectors keep them in.
    pub topics: BTreeSet<String>,
}

impl DeadLetters<'_> {
    /// Dead letters of one partition.
    pub async fn list(&self, asked: ListDeadLetters) -> Result<DeadLetterList, ApiError> {
        let topic = asked.topic.as_deref().unwrap_or(DEAD_LETTER_TOPIC);
        let most = asked.max.unwrap_or(MOST_RECORDS);
        let none = asked.topic.is_none() && self.view.partitions(topic).await?.is_empty();
        let page = if none {
            Page::default()
        } else {
            self.page(topic, asked.partition, asked.offset, most)
                .await?
        };
        let entries = page.records.iter();
        Ok(DeadLetterList {
            dead_letters: entries.map(|own| entry(asked.partition, own)).collect(),
            next: page.next,
            end: page.end,
            topics: self.there().await?,
        })
    }

    /// The topics that exist.
    async fn there(&self) -> Result<Vec<DeadLetterTopic>, ApiError> {
        let mut there = Vec::new();
        let mut names = self.topics.clone();
        if let LogView::Embedded(..) = self.view {
            // Connectors that are gone may have left some; in Kafka those may be other people's.
            names.insert(DEAD_LETTER_TOPIC.to_owned());
        }
        for name in names {
            let partitions = self.view.partitions(&name).await?.len();
            if partitions > 0 {
                let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
                there.push(DeadLetterTopic { name, partitions });
            }
        }
        Ok(there)
    }

    async fn page(
        &self,
        topic: &str,
        partition: i32,
        offset: Option<i64>,
        most: usize,
    ) -> Result<Page, ApiError> {
        let wanted = Wanted {
            topic: topic.to_owned(),
            partition,
            offset,
            most: most.min(MOST_RECORDS),
            most_bytes: MOST_BYTES,
            wait: std::time::Duration::ZERO,
        };
        self.view.read(wanted).await
    }

    /// Appends dead letters to the topics they came from, and says how many.
    pub async fn replay(&self, asked: Replay) -> Result<u64, ApiError> {
        if asked.all != asked.offsets.is_empty() {
            return Err(ApiError::bad_request(
                &"name the dead letters by `offsets`, or say `all`: one of the two",
            ));
        }
        if asked.all {
            return self.replay_all(asked.topic.as_deref()).await;
        }
        let topic = asked.topic.as_deref().unwrap_or(DEAD_LETTER_TOPIC);
        let mut replayed = 0;
        for offset in asked.offsets {
            let page = self.page(topic, asked.partition, Some(offset), 1).await?;
            let record = page.records.first().filter(|own| own.offset == offset);
            let record = record.ok_or_else(|| {
                ApiError::not_found(&format!("there is no dead letter at offset {offset}"))
            })?;
            replayed += u64::from(self.replay_one(record).await?);
        }
        Ok(replayed)
    }

    async fn replay_all(&self, only: Option<&str>) -> Result<u64, ApiError> {
        let there = self.there().await?.into_iter().map(|topic| topic.name);
        let names = only.map_or_else(|| there.collect(), |name| vec![name.to_owned()]);
        let mut replayed = 0;
        for name in names {
            // Records that fail again become new dead letters behind this end.
            for bounds in self.view.partitions(&name).await? {
                let mut offset = bounds.start;
                while offset < bounds.end {
                    let partition = bounds.partition;
                    let page = self.page(&name, partition, Some(offset), MOST_RECORDS);
                    let page = page.await?;
                    if page.next <= offset {
                        break;
                    }
                    offset = page.next;
                    for record in page.records.iter().filter(|own| own.offset < bounds.end) {
                        replayed += u64::from(self.replay_one(record).await?);
                    }
                }
            }
        }
        Ok(replayed)
    }

    /// Whether the record was a dead letter; it then is durably back in its topic.
    async fn replay_one(&self, record: &StoredRecord) -> Result<bool, ApiError> {
        let Some(letter) = DeadLetter::parse(record) else {
            return Ok(false);
        };
        // Headers can be forged by whoever may publish to the topic of dead letters.
        if is_internal(&letter.source.topic) {
            return Ok(false);
        }
        letter
            .replay(self.log)
            .await
            .map_err(|error| ApiError::unavailable(&error))?;
        Ok(true)
    }
}

/// A record of a topic with dead letters; what its headers do not say is empty.
fn entry(partition: i32, record: &StoredRecord) -> DeadLetterEntry {
    let mut shown = consumed(partition, record);
    let Some(letter) = DeadLetter::parse(record) else {
        return DeadLetterEntry {
            offset: record.offset,
            topic: String::new(),
            partition: None,
            record_offset: None,
            connector: String::new(),
            stage: String::new(),
            reason: "its headers do not say".to_owned(),
            record: shown,
        };
    };
    let headers = letter.record.headers.iter().map(|header| {
        (
            String::from_utf8_lossy(&header.name).into_owned(),
            header.value.as_deref().map(Octets::of),
        )
    });
    shown.headers = headers.collect();
    DeadLetterEntry {
        offset: record.offset,
        topic: letter.source.topic.to_string(),
        partition: Some(letter.source.partition),
        record_offset: Some(letter.offset),
        connector: letter.connector,
        stage: letter.stage,
        reason: letter.message,
        record: shown,
    }
}
