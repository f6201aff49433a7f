//! The installation that is carried over: its log and its table file, and the name it is known by.

use std::path::{Path, PathBuf};

use messina_store::log::{GroupOffset, Log, LogOptions, PartitionHandle, is_internal};

use super::CarryError;
use super::journal::Journal;
use crate::config::Config;
use crate::gateway::{retained, state};

/// An installation that does not run. While this is held, it cannot be started.
pub struct Installation {
    /// Its log, if it has one.
    pub(super) log: Option<Log>,
    pub(super) log_dir: PathBuf,
    /// Its table file, if it has one.
    pub(super) tables: Option<PathBuf>,
    pub(super) journal: Journal,
}

impl Installation {
    /// Opens what is in a configuration's data directory. Blocks.
    pub fn open(config: &Config) -> Result<Self, CarryError> {
        let has_log = config.log.dir.is_dir();
        let tables = config.table.path.clone();
        let tables = tables.is_file().then_some(tables);
        if !has_log && tables.is_none() {
            let path = config.data.clone();
            return Err(CarryError::Nothing { path });
        }
        let options = LogOptions {
            wal_bytes: config.log.wal_size,
            segment_bytes: config.log.segment_size,
            ..LogOptions::default()
        };
        let log = has_log
            .then(|| Log::open(&config.log.dir, options))
            .transpose()?;
        Ok(Self {
            log,
            log_dir: config.log.dir.clone(),
            tables,
            journal: Journal::open(&config.data)?,
        })
    }

    /// Every partition to carry: of operators' topics, and of sessions and retained publishes.
    pub(super) fn partitions(&self) -> Vec<PartitionHandle> {
        let Some(log) = &self.log else {
            return Vec::new();
        };
        let topics = log.topics().into_iter();
        let carried =
            topics.filter(|topic| !is_internal(&topic.name) || is_of_gateway(&topic.name));
        let partitions = carried.flat_map(|topic| log.partitions(&topic.name));
        partitions.collect()
    }

    /// Where every group stands.
    pub(super) fn groups(&self) -> Vec<(String, GroupOffset)> {
        let Some(log) = &self.log else {
            return Vec::new();
        };
        let groups = log.groups().into_iter();
        let places = groups.flat_map(|group| {
            let places = log.group(&group);
            places.into_iter().map(move |place| (group.clone(), place))
        });
        places.collect()
    }

    /// Closes the log in order. Blocks.
    pub fn close(self) {
        if let Some(log) = self.log
            && let Err(error) = log.close()
        {
            tracing::warn!(%error, "the log was not closed in order; the next start recovers it");
        }
    }
}

/// Topics of the gateway's own that are worth carrying: a gateway in front of Kafka reads the same records.
pub(super) fn is_of_gateway(topic: &str) -> bool {
    topic == state::TOPIC || topic == retained::TOPIC
}

/// Where a file or folder stands below another, for messages.
pub(super) fn below<'p>(path: &'p Path, folder: &Path) -> &'p Path {
    path.strip_prefix(folder).unwrap_or(path)
}
