//! Enhanced authentication (MQTT 5.0, section 4.12): AUTH to and fro, while a client comes in and later.

use bytes::Bytes;

use super::machine::Phase;
use super::{Output, Session};
use crate::packet::{Auth, AuthProperties, Connect, MqttString, Packet};
use crate::reason::ReasonCode;

/// The authentication a client has begun with its CONNECT.
#[derive(Debug)]
pub(super) struct Authenticating {
    method: MqttString,
    turn: Turn,
    /// The data of the last step, for CONNACK.
    last: Option<Bytes>,
}

/// Who is to say something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Client,
    Server,
    Nobody,
}

impl Authenticating {
    pub(super) fn of(connect: &Connect) -> Option<Box<Self>> {
        let method = connect.properties.authentication_method.as_ref()?;
        Some(Box::new(Self {
            method: method.detached(),
            turn: Turn::Server,
            last: None,
        }))
    }
}

impl Session {
    /// An AUTH comes: one that continues what we have asked for [MQTT-4.12.0-3], or one that begins again
    /// [MQTT-4.12.1-1]. Without a method in CONNECT there is none [MQTT-4.12.0-7].
    pub(super) fn on_auth(&mut self, auth: Auth) -> Result<(), ReasonCode> {
        let is_open = self.phase == Phase::Open;
        let own = self
            .authenticating
            .as_mut()
            .ok_or(ReasonCode::ProtocolError)?;
        let properties = auth.properties.ok_or(ReasonCode::ProtocolError)?;
        if properties.authentication_method.as_ref() != Some(&own.method) {
            return Err(ReasonCode::ProtocolError); // [MQTT-4.12.0-5]
        }
        let begins = match (own.turn, auth.reason) {
            (Turn::Client, ReasonCode::ContinueAuthentication) => false,
            (Turn::Nobody, ReasonCode::ReAuthenticate) if is_open => true,
            _ => return Err(ReasonCode::ProtocolError),
        };
        own.turn = Turn::Server;
        let data = properties.authentication_data.unwrap_or_default();
        self.outputs
            .push_back(Output::Authenticate { begins, data });
        Ok(())
    }

    /// The client is asked for more [MQTT-4.12.0-2].
    pub(super) fn on_challenge(&mut self, data: Bytes) {
        self.say_auth(ReasonCode::ContinueAuthentication, data, Turn::Client);
    }

    /// The client has proven who it is: it is told with CONNACK, or at once if it is connected [MQTT-4.12.0-4].
    pub(super) fn on_authenticated(&mut self, data: Bytes) {
        if self.phase == Phase::Open {
            return self.say_auth(ReasonCode::Success, data, Turn::Nobody);
        }
        if let Some(own) = &mut self.authenticating {
            own.turn = Turn::Nobody;
            own.last = Some(data);
        }
    }

    fn say_auth(&mut self, reason: ReasonCode, data: Bytes, next: Turn) {
        let Some(own) = &mut self.authenticating else {
            return;
        };
        own.turn = next;
        let properties = AuthProperties {
            authentication_method: Some(own.method.clone()),
            authentication_data: Some(data),
            ..AuthProperties::default()
        };
        let properties = Some(Box::new(properties));
        self.send(Packet::Auth(Auth { reason, properties }));
    }

    /// The method and the last data, for CONNACK [MQTT-4.12.0-5].
    pub(super) fn authentication(&mut self) -> Option<(MqttString, Option<Bytes>)> {
        let own = self.authenticating.as_mut()?;
        Some((own.method.clone(), own.last.take()))
    }
}
