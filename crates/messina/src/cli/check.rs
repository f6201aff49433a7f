//! `messina check`: everything that is wrong with configuration files, and with `--sample` what they would write.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args as ClapArgs;
use messina_connect::config::{ConnectorConfig, Problem as ConnectorProblem};
use messina_connect::kcql;
use messina_connect::table_schema::TableSchema;

use crate::access;
use crate::config::mqtt_proxy::is_proxy;
use crate::config::worker::{is_worker, worker};
use crate::config::{
    self, Config, CqlConfig, Inputs, LoadError, Problem, Problems, RestConfig, Severity, Source,
    Span, check_connector, properties,
};
use crate::herder::{Providers, resolve};

use crate::listener;
use crate::runtime::clock::{Clock as _, SystemClock};
use crate::table::cql::{create_keyspace, create_table};

use super::error::plural;
use super::output::Output;
use super::sample::Sample;
use super::{CommandError, mqtt_proxy, settings};

/// `messina check`
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
What a file is, its name says: .toml is Messina's configuration, .kcql KCQL alone; of .properties the content says
whether it is a connector's, a Kafka Connect worker's, or the MQTT proxy's. Connectors are checked against the tables
of the .toml file among FILES, else the built-in ones, and as those of the worker whose file is among FILES: with its
converters, its config providers and its policy.

The sample is a JSON file: the value of a record, or {\"value\": .., \"key\": .., \"headers\": {..},
\"timestamp\": ..} with the value as text or JSON. Nothing is written anywhere. Of a connector whose tables are in a
cluster it shows the statement with names and values; with --connect the cluster is asked what its tables are.

  messina check messina.toml --sample reading.json --topic readings")]
pub(super) struct Args {
    /// Files to check; with none, the built-in configuration
    files: Vec<PathBuf>,
    /// Show the rows this record would become, and the CQL of table and rows
    #[arg(long, value_name = "FILE")]
    sample: Option<PathBuf>,
    /// Kafka topic the sample is in; each sink's first topic if absent
    #[arg(long, requires = "sample")]
    topic: Option<String>,
    /// Ask the clusters that connectors write to for their tables, and show typed rows
    #[arg(long, requires = "sample")]
    connect: bool,
    /// Print problems as JSON
    #[arg(long, conflicts_with = "sample")]
    json: bool,
}

/// What has been read so far.
struct Checked {
    config: Config,
    connectors: Vec<ConnectorConfig>,
    problems: Vec<Problem>,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    let checked = check(&args.files)?;
    let problems = Problems::new(checked.problems);
    if args.json {
        print_json(&problems, out)?;
    } else if problems.iter().next().is_some() {
        out.line(problems.render(out.colour()))?;
        out.line("")?;
    }
    let errors = problems.count(Severity::Error);
    if errors > 0 {
        out.flush()?;
        return Err(CommandError::Checked {
            errors,
            files: names(&args.files),
        });
    }
    match &args.sample {
        Some(path) => {
            let sample = Sample::read(path)?;
            for connector in &checked.connectors {
                let topic = args.topic.as_deref();
                sample.show(connector, &checked.config, args.connect, topic, out)?;
            }
            Ok(())
        }
        None if args.json => Ok(()),
        None => summary(args, &checked.config, &checked.connectors, &problems, out),
    }
}

fn summary(
    args: &Args,
    config: &Config,
    connectors: &[ConnectorConfig],
    problems: &Problems,
    out: &mut Output,
) -> Result<(), CommandError> {
    let warnings = problems.count(Severity::Warning);
    let (routes, tables, sinks) = (config.routes.len(), config.tables.len(), connectors.len());
    out.line(format_args!(
        "{}: no errors, {warnings} {}; {routes} {}, {tables} {}, {sinks} {}",
        names(&args.files),
        plural(warnings, "warning", "warnings"),
        plural(routes, "route", "routes"),
        plural(tables, "table", "tables"),
        plural(sinks, "sink", "sinks"),
    ))?;
    match &config.cql {
        Some(cql) => definitions(cql, &config.tables, out),
        None => Ok(()),
    }
}

/// The CQL that makes the tables, for whoever does it by hand.
fn definitions(
    cql: &CqlConfig,
    tables: &[Arc<TableSchema>],
    out: &mut Output,
) -> Result<(), CommandError> {
    if let Some(replication) = &cql.replication {
        out.line("")?;
        out.line(create_keyspace(&cql.keyspace, replication))?;
    }
    for table in tables {
        out.line("")?;
        out.line(create_table(table))?;
    }
    Ok(())
}

fn names(files: &[PathBuf]) -> String {
    if files.is_empty() {
        return "built-in configuration".to_owned();
    }
    let names: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    names.join(", ")
}

fn check(files: &[PathBuf]) -> Result<Checked, CommandError> {
    let inputs = Inputs {
        environment: settings::environment(),
        ..Inputs::default()
    };
    let mut checked = Checked {
        config: config::load_text(None, &Inputs::default())?.config,
        connectors: Vec::new(),
        problems: Vec::new(),
    };
    let mut own = false;
    // The configuration first: connectors in other files are checked against its tables.
    for path in files.iter().filter(|path| kind(path) == Some("toml")) {
        let source = config::read(path)?;
        match config::load_text(Some(&source), &inputs) {
            Ok(loaded) => {
                checked.problems.extend(loaded.warnings.iter().cloned());
                checked
                    .connectors
                    .extend(loaded.config.sinks.iter().cloned());
                checked
                    .problems
                    .extend(access::inspect(&loaded.config.access));
                checked
                    .problems
                    .extend(listener::inspect(&loaded.config, SystemClock.unix_millis()));
                checked.config = loaded.config;
            }
            Err(LoadError::Wrong(problems)) => checked.problems.extend(problems.iter().cloned()),
            Err(other) => return Err(other.into()),
        }
        own = true;
    }
    let mut java = Vec::new();
    for path in files {
        match kind(path) {
            Some("toml") => {}
            Some("properties") => java.push(config::read(path)?),
            Some("kcql") => script(&mut checked, &config::read(path)?),
            _ => {
                let message = format!("`{}` is none of .toml, .properties, .kcql", path.display());
                return Err(CommandError::Usage(message));
            }
        }
        own = true;
    }
    // A worker's before those of its connectors.
    let (workers, others): (Vec<_>, Vec<_>) = java
        .into_iter()
        .partition(|source| !is_proxy(&source.text) && is_worker(&source.text));
    for source in &workers {
        worker_file(&mut checked, source);
    }
    for source in &others {
        if is_proxy(&source.text) {
            proxy(&mut checked, source, files.len() == 1)?;
        } else {
            connector(&mut checked, source);
        }
    }
    if !own {
        checked.connectors.clone_from(&checked.config.sinks);
    }
    Ok(checked)
}

fn kind(path: &Path) -> Option<&str> {
    path.extension().and_then(|extension| extension.to_str())
}

/// A Kafka Connect worker's file: connectors in other files are its connectors.
fn worker_file(checked: &mut Checked, source: &Arc<Source>) {
    let (list, severity) = match worker(&source.text, &source.name) {
        Ok(said) => {
            said.apply_to_connectors(&mut checked.config.rest);
            (said.warnings, Severity::Warning)
        }
        Err(errors) => (errors, Severity::Error),
    };
    let placed = list.iter().map(|one| placed(source, one, severity));
    checked.problems.extend(placed);
}

fn proxy(checked: &mut Checked, source: &Arc<Source>, alone: bool) -> Result<(), CommandError> {
    let (read, problems) = mqtt_proxy::read(source, &checked.config)?;
    checked.problems.extend(problems.iter().cloned());
    let Some(read) = read else { return Ok(()) };
    let mut laid = checked.config.clone();
    read.apply(&mut laid);
    checked.problems.extend(access::inspect(&laid.access));
    let now = SystemClock.unix_millis();
    checked.problems.extend(listener::inspect(&laid, now));
    if alone {
        checked.config = laid;
    }
    Ok(())
}

fn connector(checked: &mut Checked, source: &Arc<Source>) {
    let add = |list: &[ConnectorProblem], severity, problems: &mut Vec<Problem>| {
        problems.extend(list.iter().map(|problem| placed(source, problem, severity)));
    };
    match properties::connector(&source.text, &source.name) {
        Ok((connector, warnings)) => {
            add(&warnings, Severity::Warning, &mut checked.problems);
            let (resolved, unread) = as_its_worker_has_it(&connector, &checked.config.rest);
            add(&unread, Severity::Warning, &mut checked.problems);
            let (tables, has_cql) = (&checked.config.tables, checked.config.cql.is_some());
            match check_connector(&resolved, tables, has_cql, &checked.config.rest.overrides) {
                Ok(warnings) => add(&warnings, Severity::Warning, &mut checked.problems),
                Err(mut errors) => {
                    // Whether what cannot be read is right cannot be told.
                    errors.retain(|own| unread.iter().all(|other| other.option != own.option));
                    add(&errors, Severity::Error, &mut checked.problems);
                }
            }
            checked.connectors.push(connector);
        }
        Err(errors) => add(&errors, Severity::Error, &mut checked.problems),
    }
}

/// A connector's options as its worker gives them to it. Variables that cannot be resolved on this machine stay as they
/// are written, and are given besides.
pub(super) fn as_its_worker_has_it(
    connector: &ConnectorConfig,
    rest: &RestConfig,
) -> (ConnectorConfig, Vec<ConnectorProblem>) {
    match resolve(connector, &rest.providers, &rest.converters) {
        Ok(resolved) => (resolved, Vec::new()),
        Err(unread) => {
            let written = resolve(connector, &Providers::default(), &rest.converters);
            (written.unwrap_or_else(|_| connector.clone()), unread)
        }
    }
}

/// A connector's problem, where it stands in its file.
pub(super) fn placed(
    source: &Arc<Source>,
    problem: &ConnectorProblem,
    severity: Severity,
) -> Problem {
    let message = if problem.option.is_empty() {
        problem.message.clone()
    } else {
        format!("`{}`: {}", problem.option, problem.message)
    };
    Problem {
        severity,
        span: problem
            .position
            .as_ref()
            .map(|position| Span::at(source, position)),
        message,
        help: problem.help.clone(),
    }
}

fn script(checked: &mut Checked, source: &Arc<Source>) {
    let span = |span: &kcql::Span| Span {
        source: source.clone(),
        range: span.start..span.end,
    };
    let problem = |severity, at: &kcql::Span, message: &str, help: &Option<String>| Problem {
        severity,
        span: Some(span(at)),
        message: message.to_owned(),
        help: help.clone(),
    };
    match kcql::parse(source.text.trim_end(), kcql::Mode::Strict) {
        Ok((_, warnings)) => checked.problems.extend(
            warnings
                .iter()
                .map(|found| problem(Severity::Warning, &found.span, &found.message, &found.help)),
        ),
        Err(errors) => checked.problems.extend(
            errors
                .iter()
                .map(|found| problem(Severity::Error, &found.span, &found.message, &found.help)),
        ),
    }
}

fn print_json(problems: &Problems, out: &mut Output) -> Result<(), CommandError> {
    for problem in problems.iter() {
        let position = problem.span.as_ref().map(Span::position);
        out.json_line(&serde_json::json!({
            "severity": if problem.severity == Severity::Error { "error" } else { "warning" },
            "file": position.as_ref().map(|position| position.file.to_string()),
            "line": position.as_ref().map(|position| position.line),
            "column": position.as_ref().map(|position| position.column),
            "message": problem.message,
            "help": problem.help,
        }))?;
    }
    Ok(())
}
