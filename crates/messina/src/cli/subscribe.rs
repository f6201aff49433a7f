//! `messina sub`: prints what is published. mosquitto's flags.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args as ClapArgs, ValueEnum};
use messina_mqtt::device::{Input, Token};
use messina_mqtt::packet::{Publish, QoS, RetainHandling, Subscription, SubscriptionOptions};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::{Topic, TopicFilter};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::console::api::Octets;
use crate::runtime::clock::{Clock as _, SystemClock};
use crate::simulator::Event;

use super::mqtt::{Connection, Dial, Layout, Received, qos};
use super::output::Output;
use super::{CommandError, runtime};

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
-F prints, as in mosquitto_sub: %t topic, %p payload, %x %X payload in hexadecimal, %l its length, %q QoS, %r retain,
%m packet identifier, %j everything as JSON, %J with the payload as JSON, %I time, %U seconds since 1970, and of
MQTT 5.0 %A topic alias, %C content type, %D correlation data, %E expiry, %F payload format, %P user properties,
%R response topic, %S subscription identifier; %10t %-10t %010l set a width; @H @M ... parts of the time; \\n \\t.

Exit code 27 means that -W ended it. If the server does not let the client in, the code is the server's own, as of
mosquitto_sub: with -V 311 1 to 5, with -V 5 128 and above.

  messina sub -t 'meters/#' -v                 until interrupted
  messina sub -t temperature -q 2 -C 1 -W 5    one message, or exit code 27 after five seconds
  messina sub -t '#' -F '@H:@M:@S %t %p'       with the time
  messina sub -t 'old/#' --retained-only --remove-retained -W 2"
)]
pub(super) struct Args {
    /// Topic filter; may be repeated
    #[arg(short, long = "topic")]
    topics: Vec<String>,
    /// Highest quality of service
    #[arg(short, long, default_value = "0", value_parser = qos)]
    qos: QoS,
    /// End the subscription to this filter first; may be repeated, and needs no -t (for sessions kept with -c)
    #[arg(short = 'U', long = "unsubscribe", value_name = "FILTER")]
    unsubscribe: Vec<String>,
    /// Do not print what this filter matches; may be repeated
    #[arg(short = 'T', long = "filter-out", value_name = "FILTER")]
    filter_out: Vec<String>,
    /// Print the topic before the message
    #[arg(short, long)]
    verbose: bool,
    /// Print each message in this layout; see below
    #[arg(short = 'F', long = "format", value_name = "LAYOUT", value_parser = Layout::parse, conflicts_with = "json")]
    layout: Option<Layout>,
    /// Print each message as a line of JSON
    #[arg(long, conflicts_with_all = ["verbose", "no_newline"])]
    json: bool,
    /// No line end after a message
    #[arg(short = 'N', long = "no-eol")]
    no_newline: bool,
    /// Leave out messages that were retained before
    #[arg(short = 'R', long)]
    no_retained: bool,
    /// Print messages that were retained before, and stop at the first other one
    #[arg(long, conflicts_with = "no_retained")]
    retained_only: bool,
    /// Have the retain flag as the publisher set it (-V 5)
    #[arg(long)]
    retain_as_published: bool,
    /// Which subscriptions get retained messages (-V 5)
    #[arg(long, value_enum)]
    retain_handling: Option<Handling>,
    /// Delete each retained message that comes from the server
    #[arg(long)]
    remove_retained: bool,
    /// Stop after so many messages
    #[arg(short = 'C', long, value_name = "N")]
    count: Option<u64>,
    /// Stop after so many seconds with exit code 27
    #[arg(short = 'W', long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// Stop as soon as the server has answered for all subscriptions (makes a session, with -c)
    #[arg(short = 'E', long = "exit-after-subscribe")]
    exit_after_subscribe: bool,
    #[command(flatten)]
    connection: Connection,
}

/// mosquitto's names of retain handling.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Handling {
    /// Every subscription
    Always,
    /// New ones only
    New,
    /// None
    Never,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    let limit = args
        .timeout
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let mut printer = Printer::new(args, out)?;
    runtime()?.block_on(async {
        let printing = printer.run();
        let ended = match limit {
            None => return printing.await,
            Some(limit) => tokio::time::timeout(limit, printing).await,
        };
        if let Ok(ended) = ended {
            return ended;
        }
        printer.dial.leave().await;
        printer.out.flush()?;
        Err(CommandError::TimedOut(match args.count {
            Some(_) => format!("no more came within {limit:?}; {} wanted", printer.left),
            None => "the time of -W is over".to_owned(),
        }))
    })
}

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Wait,
    Stop,
}

struct Printer<'a> {
    args: &'a Args,
    out: &'a mut Output,
    dial: Dial,
    subscriptions: Vec<Subscription>,
    unsubscribe: Vec<TopicFilter>,
    filter_out: Vec<TopicFilter>,
    /// Messages to print until the end.
    left: u64,
    /// Topics whose retained message is being deleted: the deletion comes back as an empty message.
    removed: BTreeSet<Box<str>>,
    /// Deletions without an answer.
    removing: u64,
}

impl<'a> Printer<'a> {
    fn new(args: &'a Args, out: &'a mut Output) -> Result<Self, CommandError> {
        let dial = args.connection.dial()?;
        if !dial.is_v5 && (args.retain_as_published || args.retain_handling.is_some()) {
            let said = "--retain-as-published and --retain-handling are of MQTT 5.0; add `-V 5`";
            return Err(CommandError::Usage(said.to_owned()));
        }
        let unsubscribe = filters(args.unsubscribe.iter().map(String::as_str))?;
        let topics = args.topics.iter().map(String::as_str);
        let topics = filters(topics.chain(args.connection.topic()))?;
        if topics.is_empty() && unsubscribe.is_empty() {
            return Err(CommandError::Usage("-t TOPIC is needed".to_owned()));
        }
        let options = options(args);
        let subscription = |filter| Subscription { filter, options };
        Ok(Self {
            args,
            out,
            dial,
            subscriptions: topics.into_iter().map(subscription).collect(),
            unsubscribe,
            filter_out: filters(args.filter_out.iter().map(String::as_str))?,
            left: args.count.unwrap_or(u64::MAX),
            removed: BTreeSet::new(),
            removing: 0,
        })
    }

    async fn run(&mut self) -> Result<(), CommandError> {
        let mut interrupted = listen(SignalKind::interrupt())?;
        let mut terminated = listen(SignalKind::terminate())?;
        self.dial.connect().await?;
        if !self.unsubscribe.is_empty() {
            let filters = self.unsubscribe.clone();
            self.dial.link.handle(Input::Unsubscribe(filters));
        }
        self.subscribe();
        while self.left > 0 {
            let event = tokio::select! {
                event = self.dial.link.next() => event,
                _ = interrupted.recv() => break,
                _ = terminated.recv() => break,
            };
            if self.on_event(event).await? == Next::Stop {
                break;
            }
        }
        while self.removing > 0 && self.dial.link.is_connected() {
            if let Event::Published(..) = self.dial.link.next().await {
                self.removing -= 1;
            }
        }
        self.dial.leave().await;
        Ok(())
    }

    fn subscribe(&mut self) {
        if !self.subscriptions.is_empty() {
            let (all, id) = (self.subscriptions.clone(), self.dial.subscription);
            self.dial.link.handle(Input::Subscribe(all, id));
        }
    }

    async fn on_event(&mut self, event: Event) -> Result<Next, CommandError> {
        match event {
            Event::Received(publish) => return self.on_publish(&publish),
            Event::Subscribed(reasons) => {
                self.on_subscribed(&reasons)?;
                if self.args.exit_after_subscribe {
                    return Ok(Next::Stop);
                }
            }
            Event::Unsubscribed(_) if self.subscriptions.is_empty() => return Ok(Next::Stop),
            Event::Published(_, reason) => {
                self.removing = self.removing.saturating_sub(1);
                if reason.is_error() {
                    return Err(CommandError::Refused(format!(
                        "the server refuses to delete a retained message: {reason}"
                    )));
                }
            }
            Event::Closed(_) => self.again().await,
            Event::Connected(_) | Event::Unsubscribed(_) => {}
        }
        Ok(Next::Wait)
    }

    fn on_publish(&mut self, publish: &Publish) -> Result<Next, CommandError> {
        if publish.payload.is_empty() && self.removed.remove(publish.topic.as_str()) {
            return Ok(Next::Wait);
        }
        if self.args.retained_only && !publish.retain {
            return Ok(Next::Stop);
        }
        if publish.retain && self.args.no_retained {
            return Ok(Next::Wait);
        }
        let is_out = |filter: &TopicFilter| filter.matches(&publish.topic);
        if self.filter_out.iter().any(is_out) {
            return Ok(Next::Wait);
        }
        if publish.retain && self.args.remove_retained {
            self.remove(&publish.topic);
        }
        show(self.args, publish, self.out)?;
        self.out.flush()?;
        self.left -= 1;
        Ok(Next::Wait)
    }

    /// Publishes an empty retained message, which deletes what is retained.
    fn remove(&mut self, topic: &Topic) {
        let mut nothing = Publish::new(topic.detached(), Bytes::new());
        nothing.retain = true;
        nothing.qos = QoS::AtLeastOnce;
        self.removed.insert(topic.as_str().into());
        self.removing += 1;
        self.dial.link.handle(Input::Publish(Token(0), nothing));
    }

    /// Connects again for as long as it takes, as mosquitto's does.
    async fn again(&mut self) {
        loop {
            tokio::time::sleep(PAUSE).await;
            match self.dial.connect().await {
                Ok(true) => return,
                Ok(false) => return self.subscribe(),
                Err(error) => tracing::debug!(%error, "cannot connect again yet"),
            }
        }
    }

    /// Says which subscriptions are refused; it is an error if all are.
    fn on_subscribed(&self, reasons: &[ReasonCode]) -> Result<(), CommandError> {
        let asked = self.subscriptions.iter().zip(reasons);
        let refusals: Vec<String> = asked
            .filter(|(_, reason)| reason.is_error())
            .map(|(own, reason)| format!("`{}`: {reason}", own.filter.as_str()))
            .collect();
        if refusals.is_empty() {
            return Ok(());
        }
        let all = refusals.len() == reasons.len();
        let said = format!("the server refuses to subscribe to {}", refusals.join(", "));
        if all {
            return Err(CommandError::Refused(said));
        }
        tracing::warn!("{said}");
        Ok(())
    }
}

fn listen(kind: SignalKind) -> Result<Signal, CommandError> {
    signal(kind).map_err(CommandError::Runtime)
}

fn options(args: &Args) -> SubscriptionOptions {
    SubscriptionOptions {
        qos: args.qos,
        no_local: false,
        retain_as_published: args.retain_as_published,
        retain_handling: match args.retain_handling {
            None | Some(Handling::Always) => RetainHandling::Send,
            Some(Handling::New) => RetainHandling::SendIfNew,
            Some(Handling::Never) => RetainHandling::DoNotSend,
        },
    }
}

fn filters<'t>(texts: impl Iterator<Item = &'t str>) -> Result<Vec<TopicFilter>, CommandError> {
    let filter = |text: &str| {
        TopicFilter::new(text).map_err(|error| {
            CommandError::Usage(format!("`{text}` is not a topic filter: {error}"))
        })
    };
    texts.map(filter).collect()
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
    if let Some(layout) = &args.layout {
        let millis = SystemClock.unix_millis();
        out.bytes(&layout.print(Received { publish, millis }))?;
    } else {
        if args.verbose {
            out.bytes(publish.topic.as_bytes())?;
            out.bytes(b" ")?;
        }
        out.bytes(&publish.payload)?;
    }
    if args.no_newline {
        Ok(())
    } else {
        out.bytes(b"\n")
    }
}
