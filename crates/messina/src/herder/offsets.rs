//! Where a connector stands in its topics, and how that is changed.

use messina_store::log::{OffsetCommit, PartitionHandle};

use super::error::HerderError;
use super::keeping::Herder;
use super::properties::connector_config;
use super::state::Target;
use crate::record_log::SourcePartition;
use crate::record_log::kafka::{GroupOffset, KafkaGroups};

/// A partition and the offset that is read next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionOffset {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset; none begins at the partition's start again.
    pub offset: Option<i64>,
}

impl From<GroupOffset> for PartitionOffset {
    fn from((source, offset): GroupOffset) -> Self {
        Self {
            topic: source.topic.to_string(),
            partition: source.partition,
            offset,
        }
    }
}

impl From<PartitionOffset> for GroupOffset {
    fn from(own: PartitionOffset) -> Self {
        let source = SourcePartition {
            topic: own.topic.into(),
            partition: own.partition,
        };
        (source, own.offset)
    }
}

impl Herder {
    /// Committed offsets, by topic and partition.
    pub async fn offsets(&self, name: &str) -> Result<Vec<PartitionOffset>, HerderError> {
        let (group, groups) = self.group(name)?;
        if let Some(groups) = groups {
            let committed = groups.committed(&group).await?;
            return Ok(committed.into_iter().map(PartitionOffset::from).collect());
        }
        let committed = self.parts.log.group(&group).into_iter();
        let offset = |own: messina_store::log::GroupOffset| PartitionOffset {
            topic: own.topic,
            partition: own.partition,
            offset: Some(own.commit.offset),
        };
        Ok(committed.map(offset).collect())
    }

    /// Moves a stopped connector to other offsets: in the embedded log all or none.
    pub async fn alter_offsets(
        &self,
        name: &str,
        offsets: Vec<PartitionOffset>,
    ) -> Result<(), HerderError> {
        let _changing = self.changing.lock().await;
        self.must_be_stopped(name)?;
        let (group, groups) = self.group(name)?;
        if let Some(groups) = groups {
            let offsets = offsets.into_iter().map(GroupOffset::from).collect();
            return Ok(groups.alter(&group, offsets).await?);
        }
        let (mut set, mut reset) = (Vec::new(), Vec::new());
        for own in offsets {
            let handle = self.partition(&own)?;
            match own.offset {
                None => reset.push(handle),
                Some(offset) => set.push((handle, offset)),
            }
        }
        let log = &self.parts.log;
        let commit = |(handle, offset): (PartitionHandle, i64)| {
            // The books stay in the note: what was written was written.
            let metadata = log.committed(&group, &handle).map(|own| own.metadata);
            let metadata = metadata.unwrap_or_default();
            (handle, OffsetCommit { offset, metadata })
        };
        let set: Vec<_> = set.into_iter().map(commit).collect();
        log.move_offsets(&group, &set, &reset).await?;
        tracing::info!(connector = name, "offsets of a connector were altered");
        Ok(())
    }

    /// Lets a stopped connector begin anew.
    pub async fn reset_offsets(&self, name: &str) -> Result<(), HerderError> {
        let _changing = self.changing.lock().await;
        self.must_be_stopped(name)?;
        let (group, groups) = self.group(name)?;
        if let Some(groups) = groups {
            return Ok(groups.reset(&group).await?);
        }
        self.parts.log.delete_group(&group).await?;
        tracing::info!(connector = name, "offsets of a connector were reset");
        Ok(())
    }

    /// The group whose offsets are a connector's; with Kafka as the log also the way to it.
    fn group(&self, name: &str) -> Result<(String, Option<KafkaGroups>), HerderError> {
        let config = self.look(name, |own| connector_config(name, &own.properties))?;
        let (group, own) = self
            .parts
            .factory
            .group(&config)
            .map_err(HerderError::Invalid)?;
        let groups = self.parts.groups.as_ref();
        Ok((group, groups.map(|groups| groups.by_clients_of(&own))))
    }

    fn must_be_stopped(&self, name: &str) -> Result<(), HerderError> {
        let target = self.look(name, |own| own.target)?;
        if target == Target::Stopped {
            return Ok(());
        }
        Err(HerderError::Refused(STOP_FIRST.to_owned()))
    }

    fn partition(&self, own: &PartitionOffset) -> Result<PartitionHandle, HerderError> {
        let handle = self.parts.log.partition(&own.topic, own.partition);
        handle.ok_or_else(|| {
            let (topic, partition) = (&own.topic, own.partition);
            HerderError::Refused(format!("there is no partition {topic}-{partition}"))
        })
    }
}

pub(super) const STOP_FIRST: &str = "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified connector by issuing a 'PUT' request to the '/connectors/<connector>/stop' endpoint";
