//! Enhanced authentication: SCRAM-SHA-256, while a client comes in, and again while it is connected.

use bytes::Bytes;
use messina_mqtt::packet::{ClientId, Connect, MqttString};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::session::Input;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Connection;
use crate::access::{Exchange, Refusal, SCRAM_SHA_256};

/// What a client has sent.
#[derive(Debug)]
pub(super) struct AuthStep {
    /// Whether it begins again.
    pub(super) begins: bool,
    /// Its data.
    pub(super) data: Bytes,
}

/// What waits for a client's next step.
#[derive(Debug)]
pub(super) struct PendingAuth {
    exchange: Exchange,
    /// The CONNECT it began with; none if the client is connected.
    connect: Option<(Box<Connect>, Option<ClientId>)>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A CONNECT names a method: the client is asked for its proof, or refused.
    pub(super) fn challenge(
        &mut self,
        method: &str,
        connect: Box<Connect>,
        assigned: Option<ClientId>,
    ) {
        let data = connect.properties.authentication_data.clone();
        let user = connect.user_name.as_ref().map(MqttString::as_str);
        let begun = self.gateway.access.begin(
            self.peer.ip(),
            method,
            user,
            data.as_deref().unwrap_or_default(),
        );
        match begun {
            Ok((exchange, answer)) => {
                let connect = Some((connect, assigned));
                self.pending_auth = Some(Box::new(PendingAuth { exchange, connect }));
                self.tell(Input::Challenge(answer.into()));
            }
            Err(refusal) => self.refuse(refusal), // [MQTT-4.12.0-1]
        }
    }

    /// A client goes on, or begins again.
    pub(super) async fn authenticate(&mut self, step: AuthStep) {
        let address = self.peer.ip();
        if step.begins {
            let access = &self.gateway.access;
            match access.begin(address, SCRAM_SHA_256, None, &step.data) {
                Ok((exchange, answer)) => {
                    let connect = None;
                    self.pending_auth = Some(Box::new(PendingAuth { exchange, connect }));
                    self.tell(Input::Challenge(answer.into()));
                }
                Err(refusal) => self.expel(refusal),
            }
            return;
        }
        let Some(pending) = self.pending_auth.take() else {
            self.tell(Input::Disconnect(ReasonCode::ProtocolError));
            return;
        };
        let PendingAuth { exchange, connect } = *pending;
        let proven = self.gateway.access.finish(address, exchange, &step.data);
        match (proven, connect) {
            (Ok((user, last)), Some((connect, assigned))) => {
                self.tell(Input::Authenticated(last.into()));
                self.enter(connect, assigned, user).await;
            }
            // Who has come in as one user does not go on as another.
            (Ok((user, last)), None) => {
                let own = self.identity.as_ref().map(|own| own.rights.user());
                if own == Some(&user) {
                    self.tell(Input::Authenticated(last.into()));
                } else {
                    self.tell(Input::Disconnect(ReasonCode::NotAuthorized)); // [MQTT-4.12.1-2]
                }
            }
            (Err(refusal), Some(_)) => self.refuse(refusal),
            (Err(refusal), None) => self.expel(refusal),
        }
    }

    /// A client is not let in.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        tracing::info!(peer = %self.peer, %refusal, "a client is not let in");
        self.gateway.events.refused_login(refusal.as_str());
        self.tell(Input::Refuse(refusal.reason()));
    }

    /// A connected client has not proven again who it is.
    fn expel(&mut self, refusal: Refusal) {
        tracing::info!(peer = %self.peer, %refusal, "a client cannot prove again who it is; its connection is closed");
        self.gateway.events.refused_login(refusal.as_str());
        // The finer codes are CONNACK's alone (MQTT 5.0, 3.14.2.1).
        self.tell(Input::Disconnect(ReasonCode::NotAuthorized));
    }
}
