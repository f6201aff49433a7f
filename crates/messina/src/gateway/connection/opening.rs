//! The two ends of a connection: its client is let in and gets its session; its session is left for the next.

use std::sync::Arc;

use messina_mqtt::packet::{ClientId, Connect};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::session::{Admission, Input};
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::mailbox::Mailbox;
use super::super::sessions::{Ended, SessionKey};
use super::{Connection, Step};

/// Whose connection it is, once it has been let in.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) client: ClientId,
    pub(super) key: SessionKey,
    pub(super) mailbox: Arc<Mailbox>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Lets the client in: finds its session, or begins one.
    pub(super) async fn admit(&mut self, connect: Box<Connect>) {
        let assigned = connect
            .client_id
            .is_empty()
            .then(|| self.gateway.new_client_id());
        let client = assigned.as_ref().unwrap_or(&connect.client_id).detached();
        let attached = self.gateway.sessions.attach(&client).await;
        let mut identity = Identity {
            client,
            key: attached.key,
            mailbox: attached.mailbox,
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
