//! The peer's socket: bytes in, and what is to go out, with the time since which the peer takes nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::super::read_buffer;

/// How long a peer that is to read why it is closed may send nothing, how long that may take, and how much it may send
/// meanwhile: a slow one answers a thousand packets before it comes to the one that says why.
const LINGER_QUIET: Duration = Duration::from_secs(1);
const LINGER: Duration = Duration::from_secs(10);
const LINGER_BYTES: usize = 1024 * 1024;

/// Bytes an idle connection's output buffer may keep.
const KEPT_OUTPUT: usize = 4096;

/// A stream and the bytes that wait for it.
#[derive(Debug)]
pub(super) struct Socket<S> {
    stream: S,
    /// What is to be written.
    pub(super) outgoing: BytesMut,
    /// The stream has taken what it was given, and may not have passed all of it on: TLS and WebSocket hold bytes.
    unflushed: bool,
    /// Since when the peer has taken nothing of `outgoing`.
    pub(super) stalled_since: Option<Instant>,
    /// The peer may still be sending when the socket is closed, and is to read first why.
    pub(super) lingers: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// A stream with nothing to write yet.
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            outgoing: BytesMut::new(),
            unflushed: false,
            stalled_since: None,
            lingers: false,
        }
    }

    /// Whether something is to be written still.
    pub(super) fn has_to_write(&self) -> bool {
        self.unflushed || !self.outgoing.is_empty()
    }

    /// Reads what has come after `partial`; see [`read_buffer::poll_read`].
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        partial: &mut BytesMut,
    ) -> Poll<io::Result<(usize, BytesMut)>> {
        read_buffer::poll_read(Pin::new(&mut self.stream), cx, partial)
    }

    /// Writes what waits, as far as the peer takes it; ready with how much it was once nothing is left.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
    ) -> Poll<io::Result<usize>> {
        let mut total = 0;
        while !self.outgoing.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.outgoing) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => {
                    self.outgoing.advance(written);
                    self.unflushed = true;
                    self.stalled_since = None;
                    total += written;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.stalled_since.get_or_insert(now);
                    return Poll::Pending;
                }
            }
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                self.stalled_since = None;
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => {
                self.stalled_since.get_or_insert(now);
                return Poll::Pending;
            }
        }
        if self.outgoing.capacity() > KEPT_OUTPUT {
            self.outgoing = BytesMut::new();
        }
        Poll::Ready(Ok(total))
    }

    /// Reads on for a while after [`shutdown`](Self::shutdown), and forgets what comes. Closed with bytes unread, the
    /// system would reset the connection, and the peer lose the packet that says why.
    pub(super) async fn linger(&mut self) {
        let discard = async {
            let mut sink = [0; 1024];
            let mut left = LINGER_BYTES;
            while left > 0 {
                let read = tokio::time::timeout(LINGER_QUIET, self.stream.read(&mut sink));
                let Ok(Ok(count @ 1..)) = read.await else {
                    break;
                };
                left = left.saturating_sub(count);
            }
        };
        drop(tokio::time::timeout(LINGER, discard).await);
    }

    /// Ends the stream. Nothing can be done about a peer that does not take the end of it.
    pub(super) async fn shutdown(&mut self) {
        drop(self.stream.shutdown().await);
    }
}
