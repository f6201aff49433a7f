//! The log as its users hold it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::append::{Append, AppendWaiter, Permit};
use super::committer::Committer;
use super::error::{AppendError, LogHealth, OpenError, ReadError};
use super::keeper::Keeper;
use super::options::{LogOptions, TopicInfo, is_internal};
use super::partition::PartitionHandle;
use super::record::{NewRecord, StoredRecord};
use super::recovery;
use super::replay::Recovered;
use super::shared::{Catalog, Ending, Health, Item, KeeperInbox, Queue, Shared, Topic};
use super::wal::Wal;

/// The embedded log. Cheap to clone; all clones are the same log.
#[derive(Clone)]
pub struct Log {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) shared: Arc<Shared>,
    threads: Mutex<Option<(JoinHandle<()>, JoinHandle<()>)>>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("dir", &self.inner.shared.dir)
            .finish_non_exhaustive()
    }
}

impl Log {
    /// Opens the log in `dir`, which is created if it does not exist. Blocks; recovery happens in here.
    pub fn open(dir: &Path, options: LogOptions) -> Result<Self, OpenError> {
        check_options(&options)?;
        options.disk.create_dir(dir)?;
        let lock = options.disk.lock(&dir.join("lock"))?;
        let lock = lock.ok_or_else(|| OpenError::InUse {
            dir: dir.to_owned(),
        })?;
        let recovered = recovery::recover(dir, &options)?;
        let Recovered {
            checkpoint,
            wal,
            spare,
            segments,
        } = recovered;
        let mut catalog = Catalog::default();
        for (topic, segments) in checkpoint.topics.iter().zip(segments) {
            let partitions = segments
                .into_iter()
                .zip(topic.marks.iter().copied())
                .collect();
            catalog.add(dir, (&topic.name, topic.id), &topic.config, partitions);
        }
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            room: Arc::new(Semaphore::new(options.queue_bytes)),
            queue: Queue::new(),
            keeper: KeeperInbox::new(checkpoint.generation),
            catalog: Mutex::new(catalog),
            durable: Mutex::new(checkpoint),
            changing: Mutex::default(),
            tending: Mutex::default(),
            groups: Mutex::default(),
            health: Health::new(),
            options,
            _lock: lock,
        });
        let log = Self::start(shared, wal, spare)?;
        log.open_groups()?;
        Ok(log)
    }

    fn start(shared: Arc<Shared>, wal: Wal, spare: Option<u64>) -> Result<Self, OpenError> {
        let committer = Committer::new(Arc::clone(&shared), wal, spare);
        let keeper = Keeper::new(Arc::clone(&shared));
        let name = "messina-log-keeper";
        let keeper = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || keeper.run());
        let keeper = keeper.map_err(|source| OpenError::Thread {
            thread: name,
            source,
        })?;
        let name = "messina-log-committer";
        let committer = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || committer.run());
        let committer = committer.map_err(|source| OpenError::Thread {
            thread: name,
            source,
        })?;
        Ok(Self {
            inner: Arc::new(Inner {
                shared,
                threads: Mutex::new(Some((committer, keeper))),
            }),
        })
    }

    /// All topics by name.
    pub fn topics(&self) -> Vec<TopicInfo> {
        let catalog = self.inner.shared.catalog.lock();
        let info = |(name, topic): (&String, &Topic)| TopicInfo {
            name: name.clone(),
            config: (*topic.config).clone(),
            internal: is_internal(name),
        };
        catalog.topics.iter().map(info).collect()
    }

    /// The handle of a partition; keep it, the look-up takes a lock.
    pub fn partition(&self, topic: &str, index: i32) -> Option<PartitionHandle> {
        let catalog = self.inner.shared.catalog.lock();
        catalog
            .topics
            .get(topic)?
            .partitions
            .get(usize::try_from(index).ok()?)
            .cloned()
    }

    /// All partitions of a topic in order; empty if there is no such topic.
    pub fn partitions(&self, topic: &str) -> Vec<PartitionHandle> {
        let catalog = self.inner.shared.catalog.lock();
        catalog
            .topics
            .get(topic)
            .map(|topic| topic.partitions.clone())
            .unwrap_or_default()
    }

    /// Waits for room in the queue of what is not yet durable. More than the whole queue counts as the whole queue.
    pub async fn reserve(&self, bytes: usize) -> Permit {
        let room = Arc::clone(&self.inner.shared.room);
        room.acquire_many_owned(self.clamp(bytes))
            .await
            .map_or_else(|_| Permit::none(), Permit::of)
    }

    /// Room in the queue if there is any now.
    pub fn try_reserve(&self, bytes: usize) -> Option<Permit> {
        let room = Arc::clone(&self.inner.shared.room);
        room.try_acquire_many_owned(self.clamp(bytes))
            .ok()
            .map(Permit::of)
    }

    fn clamp(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.min(self.inner.shared.options.queue_bytes)).unwrap_or(u32::MAX)
    }

    /// Queues an append and returns at once; its waiter is told.
    pub fn append(&self, append: Append) {
        self.append_all([append]);
    }

    /// Queues appends in order with one lock and one wake-up of the committer.
    pub fn append_all(&self, appends: impl IntoIterator<Item = Append>) {
        let refused = self
            .inner
            .shared
            .queue
            .push(appends.into_iter().map(Item::Append));
        for item in refused {
            let Item::Append(append) = item else { continue };
            append.refuse(
                self.inner
                    .shared
                    .health
                    .failure()
                    .unwrap_or(AppendError::Closed),
            );
        }
    }

    /// Appends records, all or none, and waits until they are durable; gives their offsets.
    pub async fn append_wait(
        &self,
        records: Vec<(PartitionHandle, NewRecord)>,
    ) -> Result<Vec<i64>, AppendError> {
        let bytes = records.iter().map(|(_, record)| record.size_bound()).sum();
        let permit = self.reserve(bytes).await;
        let waiter = AppendWaiter::new();
        self.append(Append {
            records,
            permit,
            waiter: Arc::clone(&waiter),
            ticket: 0,
            want_offsets: true,
        });
        let mut done = Vec::new();
        loop {
            waiter.drain(&mut done);
            match done.pop() {
                Some(completion) => {
                    return completion
                        .result
                        .map(|offsets| offsets.unwrap_or_default().into_vec());
                }
                None => waiter.notified().await,
            }
        }
    }

    /// Durable records from `offset` on: at least one if there is one, then whole batches up to about `max_bytes`.
    /// Empty at the end of the partition. Reads the page cache or the disk, and may block for the latter.
    pub fn read(
        &self,
        handle: &PartitionHandle,
        offset: i64,
        max_bytes: usize,
    ) -> Result<Vec<StoredRecord>, ReadError> {
        handle.0.read(offset, max_bytes)
    }

    /// Offset of the first record with a timestamp of `timestamp` or later; the end offset if there is none.
    pub fn offset_for_time(
        &self,
        handle: &PartitionHandle,
        timestamp: i64,
    ) -> Result<i64, ReadError> {
        handle.0.offset_for_time(timestamp)
    }

    /// The latest value of every key of a compacted topic, all partitions; deleted keys are left out. Blocks.
    pub fn read_compacted(&self, topic: &str) -> Result<BTreeMap<Bytes, Bytes>, ReadError> {
        let partitions = self.partitions(topic);
        if partitions.is_empty() {
            return Err(ReadError::UnknownTopic(topic.to_owned()));
        }
        let mut latest = BTreeMap::new();
        for handle in partitions {
            let mut offset = handle.start_offset();
            loop {
                let records = handle.0.read(offset, 1 << 20)?;
                let Some(last) = records.last() else { break };
                offset = last.offset + 1;
                for record in records {
                    // Copies: a slice would keep its whole batch in memory.
                    let key = record.key.map(|key| Bytes::copy_from_slice(&key));
                    match (key, record.value) {
                        (Some(key), Some(value)) => {
                            drop(latest.insert(key, Bytes::copy_from_slice(&value)));
                        }
                        (Some(key), None) => drop(latest.remove(&key)),
                        (None, _) => {}
                    }
                }
            }
        }
        Ok(latest)
    }

    /// How the log is.
    pub fn health(&self) -> LogHealth {
        self.inner.shared.health.get()
    }

    /// Waits until [`health`](Self::health) changes.
    pub async fn health_changed(&self) {
        self.inner.shared.health.changed.notified().await;
    }

    /// Commits everything queued, writes a checkpoint and stops the log's threads. Blocks. Later appends are refused.
    pub fn close(&self) -> Result<(), AppendError> {
        let result = self.checkpoint();
        self.inner.stop();
        match result {
            Err(AppendError::Closed) => Ok(()),
            result => result,
        }
    }

    /// Makes a checkpoint now, which also runs retention and compaction. Blocks until it is durable.
    pub fn checkpoint(&self) -> Result<(), AppendError> {
        self.usable()?;
        let (done, told) = sync_channel(1);
        if !self
            .inner
            .shared
            .queue
            .push([Item::Checkpoint(Some(done))])
            .is_empty()
        {
            return Err(AppendError::Closed);
        }
        told.recv().unwrap_or(Err(AppendError::Closed))
    }

    pub(super) fn barrier(&self) -> Result<(), AppendError> {
        let (done, told) = sync_channel(1);
        if !self
            .inner
            .shared
            .queue
            .push([Item::Barrier(done)])
            .is_empty()
        {
            return Err(AppendError::Closed);
        }
        told.recv().map_err(|_closed| AppendError::Closed)
    }

    pub(super) fn usable(&self) -> Result<(), AppendError> {
        self.inner.shared.health.failure().map_or(Ok(()), Err)
    }
}

impl Inner {
    /// Answers what is queued, then stops the threads.
    fn stop(&self) {
        drop(self.shared.queue.end(Ending::Stop));
        let Some((committer, keeper)) = self.threads.lock().take() else {
            return;
        };
        drop(committer.join());
        self.shared.keeper.stop();
        drop(keeper.join());
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

fn check_options(options: &LogOptions) -> Result<(), OpenError> {
    let wrong = |option, reason| Err(OpenError::Options { option, reason });
    if !((64 << 10)..=(1 << 30)).contains(&options.wal_bytes) {
        return wrong("wal_bytes", "it must be from 64 KiB to 1 GiB");
    }
    if !(4096..=(1 << 30)).contains(&options.segment_bytes) {
        return wrong("segment_bytes", "it must be from 4 KiB to 1 GiB");
    }
    if options.queue_bytes == 0 || options.group_bytes == 0 {
        return wrong("queue_bytes, group_bytes", "they must not be 0");
    }
    Ok(())
}
