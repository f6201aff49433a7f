//! Whom a command asks: the running program, or, when none answers, what the configuration names.

use std::path::PathBuf;

use clap::Args;
use messina_store::table::{QueryLimits, TableOptions, TableStore};
use serde_json::Value;

use crate::config::{Config, KafkaConfig};
use crate::console::api::{Query, Rows};
use crate::console::exchange::ApiError;
use crate::table::cql::CqlReader;

use super::admin::Admin;
use super::way::{Direct, Way};
use super::{CommandError, Settings, runtime};

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
    /// The running program only.
    pub(super) fn admin(&self) -> Result<Admin, CommandError> {
        match &self.admin {
            Some(address) => Ok(Admin::at(address)),
            None => configured(&self.settings.load()?.config),
        }
    }

    /// The way to the log: through the running program; if nothing answers, or what answers has another log than the
    /// Kafka of the configuration, to Kafka or the data directory itself.
    pub(super) fn way(&self) -> Result<Way, CommandError> {
        if let Some(address) = &self.admin {
            return Ok(Way::Running(Admin::at(address)));
        }
        let config = self.settings.load()?.config;
        if config.admin.listen.is_none() && config.kafka.is_some() {
            let nobody = ("the admin address".to_owned(), "it is off".to_owned());
            return Ok(Way::Direct(Box::new(Direct::open(&config, nobody)?)));
        }
        let admin = configured(&config)?;
        let nobody = match admin.get::<Value>("/api/status", &[]) {
            Err(CommandError::Unreachable { address, reason }) => (address, reason),
            Ok(status) if has_another_log(&config, &status) => (
                "the process here".to_owned(),
                "its log is another".to_owned(),
            ),
            // Whatever it says, somebody is there.
            _ => return Ok(Way::Running(admin)),
        };
        Ok(Way::Direct(Box::new(Direct::open(&config, nobody)?)))
    }

    /// Runs a SELECT: on the cluster that the configuration names, whatever process runs beside; else in the running
    /// program; if nothing answers, on its tables themselves.
    pub(super) fn query(&self, query: &Query) -> Result<Rows, CommandError> {
        if let Some(address) = &self.admin {
            return Admin::at(address).post("/api/query", query);
        }
        let config = self.settings.load()?.config;
        if config.cql.is_some() {
            return direct_query(&config, query);
        }
        match configured(&config)?.post("/api/query", query) {
            Err(CommandError::Unreachable { address, reason }) => {
                match direct_query(&config, query) {
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

/// Whether the configuration names a Kafka, and a process that stands at the configured address uses another log.
fn has_another_log(config: &Config, status: &Value) -> bool {
    let wanted = config.kafka.as_ref().map(KafkaConfig::place);
    wanted.is_some_and(|wanted| status["log"] != *wanted)
}

fn configured(config: &Config) -> Result<Admin, CommandError> {
    match config.admin.listen {
        Some(address) => Ok(Admin::at(&address.to_string())),
        None => Err(CommandError::Usage(
            "`admin.listen` is \"off\": name the address with `--admin`".to_owned(),
        )),
    }
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

/// Runs a SELECT where the tables are: in CQL, or in the file of a program that is not running.
fn direct_query(config: &Config, query: &Query) -> Result<Rows, CommandError> {
    let limits = QueryLimits {
        max_rows: query.max_rows.unwrap_or(config.table.query_max_rows),
        timeout: config.table.query_timeout,
        ..QueryLimits::default()
    };
    let runtime = runtime()?;
    if let Some(cql) = &config.cql {
        let reader = CqlReader::new(cql);
        let found = runtime.block_on(reader.select(&query.sql, limits));
        let refused = |error| CommandError::Refused(ApiError::from(error).into_text());
        return found.map(Rows::from).map_err(refused);
    }
    exists(&config.table.path)?;
    runtime.block_on(async {
        let store = TableStore::open(&config.table.path, TableOptions::default())?;
        let result = store.query(&query.sql, limits).await;
        store.close().await;
        Ok(Rows::from(result?))
    })
}
