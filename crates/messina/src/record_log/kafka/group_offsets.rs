//! Committed offsets of consumer groups that nobody is a member of: shown, moved, forgotten.

use std::ffi::CString;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::AdminOptions;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{IsError as _, KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::admin::admin_client;
use super::client::{ClientEvents, ClientRole, client_config};
use super::error::{Asked, KafkaLogError};
use super::topic_ids::signed;
use crate::config::{ClientOverrides, KafkaConfig};
use crate::record_log::SourcePartition;

/// A cluster that says nothing for this long is away.
const PATIENCE: Duration = Duration::from_secs(20);
const PATIENCE_MILLIS: i32 = 20_000;

/// A partition, and the offset that is read next; none begins at the partition's start.
pub type GroupOffset = (SourcePartition, Option<i64>);

/// The groups of a cluster.
#[derive(Debug, Clone)]
pub struct KafkaGroups {
    config: Arc<KafkaConfig>,
}

impl KafkaGroups {
    /// For the cluster of this configuration. Connects to nobody.
    pub fn new(config: Arc<KafkaConfig>) -> Self {
        Self { config }
    }

    /// The same by way of a connector's own clients.
    #[must_use]
    pub fn by_clients_of(&self, own: &ClientOverrides) -> Self {
        Self::new(Arc::new(own.over(&self.config)))
    }

    /// A group's committed offsets, by topic and partition.
    pub async fn committed(&self, group: &str) -> Result<Vec<GroupOffset>, KafkaLogError> {
        let group = self.group(group);
        blocking(move || {
            let consumer = group.consumer()?;
            let committed = group.read(&consumer, &group.everything(&consumer)?)?;
            let elements = committed.elements();
            let offsets = elements
                .iter()
                .filter_map(|element| match element.offset() {
                    Offset::Offset(offset) => {
                        Some((source(element.topic(), element.partition()), Some(offset)))
                    }
                    _ => None,
                });
            let mut offsets: Vec<GroupOffset> = offsets.collect();
            offsets.sort();
            Ok(offsets)
        })
        .await
    }

    /// Moves a group to other offsets. The notes of those that are moved stay. Partitions to be forgotten come last:
    /// both at once Kafka does not do.
    pub async fn alter(&self, group: &str, offsets: Vec<GroupOffset>) -> Result<(), KafkaLogError> {
        let group = self.group(group);
        blocking(move || {
            let consumer = group.consumer()?;
            let known = group.everything(&consumer)?;
            for (source, _) in &offsets {
                if known
                    .find_partition(&source.topic, source.partition)
                    .is_none()
                {
                    return Err(KafkaLogError::NoPartition(source.clone()));
                }
            }
            let moved = group.moved(&consumer, &offsets)?;
            if moved.count() > 0 {
                let committed = consumer.commit(&moved, CommitMode::Sync);
                committed.map_err(|error| group.failed(error))?;
            }
            let forgotten = offsets.iter().filter(|(_, offset)| offset.is_none());
            let mut list = TopicPartitionList::new();
            for (source, _) in forgotten {
                list.add_partition(&source.topic, source.partition);
            }
            if list.count() > 0 {
                group.forget(&list)
            } else {
                Ok(())
            }
        })
        .await
    }

    /// Forgets a group.
    pub async fn reset(&self, group: &str) -> Result<(), KafkaLogError> {
        let group = self.group(group);
        blocking(move || {
            let client = admin_client(&group.config, &group.asked("delete"))?;
            let options = AdminOptions::new().request_timeout(Some(PATIENCE));
            let deleting = client.delete_groups(&[group.name.as_str()], &options);
            let results = tokio::runtime::Handle::current().block_on(deleting);
            let results = results.map_err(|error| group.failed(error))?;
            for result in results {
                if let Err((_, code)) = result
                    && code != RDKafkaErrorCode::GroupIdNotFound
                {
                    return Err(group.answered(code));
                }
            }
            Ok(())
        })
        .await
    }

    fn group(&self, name: &str) -> Group {
        Group {
            config: Arc::clone(&self.config),
            name: name.to_owned(),
        }
    }
}

/// librdkafka's calls and the ends of its clients block.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(call).await {
        Ok(result) => result,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

fn source(topic: &str, partition: i32) -> SourcePartition {
    SourcePartition {
        topic: topic.into(),
        partition,
    }
}

/// One group.
struct Group {
    config: Arc<KafkaConfig>,
    name: String,
}

impl Group {
    fn asked(&self, operation: &'static str) -> Asked {
        Asked {
            operation,
            subject: format!("the offsets of `{}`", self.name),
            servers: self.config.servers(),
        }
    }

    fn failed(&self, error: KafkaError) -> KafkaLogError {
        match error.rdkafka_error_code() {
            Some(code) => self.answered(code),
            None => self.asked("change").failed(error),
        }
    }

    fn answered(&self, code: RDKafkaErrorCode) -> KafkaLogError {
        use RDKafkaErrorCode as Code;
        match code {
            Code::NonEmptyGroup
            | Code::GroupSubscribedToTopic
            | Code::UnknownMemberId
            | Code::RebalanceInProgress
            | Code::IllegalGeneration => KafkaLogError::GroupInUse {
                group: self.name.clone(),
            },
            code => self.asked("change").answered(code, None),
        }
    }

    /// A consumer that is no member.
    fn consumer(&self) -> Result<BaseConsumer<ClientEvents>, KafkaLogError> {
        let mut settings = client_config(&self.config, ClientRole::Consumer)?;
        settings.set("group.id", &self.name);
        let events = ClientEvents::new(Arc::clone(&self.config), "reader of a group's offsets");
        let consumer = settings.create_with_context(events);
        consumer.map_err(|error| self.failed(error))
    }

    /// Every partition of the cluster: which of them a group has offsets of Kafka tells only of those it is asked for.
    fn everything(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
    ) -> Result<TopicPartitionList, KafkaLogError> {
        let metadata = consumer.fetch_metadata(None, PATIENCE);
        let metadata = metadata.map_err(|error| self.failed(error))?;
        let mut all = TopicPartitionList::new();
        for topic in metadata.topics() {
            for partition in topic.partitions() {
                all.add_partition(topic.name(), partition.id());
            }
        }
        Ok(all)
    }

    fn read(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        of: &TopicPartitionList,
    ) -> Result<TopicPartitionList, KafkaLogError> {
        let committed = consumer.committed_offsets(of.clone(), PATIENCE);
        committed.map_err(|error| self.failed(error))
    }

    /// The offsets to commit, with the notes of those that are there, unsigned.
    fn moved(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        offsets: &[GroupOffset],
    ) -> Result<TopicPartitionList, KafkaLogError> {
        let mut moved = TopicPartitionList::new();
        let set = offsets
            .iter()
            .filter_map(|(source, offset)| Some((source, (*offset)?)));
        for (source, _) in set.clone() {
            moved.add_partition(&source.topic, source.partition);
        }
        if moved.count() == 0 {
            return Ok(moved);
        }
        let committed = self.read(consumer, &moved)?;
        for (source, offset) in set {
            // It is the operator's offset, and of the topic there is now: not of the one the note was signed for.
            let note = committed.find_partition(&source.topic, source.partition);
            let note = note
                .map(|own| signed(own.metadata()).0.to_owned())
                .unwrap_or_default();
            let all_set = moved.find_partition(&source.topic, source.partition);
            if let Some(mut element) = all_set {
                let set = element.set_offset(Offset::Offset(offset));
                set.map_err(|error| self.failed(error))?;
                element.set_metadata(note);
            }
        }
        Ok(moved)
    }

    /// Forgets offsets of partitions.
    fn forget(&self, partitions: &TopicPartitionList) -> Result<(), KafkaLogError> {
        let client = admin_client(&self.config, &self.asked("delete"))?;
        let group = CString::new(self.name.as_str()).map_err(|_zero| {
            let code = RDKafkaErrorCode::InvalidGroupId;
            self.answered(code)
        })?;
        let answered = delete_offsets(client.inner().native_ptr(), &group, partitions);
        answered.map_err(|code| self.answered(code))
    }
}

/// Deletes a group's offsets. rdkafka has no call of its own for it.
#[expect(
    unsafe_code,
    reason = "the bindings' own call; rdkafka has none for it"
)]
fn delete_offsets(
    client: *mut rdkafka::bindings::rd_kafka_t,
    group: &CString,
    partitions: &TopicPartitionList,
) -> Result<(), RDKafkaErrorCode> {
    use rdkafka::bindings as native;
    // SAFETY: `client`, `group` and `partitions` live until the call returns. The request copies group and partitions,
    // and is destroyed here, as are the queue and the event that was polled from it, which may be null: librdkafka's
    // functions on events allow that.
    unsafe {
        let queue = native::rd_kafka_queue_new(client);
        let mut request =
            native::rd_kafka_DeleteConsumerGroupOffsets_new(group.as_ptr(), partitions.ptr());
        native::rd_kafka_DeleteConsumerGroupOffsets(
            client,
            &raw mut request,
            1,
            ptr::null(),
            queue,
        );
        let event = native::rd_kafka_queue_poll(queue, PATIENCE_MILLIS);
        let code = answer_of(event);
        native::rd_kafka_event_destroy(event);
        native::rd_kafka_DeleteConsumerGroupOffsets_destroy(request);
        native::rd_kafka_queue_destroy(queue);
        code
    }
}

/// The first error that an answer to a deletion of offsets holds.
#[expect(unsafe_code, reason = "reads librdkafka's event")]
unsafe fn answer_of(
    event: *mut rdkafka::bindings::rd_kafka_event_t,
) -> Result<(), RDKafkaErrorCode> {
    use rdkafka::bindings as native;
    if event.is_null() {
        return Err(RDKafkaErrorCode::OperationTimedOut);
    }
    // SAFETY: the event is not null, and nobody destroys it before the caller does; what it holds lives as long.
    unsafe {
        let code = native::rd_kafka_event_error(event);
        if code.is_error() {
            return Err(code.into());
        }
        let result = native::rd_kafka_event_DeleteConsumerGroupOffsets_result(event);
        if result.is_null() {
            return Err(RDKafkaErrorCode::BadMessage);
        }
        let mut count = 0;
        let groups =
            native::rd_kafka_DeleteConsumerGroupOffsets_result_groups(result, &raw mut count);
        for number in 0..count {
            let group = *groups.add(number);
            let error = native::rd_kafka_group_result_error(group);
            if !error.is_null() {
                return Err(native::rd_kafka_error_code(error).into());
            }
            let partitions = native::rd_kafka_group_result_partitions(group);
            if partitions.is_null() {
                continue;
            }
            for place in 0..usize::try_from((*partitions).cnt).unwrap_or(0) {
                let code = (*(*partitions).elems.add(place)).err;
                if code.is_error() {
                    return Err(code.into());
                }
            }
        }
        Ok(())
    }
}
