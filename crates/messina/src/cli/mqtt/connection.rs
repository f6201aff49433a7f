//! The connection's flags, and what they come to.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::builder::{StringValueParser, TypedValueParser as _};
use clap::{ArgAction, Args, ValueEnum};
use messina_mqtt::device::{Input, Options};
use messina_mqtt::packet::{
    ClientId, ConnAck, ConnectProperties, DisconnectProperties, MqttString, PublishProperties, QoS,
    Version,
};
use messina_mqtt::property::SubscriptionId;
use messina_mqtt::reason::ReasonCode;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::super::CommandError;
use super::address::{Address, Url};
use super::property::Properties;
use super::tls::TlsArgs;
use super::will::WillArgs;
use crate::config::Secret;
use crate::listener::Stream;
use crate::listener::web_socket::WebSocket;
use crate::simulator::{Event, Link, Random};

/// Longest wait for the connection and its CONNACK.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a password is if no flag says.
const PASSWORD_VARIABLE: &str = "MESSINA_PASSWORD";

/// A session that does not expire.
const FOR_EVER: u32 = u32::MAX;

/// mosquitto's connection flags.
#[derive(Debug, Clone, Args)]
pub(in super::super) struct Connection {
    /// Server
    #[arg(
        short = 'h',
        long,
        default_value = "127.0.0.1",
        help_heading = "Connection"
    )]
    host: String,
    /// Port; 1883 if absent, 8883 with TLS
    #[arg(short, long, help_heading = "Connection")]
    port: Option<u16>,
    /// A URL instead of host and port.
    #[arg(
        help = "Instead of -h and -p: mqtt(s)://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] or ws(s)://[USER[:PASSWORD]@]HOST[:PORT][/PATH]",
        short = 'L',
        long,
        conflicts_with_all = ["host", "port"],
        help_heading = "Connection"
    )]
    url: Option<Url>,
    /// Client identifier; one is made up if absent
    #[arg(short, long, help_heading = "Connection")]
    id: Option<String>,
    /// Make the client identifier of this and the process's number
    #[arg(
        short = 'I',
        long,
        value_name = "PREFIX",
        conflicts_with = "id",
        help_heading = "Connection"
    )]
    id_prefix: Option<String>,
    /// Protocol version
    #[arg(short = 'V', long = "protocol-version", value_enum, default_value_t = Protocol::V311, help_heading = "Connection")]
    version: Protocol,
    /// User name
    #[arg(short, long, help_heading = "Connection")]
    username: Option<String>,
    /// Password; others on this machine can see it here, so better --pw-file, or the environment variable
    /// `MESSINA_PASSWORD`
    #[arg(
        short = 'P',
        long = "pw",
        value_name = "PASSWORD",
        value_parser = StringValueParser::new().map(Secret::new),
        help_heading = "Connection"
    )]
    password: Option<Secret<String>>,
    /// File whose first line is the password
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "password",
        help_heading = "Connection"
    )]
    pw_file: Option<PathBuf>,
    /// Keep alive in seconds
    #[arg(short, long, default_value_t = 60, help_heading = "Connection")]
    keepalive: u16,
    /// Keep the session when disconnected (needs -i)
    #[arg(short = 'c', long, requires = "id", help_heading = "Connection")]
    disable_clean_session: bool,
    /// Seconds the session outlives the connection, -1 for ever (-V 5); with -c for ever if absent
    #[arg(short = 'x', long, value_name = "SECONDS", value_parser = expiry, allow_hyphen_values = true, help_heading = "Connection")]
    session_expiry_interval: Option<u32>,
    /// Publishes of QoS 1 and 2 to have unanswered
    #[arg(short = 'M', long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..), help_heading = "Connection")]
    max_inflight: u16,
    /// Property of a packet (-V 5): connect, publish, subscribe, unsubscribe, disconnect or will, the property's name
    /// as the specification has it (content-type), and its value; for user-property name and value
    #[arg(
        short = 'D',
        long = "property",
        num_args = 3..=4,
        action = ArgAction::Append,
        value_names = ["PACKET", "PROPERTY", "VALUE", "VALUE"],
        help_heading = "Connection"
    )]
    properties: Vec<String>,
    #[command(flatten)]
    tls: TlsArgs,
    #[command(flatten)]
    will: WillArgs,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
}

/// mosquitto's names of the protocol versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum Protocol {
    /// MQTT 3.1.1
    #[value(name = "mqttv311", aliases = ["311", "3.1.1", "v311"])]
    V311,
    /// MQTT 5.0
    #[value(name = "mqttv5", aliases = ["5", "5.0", "v5"])]
    V5,
}

impl Protocol {
    /// The protocol's own type.
    pub(in super::super) fn version(self) -> Version {
        match self {
            Self::V311 => Version::V311,
            Self::V5 => Version::V5,
        }
    }
}

/// clap's parser of QoS.
pub(in super::super) fn qos(text: &str) -> Result<QoS, String> {
    let number = text.parse().ok().and_then(QoS::from_u8);
    number.ok_or_else(|| "0, 1 or 2 is needed".to_owned())
}

fn expiry(text: &str) -> Result<u32, String> {
    match text {
        "-1" | "\u{221e}" => Ok(FOR_EVER),
        _ => text
            .parse()
            .map_err(|_wrong| "0 to 4294967295 is needed, or -1".to_owned()),
    }
}

/// The way to one server, and how to behave there.
pub(in super::super) struct Dial {
    address: Address,
    tls: Option<Arc<ClientConfig>>,
    /// The device and its connection.
    pub(in super::super) link: Link,
    /// Whether the protocol is MQTT 5.0.
    pub(in super::super) is_v5: bool,
    /// Properties for what is published.
    pub(in super::super) publish: PublishProperties,
    /// The subscription identifier for what is subscribed to.
    pub(in super::super) subscription: Option<SubscriptionId>,
}

impl Connection {
    /// The topic in the URL.
    pub(in super::super) fn topic(&self) -> Option<&str> {
        self.url.as_ref()?.topic.as_deref()
    }

    /// Everything there is to know before connecting. Reads files.
    pub(in super::super) fn dial(&self) -> Result<Dial, CommandError> {
        let properties = Properties::parse(&self.properties).map_err(CommandError::Usage)?;
        let is_v5 = self.version == Protocol::V5;
        let is_plain = self.properties.is_empty() && self.session_expiry_interval.is_none();
        if !is_v5 && !is_plain {
            let said = "-D and -x are of MQTT 5.0; add `-V 5`";
            return Err(CommandError::Usage(said.to_owned()));
        }
        let address = self.address();
        let tls = if address.tls {
            Some(self.tls.config()?)
        } else {
            self.tls.refuse_without_tls()?;
            None
        };
        let Properties {
            connect,
            publish,
            will,
            subscription,
            subscribing,
            unsubscribing,
            disconnecting,
        } = properties;
        let mut options = self.options(connect, disconnecting)?;
        options.will = self.will.will(will)?;
        options.subscribing = subscribing;
        options.unsubscribing = unsubscribing;
        Ok(Dial {
            address,
            tls,
            link: Link::new(options),
            is_v5,
            publish,
            subscription,
        })
    }

    fn address(&self) -> Address {
        let mut address = match &self.url {
            Some(url) => url.address.clone(),
            None => Address {
                host: self.host.clone(),
                port: 1883,
                tls: false,
                web_socket: None,
            },
        };
        address.tls |= self.tls.is_asked_for();
        if self.url.is_none() {
            let usual = if address.tls { 8883 } else { 1883 };
            address.port = self.port.unwrap_or(usual);
        }
        address
    }

    fn options(
        &self,
        mut properties: ConnectProperties,
        disconnecting: DisconnectProperties,
    ) -> Result<Options, CommandError> {
        let text = |what: &str, text: &str| {
            MqttString::new(text)
                .map_err(|error| CommandError::Usage(format!("{what} `{text}`: {error}")))
        };
        let id = text("client identifier", &self.client_id())?;
        let mut options = Options::new(ClientId::from(id));
        options.version = self.version.version();
        options.keep_alive = self.keepalive;
        options.clean_start = !self.disable_clean_session;
        options.inflight = self.max_inflight;
        let user = self.username.as_deref();
        let user = user.or_else(|| self.url.as_ref()?.user.as_deref());
        options.user_name = user.map(|name| text("user name", name)).transpose()?;
        options.password = self.password(user.is_some())?;
        let kept = self.disable_clean_session.then_some(FOR_EVER);
        let asked = self
            .session_expiry_interval
            .or(properties.session_expiry_interval);
        properties.session_expiry_interval = asked.or(kept);
        options.properties = properties;
        options.disconnecting = disconnecting;
        Ok(options)
    }

    fn client_id(&self) -> String {
        match (&self.id, &self.id_prefix) {
            (Some(id), _) => id.clone(),
            (None, Some(prefix)) => format!("{prefix}{}", std::process::id()),
            (None, None) => format!("messina-{:08x}", Random::new(seed()).number() & 0xffff_ffff),
        }
    }

    /// From the flags, the URL, the file, or the environment, which says nothing to a server that was told no user.
    fn password(&self, has_user: bool) -> Result<Option<Bytes>, CommandError> {
        let typed = self.password.as_ref();
        if let Some(typed) = typed.or_else(|| self.url.as_ref()?.password.as_ref()) {
            return Ok(Some(typed.reveal().clone().into()));
        }
        if let Some(path) = &self.pw_file {
            return first_line(path).map(Some);
        }
        let variable = std::env::var(PASSWORD_VARIABLE).ok();
        Ok(variable.filter(|_| has_user).map(Bytes::from))
    }
}

fn first_line(path: &Path) -> Result<Bytes, CommandError> {
    let contents = std::fs::read(path).map_err(|source| CommandError::File {
        action: "read",
        path: path.display().to_string(),
        source,
    })?;
    let line = contents.split(|byte| *byte == b'\n').next();
    let line = line.unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Ok(Bytes::copy_from_slice(line))
}

impl Dial {
    /// Connects and waits until the server has let the link in; the answer says whether it knew the session.
    pub(in super::super) async fn connect(&mut self) -> Result<bool, CommandError> {
        match tokio::time::timeout(CONNECT_TIMEOUT, self.try_connect()).await {
            Ok(connected) => connected,
            Err(_elapsed) => Err(self.no_server("no answer within 10 s".to_owned())),
        }
    }

    async fn try_connect(&mut self) -> Result<bool, CommandError> {
        match self.stream().await {
            Ok(stream) => self.link.attach(stream),
            Err(error) => return Err(self.no_server(error.to_string())),
        }
        loop {
            match self.link.next().await {
                Event::Connected(answer) if !answer.reason.is_error() => {
                    return Ok(answer.session_present);
                }
                Event::Connected(answer) => return Err(self.refused(&answer)),
                Event::Closed(Ok(reason)) => return Err(self.no_server(reason.to_string())),
                Event::Closed(Err(error)) => return Err(self.no_server(error.to_string())),
                Event::Received(_)
                | Event::Published(..)
                | Event::Subscribed(_)
                | Event::Unsubscribed(_) => {}
            }
        }
    }

    async fn stream(&self) -> io::Result<Stream> {
        let Address { host, port, .. } = &self.address;
        let socket = TcpStream::connect((host.as_str(), *port)).await?;
        socket.set_nodelay(true)?;
        let stream: Stream = match &self.tls {
            None => Box::new(socket),
            Some(config) => {
                let name = ServerName::try_from(host.clone())
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
                let connector = TlsConnector::from(Arc::clone(config));
                Box::new(connector.connect(name, socket).await?)
            }
        };
        let Some(path) = &self.address.web_socket else {
            return Ok(stream);
        };
        let uri = self.address.upgrade_uri(path);
        Ok(Box::new(WebSocket::connect(stream, &uri).await?))
    }

    fn no_server(&self, reason: String) -> CommandError {
        CommandError::NoServer {
            address: self.address.to_string(),
            reason,
        }
    }

    fn refused(&self, answer: &ConnAck) -> CommandError {
        let code = match self.link.device().options().version {
            Version::V5 => answer.reason.as_u8(),
            Version::V311 => answer.reason.to_v311_connack().unwrap_or(1),
        };
        CommandError::NotLetIn {
            address: self.address.to_string(),
            reason: answer.reason,
            code,
        }
    }

    /// Says goodbye, and waits until that is written; how the connection ends no longer matters.
    pub(in super::super) async fn leave(&mut self) {
        self.link.handle(Input::Disconnect(ReasonCode::Success));
        while self.link.is_connected() {
            let _event = self.link.next().await;
        }
    }
}

/// A number that differs from process to process.
pub(in super::super) fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}
