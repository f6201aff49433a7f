//! Topics come and go: each time a new checkpoint says so before anything relies on it.

use std::sync::atomic::Ordering;

use super::append::{Append, AppendWaiter, Permit};
use super::checkpoint::{Mark, TopicState};
use super::engine::Log;
use super::error::{AppendError, TopicError};
use super::groups::OFFSETS_TOPIC;
use super::offset_commit;
use super::options::TopicConfig;
use super::shared::Topic;
use crate::disk::DiskError;

impl Log {
    /// Creates a topic, durably.
    pub async fn create_topic(&self, name: &str, config: TopicConfig) -> Result<(), TopicError> {
        let (log, name) = (self.clone(), name.to_owned());
        blocking(move || log.create_topic_blocking(&name, &config)).await
    }

    /// [`create_topic`](Self::create_topic) for threads that may wait for the disk.
    pub fn create_topic_blocking(
        &self,
        name: &str,
        config: &TopicConfig,
    ) -> Result<(), TopicError> {
        check_topic(name, config)?;
        let shared = &*self.inner.shared;
        let _changing = shared.changing.lock();
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
        next.topics.push(TopicState {
            id,
            name: name.to_owned(),
            config: config.clone(),
            marks,
        });
        next.write(disk, &shared.dir)
            .map_err(|error| self.judge(error))?;
        *durable = next;
        let segments = vec![(Vec::new(), Mark::default()); partitions];
        shared
            .catalog
            .lock()
            .add(&shared.dir, (name, id), config, segments);
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
        let _changing = shared.changing.lock();
        self.usable()?;
        let removed = shared.catalog.lock().topics.remove(name);
        let topic = removed.ok_or_else(|| TopicError::Unknown(name.to_owned()))?;
        mark_deleted(&topic, true);
        // After this no append to the topic is under way.
        let forgotten = self
            .barrier()
            .map_err(TopicError::from)
            .and_then(|()| self.forget_topic(&topic));
        if let Err(error) = forgotten {
            mark_deleted(&topic, false);
            shared.catalog.lock().topics.insert(name.to_owned(), topic);
            return Err(error);
        }
        let tending = shared.tending.lock();
        for handle in &topic.partitions {
            handle.0.advanced.notify_waiters();
            handle.0.segments.write().clear();
            if let Err(error) = shared.options.disk.remove_dir(&handle.0.dir) {
                tracing::warn!(
                    error = error.line(),
                    "cannot remove the files of a deleted topic"
                );
            }
        }
        drop(tending);
        self.forget_commits(&topic);
        Ok(())
    }

    fn forget_topic(&self, topic: &Topic) -> Result<(), TopicError> {
        let shared = &*self.inner.shared;
        let mut durable = shared.durable.lock();
        let mut next = durable.clone();
        next.topics.retain(|state| state.id != topic.id);
        next.write(shared.options.disk.as_ref(), &shared.dir)
            .map_err(|error| self.judge(error))?;
        *durable = next;
        Ok(())
    }

    /// Takes back what groups have committed in a deleted topic. If this fails the commits stay as dead records:
    /// the topic's id is never used again.
    fn forget_commits(&self, topic: &Topic) {
        let mut records = Vec::new();
        let now = (self.inner.shared.options.now)();
        let Some(offsets) = self.partition(OFFSETS_TOPIC, 0) else {
            return;
        };
        for (group, book) in self.inner.shared.groups.lock().iter_mut() {
            book.retain(|place, _| {
                place.0 != topic.id || {
                    records.push((
                        offsets.clone(),
                        offset_commit::record(group, *place, None, now),
                    ));
                    false
                }
            });
        }
        if !records.is_empty() {
            let waiter = AppendWaiter::new();
            self.append(Append {
                records,
                permit: Permit::none(),
                waiter,
                ticket: 0,
                want_offsets: false,
            });
        }
    }

    /// A failed checkpoint poisons the log unless the disk is merely full.
    fn judge(&self, error: DiskError) -> TopicError {
        if !error.is_full() {
            self.inner.shared.health.poison(error.line().into());
        }
        TopicError::Disk(error)
    }
}

async fn blocking(
    work: impl FnOnce() -> Result<(), TopicError> + Send + 'static,
) -> Result<(), TopicError> {
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
    if name.is_empty()
        || name.len() > 249
        || name == "."
        || name == ".."
        || !name.bytes().all(allowed)
    {
        return Err(TopicError::Name(name.to_owned()));
    }
    if !(1..=10_000).contains(&config.partitions) {
        return Err(TopicError::Partitions(config.partitions));
    }
    Ok(())
}
