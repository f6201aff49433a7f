//! The way to the log of a tool: through the running program, or, where none answers, to the log itself.

use std::sync::Arc;

use messina_store::log::{Log, LogOptions, OpenError, TopicConfig};
use tokio::runtime::Runtime;

use crate::config::Config;
use crate::console::api::{
    Consume, Consumed, CreateTopic, DeadLetterList, ListDeadLetters, Produce, Produced, Replay,
    Replayed, TopicList,
};
use crate::console::dead_letters::DeadLetters;
use crate::console::exchange::ApiError;
use crate::console::log_view::LogView;
use crate::console::{records, topics};
use crate::record_log::kafka::KafkaLog;
use crate::record_log::kafka::browse::KafkaBrowser;
use crate::record_log::{EmbeddedLog, RecordLog};
use crate::runtime::clock::{Clock, SystemClock};
use crate::sink::dead_letter::dead_letter_topics_of;

use super::admin::Admin;
use super::source::exists;
use super::{CommandError, runtime};

/// Whom a tool asks about the log.
#[derive(Debug)]
pub(super) enum Way {
    /// The running program.
    Running(Admin),
    /// The log itself.
    Direct(Box<Direct>),
}

/// A log that is opened, or connected to, by the tool itself.
#[derive(Debug)]
pub(super) struct Direct {
    runtime: Runtime,
    view: LogView,
    record_log: Arc<dyn RecordLog>,
    config: Config,
    /// Why the running program was not asked: its address, and what the system said.
    unreachable: (String, String),
}

impl Direct {
    /// Connects to Kafka, if that is where the configuration has the log; else opens the log in the data directory.
    pub(super) fn open(
        config: &Config,
        unreachable: (String, String),
    ) -> Result<Self, CommandError> {
        let (view, record_log): (_, Arc<dyn RecordLog>) = if let Some(kafka) = &config.kafka {
            let kafka = Arc::new(kafka.clone());
            let view = LogView::Kafka(KafkaBrowser::new(Arc::clone(&kafka)));
            (view, Arc::new(KafkaLog::new(kafka)))
        } else {
            let log = open_log(config).map_err(|error| explain(error, &unreachable))?;
            let view = LogView::Embedded(log.clone(), TopicConfig::default());
            (view, Arc::new(EmbeddedLog::new(log)))
        };
        Ok(Self {
            runtime: runtime()?,
            view,
            record_log,
            config: config.clone(),
            unreachable,
        })
    }

    fn ask<T>(&self, asking: impl Future<Output = Result<T, ApiError>>) -> Result<T, CommandError> {
        let answer = self.runtime.block_on(asking);
        answer.map_err(|error| CommandError::Refused(error.into_text()))
    }

    /// The same for what changes the log: one in a data directory is changed by the program whose it is.
    fn change<T>(
        &self,
        changing: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, CommandError> {
        match &self.view {
            LogView::Kafka(_) => self.ask(changing),
            LogView::Embedded(..) => {
                let (address, reason) = self.unreachable.clone();
                Err(CommandError::Unreachable { address, reason })
            }
        }
    }

    fn dead_letters(&self) -> DeadLetters<'_> {
        DeadLetters {
            view: &self.view,
            log: &*self.record_log,
            topics: dead_letter_topics_of(&self.config.sinks),
        }
    }
}

impl Way {
    /// Whether records may still come.
    pub(super) fn is_live(&self) -> bool {
        match self {
            Self::Running(_) => true,
            Self::Direct(direct) => matches!(direct.view, LogView::Kafka(_)),
        }
    }

    /// All topics.
    pub(super) fn topics(&self) -> Result<TopicList, CommandError> {
        match self {
            Self::Running(admin) => admin.get("/api/topics", &[]),
            Self::Direct(direct) => {
                let topics = direct.ask(direct.view.topics())?;
                Ok(TopicList { topics })
            }
        }
    }

    /// Creates a topic.
    pub(super) fn create(&self, topic: &CreateTopic) -> Result<(), CommandError> {
        match self {
            Self::Running(admin) => {
                let _created: serde_json::Value = admin.post("/api/topics", topic)?;
                Ok(())
            }
            Self::Direct(direct) => {
                let creating = topics::create_topic(&direct.view, topic.clone());
                direct.change(creating).map(drop)
            }
        }
    }

    /// Deletes a topic, whose name is safe in a path.
    pub(super) fn delete(&self, name: &str) -> Result<(), CommandError> {
        match self {
            Self::Running(admin) => admin.delete(&format!("/api/topics/{name}")),
            Self::Direct(direct) => direct.change(topics::delete_topic(&direct.view, name)),
        }
    }

    /// Appends records.
    pub(super) fn produce(&self, records: Produce) -> Result<Produced, CommandError> {
        match self {
            Self::Running(admin) => admin.post("/api/produce", &records),
            Self::Direct(direct) => {
                let now = SystemClock.unix_millis();
                direct.change(records::append(&direct.view, records, now))
            }
        }
    }

    /// Reads records.
    pub(super) fn consume(&self, wanted: &Consume) -> Result<Consumed, CommandError> {
        let admin = match self {
            Self::Running(admin) => admin,
            Self::Direct(direct) => {
                return direct.ask(records::page(&direct.view, wanted.clone()));
            }
        };
        let mut parameters = vec![
            ("topic", wanted.topic.clone()),
            ("partition", wanted.partition.to_string()),
            ("wait", wanted.wait.to_string()),
        ];
        parameters.extend(wanted.offset.map(|offset| ("offset", offset.to_string())));
        parameters.extend(wanted.max.map(|max| ("max", max.to_string())));
        admin.get("/api/consume", &parameters)
    }

    /// Dead letters of one partition.
    pub(super) fn dead_letters(
        &self,
        wanted: &ListDeadLetters,
    ) -> Result<DeadLetterList, CommandError> {
        let admin = match self {
            Self::Running(admin) => admin,
            Self::Direct(direct) => {
                return direct.ask(direct.dead_letters().list(wanted.clone()));
            }
        };
        let mut parameters = vec![("partition", wanted.partition.to_string())];
        parameters.extend(wanted.topic.clone().map(|topic| ("topic", topic)));
        parameters.extend(wanted.offset.map(|offset| ("offset", offset.to_string())));
        parameters.extend(wanted.max.map(|max| ("max", max.to_string())));
        admin.get("/api/dlq", &parameters)
    }

    /// Appends dead letters to the topics they came from, and says how many.
    pub(super) fn replay(&self, replay: &Replay) -> Result<u64, CommandError> {
        match self {
            Self::Running(admin) => {
                let replayed: Replayed = admin.post("/api/dlq/replay", replay)?;
                Ok(replayed.replayed)
            }
            Self::Direct(direct) => direct.change(direct.dead_letters().replay(replay.clone())),
        }
    }
}

fn open_log(config: &Config) -> Result<Log, CommandError> {
    exists(&config.log.dir)?;
    let options = LogOptions {
        wal_bytes: config.log.wal_size,
        segment_bytes: config.log.segment_size,
        ..LogOptions::default()
    };
    Ok(Log::open(&config.log.dir, options)?)
}

/// What the operator has to know where neither the program nor its data can be had.
fn explain(error: CommandError, (address, reason): &(String, String)) -> CommandError {
    let reason = match &error {
        // Somebody has the data and does not answer.
        CommandError::OpenLog(OpenError::InUse { dir }) => {
            format!("{reason}, although a process has `{}` open", dir.display())
        }
        CommandError::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            reason.clone()
        }
        _ => return error,
    };
    CommandError::Unreachable {
        address: address.clone(),
        reason,
    }
}
