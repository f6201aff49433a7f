//! The log as its users hold it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::append::{Append, AppendWaiter, Permit};
use super::checkpoint::{Mark, TopicState};
use super::committer::Committer;
use super::error::{AppendError, LogHealth, OpenError, ReadError, TopicError};
use super::groups::{self, GroupOffset, OFFSETS_TOPIC, OffsetCommit};
use super::keeper::Keeper;
use super::options::{Cleanup, LogOptions, TopicConfig, TopicInfo};
use super::partition::PartitionHandle;
use super::record::{NewRecord, StoredRecord};
use super::recovery::{self, Recovered};
use super::shared::{Catalog, Ending, Health, Item, KeeperInbox, Queue, Shared, Topic};
use super::wal::Wal;
use crate::disk::DiskError;

/// The embedded log. Cheap to clone; all clones are the same log.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    threads: Mutex<Option<(JoinHandle<()>, JoinHandle<()>)>>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("dir", &self.inner.shared.dir).finish_non_exhaustive()
    }
}

impl Log {
    /// Opens the log in `dir`, which is created if it does not exist. Blocks; recovery happens in here.
    pub fn open(dir: &Path, options: LogOptions) -> Result<Self, OpenError> {
        check_options(&options)?;
        options.disk.create_dir(dir)?;
        let lock = options.disk.lock(&dir.join("lock"))?;
        let lock = lock.ok_or_else(|| OpenError::InUse { dir: dir.to_owned() })?;
        let recovered = recovery::recover(dir, &options)?;
        let Recovered { checkpoint, wal, spare, segments } = recovered;
        let mut catalog = Catalog::default();
        for (topic, segments) in checkpoint.topics.iter().zip(segments) {
            let partitions = segments.into_iter().zip(topic.marks.iter().copied()).collect();
            catalog.add(dir, (&topic.name, topic.id), &topic.config, partitions);
        }
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            room: Arc::new(Semaphore::new(options.queue_bytes)),
            queue: Queue::new(),
            keeper: KeeperInbox::new(checkpoint.generation),
            catalog: Mutex::new(catalog),
            durable: Mutex::new(checkpoint),
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
        let keeper = thread::Builder::new().name(name.to_owned()).spawn(move || keeper.run());
        let keeper = keeper.map_err(|source| OpenError::Thread { thread: name, source })?;
        let name = "messina-log-committer";
        let committer = thread::Builder::new().name(name.to_owned()).spawn(move || committer.run());
        let committer = committer.map_err(|source| OpenError::Thread { thread: name, source })?;
        Ok(Self { inner: Arc::new(Inner { shared, threads: Mutex::new(Some((committer, keeper))) }) })
    }

    /// Creates a topic, durably.
    pub async fn create_topic(&self, name: &str, config: TopicConfig) -> Result<(), TopicError> {
        let (log, name) = (self.clone(), name.to_owned());
        blocking(move || log.create_topic_blocking(&name, &config)).await
    }

    /// [`create_topic`](Self::create_topic) for threads that may wait for the disk.
    pub fn create_topic_blocking(&self, name: &str, config: &TopicConfig) -> Result<(), TopicError> {
        check_topic(name, config)?;
        let shared = &*self.inner.shared;
        self.usable()?;
        let mut durable = shared.durable.lock();
        if shared.catalog.lock().topics.contains_key(name) {
            return Err(TopicError::Exists(name.to_owned()));
        }
        let disk = shared.options.disk.as_ref();
        let partitions = usize::try_from(config.partitions).unwrap_or(1);
        for index in 0..partitions {
            let dir = shared.dir.join(format!("{name}-{index}"));
            // What a deleted topic of this name may have left.
            match disk.remove_dir(&dir) {
                Err(error) if error.is_missing() => {}
                removed => removed?,
            }
            disk.create_dir(&dir)?;
        }
        let mut next = durable.clone();
        let id = next.next_topic;
        next.next_topic += 1;
        let marks = vec![Mark::default(); partitions];
        next.topics.push(TopicState { id, name: name.to_owned(), config: config.clone(), marks });
        next.write(disk, &shared.dir).map_err(|error| self.judge(error))?;
        *durable = next;
        let segments = vec![(Vec::new(), Mark::default()); partitions];
        shared.catalog.lock().add(&shared.dir, (name, id), config, segments);
        Ok(())
    }

    /// Deletes a topic and its records, durably.
    pub async fn delete_topic(&self, name: &str) -> Result<(), TopicError> {
        let (log, name) = (self.clone(), name.to_owned());
        blocking(move || log.delete_topic_blocking(&name)).await
    }

    /// [`delete_topic`](Self::delete_topic) for threads that may wait for the disk.
    pub fn delete_topic_blocking(&self, name: &str) -> Result<(), TopicError> {
        let shared = &*self.inner.shared;
        self.usable()?;
        let removed = shared.catalog.lock().topics.remove(name);
        let topic = removed.ok_or_else(|| TopicError::Unknown(name.to_owned()))?;
        mark_deleted(&topic, true);
        // After this no append to the topic is under way.
        let forgotten = self.barrier().map_err(TopicError::from).and_then(|()| self.forget_topic(&topic));
        if let Err(error) = forgotten {
            mark_deleted(&topic, false);
            shared.catalog.lock().topics.insert(name.to_owned(), topic);
            return Err(error);
        }
        for handle in &topic.partitions {
            handle.0.advanced.notify_waiters();
            handle.0.segments.write().clear();
            if let Err(error) = shared.options.disk.remove_dir(&handle.0.dir) {
                tracing::warn!(error = error.line(), "cannot remove the files of a deleted topic");
            }
        }
        self.forget_commits(&topic);
        Ok(())
    }

    fn forget_topic(&self, topic: &Topic) -> Result<(), TopicError> {
        let shared = &*self.inner.shared;
        let mut durable = shared.durable.lock();
        let mut next = durable.clone();
        next.topics.retain(|state| state.id != topic.id);
        next.write(shared.options.disk.as_ref(), &shared.dir).map_err(|error| self.judge(error))?;
        *durable = next;
        Ok(())
    }

    /// Takes back what groups have committed in a deleted topic. If this fails the commits stay as dead records:
    /// the topic's id is never used again.
    fn forget_commits(&self, topic: &Topic) {
        let mut records = Vec::new();
        let now = (self.inner.shared.options.now)();
        let Some(offsets) = self.partition(OFFSETS_TOPIC, 0) else { return };
        for (group, book) in self.inner.shared.groups.lock().iter_mut() {
            book.retain(|place, _| place.0 != topic.id || {
                records.push((offsets.clone(), groups::record(group, *place, None, now)));
                false
            });
        }
        if !records.is_empty() {
            let waiter = AppendWaiter::new();
            self.append(Append { records, permit: Permit::none(), waiter, ticket: 0, want_offsets: false });
        }
    }

    /// All topics by name.
    pub fn topics(&self) -> Vec<TopicInfo> {
        let catalog = self.inner.shared.catalog.lock();
        let info = |(name, topic): (&String, &Topic)| TopicInfo {
            name: name.clone(),
            config: (*topic.config).clone(),
            internal: name.starts_with("__"),
        };
        catalog.topics.iter().map(info).collect()
    }

    /// The handle of a partition; keep it, the look-up takes a lock.
    pub fn partition(&self, topic: &str, index: i32) -> Option<PartitionHandle> {
        let catalog = self.inner.shared.catalog.lock();
        catalog.topics.get(topic)?.partitions.get(usize::try_from(index).ok()?).cloned()
    }

    /// All partitions of a topic in order; empty if there is no such topic.
    pub fn partitions(&self, topic: &str) -> Vec<PartitionHandle> {
        let catalog = self.inner.shared.catalog.lock();
        catalog.topics.get(topic).map(|topic| topic.partitions.clone()).unwrap_or_default()
    }

    /// Waits for room in the queue of what is not yet durable. More than the whole queue counts as the whole queue.
    pub async fn reserve(&self, bytes: usize) -> Permit {
        let room = Arc::clone(&self.inner.shared.room);
        room.acquire_many_owned(self.clamp(bytes)).await.map_or_else(|_| Permit::none(), Permit::of)
    }

    /// Room in the queue if there is any now.
    pub fn try_reserve(&self, bytes: usize) -> Option<Permit> {
        let room = Arc::clone(&self.inner.shared.room);
        room.try_acquire_many_owned(self.clamp(bytes)).ok().map(Permit::of)
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
        let refused = self.inner.shared.queue.push(appends.into_iter().map(Item::Append));
        for item in refused {
            let Item::Append(append) = item else { continue };
            append.refuse(self.inner.shared.health.failure().unwrap_or(AppendError::Closed));
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

    /// Durable records from `offset` on: at least one if there is one, then whole batches up to about `max_bytes`.
    /// Empty at the end of the partition. Reads the page cache or the disk, and may block for the latter.
    pub fn read(&self, handle: &PartitionHandle, offset: i64, max_bytes: usize) -> Result<Vec<StoredRecord>, ReadError> {
        handle.0.read(offset, max_bytes)
    }

    /// Offset of the first record with a timestamp of `timestamp` or later; the end offset if there is none.
    pub fn offset_for_time(&self, handle: &PartitionHandle, timestamp: i64) -> Result<i64, ReadError> {
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
                        (Some(key), Some(value)) => drop(latest.insert(key, Bytes::copy_from_slice(&value))),
                        (Some(key), None) => drop(latest.remove(&key)),
                        (None, _) => {}
                    }
                }
            }
        }
        Ok(latest)
    }

    /// Commits offsets of a group, all or none, durably. An offset may go back: that is a rewind.
    pub async fn commit_offsets(
        &self,
        group: &str,
        offsets: &[(PartitionHandle, OffsetCommit)],
    ) -> Result<(), AppendError> {
        let place = |handle: &PartitionHandle| (handle.0.topic_id, handle.0.index);
        let commits: Vec<_> = offsets.iter().map(|(handle, commit)| (place(handle), Some(commit.clone()))).collect();
        self.write_commits(group, commits).await
    }

    async fn write_commits(
        &self,
        group: &str,
        commits: Vec<((u32, i32), Option<OffsetCommit>)>,
    ) -> Result<(), AppendError> {
        let Some(topic) = self.partition(OFFSETS_TOPIC, 0) else { return Err(AppendError::Closed) };
        let now = (self.inner.shared.options.now)();
        let record = |(place, commit): &(_, Option<OffsetCommit>)| {
            (topic.clone(), groups::record(group, *place, commit.as_ref(), now))
        };
        let written = self.append_wait(commits.iter().map(record).collect()).await?;
        let mut groups = self.inner.shared.groups.lock();
        let book = groups.entry(group.to_owned()).or_default();
        for ((place, commit), at) in commits.into_iter().zip(written) {
            // Two commits at once: the one that is later in the log counts.
            if book.get(&place).is_some_and(|(earlier, _)| *earlier > at) {
                continue;
            }
            match commit {
                Some(commit) => drop(book.insert(place, (at, commit))),
                None => drop(book.remove(&place)),
            }
        }
        if book.is_empty() {
            groups.remove(group);
        }
        Ok(())
    }

    /// What a group has committed for a partition.
    pub fn committed(&self, group: &str, handle: &PartitionHandle) -> Option<OffsetCommit> {
        let groups = self.inner.shared.groups.lock();
        groups.get(group)?.get(&(handle.0.topic_id, handle.0.index)).map(|(_, commit)| commit.clone())
    }

    /// Names of all groups, sorted.
    pub fn groups(&self) -> Vec<String> {
        self.inner.shared.groups.lock().keys().cloned().collect()
    }

    /// Where a group stands in every partition it has committed, by topic and partition.
    pub fn group(&self, group: &str) -> Vec<GroupOffset> {
        let catalog = self.inner.shared.catalog.lock();
        let groups = self.inner.shared.groups.lock();
        let Some(book) = groups.get(group) else { return Vec::new() };
        let mut all = Vec::new();
        for topic in catalog.topics.values() {
            for handle in &topic.partitions {
                if let Some((_, commit)) = book.get(&(topic.id, handle.index())) {
                    let lag = (handle.end_offset() - commit.offset).max(0);
                    let (topic, partition) = (handle.topic().to_owned(), handle.index());
                    all.push(GroupOffset { topic, partition, commit: commit.clone(), lag });
                }
            }
        }
        all
    }

    /// Forgets a group, durably.
    pub async fn delete_group(&self, group: &str) -> Result<(), AppendError> {
        let places: Vec<_> = match self.inner.shared.groups.lock().get(group) {
            Some(book) => book.keys().map(|place| (*place, None)).collect(),
            None => return Ok(()),
        };
        self.write_commits(group, places).await
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
        if !self.inner.shared.queue.push([Item::Checkpoint(Some(done))]).is_empty() {
            return Err(AppendError::Closed);
        }
        told.recv().unwrap_or(Err(AppendError::Closed))
    }

    fn barrier(&self) -> Result<(), AppendError> {
        let (done, told) = sync_channel(1);
        if !self.inner.shared.queue.push([Item::Barrier(done)]).is_empty() {
            return Err(AppendError::Closed);
        }
        told.recv().map_err(|_closed| AppendError::Closed)
    }

    fn usable(&self) -> Result<(), AppendError> {
        self.inner.shared.health.failure().map_or(Ok(()), Err)
    }

    /// A failed checkpoint poisons the log unless the disk is merely full.
    fn judge(&self, error: DiskError) -> TopicError {
        if !error.is_full() {
            self.inner.shared.health.poison(error.line().into());
        }
        TopicError::Disk(error)
    }

    /// Creates the topic of committed offsets if it is not there, and reads it.
    fn open_groups(&self) -> Result<(), OpenError> {
        let config = TopicConfig { cleanup: Cleanup::Compact, ..TopicConfig::default() };
        match self.create_topic_blocking(OFFSETS_TOPIC, &config) {
            Ok(()) | Err(TopicError::Exists(_)) => {}
            Err(TopicError::Disk(error)) => return Err(OpenError::Disk(error)),
            Err(error) => return Err(OpenError::Groups(error.to_string())),
        }
        let latest = self.read_compacted(OFFSETS_TOPIC).map_err(|error| OpenError::Groups(error.to_string()))?;
        let catalog = self.inner.shared.catalog.lock();
        let mut books = self.inner.shared.groups.lock();
        for (key, value) in &latest {
            let Some((group, place, commit)) = groups::parse(key, value) else { continue };
            if catalog.topics.values().any(|topic| topic.id == place.0) {
                books.entry(group).or_default().insert(place, (-1, commit));
            }
        }
        Ok(())
    }
}

impl Inner {
    /// Answers what is queued, then stops the threads.
    fn stop(&self) {
        drop(self.shared.queue.end(Ending::Stop));
        let Some((committer, keeper)) = self.threads.lock().take() else { return };
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

async fn blocking(work: impl FnOnce() -> Result<(), TopicError> + Send + 'static) -> Result<(), TopicError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or(Err(TopicError::Log(AppendError::Closed)))
}

fn mark_deleted(topic: &Topic, deleted: bool) {
    for handle in &topic.partitions {
        handle.0.deleted.store(deleted, Ordering::Release);
    }
}

fn check_topic(name: &str, config: &TopicConfig) -> Result<(), TopicError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.is_empty() || name.len() > 249 || name == "." || name == ".." || !name.bytes().all(allowed) {
        return Err(TopicError::Name(name.to_owned()));
    }
    if !(1..=10_000).contains(&config.partitions) {
        return Err(TopicError::Partitions(config.partitions));
    }
    Ok(())
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
