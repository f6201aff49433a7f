//! `messina up`: the whole chain on this machine.

use clap::Args as ClapArgs;

use crate::config::{Config, Problems};
use crate::telemetry::logs::{self, LogFormat};
use crate::up::{self, Ready};

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
    args.logging.start();
    let loaded = args.settings.load()?;
    run_config(loaded.config, &loaded.warnings, out)
}

/// Runs a configuration until it is told to stop.
pub(super) fn run_config(
    config: Config,
    warnings: &Problems,
    out: &mut Output,
) -> Result<(), CommandError> {
    for warning in warnings.iter() {
        tracing::warn!("{}", warning.message);
    }
    let mut told = Ok(());
    up::run(config, |ready| told = tell(ready, out))?;
    told
}

/// Tells a newcomer where everything is, and what to type next.
fn tell(ready: &Ready, out: &mut Output) -> Result<(), CommandError> {
    for (scheme, address) in &ready.mqtt {
        out.line(format_args!("MQTT       {scheme}://{address}"))?;
    }
    if let Some(admin) = ready.admin {
        out.line(format_args!("admin API  http://{admin}/api/status"))?;
    }
    if let Some(rest) = ready.rest {
        out.line(format_args!("connect    http://{rest}/connectors"))?;
    }
    out.line(format_args!("data       {}", ready.data.display()))?;
    if let Some((_, address)) = ready.mqtt.first() {
        let port = address.port();
        out.line(format_args!(
            "try        mosquitto_pub -p {port} -q 2 -t room/1 -m '{{\"celsius\": 21.5}}'"
        ))?;
        out.line("           messina query 'SELECT * FROM readings'")?;
    }
    out.flush()
}
