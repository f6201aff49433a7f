//! A partition that is ours: its queue, and how far it was read.

use std::time::Duration;

use messina_store::log::StoredRecord;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::gather::Gather;
use super::news::GroupEvents;
use super::positions::Ends;
use super::topic_ids::TopicId;
use crate::record_log::SourcePartition;

/// A partition that is ours.
pub(super) struct Owned {
    pub(super) source: SourcePartition,
    pub(super) queue: PartitionQueue<GroupEvents>,
    /// Offset of the next record.
    pub(super) position: i64,
    /// Whether the record at `position` is not there: it has to be found out where to go on.
    pub(super) astray: bool,
    /// Which topic it is of; `None` if the cluster does not say.
    pub(super) id: Option<TopicId>,
}

impl Owned {
    /// Records that are there, until `left` bytes are used up; and what went wrong, if something did.
    pub(super) fn take(
        &mut self,
        gather: &mut Gather,
        ends: &Ends,
        left: &mut usize,
    ) -> (Vec<StoredRecord>, Option<RDKafkaErrorCode>) {
        use RDKafkaErrorCode as Code;
        let mut records = Vec::new();
        let mut reached = None;
        let mut trouble = None;
        while *left > 0 && !self.astray {
            match self.queue.poll(Duration::ZERO) {
                None => break,
                Some(Ok(message)) => {
                    let record = gather.record(&message);
                    self.position = record.offset + 1;
                    *left = left.saturating_sub(record.memory());
                    records.push(record);
                    reached = Some(None);
                }
                Some(Err(KafkaError::PartitionEOF(_))) => reached = Some(Some(self.position)),
                Some(Err(error)) => match error.rdkafka_error_code().unwrap_or(Code::Fail) {
                    Code::AutoOffsetReset | Code::OffsetOutOfRange => self.astray = true,
                    code @ (Code::TopicAuthorizationFailed | Code::Fatal) => trouble = Some(code),
                    // The group hears of it: partitions that are gone are revoked.
                    code => {
                        let (topic, partition) = (&self.source.topic, self.source.partition);
                        tracing::debug!(%code, %topic, partition, "the partition cannot be read now");
                    }
                },
            }
        }
        if let Some(reached) = reached {
            ends.reached(&self.source, reached);
        }
        (records, trouble)
    }
}

/// Adds a partition with the offset to read from.
pub(super) fn add(list: &mut TopicPartitionList, source: &SourcePartition, position: i64) {
    let mut element = list.add_partition(&source.topic, source.partition);
    if let Err(error) = element.set_offset(Offset::Offset(position)) {
        tracing::error!(%error, position, "an offset that is none");
    }
}
