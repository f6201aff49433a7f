//! Where a connector stands in its topics: the offsets of its consumer group, which is Kafka's to keep.

use super::super::error::HerderError;
use super::super::offsets::{PartitionOffset, STOP_FIRST};
use super::super::properties::connector_config;
use super::super::state::Target;
use super::worker::SharedHerder;
use crate::record_log::kafka::{GroupOffset, KafkaGroups};

impl SharedHerder {
    /// Committed offsets, by topic and partition.
    pub async fn offsets(&self, name: &str) -> Result<Vec<PartitionOffset>, HerderError> {
        let (group, groups) = self.group(name)?;
        let committed = groups.committed(&group).await?;
        Ok(committed.into_iter().map(PartitionOffset::from).collect())
    }

    /// Moves a stopped connector to other offsets.
    pub async fn alter_offsets(
        &self,
        name: &str,
        offsets: Vec<PartitionOffset>,
    ) -> Result<(), HerderError> {
        let _pen = self.pen().await?;
        self.must_be_stopped(name)?;
        let offsets = offsets.into_iter().map(GroupOffset::from).collect();
        let (group, groups) = self.group(name)?;
        groups.alter(&group, offsets).await?;
        tracing::info!(connector = name, "offsets of a connector were altered");
        Ok(())
    }

    /// Lets a stopped connector begin anew.
    pub async fn reset_offsets(&self, name: &str) -> Result<(), HerderError> {
        let _pen = self.pen().await?;
        self.must_be_stopped(name)?;
        let (group, groups) = self.group(name)?;
        groups.reset(&group).await?;
        tracing::info!(connector = name, "offsets of a connector were reset");
        Ok(())
    }

    /// The group whose offsets are a connector's, and the way to it.
    fn group(&self, name: &str) -> Result<(String, KafkaGroups), HerderError> {
        let config = connector_config(name, &self.info(name)?.config);
        let (group, own) = self
            .parts
            .factory
            .group(&config)
            .map_err(HerderError::Invalid)?;
        Ok((group, self.groups.by_clients_of(&own)))
    }

    fn must_be_stopped(&self, name: &str) -> Result<(), HerderError> {
        self.info(name)?;
        let target = self
            .tail
            .look(|view| Some(view.connector_of(name)?.1.target));
        if target == Some(Target::Stopped) {
            return Ok(());
        }
        Err(HerderError::Refused(STOP_FIRST.to_owned()))
    }
}
