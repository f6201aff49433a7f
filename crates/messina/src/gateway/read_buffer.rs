//! One read buffer a thread, shared by all its connections: an idle connection has none.
//!
//! What is read is split off and travels as it is, from the socket to the log. A block is freed when the last
//! slice of it is; so what waits for long must not be such a slice.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

/// Size of a block: some 400 publishes of 128 bytes.
pub const BLOCK: usize = 64 * 1024;

/// A block with less room than this is left to its slices, and the next begun.
const LEAST_ROOM: usize = 4 * 1024;

thread_local! {
    static READ: RefCell<BytesMut> = RefCell::new(BytesMut::with_capacity(BLOCK));
}

/// Reads what the stream has; empty at its end.
pub fn poll_read<S: AsyncRead>(
    stream: Pin<&mut S>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<BytesMut>> {
    READ.with_borrow_mut(|block| {
        if block.capacity() - block.len() < LEAST_ROOM {
            *block = BytesMut::with_capacity(BLOCK);
        }
        match poll_read_buf(stream, cx, block) {
            Poll::Ready(Ok(read)) => Poll::Ready(Ok(block.split_to(read))),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    })
}

/// Moves the beginning of a packet out of its block: a peer that sends a byte a minute must not keep 64 KiB.
pub fn unpin(partial: &mut BytesMut) {
    if partial.is_empty() {
        *partial = BytesMut::new();
    } else if partial.len() < LEAST_ROOM {
        *partial = BytesMut::from(&partial[..]);
    }
}
