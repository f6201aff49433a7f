//! `messina sub`: prints what is published. mosquitto's flags.

use std::time::Duration;

use clap::Args as ClapArgs;
use messina_mqtt::device::Input;
use messina_mqtt::packet::{Publish, QoS, Subscription, SubscriptionOptions};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::TopicFilter;

use crate::console::api::Octets;
use crate::simulator::{Event, Link};

use super::CommandError;
use super::mqtt::{Connection, qos, runtime};
use super::output::Output;

/// Pause before connecting again.
const PAUSE: Duration = Duration::from_secs(1);

/// `messina sub`
#[derive(Debug, ClapArgs)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each flag people know from mosquitto"
)]
#[command(
    disable_help_flag = true,
    after_help = "\
  messina sub -t 'meters/#' -v                 until interrupted
  messina sub -t temperature -q 2 -C 1 -W 5    one message, or exit code 1 after five seconds"
)]
pub(super) struct Args {
    /// Topic filter; may be repeated
    #[arg(short, long = "topic", required = true)]
    topics: Vec<String>,
    /// Highest quality of service
    #[arg(short, long, default_value = "0", value_parser = qos)]
    qos: QoS,
    /// Print the topic before the message
    #[arg(short, long)]
    verbose: bool,
    /// Print each message as a line of JSON
    #[arg(long, conflicts_with_all = ["verbose", "no_newline"])]
    json: bool,
    /// No line end after a message
    #[arg(short = 'N', long = "no-eol")]
    no_newline: bool,
    /// Leave out messages that were retained before
    #[arg(short = 'R', long)]
    no_retained: bool,
    /// Stop after so many messages
    #[arg(short = 'C', long, value_name = "N")]
    count: Option<u64>,
    /// Stop after so many seconds; exit code 1 if -C is not reached
    #[arg(short = 'W', long, value_name = "SECONDS")]
    timeout: Option<f64>,
    #[command(flatten)]
    connection: Connection,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    let subscriptions = subscriptions(args)?;
    let limit = args
        .timeout
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    runtime()?.block_on(async {
        let mut left = args.count.unwrap_or(u64::MAX);
        let printing = print(args, &subscriptions, &mut left, out);
        let Some(limit) = limit else {
            return printing.await;
        };
        match tokio::time::timeout(limit, printing).await {
            Ok(ended) => ended,
            Err(_elapsed) if args.count.is_none() => Ok(()),
            Err(_elapsed) => {
                out.flush()?;
                Err(CommandError::Found(format!(
                    "no more came within {limit:?}; {left} wanted"
                )))
            }
        }
    })
}

fn subscriptions(args: &Args) -> Result<Vec<Subscription>, CommandError> {
    let options = SubscriptionOptions {
        qos: args.qos,
        ..SubscriptionOptions::default()
    };
    let subscription = |text: &String| match TopicFilter::new(text) {
        Ok(filter) => Ok(Subscription { filter, options }),
        Err(error) => Err(CommandError::Usage(format!(
            "`{text}` is not a topic filter: {error}"
        ))),
    };
    args.topics.iter().map(subscription).collect()
}

async fn print(
    args: &Args,
    subscriptions: &[Subscription],
    left: &mut u64,
    out: &mut Output,
) -> Result<(), CommandError> {
    let mut link = args.connection.link()?;
    args.connection.connect(&mut link).await?;
    link.handle(Input::Subscribe(subscriptions.to_vec(), None));
    while *left > 0 {
        match link.next().await {
            Event::Received(publish) => {
                if !(args.no_retained && publish.retain) {
                    show(args, &publish, out)?;
                    out.flush()?;
                    *left -= 1;
                }
            }
            Event::Subscribed(reasons) => refused(args, &reasons)?,
            Event::Closed(_) => again(args, &mut link, subscriptions).await,
            Event::Connected(_) | Event::Published(..) => {}
        }
    }
    link.handle(Input::Disconnect(ReasonCode::Success));
    while link.is_connected() {
        // What is left is written; how the connection ends no longer matters.
        let _event = link.next().await;
    }
    Ok(())
}

/// Connects again for as long as it takes, as mosquitto's does.
async fn again(args: &Args, link: &mut Link, subscriptions: &[Subscription]) {
    loop {
        tokio::time::sleep(PAUSE).await;
        match args.connection.connect(link).await {
            Ok(true) => return,
            Ok(false) => {
                link.handle(Input::Subscribe(subscriptions.to_vec(), None));
                return;
            }
            Err(error) => tracing::debug!(%error, "cannot connect again yet"),
        }
    }
}

fn refused(args: &Args, reasons: &[ReasonCode]) -> Result<(), CommandError> {
    let refusals: Vec<String> = args
        .topics
        .iter()
        .zip(reasons)
        .filter(|(_, reason)| reason.is_error())
        .map(|(topic, reason)| format!("`{topic}`: {reason}"))
        .collect();
    if refusals.is_empty() {
        return Ok(());
    }
    Err(CommandError::Refused(format!(
        "the server refuses to subscribe to {}",
        refusals.join(", ")
    )))
}

fn show(args: &Args, publish: &Publish, out: &mut Output) -> Result<(), CommandError> {
    if args.json {
        return out.json_line(&serde_json::json!({
            "topic": publish.topic.as_str(),
            "qos": publish.qos.as_u8(),
            "retain": publish.retain,
            "payload": Octets::of(&publish.payload),
        }));
    }
    if args.verbose {
        out.bytes(publish.topic.as_bytes())?;
        out.bytes(b" ")?;
    }
    out.bytes(&publish.payload)?;
    if args.no_newline {
        Ok(())
    } else {
        out.bytes(b"\n")
    }
}
