//! What a session is given for its client: what others have left in its mailbox, and what is retained.

use std::collections::VecDeque;
use std::sync::Arc;

use messina_mqtt::packet::QoS;
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::session::{Forward, Input};
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::mailbox::Signal;
use super::Connection;

/// Deliveries handed to a session at once, before its answers are written.
const DELIVERIES_AT_ONCE: usize = 256;

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Something is in the mailbox: publishes, or the word that another connection takes over.
    pub(super) fn on_posted(&mut self) {
        self.keep_up();
        let Some(identity) = &mut self.identity else {
            return;
        };
        identity.posted = true;
        if let Some(signal) = identity.mailbox.take_signal() {
            self.tell(Input::Disconnect(match signal {
                Signal::TakenOver => ReasonCode::SessionTakenOver,
                Signal::Stopping => ReasonCode::ServerShuttingDown,
            }));
        }
    }

    /// Hands the session what waits for its client, as far as it can leave now: the rest waits in the mailbox, where
    /// the limits are. The client's acknowledgements make room for more.
    pub(super) fn feed(&mut self) {
        let room = self.session.room().min(DELIVERIES_AT_ONCE);
        if room == 0 || !self.takes_posts() {
            return;
        }
        let Some(identity) = self.identity.as_mut().filter(|own| own.posted) else {
            return;
        };
        let mut deliveries: Vec<Forward> = Vec::new();
        identity.posted = identity.mailbox.take(room, &mut deliveries);
        let mailbox = identity.posted.then(|| Arc::clone(&identity.mailbox));
        let now = self.gateway.clock.now();
        for delivery in deliveries {
            self.session.handle(now, Input::Publish(delivery));
        }
        self.poll_session();
        if let Some(mailbox) = mailbox.filter(|_| self.session.room() > 0) {
            // After the socket has had its turn.
            mailbox.wake();
        }
    }

    /// Gives the session retained publishes its subscriptions are answered with, as far as its client takes them.
    pub(super) fn replay(&mut self) {
        let most = self.gateway.config.limits.max_outgoing_bytes;
        let now = self.gateway.clock.now();
        while let Some(identity) = &self.identity {
            if self.closing || self.session.room() == 0 || self.socket.outgoing.len() > most {
                return;
            }
            let Some(mut forward) = self.replay.pop_front() else {
                return;
            };
            if self.replay.is_empty() {
                self.replay = VecDeque::new();
            }
            if forward.qos > QoS::AtMostOnce {
                let limits = self.gateway.subscriptions.limits();
                forward.packet_id = identity.mailbox.identifier(&limits);
                if forward.packet_id.is_none() && identity.mailbox.is_kept() {
                    self.replay.push_front(forward);
                    return;
                }
            }
            self.session.handle(now, Input::Publish(forward));
            self.poll_session();
        }
    }
}
