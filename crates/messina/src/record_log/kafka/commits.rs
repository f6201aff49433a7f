//! Commits of a group's offsets: one after the other, each answered.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::error::{Asked, KafkaLogError};
use super::member::{Member, joined};
use super::topic_ids::sign;
use crate::record_log::Commit;

/// A commit without an answer for this long has failed. It may still happen, which does no harm.
const COMMIT_PATIENCE: Duration = Duration::from_secs(10);

impl Member {
    pub(super) async fn commit(&mut self, commits: Vec<Commit>) -> Result<(), KafkaLogError> {
        let mut list = TopicPartitionList::with_capacity(commits.len());
        for commit in commits {
            let mut partitions = self.state.partitions.iter();
            if let Some(own) = partitions.find(|own| own.source == commit.source) {
                let (topic, partition) = (&commit.source.topic, commit.source.partition);
                let mut element = list.add_partition(topic, partition);
                element.set_metadata(sign(&commit.metadata, own.id.as_ref()));
                let offset = element.set_offset(Offset::Offset(commit.offset));
                offset.map_err(|error| self.asked.clone().failed(error))?;
            }
        }
        if list.count() == 0 {
            return Ok(());
        }
        let asked = Asked {
            operation: "commit the offsets of",
            ..self.asked.clone()
        };
        match tokio::time::timeout(COMMIT_PATIENCE, self.committed(list)).await {
            Ok(Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset))) => Ok(()),
            Ok(Err(error)) => Err(asked.failed(error)),
            Err(_elapsed) => Err(asked.answered(RDKafkaErrorCode::OperationTimedOut, None)),
        }
    }

    /// Commits when the commit before, which nobody waited for any more, is answered: they may not overtake each other.
    async fn committed(&mut self, list: TopicPartitionList) -> KafkaResult<()> {
        if let Some(before) = &mut self.state.committing {
            let answer = joined(before.await);
            self.state.committing = None;
            if let Err(error) = answer {
                tracing::debug!(%error, group = self.asked.subject, "an earlier commit has failed");
            }
        }
        let client = Arc::clone(&self.client);
        // librdkafka tells the result only to who waits.
        let commit = tokio::task::spawn_blocking(move || client.commit(&list, CommitMode::Sync));
        let answer = joined(self.state.committing.insert(commit).await);
        self.state.committing = None;
        answer
    }
}
