//! `messina export`: an embedded installation, carried over to Kafka and CQL, or into files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args as ClapArgs;

use crate::carry::{
    CarryError, CarryReport, Installation, Progress, carry_records, carry_rows, copy_files,
};
use crate::config::{self, Config, Inputs};
use crate::runtime::clock::SystemClock;
use crate::telemetry::logs::{self, LogFormat};

use super::output::Output;
use super::{CommandError, Settings};

/// `messina export`
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
`messina up` must not be running. With --to, records go to the Kafka of that configuration with their headers and times,
and groups stand at the same records there; rows go to its tables with their write timestamps and what is left of their
shelf life; sessions and retained publishes go to its gateway (kafka.gateway_id). A topic or table is created where that
configuration says so, and must be there where not. Connectors made by requests stay in the data directory.

Stopped or failed, the same command goes on where it was: a record is in Kafka once for whoever reads committed records.
At the end the books of both sides are compared; exit code 1 says that they do not balance.")]
pub(super) struct Args {
    /// The configuration the installation is to go on with: `[kafka]`, `[cql]`, or both
    #[arg(long, value_name = "FILE", required_unless_present = "out")]
    to: Option<PathBuf>,
    /// Copy log and tables into this folder instead, for `messina import` elsewhere
    #[arg(long, value_name = "DIR", conflicts_with = "to")]
    out: Option<PathBuf>,
    #[command(flatten)]
    looks: Looks,
    #[command(flatten)]
    settings: Settings,
}

/// What is shown of it.
#[derive(Debug, ClapArgs)]
pub(super) struct Looks {
    /// Print the books as JSON
    #[arg(long)]
    json: bool,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    logs::start(-1, LogFormat::default());
    let from = args.settings.load()?.config;
    if let Some(to) = &args.to {
        return carry(&from, to, &args.looks, out);
    }
    let mut report = CarryReport::default();
    let mut progress = Progress::new(Arc::new(SystemClock), args.looks.quiet);
    if let Some(folder) = &args.out {
        copy_files(&from, folder, &mut progress, &mut report).map_err(Box::new)?;
    }
    show(&report, &args.looks, out)
}

/// Carries what is in a configuration's data directory to what another names.
pub(super) fn carry(
    from: &Config,
    to: &Path,
    looks: &Looks,
    out: &mut Output,
) -> Result<(), CommandError> {
    let target = config::load(&Inputs {
        file: Some(to.to_owned()),
        ..Inputs::default()
    })?;
    let target = target.config;
    if target.kafka.is_none() && target.cql.is_none() {
        let message = format!(
            "`{}` has neither [kafka] nor [cql]: there is nowhere to carry anything",
            to.display()
        );
        return Err(CommandError::Usage(message));
    }
    let mut progress = Progress::new(Arc::new(SystemClock), looks.quiet);
    let report = carried(from, &target, &mut progress).map_err(Box::new)?;
    show(&report, looks, out)
}

fn carried(from: &Config, to: &Config, progress: &mut Progress) -> Result<CarryReport, CarryError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|_source| CarryError::Other("no threads can be started"))?;
    let mut installation = Installation::open(from)?;
    let mut report = CarryReport::default();
    let done = (|| {
        if let Some(kafka) = &to.kafka {
            let kafka = Arc::new(kafka.clone());
            carry_records(&installation, &kafka, &runtime, progress, &mut report)?;
        }
        if let Some(cql) = &to.cql {
            let with = (&runtime, &SystemClock as _);
            carry_rows(&mut installation, (to, cql), with, progress, &mut report)?;
        }
        Ok(())
    })();
    installation.close();
    done.map(|()| report)
}

fn show(report: &CarryReport, looks: &Looks, out: &mut Output) -> Result<(), CommandError> {
    if looks.json {
        out.json(report)?;
    } else {
        tables(report, out)?;
        for remark in &report.remarks {
            out.line(remark)?;
        }
    }
    out.flush()?;
    if report.is_whole() {
        return Ok(());
    }
    Err(CommandError::Refused(
        "not everything is there: the lines above without `yes`, or with rows refused, say what is missing".to_owned(),
    ))
}

fn tables(report: &CarryReport, out: &mut Output) -> Result<(), CommandError> {
    let yes = |balances| if balances { "yes" } else { "NO" }.to_owned();
    let topics = report.topics.iter().map(|own| {
        vec![
            own.topic.clone(),
            own.records.to_string(),
            own.carried.to_string(),
            own.now.to_string(),
            yes(own.balances()),
            own.groups.join(" "),
        ]
    });
    let topics: Vec<_> = topics.collect();
    if !topics.is_empty() {
        out.table(
            &["TOPIC", "RECORDS", "CARRIED", "NOW", "BALANCED", "GROUPS"],
            &[false, true, true, true, false, false],
            &topics,
        )?;
    }
    let tables = report.tables.iter().map(|own| {
        vec![
            own.table.clone(),
            own.rows.to_string(),
            own.written.to_string(),
            own.now.to_string(),
            own.expired.to_string(),
            own.refused.to_string(),
            yes(own.balances()),
        ]
    });
    let tables: Vec<_> = tables.collect();
    if !tables.is_empty() {
        if !topics.is_empty() {
            out.line("")?;
        }
        let titles = [
            "TABLE", "ROWS", "WRITTEN", "NOW", "EXPIRED", "REFUSED", "BALANCED",
        ];
        out.table(
            &titles,
            &[false, true, true, true, true, true, false],
            &tables,
        )?;
    }
    Ok(())
}
