//! Consumer groups: how far each group has come in each partition.
//!
//! A commit is a record in the compacted topic `__messina_offsets`, made durable like any other.

use super::engine::Log;
use super::error::{AppendError, OpenError, TopicError};
use super::offset_commit::{self, OffsetCommit};
use super::options::{Cleanup, TopicConfig};
use super::partition::PartitionHandle;

/// The topic that keeps committed offsets.
pub const OFFSETS_TOPIC: &str = "__messina_offsets";

/// One partition of a group, as [`Log::group`](super::Log::group) lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOffset {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// What was committed.
    pub commit: OffsetCommit,
    /// Records between the committed offset and the end of the partition.
    pub lag: i64,
}

impl Log {
    /// Commits offsets of a group, all or none, durably. An offset may go back: that is a rewind.
    pub async fn commit_offsets(
        &self,
        group: &str,
        offsets: &[(PartitionHandle, OffsetCommit)],
    ) -> Result<(), AppendError> {
        let place = |handle: &PartitionHandle| (handle.0.topic_id, handle.0.index);
        let commits: Vec<_> = offsets
            .iter()
            .map(|(handle, commit)| (place(handle), Some(commit.clone())))
            .collect();
        self.write_commits(group, commits).await
    }

    /// Moves a group: to other offsets in some partitions, to where it has never been in others; all or none.
    pub async fn move_offsets(
        &self,
        group: &str,
        offsets: &[(PartitionHandle, OffsetCommit)],
        forgotten: &[PartitionHandle],
    ) -> Result<(), AppendError> {
        let place = |handle: &PartitionHandle| (handle.0.topic_id, handle.0.index);
        let set = offsets.iter();
        let set = set.map(|(handle, commit)| (place(handle), Some(commit.clone())));
        let reset = forgotten.iter().map(|handle| (place(handle), None));
        self.write_commits(group, set.chain(reset).collect()).await
    }

    async fn write_commits(
        &self,
        group: &str,
        commits: Vec<((u32, i32), Option<OffsetCommit>)>,
    ) -> Result<(), AppendError> {
        let Some(topic) = self.partition(OFFSETS_TOPIC, 0) else {
            return Err(AppendError::Closed);
        };
        let now = (self.inner.shared.options.now)();
        let to_record = |(place, commit): &(_, Option<OffsetCommit>)| {
            (
                topic.clone(),
                offset_commit::record(group, *place, commit.as_ref(), now),
            )
        };
        let written = self
            .append_wait(commits.iter().map(to_record).collect())
            .await?;
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
        groups
            .get(group)?
            .get(&(handle.0.topic_id, handle.0.index))
            .map(|(_, commit)| commit.clone())
    }

    /// Names of all groups, sorted.
    pub fn groups(&self) -> Vec<String> {
        self.inner.shared.groups.lock().keys().cloned().collect()
    }

    /// Where a group stands in every partition it has committed, by topic and partition.
    pub fn group(&self, group: &str) -> Vec<GroupOffset> {
        let catalog = self.inner.shared.catalog.lock();
        let groups = self.inner.shared.groups.lock();
        let Some(book) = groups.get(group) else {
            return Vec::new();
        };
        let mut all = Vec::new();
        for topic in catalog.topics.values() {
            for handle in &topic.partitions {
                if let Some((_, commit)) = book.get(&(topic.id, handle.index())) {
                    let lag = (handle.end_offset() - commit.offset).max(0);
                    let (topic, partition) = (handle.topic().to_owned(), handle.index());
                    all.push(GroupOffset {
                        topic,
                        partition,
                        commit: commit.clone(),
                        lag,
                    });
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

    /// Creates the topic of committed offsets if it is not there, and reads it.
    pub(super) fn open_groups(&self) -> Result<(), OpenError> {
        let config = TopicConfig {
            cleanup: Cleanup::Compact,
            ..TopicConfig::default()
        };
        match self.create_topic_blocking(OFFSETS_TOPIC, &config) {
            Ok(()) | Err(TopicError::Exists(_)) => {}
            Err(TopicError::Disk(error)) => return Err(OpenError::Disk(error)),
            Err(error) => return Err(OpenError::Groups(error.to_string())),
        }
        let latest = self
            .read_compacted(OFFSETS_TOPIC)
            .map_err(|error| OpenError::Groups(error.to_string()))?;
        let catalog = self.inner.shared.catalog.lock();
        let mut books = self.inner.shared.groups.lock();
        for (key, value) in &latest {
            let Some((group, place, commit)) = offset_commit::parse(key, value) else {
                continue;
            };
            if catalog.topics.values().any(|topic| topic.id == place.0) {
                books.entry(group).or_default().insert(place, (-1, commit));
            }
        }
        Ok(())
    }
}
