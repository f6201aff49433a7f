//! What only the leader does: it writes configurations, and sees to it that every connector has its tasks.

use std::sync::Arc;

use tokio::sync::MutexGuard;

use super::super::error::HerderError;
use super::super::properties::{MAX_TASKS, Properties, tasks_of as asked_tasks};
use super::super::records;
use super::super::state::Target;
use super::super::state_topic::Change;
use super::config_writer::ConfigWriter;
use super::view::Known;
use super::worker::{SharedHerder, finished};
use crate::record_log::kafka::KafkaLogError;

/// The pen while somebody writes with it.
pub(super) type Pen<'a> = MutexGuard<'a, Option<ConfigWriter>>;

impl SharedHerder {
    /// Takes the pen if this worker has become the leader, lays it down if it is no more, and writes tasks that are
    /// missing.
    pub(super) async fn lead(self: &Arc<Self>) {
        // A request is being carried out: later.
        let Ok(mut pen) = self.pen.try_lock() else {
            return;
        };
        if !self.leads() {
            *pen = None;
            return;
        }
        if pen.is_none() {
            match self.take_pen().await {
                Ok(Some(writer)) => *pen = Some(writer),
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "the leader cannot write configurations yet");
                    return;
                }
            }
        }
        let changes = self.missing_tasks();
        if changes.is_empty() {
            return;
        }
        if let Err(error) = self.write(&mut pen, changes).await {
            tracing::warn!(%error, "the tasks of a connector could not be written");
        }
    }

    pub(super) fn leads(&self) -> bool {
        self.seat.lock().leads
    }

    /// The pen, once everything is read that was written with it; none where Kafka knows of another leader.
    async fn take_pen(&self) -> Result<Option<ConfigWriter>, KafkaLogError> {
        let roster = self.tail.roster().await?;
        if roster.leader() != Some(&self.address()) {
            return Ok(None);
        }
        let (kafka, config) = (Arc::clone(&self.parts.kafka), self.parts.config.clone());
        let opened = tokio::task::spawn_blocking(move || ConfigWriter::open(&kafka, &config));
        let (writer, last) = finished(opened.await)?;
        if let Some(last) = last
            && !self.tail.reached(last).await
        {
            return Ok(None);
        }
        tracing::info!(
            group = self.parts.config.group,
            "this worker leads the group"
        );
        Ok(Some(writer))
    }

    /// The pen, for one change.
    pub(super) async fn pen(&self) -> Result<Pen<'_>, HerderError> {
        let pen = self.pen.lock().await;
        if pen.is_none() || !self.leads() {
            return Err(HerderError::Stale);
        }
        Ok(pen)
    }

    /// Writes changes, all or none; done when they are durable and this worker has read them.
    pub(super) async fn write(
        &self,
        pen: &mut Pen<'_>,
        changes: Vec<Change>,
    ) -> Result<(), HerderError> {
        let writer = pen.as_ref().ok_or(HerderError::Stale)?.clone();
        let written = tokio::task::spawn_blocking(move || writer.write(&changes));
        match finished(written.await) {
            Ok(last) => {
                self.tail.reached(last).await;
                Ok(())
            }
            Err(error) => {
                // The next takes a new pen, if this worker is to have one.
                **pen = None;
                self.stirred.notify_one();
                Err(match error {
                    KafkaLogError::Fenced => HerderError::Stale,
                    error => error.into(),
                })
            }
        }
    }

    /// The records of connectors whose tasks are not those they should have.
    fn missing_tasks(&self) -> Vec<Change> {
        self.tail.look(|view| {
            let connectors = view.connectors();
            let missing = connectors.filter_map(|(name, properties, known)| {
                let count = tasks_due(properties, known)?;
                Some(records::tasks(name, properties, count))
            });
            missing.flatten().collect()
        })
    }
}

/// How many tasks are to be written for a connector, if they are not as they should be.
fn tasks_due(properties: &Properties, known: &Known) -> Option<usize> {
    let count = match known.target {
        Target::Stopped => 0,
        // It gets its first when it first runs.
        Target::Paused if known.tasks.is_empty() => 0,
        Target::Paused | Target::Started => tasks_of(properties),
    };
    let task = records::task_properties(properties);
    let good = known.tasks.len() == count && known.tasks.iter().all(|own| *own == task);
    (!good || known.inconsistent).then_some(count)
}

/// The tasks a connector asks for.
pub(super) fn tasks_of(properties: &Properties) -> usize {
    let asked = asked_tasks(properties.get("tasks.max").map(String::as_str));
    asked.unwrap_or(MAX_TASKS)
}
