//! SCRAM-SHA-256 on a session: exchanges that succeed, and everything that may happen instead.
//!
//! The client knows a password and proves it, rightly or spoilt, in turn or not, to our own half of the exchange. Who
//! has not answered the last challenge with the one right proof is not let in, and who has is.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use messina::access::{Access, Exchange, SCRAM_SHA_256, entry_for};
use messina::config::{self, Inputs, Source};
use messina::runtime::clock::{Clock as _, SystemClock};
use messina_mqtt::packet::{
    Auth, AuthProperties, ClientId, Codec, Connect, MqttString, Packet, Version,
};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::session::{Admission, Input, Limits, Output, Session};
use ring::{digest, hmac, pbkdf2};

use super::Target;

/// Two bytes an operation: which, and its argument.
pub(super) const AUTH: Target = Target {
    name: "mqtt_auth",
    seeds: &[
        // In, alive, proven again, alive.
        b"\x00\x00\x01\x00\x06\x00\x03\x05\x01\x00\x06\x01",
        // A spoilt proof; a user nobody knows; a method nobody knows; none.
        b"\x00\x00\x02\x51\x00\x01\x01\x00\x00\x02\x00\x03\x06\x00",
        // Out of turn: a proof twice, one of before, another method, one without properties.
        b"\x00\x00\x01\x00\x01\x00\x00\x00\x03\x01\x00\x00\x01\x00\x05\x04\x00\x00\x05\x02",
        // Messages of the client's own.
        b"\x00\x00\x04\x10c=biws,r=x,p=AAA=\x00\x00\x04\x00",
        // Packets as bytes: AUTH, PINGREQ.
        b"\x00\x00\x01\x00\x07\x04\xf0\x02\x19\x00\x07\x02\xc0\x00",
    ],
    run: auth,
};

/// Tells a codec the version.
const CONNECT: &[u8] = b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a";
const PASSWORD: &[u8] = b"correct horse";
const ROUNDS: u32 = 4096;
/// Outputs one input may lead to; more is a loop.
const MOST_OUTPUTS: usize = 1000;

static ACCESS: LazyLock<Access> =
    LazyLock::new(|| access().unwrap_or_else(|| panic!("no user to begin with")));

fn access() -> Option<Access> {
    let dir = tempfile::tempdir().ok()?;
    let entry = entry_for("ada", PASSWORD, NonZeroU32::new(ROUNDS))?;
    let file = dir.path().join("passwords");
    fs::write(&file, entry + "\n").ok()?;
    let settings = format!(
        "[mqtt.access]\npassword_file = '{}'\n[mqtt.access.limits]\nfailed_logins = 1000000\n",
        file.display()
    );
    let source = Source::new("fuzz.toml", settings);
    let loaded = config::load_text(Some(&source), &Inputs::default()).ok()?;
    Access::open(loaded.config.access, Arc::new(SystemClock)).ok()
}

fn auth(bytes: &[u8]) {
    let mut driver = Driver::new();
    let mut rest = bytes;
    while let [operation, argument, after @ ..] = rest {
        let taken = match operation % 8 {
            4 | 7 => usize::from(*argument).min(after.len()),
            _ => 0,
        };
        let (own, after) = after.split_at(taken);
        rest = after;
        driver.operate(operation % 8, *argument, own);
    }
}

/// A client's connection, and what stands behind it.
struct Driver {
    session: Session,
    now: Instant,
    closed: bool,
    /// Our half, and the CONNECT it began with while the client is not in yet.
    pending: Option<(Exchange, Option<Box<Connect>>)>,
    /// The client's first message, as we got it.
    first: Bytes,
    /// The one answer to the last challenge that proves it.
    right: Option<String>,
    /// Whether the last proof was right, and nobody has been told yet.
    proven: bool,
    /// Whether the client came in with a method.
    by_method: bool,
}

impl Driver {
    fn new() -> Self {
        let now = SystemClock.now();
        Self {
            session: Session::new(Arc::new(Limits::default()), now),
            now,
            closed: true,
            pending: None,
            first: Bytes::new(),
            right: None,
            proven: false,
            by_method: false,
        }
    }

    fn operate(&mut self, operation: u8, argument: u8, own: &[u8]) {
        let right = || self.right.clone().unwrap_or_default();
        match operation {
            0 => self.connect(argument),
            1 => self.auth(ReasonCode::ContinueAuthentication, right().into()),
            2 => {
                let mut spoilt = right().into_bytes();
                let at = usize::from(argument) % spoilt.len().max(1);
                if let Some(byte) = spoilt.get_mut(at) {
                    *byte ^= 1 << (argument % 7);
                }
                self.auth(ReasonCode::ContinueAuthentication, spoilt.into());
            }
            3 => self.auth(ReasonCode::ReAuthenticate, first(argument).into()),
            4 => self.auth(
                ReasonCode::ContinueAuthentication,
                Bytes::copy_from_slice(own),
            ),
            5 => self.strange(argument),
            6 => self.packet(Packet::PingReq),
            _ => self.wire(own),
        }
    }

    /// A new connection.
    fn connect(&mut self, argument: u8) {
        *self = Self {
            closed: false,
            ..Self::new()
        };
        let Ok(id) = ClientId::new("pump") else {
            return;
        };
        let mut connect = Connect::new(Version::V5, id);
        let method = match argument % 4 {
            0 | 1 => SCRAM_SHA_256,
            2 => "SCRAM-SHA-1",
            _ => return self.packet(Packet::Connect(Box::new(connect))),
        };
        connect.properties.authentication_method = MqttString::new(method).ok();
        connect.properties.authentication_data = Some(first(argument).into());
        self.packet(Packet::Connect(Box::new(connect)));
    }

    fn auth(&mut self, reason: ReasonCode, data: Bytes) {
        let properties = AuthProperties {
            authentication_method: MqttString::new(SCRAM_SHA_256).ok(),
            authentication_data: Some(data),
            ..AuthProperties::default()
        };
        let properties = Some(Box::new(properties));
        self.packet(Packet::Auth(Auth { reason, properties }));
    }

    /// An AUTH as no client should send it.
    fn strange(&mut self, argument: u8) {
        let reason = match argument % 3 {
            0 => ReasonCode::Success,
            1 => ReasonCode::ContinueAuthentication,
            _ => ReasonCode::ReAuthenticate,
        };
        let properties = AuthProperties {
            authentication_method: MqttString::new("PLAIN").ok(),
            authentication_data: self.right.clone().map(Bytes::from),
            ..AuthProperties::default()
        };
        let properties = (argument & 4 == 4).then(|| Box::new(properties));
        self.packet(Packet::Auth(Auth { reason, properties }));
    }

    fn wire(&mut self, bytes: &[u8]) {
        let mut codec = Codec::server(1 << 20);
        let mut buffer = BytesMut::from(CONNECT);
        drop(codec.decode(&mut buffer));
        buffer.extend_from_slice(bytes);
        while !self.closed {
            match codec.decode(&mut buffer) {
                Ok(Some(packet)) => self.packet(packet),
                Ok(None) => return,
                Err(error) => return self.input(Input::Disconnect(error.reason())),
            }
        }
    }

    /// A packet reaches the session only while the socket is read.
    fn packet(&mut self, packet: Packet) {
        if !self.closed && self.session.reads() {
            self.input(Input::Packet(packet));
        }
    }

    fn input(&mut self, input: Input) {
        self.session.handle(self.now, input);
        for _ in 0..MOST_OUTPUTS {
            match self.session.poll() {
                Output::Wait(_) => return,
                output => self.output(output),
            }
        }
        panic!("more than {MOST_OUTPUTS} outputs for one input");
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Connect(connect) => self.ask(connect),
            Output::Authenticate { begins: true, data } => self.begin(SCRAM_SHA_256, data, None),
            Output::Authenticate { data, .. } => self.finish(&data),
            Output::Send(packet) => self.told(&packet),
            Output::Close(_) => {
                self.closed = true;
                assert!(!self.proven, "it has proven who it is, and is turned away");
            }
            _ => {}
        }
    }

    fn ask(&mut self, connect: Box<Connect>) {
        let properties = &connect.properties;
        let method = properties.authentication_method.clone();
        let data = properties.authentication_data.clone().unwrap_or_default();
        match method {
            Some(method) => {
                self.by_method = true;
                self.begin(method.as_str(), data, Some(connect));
            }
            None => self.admit(connect),
        }
    }

    fn begin(&mut self, method: &str, data: Bytes, connect: Option<Box<Connect>>) {
        let begun = ACCESS.begin(IpAddr::V4(Ipv4Addr::LOCALHOST), method, None, &data);
        match (begun, connect) {
            (Ok((exchange, answer)), connect) => {
                self.right = proof(&data, &answer);
                self.first = data;
                self.pending = Some((exchange, connect));
                self.session
                    .handle(self.now, Input::Challenge(answer.into()));
            }
            (Err(refusal), connect) => self.refuse(refusal.reason(), connect.is_some()),
        }
    }

    fn finish(&mut self, data: &[u8]) {
        let Some((exchange, connect)) = self.pending.take() else {
            panic!("a step of an exchange that nobody has begun");
        };
        let right = self.right.take();
        let is_right = right.is_some_and(|right| right.as_bytes() == data);
        let proven = ACCESS.finish(IpAddr::V4(Ipv4Addr::LOCALHOST), exchange, data);
        assert_eq!(proven.is_ok(), is_right, "{:?}: {proven:?}", self.first);
        match proven {
            Ok((_, last)) => {
                self.proven = true;
                self.session
                    .handle(self.now, Input::Authenticated(last.into()));
                if let Some(connect) = connect {
                    self.admit(connect);
                }
            }
            Err(refusal) => self.refuse(refusal.reason(), connect.is_some()),
        }
    }

    fn admit(&mut self, connect: Box<Connect>) {
        let admission = Admission {
            connect,
            assigned: None,
            previous: None,
        };
        self.session
            .handle(self.now, Input::Admit(Box::new(admission)));
    }

    fn refuse(&mut self, reason: ReasonCode, comes_in: bool) {
        let answer = if comes_in {
            Input::Refuse(reason)
        } else {
            Input::Disconnect(ReasonCode::NotAuthorized)
        };
        self.session.handle(self.now, answer);
    }

    /// What the client hears.
    fn told(&mut self, packet: &Packet) {
        let is_success = match packet {
            Packet::ConnAck(connack) => self.by_method && connack.reason == ReasonCode::Success,
            Packet::Auth(auth) => auth.reason == ReasonCode::Success,
            _ => return,
        };
        if is_success {
            assert!(self.proven, "it is let in without a proof: {packet:?}");
            self.proven = false;
        }
    }
}

/// A client's first message: of a user we know, or of one we do not.
fn first(argument: u8) -> String {
    let user = if argument % 4 == 1 { "eve" } else { "ada" };
    format!("n,,n={user},r=nonce{argument}")
}

fn sign(key: &[u8], message: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message)
}

/// The answer to a challenge from who knows the password (RFC 5802, 3).
fn proof(first: &[u8], challenge: &[u8]) -> Option<String> {
    let (first, challenge) = (str::from_utf8(first).ok()?, str::from_utf8(challenge).ok()?);
    let bare = first.splitn(3, ',').nth(2)?;
    bare.starts_with("n=ada,").then_some(())?;
    let header = STANDARD.encode(first.strip_suffix(bare)?);
    let nonce = challenge.split(',').next()?;
    let client_key = client_key(challenge)?;
    let unproven = format!("c={header},{nonce}");
    let stored = digest::digest(&digest::SHA256, client_key.as_ref());
    let messages = format!("{bare},{challenge},{unproven}");
    let signature = sign(stored.as_ref(), messages.as_bytes());
    let both = client_key.as_ref().iter().zip(signature.as_ref());
    let proof: Vec<u8> = both.map(|(key, byte)| key ^ byte).collect();
    Some(format!("{unproven},p={}", STANDARD.encode(proof)))
}

/// The same for every challenge: there is one user, with one salt.
fn client_key(challenge: &str) -> Option<&'static hmac::Tag> {
    static KEY: std::sync::OnceLock<Option<hmac::Tag>> = std::sync::OnceLock::new();
    let derive = || {
        let salt = challenge.split(',').nth(1)?.strip_prefix("s=")?;
        let salt = STANDARD.decode(salt).ok()?;
        let mut salted = [0; 32];
        let rounds = NonZeroU32::new(ROUNDS)?;
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            rounds,
            &salt,
            PASSWORD,
            &mut salted,
        );
        Some(sign(&salted, b"Client Key"))
    };
    KEY.get_or_init(derive).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_proof_opens_the_session_and_a_second_one_proves_it_again() {
        let mut driver = Driver::new();
        driver.operate(0, 0, b"");
        assert!(driver.right.is_some() && !driver.closed);
        driver.operate(1, 0, b"");
        assert!(driver.session.reads() && !driver.closed && !driver.proven);
        driver.operate(3, 5, b"");
        driver.operate(2, 17, b"");
        assert!(driver.closed, "a spoilt proof ends it");
    }
}
