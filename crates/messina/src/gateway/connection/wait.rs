//! What a connection waits for. It waits by polling, with nothing kept between two polls but one timer: of
//! 20,000 idle connections each costs what its own state takes.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::super::read_buffer;
use super::Connection;

/// What woke a connection.
pub(super) enum Woken {
    Read(BytesMut),
    Wrote,
    Ended,
    Answered,
    Posted,
    TimeCame,
    Stopping,
}

/// A timer that is set again only when it must ring earlier: a keep alive's moves on with every packet, and
/// most never ring.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Ready when `deadline` has come. It may be ready earlier, for a deadline that has moved since.
    fn poll(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        let Some(deadline) = deadline.map(Into::into) else {
            self.sleep = None;
            return Poll::Pending;
        };
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if deadline < sleep.deadline() || sleep.is_elapsed() {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Ready with whatever comes first.
    pub(super) fn poll_woken(&mut self, cx: &mut Context<'_>) -> Poll<Woken> {
        // Answers first: a client that never stops sending would keep them waiting, and all they hold.
        if !self.submitted.is_empty() && self.waiter.poll_notified(cx).is_ready() {
            return Poll::Ready(Woken::Answered);
        }
        // Socket and mailbox in turn, so that neither keeps the other waiting.
        self.mailbox_first = !self.mailbox_first;
        if self.mailbox_first && self.poll_mailbox(cx).is_ready() {
            return Poll::Ready(Woken::Posted);
        }
        if let Poll::Ready(woken) = self.poll_socket(cx) {
            return Poll::Ready(woken);
        }
        if !self.mailbox_first && self.poll_mailbox(cx).is_ready() {
            return Poll::Ready(Woken::Posted);
        }
        let deadline = self.deadline();
        if self.alarm.poll(cx, deadline).is_ready() {
            return Poll::Ready(Woken::TimeCame);
        }
        // With an identity the mailbox brings the word.
        if let Some(stopping) = &mut self.stopping
            && stopping.as_mut().poll(cx).is_ready()
        {
            self.stopping = None;
            return Poll::Ready(Woken::Stopping);
        }
        Poll::Pending
    }

    fn poll_mailbox(&self, cx: &Context<'_>) -> Poll<()> {
        match &self.identity {
            Some(identity) if self.takes_posts() => identity.mailbox.poll_posted(cx),
            _ => Poll::Pending,
        }
    }

    fn poll_socket(&mut self, cx: &mut Context<'_>) -> Poll<Woken> {
        if self.socket.has_to_write() {
            match self.socket.poll_write(cx, self.gateway.clock.now()) {
                Poll::Ready(Ok(written)) => {
                    self.gateway.events.sent(written);
                    return Poll::Ready(Woken::Wrote);
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Woken::Ended),
                Poll::Pending => {}
            }
        }
        if self.closing || self.is_paused() || !self.session.reads() || !self.wants_bytes() {
            return Poll::Pending;
        }
        match self.socket.poll_read(cx, &mut self.incoming) {
            Poll::Ready(Ok((count @ 1.., bytes))) => {
                self.gateway.events.received(count);
                Poll::Ready(Woken::Read(bytes))
            }
            Poll::Ready(_) => Poll::Ready(Woken::Ended),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Whether more bytes are taken: what has come holds no whole packet, or is not too much to hold.
    fn wants_bytes(&self) -> bool {
        self.incoming.len() < self.gateway.limits.maximum_packet_size as usize + read_buffer::BLOCK
    }

    /// Whether the client has sent more than it may, and is not read for a while.
    fn is_paused(&self) -> bool {
        self.identity
            .as_ref()
            .is_some_and(|identity| identity.rights.is_paused())
    }

    pub(super) fn takes_posts(&self) -> bool {
        let most = self.gateway.config.limits.max_outgoing_bytes;
        !self.closing && self.socket.outgoing.len() <= most
    }

    fn deadline(&self) -> Option<Instant> {
        let limit = self.gateway.config.limits.write_timeout;
        let stalled = self.socket.stalled_since.map(|since| since + limit);
        let identity = self.identity.as_ref();
        let rights = identity.and_then(|identity| identity.rights.deadline());
        let unforgotten = self.unforgotten.as_ref();
        let ask_again = unforgotten.map(|unforgotten| unforgotten.ask_again);
        let all = [self.wait_until, stalled, rights, ask_again];
        all.into_iter().flatten().min()
    }
}

/// The word that the program stops, for a connection that has no mailbox yet.
pub(super) type Stopping = Pin<Box<WaitForCancellationFutureOwned>>;
