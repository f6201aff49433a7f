//! `messina connect-distributed`: a worker that shares connectors with others, from Kafka Connect's own file.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::config::{self, Config, LoadError, Problem, Problems, Severity};
use crate::up::Role;

use super::connect_standalone::{add, apply_worker, read_kafka};
use super::output::Output;
use super::{CommandError, Settings, up};

/// `messina connect-distributed`
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Workers whose files name the same `group.id` and topics share connectors and tasks, and take over from each other.
Connectors are made by requests to the REST API of any of them, and kept in Kafka, in Kafka Connect's own format.
Tables are those of --config. On one machine each worker needs a --data, an admin.listen and a listener of its own.
SIGTERM or ^C commits what was written, and hands its tasks to the others.")]
pub(super) struct Args {
    /// The worker's file
    worker: PathBuf,
    #[command(flatten)]
    logging: up::Logging,
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    let loaded = args.settings.load()?;
    let mut config = loaded.config;
    let mut problems: Vec<Problem> = loaded.warnings.iter().cloned().collect();
    apply(args, &mut config, &mut problems)?;
    let problems = Problems::new(problems);
    if problems.has_errors() {
        return Err(LoadError::Wrong(problems).into());
    }
    args.logging.start();
    if config.cql.is_none() {
        tracing::warn!(
            "an embedded table is this worker's own: rows of a connector that writes to one are spread over the \
             workers that run it; name the cluster in [cql] of --config"
        );
    }
    up::run_config(config, &problems, Role::Worker, out)
}

/// Puts what the file says into the configuration, and what is wrong with it into `problems`.
fn apply(
    args: &Args,
    config: &mut Config,
    problems: &mut Vec<Problem>,
) -> Result<(), CommandError> {
    let Some(said) = apply_worker(&args.worker, config, problems)? else {
        return Ok(());
    };
    match said.distributed {
        Some(Ok(group)) => {
            config.rest.hosts.extend(group.host_names());
            config.distributed = Some(group);
        }
        Some(Err(errors)) => {
            add(
                &config::read(&args.worker)?,
                &errors,
                Severity::Error,
                problems,
            );
        }
        None => {}
    }
    if let Some(kafka) = said.kafka {
        read_kafka(config, kafka);
    }
    Ok(())
}
