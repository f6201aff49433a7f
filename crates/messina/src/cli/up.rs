//! `messina up`, `gateway` and `worker`: the whole chain on this machine, or one half of it.

use clap::Args as ClapArgs;

use crate::config::{Config, KafkaConfig, Problems, RestPaths};
use crate::telemetry::logs::{self, LogFormat};
use crate::up::{self, Ready, RestAt, Role};

use super::output::Output;
use super::{CommandError, Settings};

/// `messina up`
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
SIGTERM or ^C finishes what was accepted and stops within 10 s; a second one stops at once. Nothing that was
acknowledged is lost either way.")]
pub(super) struct Args {
    #[command(flatten)]
    logging: Logging,
    #[command(flatten)]
    settings: Settings,
}

/// `messina gateway`
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
The log is Apache Kafka: [kafka] must be in the configuration, which may be the same file for gateways and workers.
Every gateway needs a `kafka.gateway_id` of its own that stays the same, and on one machine a --data and an
admin.listen of its own. SIGTERM or ^C finishes what was accepted; nothing that was acknowledged is lost.")]
pub(super) struct GatewayArgs {
    #[command(flatten)]
    logging: Logging,
    #[command(flatten)]
    settings: Settings,
}

/// `messina worker`
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
The log is Apache Kafka: [kafka] must be in the configuration, which may be the same file for gateways and workers.
Workers with the same connectors share their partitions; each may come and go at any time. On one machine each
needs a --data, an admin.listen and a rest.listen of its own. SIGTERM or ^C commits what was written and leaves.")]
pub(super) struct WorkerArgs {
    #[command(flatten)]
    logging: Logging,
    #[command(flatten)]
    settings: Settings,
}

/// What is logged, and how.
#[derive(Debug, ClapArgs)]
pub(super) struct Logging {
    /// Log more: -v debug, -vv trace
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Log only warnings and errors
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// How log lines look
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
}

impl Logging {
    pub(super) fn start(&self) {
        let verbosity = if self.quiet {
            -1
        } else {
            i16::from(self.verbose)
        };
        logs::start(verbosity, self.log_format);
    }
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    run_settings(&args.logging, &args.settings, Role::All, out)
}

pub(super) fn run_gateway(args: &GatewayArgs, out: &mut Output) -> Result<(), CommandError> {
    run_settings(&args.logging, &args.settings, Role::Gateway, out)
}

pub(super) fn run_worker(args: &WorkerArgs, out: &mut Output) -> Result<(), CommandError> {
    run_settings(&args.logging, &args.settings, Role::Worker, out)
}

fn run_settings(
    logging: &Logging,
    settings: &Settings,
    role: Role,
    out: &mut Output,
) -> Result<(), CommandError> {
    logging.start();
    let loaded = settings.load()?;
    run_config(loaded.config, &loaded.warnings, role, out)
}

/// Runs a configuration until it is told to stop.
pub(super) fn run_config(
    config: Config,
    warnings: &Problems,
    role: Role,
    out: &mut Output,
) -> Result<(), CommandError> {
    for warning in warnings.iter() {
        tracing::warn!("{}", warning.message);
    }
    let mut told = Ok(());
    let kafka = config.kafka.as_ref().map(KafkaConfig::servers);
    let publish_only = config.gateway.publish_only;
    up::run(config, role, |ready| {
        told = tell(ready, kafka.as_deref(), out);
        if !publish_only && told.is_ok() {
            told = suggest(ready, role, out);
        }
    })?;
    told
}

/// Tells a newcomer where everything is.
fn tell(ready: &Ready, kafka: Option<&str>, out: &mut Output) -> Result<(), CommandError> {
    for (scheme, address) in &ready.mqtt {
        out.line(format_args!("MQTT       {scheme}://{address}"))?;
    }
    if let Some(admin) = ready.admin {
        out.line(format_args!("admin API  http://{admin}/api/status"))?;
    }
    for RestAt {
        scheme,
        address,
        paths,
    } in &ready.rest
    {
        let (word, path) = match paths {
            RestPaths::All | RestPaths::WithoutAdmin => ("connect   ", "connectors"),
            RestPaths::Admin => ("loggers   ", "admin/loggers"),
        };
        out.line(format_args!("{word} {scheme}://{address}/{path}"))?;
    }
    if let Some(servers) = kafka {
        out.line(format_args!("Kafka      {servers}"))?;
    }
    out.line(format_args!("data       {}", ready.data.display()))?;
    out.flush()
}

/// Tells what to type next, where devices may do everything.
fn suggest(ready: &Ready, role: Role, out: &mut Output) -> Result<(), CommandError> {
    if let Some((_, address)) = ready.mqtt.first() {
        let port = address.port();
        out.line(format_args!(
            "try        mosquitto_pub -p {port} -q 2 -t room/1 -m '{{\"celsius\": 21.5}}'"
        ))?;
        if role.has_sinks() {
            out.line("           messina query 'SELECT * FROM readings'")?;
        }
    }
    out.flush()
}
