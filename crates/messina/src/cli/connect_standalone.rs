//! `messina connect-standalone`: a worker's file and connectors' files, in the words of Kafka Connect's own command.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args as ClapArgs;
use messina_connect::config::{ConnectorConfig, Problem as ConnectorProblem, Property};
use serde_json::{Map, Value};

use crate::config::jaas;
use crate::config::worker::{Worker, worker};
use crate::config::{
    self, Config, KafkaConfig, LoadError, Problem, Problems, Severity, Source, check_connector,
    properties,
};
use crate::herder::resolve;
use crate::up::Role;

use super::check::placed;
use super::mqtt_proxy::named_for_java;
use super::output::Output;
use super::{CommandError, Settings, settings, up};

/// `messina connect-standalone`
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
The worker's file names Kafka, converters, the REST API's listener and config providers under Kafka Connect's names;
connectors are .properties files, or .json with the options, or with `name` and `config`. Records are read from the
Kafka of `bootstrap.servers`. With --embedded, or without that option, everything else is as with `messina up`: the
log is the embedded one, and MQTT clients write to it. Tables are those of --config. Its [[sink]]s do not run.")]
pub(super) struct Args {
    /// The worker's file
    worker: PathBuf,
    /// Connectors' files
    connectors: Vec<PathBuf>,
    /// Read the embedded log, which MQTT clients write to, instead of the Kafka that the worker's file names
    #[arg(long)]
    embedded: bool,
    #[command(flatten)]
    logging: up::Logging,
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    let loaded = args.settings.load()?;
    let mut config = loaded.config;
    let mut problems: Vec<Problem> = loaded.warnings.iter().cloned().collect();
    let role = apply(args, &mut config, &mut problems)?;
    let problems = Problems::new(problems);
    if problems.has_errors() {
        return Err(LoadError::Wrong(problems).into());
    }
    args.logging.start();
    up::run_config(config, &problems, role, out)
}

/// Puts what the files say into the configuration, and what is wrong with them into `problems`.
fn apply(
    args: &Args,
    config: &mut Config,
    problems: &mut Vec<Problem>,
) -> Result<Role, CommandError> {
    let kafka = apply_worker(&args.worker, config, problems)?.and_then(|said| said.kafka);
    let role = match kafka.filter(|_| !args.embedded) {
        Some(kafka) => {
            read_kafka(config, kafka);
            Role::Worker
        }
        None => Role::All,
    };
    for path in &args.connectors {
        let source = config::read(path)?;
        let connector = match read(path, &source) {
            Ok((connector, warnings)) => {
                add(&source, &warnings, Severity::Warning, problems);
                connector
            }
            Err(errors) => {
                add(&source, &errors, Severity::Error, problems);
                continue;
            }
        };
        check(&connector, &source, config, problems);
        config.sinks.push(connector);
    }
    Ok(role)
}

/// Puts what a worker's file says into the configuration, but for its Kafka and its group.
pub(super) fn apply_worker(
    path: &Path,
    config: &mut Config,
    problems: &mut Vec<Problem>,
) -> Result<Option<Worker>, CommandError> {
    let source = config::read(path)?;
    config.sinks.clear();
    match worker(&source.text, &source.name) {
        Ok(said) => {
            add(&source, &said.warnings, Severity::Warning, problems);
            said.rest.apply(&mut config.rest);
            if said.rest.asks_for_passwords {
                config.rest.users = users(&source, problems)?;
            }
            said.apply_to_connectors(&mut config.rest);
            Ok(Some(said))
        }
        Err(errors) => {
            add(&source, &errors, Severity::Error, problems);
            Ok(None)
        }
    }
}

/// The file of users and passwords that Java's log-in configuration names for Kafka Connect.
fn users(
    source: &Arc<Source>,
    problems: &mut Vec<Problem>,
) -> Result<Option<PathBuf>, CommandError> {
    const HELP: &str = "have KAFKA_OPTS say -Djava.security.auth.login.config=FILE, and the file \
                        `KafkaConnect { org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule \
                        required file=\"/etc/users.properties\"; };`";
    let mut refuse = |message: String| {
        let problem = ConnectorProblem {
            position: None,
            option: "rest.extension.classes".to_owned(),
            message,
            help: Some(HELP.to_owned()),
        };
        add(source, &[problem], Severity::Error, problems);
    };
    let environment = settings::environment();
    let Some(path) = named_for_java(&environment, &["KAFKA_OPTS"]) else {
        refuse("asks for passwords, and no log-in configuration is named".to_owned());
        return Ok(None);
    };
    let named = config::read(&path)?;
    let sections = match jaas::sections(&named.text) {
        Ok(sections) => sections,
        Err(error) => {
            refuse(format!("`{}`: {error}", named.name));
            return Ok(None);
        }
    };
    let section = sections
        .into_iter()
        .find(|(name, _)| name == "KafkaConnect");
    let modules = section.map(|(_, modules)| modules).unwrap_or_default();
    let module = modules
        .iter()
        .find(|module| module.simple_class() == "PropertyFileLoginModule");
    let file = module.and_then(|module| module.option("file"));
    if file.is_none() {
        refuse(format!(
            "`{}` has no section `KafkaConnect` with a PropertyFileLoginModule and its `file`",
            named.name
        ));
    }
    Ok(file.map(|file| PathBuf::from(file.reveal())))
}

/// Has records read from Kafka. No topic is made there but for dead letters: the others are somebody else's.
pub(super) fn read_kafka(config: &mut Config, kafka: KafkaConfig) {
    config.kafka = Some(kafka);
    config.topics.clear();
    config.routes.clear();
}

/// Compiles a connector, so that all that is wrong with it is shown where it was typed.
fn check(
    connector: &ConnectorConfig,
    source: &Arc<Source>,
    config: &Config,
    problems: &mut Vec<Problem>,
) {
    if config.sinks.iter().any(|own| own.name == connector.name) {
        let twice = ConnectorProblem::new(connector, "name", "another file has this name too")
            .help("give each connector a name of its own");
        add(source, &[twice], Severity::Error, problems);
    }
    let resolved = resolve(connector, &config.rest.providers, &config.rest.converters);
    let checked = resolved.and_then(|resolved| {
        let (has_cql, policy) = (config.cql.is_some(), &config.rest.overrides);
        check_connector(&resolved, &config.tables, has_cql, policy)
    });
    match checked {
        Ok(warnings) => add(source, &warnings, Severity::Warning, problems),
        Err(errors) => add(source, &errors, Severity::Error, problems),
    }
}

pub(super) fn add(
    source: &Arc<Source>,
    list: &[ConnectorProblem],
    severity: Severity,
    problems: &mut Vec<Problem>,
) {
    problems.extend(list.iter().map(|problem| placed(source, problem, severity)));
}

type Read = Result<(ConnectorConfig, Vec<ConnectorProblem>), Vec<ConnectorProblem>>;

fn read(path: &Path, source: &Source) -> Read {
    if path
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        return json(source).map_err(|message| vec![in_file(&message)]);
    }
    properties::connector(&source.text, &source.name)
}

/// Options alone, or `{"name": .., "config": {..}}`.
fn json(source: &Source) -> Result<(ConnectorConfig, Vec<ConnectorProblem>), String> {
    let read: Result<Map<String, Value>, _> = serde_json::from_str(&source.text);
    let mut options =
        read.map_err(|error| format!("`{}` is no JSON object: {error}", source.name))?;
    let mut name = options
        .get("name")
        .and_then(Value::as_str)
        .map(str::to_owned);
    if let Some(Value::Object(inner)) = options.remove("config") {
        let own = inner.get("name").and_then(Value::as_str);
        name = own.map(str::to_owned).or(name);
        options = inner;
    }
    let name = name.ok_or_else(|| format!("`{}` has no `name`", source.name))?;
    let mut config = ConnectorConfig::new(name.clone());
    options.insert("name".to_owned(), Value::String(name));
    for (option, value) in options {
        let value = match value {
            Value::String(text) => text,
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => {
                return Err(format!(
                    "`{option}` in `{}` is neither text nor number",
                    source.name
                ));
            }
        };
        config.set(
            option,
            Property {
                value,
                position: None,
            },
        );
    }
    Ok((config, Vec::new()))
}

fn in_file(message: &str) -> ConnectorProblem {
    ConnectorProblem {
        position: None,
        option: String::new(),
        message: message.to_owned(),
        help: Some("write the options as an object of texts".to_owned()),
    }
}
