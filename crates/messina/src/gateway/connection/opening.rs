//! The two ends of a connection: its client is let in and gets its session; its session is left for the next.

use std::sync::Arc;

use messina_mqtt::packet::{ClientId, Connect, MqttString};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::session::{Admission, Input};
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::mailbox::Mailbox;
use super::super::sessions::{Ended, SessionKey};
use super::rights::Rights;
use super::{Connection, Step};
use crate::access::Credentials;

/// Whose connection it is, once it has been let in.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) client: ClientId,
    pub(super) key: SessionKey,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) rights: Rights,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Lets the client in: finds its session, or begins one.
    pub(super) async fn admit(&mut self, connect: Box<Connect>) {
        let assigned = connect
            .client_id
            .is_empty()
            .then(|| self.gateway.new_client_id());
        let client = assigned.as_ref().unwrap_or(&connect.client_id).detached();
        let Some(rights) = self.log_in(&connect, &client).await else {
            return;
        };
        let attached = self.gateway.sessions.attach(&client).await;
        let mut identity = Identity {
            client,
            key: attached.key,
            mailbox: attached.mailbox,
            rights,
        };
        let mut previous = attached.previous;
        if connect.clean_start
            && let Some(session) = previous.take()
        {
            let (key, mailbox) = (identity.key, identity.mailbox);
            let ended = Ended {
                key,
                mailbox,
                session,
            };
            self.gateway.end(&ended).await;
            (identity.key, identity.mailbox) = self.gateway.sessions.begin_anew(&identity.client);
        }
        identity.mailbox.attach(true);
        self.stopping = None;
        let known = previous.as_ref().map(|session| session.expiry());
        self.identity = Some(identity);
        self.tell(Input::Admit(Box::new(Admission {
            connect,
            assigned,
            previous,
        })));
        if self.session.expiry() > 0 && known != Some(self.session.expiry()) {
            self.remember_session().await;
        }
    }

    /// Finds out who the client is and whether it may leave its will; if it may not come in, it is told so.
    async fn log_in(&mut self, connect: &Connect, client: &ClientId) -> Option<Rights> {
        let shown = Credentials {
            address: self.peer.ip(),
            certificate: None,
            user_name: connect.user_name.as_ref().map(MqttString::as_str),
            password: connect.password.as_deref(),
        };
        let gateway = Arc::clone(&self.gateway);
        let user = match gateway.access.log_in(shown).await {
            Ok(user) => user,
            Err(refusal) => {
                tracing::info!(peer = %self.peer, client_id = %client, %refusal, "a client is not let in");
                self.gateway.events.refused_login(refusal.as_str());
                self.tell(Input::Refuse(refusal.reason()));
                return None;
            }
        };
        let rights = Rights::new(&gateway.access, user, &*gateway.clock);
        if let Some(will) = &connect.will
            && !rights.may_write(client, &will.topic)
        {
            gateway.events.denied("will");
            self.tell(Input::Refuse(ReasonCode::NotAuthorized));
            return None;
        }
        Some(rights)
    }

    /// Makes the session's existence durable; its CONNACK is still unwritten.
    async fn remember_session(&mut self) {
        let Some(identity) = &self.identity else {
            return;
        };
        identity.mailbox.keep();
        let now = self.gateway.clock.unix_millis();
        let record = self
            .gateway
            .state
            .begun(&identity.client, self.session.expiry(), now);
        if let Err(error) = self.gateway.log.append_wait(vec![record]).await {
            tracing::warn!(peer = %self.peer, %error, "a session cannot be made durable; the client is refused");
            self.socket.outgoing.clear();
            self.tell(Input::Disconnect(ReasonCode::ServerUnavailable));
        }
    }

    /// The connection is over: its will and what it had submitted are seen through, its session goes to sleep or ends.
    pub(super) async fn leave(mut self: Box<Self>) {
        if !self.gone {
            self.socket.shutdown().await;
        }
        self.tell(Input::Closed);
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
        let Some(identity) = self.identity.take() else {
            return;
        };
        identity.mailbox.attach(false);
        self.gateway
            .leave(
                identity.client,
                identity.key,
                identity.mailbox,
                self.session,
            )
            .await;
    }
}
