//! `messina mqtt-proxy`: a gateway for publishes alone, from the file that Confluent's MQTT proxy is started with.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as ClapArgs;

use crate::config::mqtt_proxy::{self, MqttProxy, ProxySources};
use crate::config::{self, Config, Inputs, LoadError, Problem, Problems, Source};
use crate::up::Role;

use super::output::Output;
use super::{CommandError, Settings, settings, up};

/// `messina mqtt-proxy`
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
FILE is read as it is. Variables KAFKA_MQTT_LISTENERS, KAFKA_MQTT_TOPIC_REGEX_LIST and so on win over it, and are
enough without a file. Devices may publish, at any QoS, and nothing else: subscriptions are refused, nothing is
retained, no session outlives its connection. A publish is acknowledged when the log has its record; the record's
key is the MQTT topic, its value the payload.

Names beside the original's:
  mqtt.unmatched=drop|disconnect|default:TOPIC   what happens to topics that no regular expression takes [drop]
  mqtt.headers.enable=true                       mqtt.topic, mqtt.client.id, mqtt.qos, mqtt.retain as headers

With SASL_* passwords are those of the PropertyFileLoginModule in Java's log-in configuration: --jaas, else what
KAFKA_OPTS says (-Djava.security.auth.login.config=FILE). Everything else is as with `messina up`; --config and
--set may say more, for example [kafka] topics or mqtt.access.password_file.")]
pub(super) struct Args {
    /// The proxy's property file
    file: Option<PathBuf>,
    /// Java's log-in configuration, with the proxy's section
    #[arg(long, value_name = "FILE")]
    jaas: Option<PathBuf>,
    /// Write to an embedded log in this directory instead of Kafka
    #[arg(long, value_name = "DIR", conflicts_with = "data")]
    embedded: Option<PathBuf>,
    #[command(flatten)]
    logging: up::Logging,
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    let file = args.file.as_deref().map(config::read).transpose()?;
    let mut sources = sources(file, args.jaas.clone())?;
    sources.embedded = args.embedded.is_some();
    let loaded = config::load(&inputs(args, &sources))?;
    let mut config = loaded.config;
    let mut problems: Vec<Problem> = loaded.warnings.iter().cloned().collect();
    let (proxy, found) = mqtt_proxy::read(&sources, &config);
    problems.extend(found.iter().cloned());
    let problems = Problems::new(problems);
    let Some(proxy) = proxy else {
        return Err(LoadError::Wrong(problems).into());
    };
    proxy.apply(&mut config);
    args.logging.start();
    let role = if sources.embedded {
        Role::All
    } else {
        Role::Gateway
    };
    up::run_config(config, &problems, role, out)
}

/// The places our own configuration is written in; the brokers are the proxy's.
fn inputs(args: &Args, sources: &ProxySources) -> Inputs {
    let mut inputs = args.settings.inputs();
    inputs.data = args.embedded.clone().or(inputs.data);
    if let Some(servers) = mqtt_proxy::bootstrap_servers(sources) {
        let setting = format!("kafka.bootstrap_servers={servers:?}");
        inputs.set.insert(0, setting);
    }
    inputs
}

/// Everything that configures a proxy, with Java's log-in configuration where the environment names it.
fn sources(file: Option<Arc<Source>>, jaas: Option<PathBuf>) -> Result<ProxySources, CommandError> {
    let environment = settings::environment();
    let variables = ["KAFKA_MQTT_OPTS", "KAFKA_OPTS"];
    let jaas = jaas.or_else(|| named_for_java(&environment, &variables));
    Ok(ProxySources {
        file,
        environment,
        jaas: jaas.as_deref().map(config::read).transpose()?,
        embedded: false,
    })
}

/// The log-in configuration that Java would be told of, by the first of these variables that does.
pub(super) fn named_for_java(
    environment: &[(String, String)],
    variables: &[&str],
) -> Option<PathBuf> {
    const OPTION: &str = "-Djava.security.auth.login.config=";
    let said = |variable: &&str| {
        let (_, options) = environment.iter().find(|(name, _)| name == *variable)?;
        let mut options = options.split_whitespace();
        let file = options.find_map(|option| option.strip_prefix(OPTION))?;
        // An empty or doubled `=` is Java's way to say that no other file is read.
        Some(PathBuf::from(file.trim_start_matches('=')))
    };
    variables.iter().find_map(said)
}

/// Reads a proxy's file for `messina check`.
pub(super) fn read(
    source: &Arc<Source>,
    base: &Config,
) -> Result<(Option<MqttProxy>, Problems), CommandError> {
    let sources = sources(Some(source.clone()), None)?;
    Ok(mqtt_proxy::read(&sources, base))
}
