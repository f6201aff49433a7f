//! `messina pub`: publishes over MQTT. mosquitto's flags.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clap::Args as ClapArgs;
use messina_mqtt::device::{Input, Token};
use messina_mqtt::packet::{Publish, PublishProperties, QoS};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::Topic;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::simulator::Event;

use super::mqtt::{Connection, Dial, qos};
use super::{CommandError, runtime};

/// Publishes given to the device ahead of the server's answers.
const AHEAD: usize = 100;

/// `messina pub`
#[derive(Debug, ClapArgs)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each flag people know from mosquitto"
)]
#[command(
    disable_help_flag = true,
    after_help = "\
Exit code 0 means the server answered for every publish (QoS 0: that it was sent). If the server does not let the
client in, it is the server's own code, as of mosquitto_pub: with -V 311 1 to 5, with -V 5 128 and above.

  messina pub -t temperature -q 2 -m '99999,2.10# 2.13# 2.19# '
  ./sensor.sh | messina pub -t readings -q 1 -l
  messina pub -L mqtts://gateway.example/readings --cafile ca.pem -u pump --pw-file secret -q 1 -m 4.2
  messina pub -V 5 -D publish content-type text/csv -D publish user-property unit C -t a -m 1,2"
)]
pub(super) struct Args {
    /// Topic, unless the URL has it
    #[arg(short, long)]
    topic: Option<String>,
    /// Message
    #[arg(short, long, group = "payload", allow_hyphen_values = true)]
    message: Option<String>,
    /// Send the contents of a file
    #[arg(short, long, group = "payload")]
    file: Option<PathBuf>,
    /// Send each line of standard input as a message
    #[arg(short = 'l', long, group = "payload")]
    stdin_line: bool,
    /// Send all of standard input as one message
    #[arg(short = 's', long, group = "payload")]
    stdin_file: bool,
    /// Send an empty message
    #[arg(short, long, group = "payload")]
    null_message: bool,
    /// Quality of service
    #[arg(short, long, default_value = "0", value_parser = qos)]
    qos: QoS,
    /// Ask the server to retain the message
    #[arg(short, long)]
    retain: bool,
    /// Send the message so many times
    #[arg(long, default_value_t = 1, value_name = "N")]
    repeat: u64,
    /// Seconds between repetitions
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS")]
    repeat_delay: f64,
    #[command(flatten)]
    connection: Connection,
}

pub(super) fn run(args: &Args) -> Result<(), CommandError> {
    runtime()?.block_on(publish(args))
}

async fn publish(args: &Args) -> Result<(), CommandError> {
    let topic = topic(args)?;
    let payload = payload(args)?;
    let mut dial = args.connection.dial()?;
    dial.connect().await?;
    let mut sender = Sender {
        args,
        dial,
        topic,
        sent: 0,
        answered: 0,
        refused: None,
    };
    match payload {
        Some(payload) => sender.repeat(&payload).await?,
        None => sender.lines().await?,
    }
    sender.settle(0).await?;
    sender.dial.leave().await;
    match sender.refused {
        Some(reason) => Err(CommandError::Refused(format!(
            "the server refused a publish: {reason}"
        ))),
        None => Ok(()),
    }
}

fn topic(args: &Args) -> Result<Topic, CommandError> {
    let topic = match (args.topic.as_deref(), args.connection.topic()) {
        (Some(_), Some(_)) => Err("the topic is in the URL and after -t; one is enough".to_owned()),
        (Some(topic), None) | (None, Some(topic)) => Topic::new(topic)
            .map_err(|error| format!("`{topic}` is not a topic to publish to: {error}")),
        (None, None) => Err("-t TOPIC is needed".to_owned()),
    };
    topic.map_err(CommandError::Usage)
}

/// The message; `None` for lines.
fn payload(args: &Args) -> Result<Option<Bytes>, CommandError> {
    if args.stdin_line {
        return Ok(None);
    }
    if let Some(path) = &args.file {
        let contents = std::fs::read(path).map_err(|source| CommandError::File {
            action: "read",
            path: path.display().to_string(),
            source,
        })?;
        return Ok(Some(contents.into()));
    }
    if args.stdin_file {
        let mut contents = Vec::new();
        std::io::stdin()
            .read_to_end(&mut contents)
            .map_err(CommandError::Input)?;
        return Ok(Some(contents.into()));
    }
    match &args.message {
        Some(message) => Ok(Some(Bytes::from(message.clone()))),
        None if args.null_message => Ok(Some(Bytes::new())),
        None => Err(CommandError::Usage(
            "one of -m, -f, -l, -s or -n is needed".to_owned(),
        )),
    }
}

struct Sender<'a> {
    args: &'a Args,
    dial: Dial,
    topic: Topic,
    sent: u64,
    answered: u64,
    refused: Option<ReasonCode>,
}

impl Sender<'_> {
    async fn repeat(&mut self, payload: &Bytes) -> Result<(), CommandError> {
        let delay = Duration::try_from_secs_f64(self.args.repeat_delay).unwrap_or_default();
        for count in 0..self.args.repeat {
            if count > 0 && !delay.is_zero() {
                self.pause(delay).await?;
            }
            self.send(payload.clone());
            self.settle(AHEAD as u64).await?;
        }
        Ok(())
    }

    async fn lines(&mut self) -> Result<(), CommandError> {
        let mut input = BufReader::new(tokio::io::stdin()).split(b'\n');
        loop {
            tokio::select! {
                line = input.next_segment() => match line.map_err(CommandError::Input)? {
                    Some(line) => self.send(Bytes::from(line)),
                    None => return Ok(()),
                },
                event = self.dial.link.next() => self.on_event(event)?,
            }
            self.settle(AHEAD as u64).await?;
        }
    }

    fn send(&mut self, payload: Bytes) {
        let mut publish = Publish::new(self.topic.clone(), payload);
        publish.qos = self.args.qos;
        publish.retain = self.args.retain;
        if self.dial.publish != PublishProperties::default() {
            publish.properties = Some(Box::new(self.dial.publish.clone()));
        }
        self.dial
            .link
            .handle(Input::Publish(Token(self.sent), publish));
        self.sent += 1;
    }

    /// Waits until no more than `open` publishes have no answer.
    async fn settle(&mut self, open: u64) -> Result<(), CommandError> {
        while self.sent - self.answered > open {
            let event = self.dial.link.next().await;
            self.on_event(event)?;
        }
        Ok(())
    }

    async fn pause(&mut self, delay: Duration) -> Result<(), CommandError> {
        let until = tokio::time::Instant::now() + delay;
        loop {
            match tokio::time::timeout_at(until, self.dial.link.next()).await {
                Ok(event) => self.on_event(event)?,
                Err(_elapsed) => return Ok(()),
            }
        }
    }

    fn on_event(&mut self, event: Event) -> Result<(), CommandError> {
        match event {
            Event::Published(_, reason) => {
                self.answered += 1;
                if reason.is_error() {
                    self.refused.get_or_insert(reason);
                }
                Ok(())
            }
            Event::Closed(ended) => {
                let reason =
                    ended.map_or_else(|error| error.to_string(), |reason| reason.to_string());
                let open = self.sent - self.answered;
                Err(CommandError::Refused(format!(
                    "the connection is lost ({reason}) with {open} publishes unanswered"
                )))
            }
            Event::Connected(_)
            | Event::Received(_)
            | Event::Subscribed(_)
            | Event::Unsubscribed(_) => Ok(()),
        }
    }
}
