//! Whom a reading command asks: the running program, or, when none answers, the data directory itself.

use std::path::PathBuf;

use clap::Args;
use messina_store::log::{Log, LogOptions, OpenError, StoredRecord, TopicInfo};
use messina_store::table::{QueryLimits, TableOptions, TableStore};

use crate::config::Config;
use crate::console::api::{
    Consume, Consumed, ConsumedRecord, Octets, PartitionEntry, Query, Rows, TopicEntry, TopicList,
};

use super::admin::Admin;
use super::{CommandError, Settings};

/// Bytes read from a stopped log at once.
const READ_BYTES: usize = 4 << 20;

/// Options of every command that asks.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Target {
    /// Address of the admin API; the configuration's if absent
    #[arg(long, value_name = "HOST:PORT", help_heading = "Configuration")]
    admin: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

impl Target {
    /// The running program only, for commands that change something.
    pub(super) fn admin(&self) -> Result<Admin, CommandError> {
        if let Some(address) = &self.admin {
            return Ok(Admin::at(address));
        }
        let config = self.settings.load()?.config;
        match config.admin.listen {
            Some(address) => Ok(Admin::at(&address.to_string())),
            None => Err(CommandError::Usage(
                "`admin.listen` is \"off\": name the address with `--admin`".to_owned(),
            )),
        }
    }

    /// Asks the running program; if nothing answers, the data directory.
    pub(super) fn ask<T>(
        &self,
        running: impl FnOnce(&Admin) -> Result<T, CommandError>,
        stopped: impl FnOnce(&Config) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let admin = self.admin()?;
        match running(&admin) {
            Err(CommandError::Unreachable { address, reason }) if self.admin.is_none() => {
                let config = self.settings.load()?.config;
                match stopped(&config) {
                    // Somebody has the data and does not answer: that is what the operator has to know.
                    Err(CommandError::OpenLog(OpenError::InUse { dir })) => {
                        Err(CommandError::Unreachable {
                            address,
                            reason: format!(
                                "{reason}, although a process has `{}` open",
                                dir.display()
                            ),
                        })
                    }
                    Err(CommandError::File { source, .. })
                        if source.kind() == std::io::ErrorKind::NotFound =>
                    {
                        Err(CommandError::Unreachable { address, reason })
                    }
                    other => other,
                }
            }
            other => other,
        }
    }
}

/// Opens the log of a program that is not running.
pub(super) fn open_log(config: &Config) -> Result<Log, CommandError> {
    exists(&config.log.dir)?;
    let options = LogOptions {
        wal_bytes: config.log.wal_size,
        segment_bytes: config.log.segment_size,
        ..LogOptions::default()
    };
    Ok(Log::open(&config.log.dir, options)?)
}

/// Whether there is anything to open.
pub(super) fn exists(path: &PathBuf) -> Result<(), CommandError> {
    match std::fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(source) => Err(CommandError::File {
            action: "open",
            path: path.display().to_string(),
            source,
        }),
    }
}

/// The topics of a stopped log, as the admin API gives them.
pub(super) fn topic_list(log: &Log) -> TopicList {
    TopicList {
        topics: log
            .topics()
            .into_iter()
            .map(|info| topic_entry(log, info))
            .collect(),
    }
}

fn topic_entry(log: &Log, info: TopicInfo) -> TopicEntry {
    let cleanup = match info.config.cleanup {
        messina_store::log::Cleanup::Delete => "delete",
        messina_store::log::Cleanup::Compact => "compact",
    };
    let retention = info
        .config
        .retention
        .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
    let partitions = log.partitions(&info.name);
    TopicEntry {
        name: info.name,
        internal: info.internal,
        cleanup: cleanup.to_owned(),
        retention_ms: retention,
        retention_bytes: info.config.retention_bytes,
        partitions: partitions
            .iter()
            .map(|partition| PartitionEntry {
                partition: partition.index(),
                start: partition.start_offset(),
                end: partition.end_offset(),
            })
            .collect(),
    }
}

/// Reads from a stopped log, as the admin API would.
pub(super) fn consume(log: &Log, wanted: &Consume) -> Result<Consumed, CommandError> {
    let handle = log
        .partition(&wanted.topic, wanted.partition)
        .ok_or_else(|| {
            CommandError::Refused(format!(
                "there is no partition {} of topic `{}`",
                wanted.partition, wanted.topic
            ))
        })?;
    let (start, end) = (handle.start_offset(), handle.end_offset());
    let from = match wanted.offset {
        None => start,
        Some(back) if back < 0 => (end + back).max(start),
        Some(offset) => offset.max(start),
    };
    let stored = if from < end {
        log.read(&handle, from, READ_BYTES)?
    } else {
        Vec::new()
    };
    let max = wanted.max.unwrap_or(usize::MAX);
    let records: Vec<_> = stored
        .into_iter()
        .take(max)
        .map(|record| shown(wanted.partition, record))
        .collect();
    let next = records.last().map_or(from, |record| record.offset + 1);
    Ok(Consumed { records, next, end })
}

fn shown(partition: i32, record: StoredRecord) -> ConsumedRecord {
    ConsumedRecord {
        partition,
        offset: record.offset,
        timestamp: record.timestamp,
        key: record.key.map(|key| Octets::of(&key)),
        value: record.value.map(|value| Octets::of(&value)),
        headers: record
            .headers
            .into_iter()
            .map(|header| {
                let name = String::from_utf8_lossy(&header.name).into_owned();
                (name, header.value.map(|value| Octets::of(&value)))
            })
            .collect(),
    }
}

/// Runs a SELECT on the tables of a program that is not running.
pub(super) fn query(config: &Config, query: &Query) -> Result<Rows, CommandError> {
    if let Some(cql) = &config.cql {
        return Err(CommandError::Refused(cql.ask_cqlsh(&query.sql)));
    }
    exists(&config.table.path)?;
    let limits = QueryLimits {
        max_rows: query.max_rows.unwrap_or(config.table.query_max_rows),
        ..QueryLimits::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CommandError::Runtime)?;
    runtime.block_on(async {
        let store = TableStore::open(&config.table.path, TableOptions::default())?;
        let result = store.query(&query.sql, limits).await;
        store.close().await;
        Ok(rows(result?))
    })
}

fn rows(result: messina_store::table::QueryResult) -> Rows {
    let types = result
        .columns
        .iter()
        .map(|column| column.declared_type.clone())
        .collect();
    Rows {
        columns: result
            .columns
            .into_iter()
            .map(|column| column.name)
            .collect(),
        types,
        rows: result
            .rows
            .into_iter()
            .map(|row| row.into_iter().map(json).collect())
            .collect(),
        truncated: result.truncated,
    }
}

fn json(value: messina_store::table::QueryValue) -> serde_json::Value {
    use messina_store::table::QueryValue;
    match value {
        QueryValue::Null => serde_json::Value::Null,
        QueryValue::Integer(number) => number.into(),
        QueryValue::Real(number) => number.into(),
        QueryValue::Text(text) => text.into(),
        QueryValue::Blob(bytes) => super::format::hex(&bytes).into(),
    }
}
