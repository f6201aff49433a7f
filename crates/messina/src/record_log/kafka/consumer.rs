//! A sink's way to read topics of Kafka: joins its group when it is first polled, and leaves it when it is closed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaResult;
use tokio::sync::Notify;

use super::admin::KafkaAdmin;
use super::client::{ClientEvents, ClientRole, client_config};
use super::error::{Asked, KafkaLogError};
use super::member::{Member, reading};
use super::news::GroupEvents;
use super::positions::{Client, Ends};
use crate::config::KafkaConfig;
use crate::record_log::{BoxFuture, Commit, Polled, RecordConsumer, RecordLogError};

/// How long leaving the group may take. A member that just disappears is missed after `session.timeout.ms`.
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);

/// A member of a consumer group.
pub struct KafkaConsumer {
    config: Arc<KafkaConfig>,
    group: String,
    topics: Vec<String>,
    ends: Arc<Ends>,
    member: Option<Member>,
}

impl fmt::Debug for KafkaConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConsumer")
            .field("group", &self.group)
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

impl KafkaConsumer {
    pub(super) fn new(
        config: Arc<KafkaConfig>,
        group: &str,
        topics: &[String],
        ends: Arc<Ends>,
    ) -> Self {
        Self {
            config,
            group: group.to_owned(),
            topics: topics.to_vec(),
            ends,
            member: None,
        }
    }

    fn join(&self) -> Result<Member, KafkaLogError> {
        let asked = Asked {
            operation: "read as",
            subject: format!("group `{}`", self.group),
            servers: self.config.servers(),
        };
        let mut settings = client_config(&self.config, ClientRole::Consumer)?;
        settings.set("group.id", self.group.as_str());
        let events = ClientEvents::new(Arc::clone(&self.config), self.group.as_str());
        let ring = Arc::new(Notify::new());
        let opened = || -> KafkaResult<(Client, Duration)> {
            let silence = settings
                .create_native_config()?
                .get("max.poll.interval.ms")?;
            let mut client: Client = settings.create_with_context(GroupEvents::new(events))?;
            let bell = Arc::clone(&ring);
            client.set_nonempty_callback(move || bell.notify_one());
            let topics: Vec<&str> = self.topics.iter().map(String::as_str).collect();
            client.subscribe(&topics)?;
            let silence = silence.parse().unwrap_or(300_000);
            Ok((client, Duration::from_millis(silence)))
        };
        let (client, silence) = opened().map_err(|error| asked.clone().failed(error))?;
        Ok(Member::new(
            Arc::new(client),
            ring,
            silence / 2,
            asked,
            (
                KafkaAdmin::new(Arc::clone(&self.config)),
                self.topics.clone(),
            ),
            Arc::clone(&self.ends),
        ))
    }

    fn member(&mut self) -> Result<&mut Member, KafkaLogError> {
        let member = match self.member.take() {
            Some(member) => member,
            None => self.join()?,
        };
        Ok(self.member.insert(member))
    }
}

impl RecordConsumer for KafkaConsumer {
    fn poll(&mut self, max_bytes: usize) -> BoxFuture<'_, Result<Polled, RecordLogError>> {
        Box::pin(async move {
            let member = self.member().map_err(reading)?;
            member.poll(max_bytes).await.map_err(reading)
        })
    }

    fn commit(&mut self, commits: Vec<Commit>) -> BoxFuture<'_, Result<(), RecordLogError>> {
        Box::pin(async move {
            match &mut self.member {
                Some(member) => {
                    let committed = member.commit(commits).await;
                    committed.map_err(|error| error.of_log("commit offsets"))
                }
                None => Ok(()),
            }
        })
    }

    fn release(&mut self) {
        if let Some(member) = &mut self.member {
            member.release();
        }
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(member) = self.member.take() {
                let left = tokio::task::spawn_blocking(move || leave(member));
                if tokio::time::timeout(CLOSE_PATIENCE, left).await.is_err() {
                    tracing::debug!(group = self.group, "leaving the group goes on behind");
                }
            }
        })
    }
}

/// Leaves the group. Blocks.
fn leave(mut member: Member) {
    member.settle();
    drop(member);
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        let Some(member) = self.member.take() else {
            return;
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || leave(member))),
            Err(_outside) => leave(member),
        }
    }
}
