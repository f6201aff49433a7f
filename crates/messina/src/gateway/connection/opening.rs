//! The two ends of a connection: its client is let in and gets its session; its session is left for the next.

use std::sync::Arc;

use bytes::Bytes;
use messina_mqtt::packet::{ClientId, Connect, MqttString};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::session::{Admission, Input};
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::mailbox::Mailbox;
use super::super::recurring::Line;
use super::super::sessions::{Ended, SessionKey};
use super::super::wills;
use super::rights::Rights;
use super::{Connection, Step};
use crate::access::{Credentials, Identity as User, Refusal};

/// Whose connection it is, once it has been let in.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) client: ClientId,
    pub(super) key: SessionKey,
    pub(super) mailbox: Arc<Mailbox>,
    /// Something waits in it.
    pub(super) posted: bool,
    pub(super) rights: Rights,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A client asks to come in: it is, once it is known who it is.
    pub(super) async fn admit(&mut self, connect: Box<Connect>) {
        let assigned = connect
            .client_id
            .is_empty()
            .then(|| self.gateway.new_client_id());
        if let Some(method) = connect.properties.authentication_method.clone() {
            self.challenge(method.as_str(), connect, assigned);
            return;
        }
        match self.log_in(&connect).await {
            // [MQTT-3.1.4-2]
            Ok(user) => self.enter(connect, assigned, user).await,
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// Lets `user` in: finds its session, or begins one.
    pub(super) async fn enter(
        &mut self,
        connect: Box<Connect>,
        assigned: Option<ClientId>,
        user: User,
    ) {
        let client = assigned.as_ref().unwrap_or(&connect.client_id).detached();
        let rights = Rights::new(&self.gateway.access, user, &*self.gateway.clock);
        if let Some(will) = &connect.will
            && !rights.may_write(&client, &will.topic)
        {
            self.gateway.events.denied("will");
            self.tell(Input::Refuse(ReasonCode::NotAuthorized));
            return;
        }
        let attached = self.gateway.sessions.attach(&client).await; // [MQTT-3.1.3-2]
        let mut identity = Identity {
            client,
            key: attached.key,
            mailbox: attached.mailbox,
            posted: true,
            rights,
        };
        let mut previous = attached.previous;
        let now = self.gateway.clock.now();
        if let Some(over) =
            previous.take_if(|previous| connect.clean_start || previous.is_over(now))
        {
            let ended = Ended {
                key: identity.key,
                mailbox: identity.mailbox,
                session: over.session,
                will: over.will,
            };
            self.gateway.end(ended).await;
            (identity.key, identity.mailbox) = self.gateway.sessions.begin_anew(&identity.client);
        }
        identity.mailbox.attach(true);
        self.stopping = None;
        // A will that waited is not published: its client is back in time [MQTT-3.1.3-9].
        let had_will = previous.as_ref().is_some_and(|own| own.will.is_some());
        let author = identity.rights.user();
        let will = connect.will.as_ref();
        let will = will.and_then(|will| wills::standing(will, author));
        let unforgotten = identity.mailbox.take_unforgotten();
        self.identity = Some(identity);
        self.forget(unforgotten);
        self.tell(Input::Admit(Box::new(Admission {
            connect,
            assigned,
            previous: previous.map(|own| own.session),
        })));
        if self.session.expiry() > 0 || had_will {
            self.remember_session(will, had_will).await;
        }
    }

    /// Finds out who the client is, from what its CONNECT shows.
    async fn log_in(&mut self, connect: &Connect) -> Result<User, Refusal> {
        let shown = Credentials {
            address: self.peer.ip(),
            certificate: self.certificate.as_deref(),
            user_name: connect.user_name.as_ref().map(MqttString::as_str),
            password: connect.password.as_deref(),
        };
        self.gateway.access.log_in(shown).await
    }

    /// Makes durable that the session exists and its client is here, and its will; its CONNACK is still unwritten.
    async fn remember_session(&mut self, will: Option<Bytes>, had_will: bool) {
        let Some(identity) = &self.identity else {
            return;
        };
        let now = self.gateway.clock.unix_millis();
        let (state, client, expiry) =
            (&self.gateway.state, &identity.client, self.session.expiry());
        let mut records = Vec::with_capacity(2);
        if expiry > 0 {
            identity.mailbox.keep();
            records.push(state.begun(client, expiry, now));
        }
        match will {
            Some(value) if expiry > 0 => records.push(state.will(client, value, now)),
            _ if had_will => records.push(state.will_done(client, now)),
            _ => {}
        }
        if let Err(error) = self.gateway.log.append_wait(records).await {
            if let Some(left_out) = self.gateway.turn(Line::SessionRefused) {
                tracing::warn!(peer = %self.peer, %error, left_out, "a session cannot be made durable; the client is refused");
            }
            self.socket.outgoing.clear();
            self.tell(Input::Disconnect(ReasonCode::ServerBusy));
        }
    }

    /// The connection is over: its will and what it had submitted are seen through, its session goes to sleep or ends.
    pub(super) async fn leave(mut self: Box<Self>) {
        if !self.gone {
            self.socket.shutdown().await;
        }
        self.tell(Input::Closed);
        let unforgotten = self.take_unforgotten();
        self.forget(unforgotten);
        loop {
            while self.submit() == Step::Wait {
                self.make_way().await;
            }
            if self.submitted.is_empty() {
                break;
            }
            self.waiter.notified().await;
            self.on_answers();
        }
        let unforgotten = self.take_unforgotten();
        if let Some(identity) = self.identity.take() {
            identity.mailbox.leave_unforgotten(unforgotten);
            identity.mailbox.attach(false);
            self.gateway
                .leave(
                    identity.client,
                    identity.key,
                    identity.mailbox,
                    self.session,
                    self.will,
                )
                .await;
        }
        if self.socket.lingers && !self.gone {
            self.socket.linger().await;
        }
    }
}
