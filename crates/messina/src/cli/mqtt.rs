//! What `pub` and `sub` share: mosquitto's connection flags, and the way to a connected link.

use std::time::Duration;

use bytes::Bytes;
use clap::{ArgAction, Args, ValueEnum};
use messina_mqtt::device::Options;
use messina_mqtt::packet::{ClientId, MqttString, QoS, Version};

use crate::simulator::{Event, Link, Random};

use super::CommandError;

/// Longest wait for the connection and its CONNACK.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// mosquitto's connection flags.
#[derive(Debug, Clone, Args)]
pub(super) struct Connection {
    /// Server
    #[arg(
        short = 'h',
        long,
        default_value = "127.0.0.1",
        help_heading = "Connection"
    )]
    host: String,
    /// Port
    #[arg(short, long, default_value_t = 1883, help_heading = "Connection")]
    port: u16,
    /// Client identifier; one is made up if absent
    #[arg(short, long, help_heading = "Connection")]
    id: Option<String>,
    /// Protocol version
    #[arg(short = 'V', long = "protocol-version", value_enum, default_value_t = Protocol::V311, help_heading = "Connection")]
    version: Protocol,
    /// User name
    #[arg(short, long, help_heading = "Connection")]
    username: Option<String>,
    /// Password
    #[arg(
        short = 'P',
        long = "pw",
        value_name = "PASSWORD",
        help_heading = "Connection"
    )]
    password: Option<String>,
    /// Keep alive in seconds
    #[arg(short, long, default_value_t = 60, help_heading = "Connection")]
    keepalive: u16,
    /// Keep the session when disconnected (needs -i)
    #[arg(short = 'c', long, requires = "id", help_heading = "Connection")]
    disable_clean_session: bool,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
}

/// mosquitto's names of the protocol versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Protocol {
    /// MQTT 3.1.1
    #[value(name = "mqttv311", aliases = ["311", "3.1.1", "v311"])]
    V311,
    /// MQTT 5.0
    #[value(name = "mqttv5", aliases = ["5", "5.0", "v5"])]
    V5,
}

impl Protocol {
    /// The protocol's own type.
    pub(super) fn version(self) -> Version {
        match self {
            Self::V311 => Version::V311,
            Self::V5 => Version::V5,
        }
    }
}

/// clap's parser of QoS.
pub(super) fn qos(text: &str) -> Result<QoS, String> {
    let number = text.parse().ok().and_then(QoS::from_u8);
    number.ok_or_else(|| "0, 1 or 2 is needed".to_owned())
}

impl Connection {
    /// `host:port`.
    pub(super) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// A link that has not connected yet.
    pub(super) fn link(&self) -> Result<Link, CommandError> {
        let made_up = || format!("messina-{:08x}", Random::new(seed()).number() & 0xffff_ffff);
        let id = self.id.clone().unwrap_or_else(made_up);
        let text = |what: &str, text: &str| {
            MqttString::new(text)
                .map_err(|error| CommandError::Usage(format!("{what} `{text}`: {error}")))
        };
        text("client identifier", &id)?;
        let mut options = Options::new(ClientId::new(&id).unwrap_or_default());
        options.version = self.version.version();
        options.keep_alive = self.keepalive;
        options.clean_start = !self.disable_clean_session;
        if options.clean_start {
            options.properties.session_expiry_interval = None;
        }
        options.user_name = self
            .username
            .as_deref()
            .map(|name| text("user name", name))
            .transpose()?;
        options.password = self.password.clone().map(Bytes::from);
        Ok(Link::new(options))
    }

    /// Connects and waits until the server has let the link in; the answer says whether it knew the session.
    pub(super) async fn connect(&self, link: &mut Link) -> Result<bool, CommandError> {
        let address = self.address();
        let refused = |reason: String| CommandError::NoServer {
            address: address.clone(),
            reason,
        };
        let connecting = async {
            link.connect(&address)
                .await
                .map_err(|error| refused(error.to_string()))?;
            loop {
                match link.next().await {
                    Event::Connected(answer) if !answer.reason.is_error() => {
                        return Ok(answer.session_present);
                    }
                    Event::Connected(answer) => {
                        return Err(CommandError::Refused(format!(
                            "{address} refuses: {}",
                            answer.reason
                        )));
                    }
                    Event::Closed(Ok(reason)) => return Err(refused(reason.to_string())),
                    Event::Closed(Err(error)) => return Err(refused(error.to_string())),
                    Event::Received(_) | Event::Published(..) | Event::Subscribed(_) => {}
                }
            }
        };
        match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(connected) => connected,
            Err(_elapsed) => Err(refused("no answer within 10 s".to_owned())),
        }
    }
}

/// A number that differs from process to process.
pub(super) fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// A runtime for one connection.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    built.map_err(CommandError::Runtime)
}
