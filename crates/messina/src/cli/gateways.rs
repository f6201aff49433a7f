//! `messina gateways`: those that share a Kafka, and one that is gone for good is forgotten.

use std::sync::Arc;

use clap::{Args as ClapArgs, Subcommand};

use crate::gateway::relay::Registry;
use crate::record_log::kafka::{GroupTopics, KafkaLogError};
use crate::runtime::clock::{Clock, SystemClock};

use super::output::Output;
use super::{CommandError, Settings, runtime};

/// `messina gateways`
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Gateways of one `kafka.gateway_group` tell each other what is subscribed to at them, and publishes that another wants go
to it through Kafka. One that is gone for good does not take that back: `forget` does. Where it runs after all, it says
again what it wants, and nothing is lost.")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the gateways that have subscriptions
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Relay nothing any more to a gateway that is gone for good
    Forget {
        /// Its `kafka.gateway_id`
        gateway: String,
        #[command(flatten)]
        settings: Settings,
    },
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    match &args.command {
        Command::List { json, settings } => list(settings, *json, out),
        Command::Forget { gateway, settings } => forget(settings, gateway, out),
    }
}

fn list(settings: &Settings, json: bool, out: &mut Output) -> Result<(), CommandError> {
    let registry = registry(settings)?;
    let gateways = wait(registry.gateways())?;
    if json {
        return out.json(&gateways);
    }
    let rows = gateways.iter();
    let rows: Vec<Vec<String>> = rows
        .map(|(name, count)| vec![name.clone(), count.to_string()])
        .collect();
    out.table(&["GATEWAY", "FILTERS"], &[false, true], &rows)
}

fn forget(settings: &Settings, gateway: &str, out: &mut Output) -> Result<(), CommandError> {
    let registry = registry(settings)?;
    let now = SystemClock.unix_millis();
    let count = wait(registry.forget(gateway, now))?;
    let left = wait(registry.left_of(gateway))?;
    if count == 0 && left.is_empty() {
        return Err(CommandError::Refused(format!(
            "nothing is known of a gateway `{gateway}`; `messina gateways list` says who has subscriptions"
        )));
    }
    out.line(format_args!("forgot {count} filters of `{gateway}`"))?;
    if left.is_empty() {
        return Ok(());
    }
    out.line(format_args!(
        "its sessions are kept for its return; if it never will, these topics can be deleted: {}",
        left.join(", ")
    ))
}

fn registry(settings: &Settings) -> Result<Registry, CommandError> {
    let kafka = settings.load()?.config.kafka.ok_or_else(|| {
        CommandError::Usage(
            "there are several gateways only in front of Kafka: there is no [kafka]".to_owned(),
        )
    })?;
    Ok(Registry::new(GroupTopics::new(Arc::new(kafka))))
}

fn wait<T>(asking: impl Future<Output = Result<T, KafkaLogError>>) -> Result<T, CommandError> {
    let answer = runtime()?.block_on(asking);
    answer.map_err(|error| {
        CommandError::Refused(crate::console::exchange::ApiError::from(error).into_text())
    })
}
