//! Where a connector stands in its topics: the offsets of its consumer group, which is Kafka's to keep.

use super::super::error::HerderError;
use super::super::offsets::{PartitionOffset, STOP_FIRST, group};
use super::super::state::Target;
use super::worker::SharedHerder;
use crate::record_log::kafka::GroupOffset;

impl SharedHerder {
    /// Committed offsets, by topic and partition.
    pub async fn offsets(&self, name: &str) -> Result<Vec<PartitionOffset>, HerderError> {
        self.info(name)?;
        let committed = self.groups.committed(&group(name)).await?;
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
        self.groups.alter(&group(name), offsets).await?;
        tracing::info!(connector = name, "offsets of a connector were altered");
        Ok(())
    }

    /// Lets a stopped connector begin anew.
    pub async fn reset_offsets(&self, name: &str) -> Result<(), HerderError> {
        let _pen = self.pen().await?;
        self.must_be_stopped(name)?;
        self.groups.reset(&group(name)).await?;
        tracing::info!(connector = name, "offsets of a connector were reset");
        Ok(())
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
