//! A task's commits: how far its books are, told to the log.

use tokio::time::Instant;

use super::super::error::SinkError;
use super::Task;
use crate::record_log::{Commit, RecordLogError};

impl Task {
    /// Commits, and if the log does not answer tries again later: meanwhile the others go on.
    pub(super) async fn commit_due(&mut self) -> Result<(), SinkError> {
        match self.commit().await {
            Ok(()) => self.came_back(),
            // The last commit, after everything under way, is still to come.
            Err(_) if self.delivery.stop.is_cancelled() => {
                self.commit_at = Instant::now() + self.delivery.options.longest_retry;
            }
            Err(error) => self.commit_at = Instant::now() + self.away(error)?,
        }
        Ok(())
    }

    /// Commits the books of every partition that is ahead of its commit.
    pub(super) async fn commit(&mut self) -> Result<(), RecordLogError> {
        if self.uncommitted.is_empty() {
            return Ok(());
        }
        let snapshot = self.delivery.status.snapshot();
        let behind = snapshot
            .partitions
            .into_iter()
            .filter(|partition| self.uncommitted.contains(&partition.source));
        let commits: Vec<Commit> = behind
            .map(|partition| Commit {
                source: partition.source,
                offset: partition.books.offset(),
                metadata: partition.books.to_string(),
            })
            .collect();
        self.consumer.commit(commits.clone()).await?;
        for Commit { source, offset, .. } in &commits {
            self.delivery.status.committed(source, *offset);
        }
        self.uncommitted.clear();
        Ok(())
    }
}
