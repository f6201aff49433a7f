//! The embedded form: consumer groups of the log in this process. One consumer has all partitions.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use messina_store::log::{
    AppendError, Log, NewRecord, OffsetCommit, PartitionHandle, ReadError, StoredRecord,
    TopicConfig, TopicError,
};

use regex::Regex;

use super::{
    Assigned, BoxFuture, Commit, Fetched, Polled, RecordConsumer, RecordLog, RecordLogError,
    SourcePartition,
};

/// How often topics that do not exist, or no longer do, are looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Records this far from the end are probably in memory, and are read without leaving the thread.
const NEAR_END: i64 = 10_000;

/// The log of this process.
#[derive(Debug, Clone)]
pub struct EmbeddedLog {
    log: Log,
}

impl EmbeddedLog {
    /// Wraps the log.
    pub fn new(log: Log) -> Self {
        Self { log }
    }
}

impl RecordLog for EmbeddedLog {
    fn subscribe(&self, group: &str, topics: &[String]) -> Box<dyn RecordConsumer> {
        let (patterns, missing) = topics
            .iter()
            .cloned()
            .partition(|name: &String| name.starts_with('^'));
        Box::new(EmbeddedConsumer {
            log: self.log.clone(),
            group: group.to_owned(),
            missing,
            patterns: expressions(&patterns),
            partitions: Vec::new(),
            next: 0,
        })
    }

    fn append<'a>(
        &'a self,
        topic: &'a str,
        partition: i32,
        records: Vec<NewRecord>,
    ) -> BoxFuture<'a, Result<(), RecordLogError>> {
        Box::pin(async move {
            let handle = self.partition_to_append(topic, partition).await?;
            let records = records
                .into_iter()
                .map(|record| (handle.clone(), record))
                .collect();
            self.log
                .append_wait(records)
                .await
                .map(drop)
                .map_err(|error| append_error("append records", error))
        })
    }

    fn end_offset(&self, source: &SourcePartition) -> Option<i64> {
        self.log
            .partition(&source.topic, source.partition)
            .map(|handle| handle.end_offset())
    }
}

impl EmbeddedLog {
    async fn partition_to_append(
        &self,
        topic: &str,
        partition: i32,
    ) -> Result<PartitionHandle, RecordLogError> {
        let find = || {
            self.log
                .partition(topic, partition)
                .or_else(|| self.log.partition(topic, 0))
        };
        if let Some(handle) = find() {
            return Ok(handle);
        }
        match self.log.create_topic(topic, TopicConfig::default()).await {
            // Somebody else may have been faster.
            Ok(()) | Err(TopicError::Exists(_)) => {}
            Err(TopicError::Log(error)) => return Err(append_error("create a topic", error)),
            Err(error @ TopicError::Disk(_)) => {
                return Err(RecordLogError::Unavailable {
                    operation: "create a topic",
                    source: error.into(),
                });
            }
            Err(
                error @ (TopicError::Unknown(_) | TopicError::Name(_) | TopicError::Partitions(_)),
            ) => {
                return Err(RecordLogError::Unusable {
                    operation: "create a topic",
                    source: error.into(),
                });
            }
        }
        let gone = || ReadError::UnknownTopic(topic.to_owned());
        find().ok_or_else(|| RecordLogError::Unavailable {
            operation: "append records",
            source: gone().into(),
        })
    }
}

/// A consumer of the log of this process.
#[derive(Debug)]
pub struct EmbeddedConsumer {
    log: Log,
    group: String,
    /// Topics that do not exist yet.
    missing: Vec<String>,
    /// Expressions for topics, which may come at any time.
    patterns: Vec<Regex>,
    partitions: Vec<Consumed>,
    /// Whose turn it is to be read first.
    next: usize,
}

#[derive(Debug)]
struct Consumed {
    handle: PartitionHandle,
    source: SourcePartition,
    position: i64,
}

impl RecordConsumer for EmbeddedConsumer {
    fn poll(&mut self, max_bytes: usize) -> BoxFuture<'_, Result<Polled, RecordLogError>> {
        Box::pin(async move {
            loop {
                if let Some(revoked) = self.drop_deleted() {
                    return Ok(Polled::Revoked(revoked));
                }
                if let Some(assigned) = self.find_missing() {
                    return Ok(Polled::Assigned(assigned));
                }
                if max_bytes == 0 {
                    tokio::time::sleep(LOOK_AGAIN).await;
                    continue;
                }
                if let Some(polled) = self.fetch(max_bytes).await? {
                    return Ok(polled);
                }
                self.wait().await;
            }
        })
    }

    fn commit(&mut self, commits: Vec<Commit>) -> BoxFuture<'_, Result<(), RecordLogError>> {
        Box::pin(async move {
            let mut offsets = Vec::with_capacity(commits.len());
            for Commit {
                source,
                offset,
                metadata,
            } in commits
            {
                // A deleted topic's offsets are of no use to anyone.
                if let Some(consumed) = self
                    .partitions
                    .iter()
                    .find(|consumed| consumed.source == source)
                {
                    offsets.push((consumed.handle.clone(), OffsetCommit { offset, metadata }));
                }
            }
            let committed = self.log.commit_offsets(&self.group, &offsets).await;
            committed.map_err(|error| append_error("commit offsets", error))
        })
    }
}

impl EmbeddedConsumer {
    fn drop_deleted(&mut self) -> Option<Vec<SourcePartition>> {
        let deleted: Vec<Consumed> = self
            .partitions
            .extract_if(.., |consumed| consumed.handle.is_deleted())
            .collect();
        for consumed in &deleted {
            if !self
                .missing
                .iter()
                .any(|topic| **topic == *consumed.source.topic)
            {
                self.missing.push(consumed.source.topic.to_string());
            }
        }
        (!deleted.is_empty()).then(|| {
            deleted
                .into_iter()
                .map(|consumed| consumed.source)
                .collect()
        })
    }

    /// Topics that match an expression and are not read yet become ones that are missing.
    fn find_matching(&mut self) {
        if self.patterns.is_empty() {
            return;
        }
        for topic in self.log.topics() {
            let name = topic.name.as_str();
            let known = self.missing.iter().any(|own| own == name)
                || self.partitions.iter().any(|own| *own.source.topic == *name);
            if !topic.internal && !known && self.patterns.iter().any(|own| own.is_match(name)) {
                self.missing.push(topic.name);
            }
        }
    }

    fn find_missing(&mut self) -> Option<Vec<Assigned>> {
        self.find_matching();
        let mut assigned = Vec::new();
        for topic in std::mem::take(&mut self.missing) {
            let handles = self.log.partitions(&topic);
            if handles.is_empty() {
                self.missing.push(topic);
                continue;
            }
            let name: Arc<str> = topic.into();
            for handle in handles {
                let committed = self.log.committed(&self.group, &handle);
                let source = SourcePartition {
                    topic: Arc::clone(&name),
                    partition: handle.index(),
                };
                let position = committed
                    .as_ref()
                    .map_or(handle.start_offset(), |commit| commit.offset);
                let metadata = committed.map(|commit| commit.metadata);
                assigned.push(Assigned {
                    source: source.clone(),
                    offset: position,
                    metadata,
                });
                self.partitions.push(Consumed {
                    handle,
                    source,
                    position,
                });
            }
        }
        (!assigned.is_empty()).then_some(assigned)
    }

    /// Records of as many partitions as have some, up to `max_bytes`, each call beginning with another partition.
    async fn fetch(&mut self, max_bytes: usize) -> Result<Option<Polled>, RecordLogError> {
        let count = self.partitions.len();
        let mut all = Vec::new();
        let mut bytes_left = max_bytes;
        // Each gets half of what those before it have left: who is first has most.
        let mut next = self.next + 1;
        for turn in 0..count {
            let index = (self.next + turn) % count;
            let Some(consumed) = self.partitions.get_mut(index) else {
                break;
            };
            let end = consumed.handle.end_offset();
            if consumed.position == end {
                continue;
            }
            match read(&self.log, consumed, end, bytes_left).await {
                Ok(records) => {
                    let Some(last) = records.last() else { continue };
                    consumed.position = last.offset + 1;
                    bytes_left =
                        bytes_left.saturating_sub(records.iter().map(StoredRecord::memory).sum());
                    all.push(Fetched {
                        source: consumed.source.clone(),
                        records,
                    });
                    if bytes_left == 0 {
                        break;
                    }
                }
                Err(ReadError::OutOfRange { start, .. }) if all.is_empty() => {
                    let from = std::mem::replace(&mut consumed.position, start);
                    return Ok(Some(Polled::Lost {
                        source: consumed.source.clone(),
                        from,
                        to: start,
                    }));
                }
                // Seen again, and first, by the next poll.
                Err(ReadError::OutOfRange { .. }) => {
                    next = index;
                    break;
                }
                Err(ReadError::TopicDeleted(_) | ReadError::UnknownTopic(_)) => {}
                Err(error @ ReadError::Disk(_)) => {
                    return Err(RecordLogError::Unavailable {
                        operation: "be read",
                        source: error.into(),
                    });
                }
                Err(error @ ReadError::Damaged(_)) => {
                    return Err(RecordLogError::Unusable {
                        operation: "be read",
                        source: error.into(),
                    });
                }
            }
        }
        if all.is_empty() {
            return Ok(None);
        }
        self.next = next % count;
        Ok(Some(Polled::Records(all)))
    }

    /// Waits until a partition has more, or until it is time to look for missing topics.
    async fn wait(&self) {
        let mut advanced: FuturesUnordered<_> = self
            .partitions
            .iter()
            .map(|consumed| consumed.handle.wait_beyond(consumed.position))
            .collect();
        if self.missing.is_empty() && self.patterns.is_empty() {
            advanced.next().await;
            return;
        }
        tokio::select! {
            Some(()) = advanced.next() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// The expressions, which were compiled once when the connector was checked.
fn expressions(patterns: &[String]) -> Vec<Regex> {
    let compiled = patterns.iter().map(|pattern| Regex::new(pattern));
    compiled.filter_map(Result::ok).collect()
}

async fn read(
    log: &Log,
    consumed: &Consumed,
    end: i64,
    max_bytes: usize,
) -> Result<Vec<StoredRecord>, ReadError> {
    // The log counts bytes as they are stored; in memory a small record takes more.
    let (position, max_bytes) = (consumed.position, (max_bytes / 2).max(1));
    if end - position <= NEAR_END {
        return log.read(&consumed.handle, position, max_bytes);
    }
    let (log, handle) = (log.clone(), consumed.handle.clone());
    match tokio::task::spawn_blocking(move || log.read(&handle, position, max_bytes)).await {
        Ok(result) => result,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

fn append_error(operation: &'static str, error: AppendError) -> RecordLogError {
    match error {
        AppendError::Full(_) | AppendError::TopicDeleted(_) => RecordLogError::Unavailable {
            operation,
            source: error.into(),
        },
        AppendError::Failed(_)
        | AppendError::TooLarge { .. }
        | AppendError::Refused(_)
        | AppendError::Closed => RecordLogError::Unusable {
            operation,
            source: error.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use messina_store::disk::SimDisk;
    use messina_store::log::LogOptions;

    use super::*;

    const TOPICS: [&str; 3] = ["a", "b", "c"];

    /// A log with more in each of the topics than a poll takes.
    async fn full() -> EmbeddedLog {
        let options = LogOptions {
            disk: Arc::new(SimDisk::new()),
            ..LogOptions::default()
        };
        let log = EmbeddedLog::new(Log::open(Path::new("/log"), options).unwrap());
        for topic in TOPICS {
            for _ in 0..200 {
                let record = NewRecord {
                    key: None,
                    value: Some(vec![b'x'; 1_000].into()),
                    headers: Vec::new(),
                    timestamp: 0,
                };
                log.append(topic, 0, vec![record]).await.unwrap();
            }
        }
        log
    }

    #[tokio::test]
    async fn of_partitions_that_all_have_more_than_a_poll_takes_each_gets_as_much() {
        let topics = TOPICS.map(str::to_owned);
        let mut consumer = full().await.subscribe("group", &topics);
        assert!(matches!(
            consumer.poll(32_000).await,
            Ok(Polled::Assigned(_))
        ));
        let mut read = BTreeMap::from(TOPICS.map(|topic| (topic, 0)));
        for _ in 0..3 * TOPICS.len() {
            let Ok(Polled::Records(all)) = consumer.poll(32_000).await else {
                panic!("there are more");
            };
            assert_eq!(all.len(), TOPICS.len());
            for Fetched { source, records } in all {
                *read.get_mut(&*source.topic).unwrap() += records.len();
            }
        }
        let [one, ..] = TOPICS.map(|topic| read.get(topic).copied().unwrap());
        assert!(one > 9, "{read:?}");
        assert!(read.values().all(|other| *other == one), "{read:?}");
    }
}
