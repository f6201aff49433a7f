//! One read buffer a thread, shared by all its connections: an idle connection has none.
//!
//! What is read is split off and travels as it is, from the socket to the log. A block is used again when the last
//! slice of it is gone; so what waits for long must not be such a slice.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

/// Size of a block: some 400 publishes of 128 bytes.
pub const BLOCK: usize = 64 * 1024;

/// A block with less room than this is left to its slices, and the next begun.
const LEAST_ROOM: usize = 8 * 1024;

/// The beginning of a packet up to this size is put before what is read next; a larger one is added to.
const SMALL: usize = 4 * 1024;

/// Blocks a thread keeps to use again: what is on its way to the log in a few milliseconds. Memory given back to
/// the system and taken again has to be cleared by it, which costs more than all of ours.
const KEPT_BLOCKS: usize = 64;

/// The blocks of a thread.
struct Blocks {
    current: BytesMut,
    /// Full blocks, the oldest first; slices of them may still be about.
    full: VecDeque<BytesMut>,
}

impl Blocks {
    fn new() -> Self {
        Self {
            current: BytesMut::new(),
            full: VecDeque::new(),
        }
    }

    /// A block with room.
    fn with_room(&mut self) -> &mut BytesMut {
        if self.current.capacity() - self.current.len() < LEAST_ROOM {
            let next = self.next();
            let full = std::mem::replace(&mut self.current, next);
            if self.full.len() < KEPT_BLOCKS && full.capacity() > 0 {
                self.full.push_back(full);
            }
        }
        &mut self.current
    }

    fn next(&mut self) -> BytesMut {
        let free = self
            .full
            .iter_mut()
            .position(|block| block.try_reclaim(BLOCK));
        match free.and_then(|place| self.full.remove(place)) {
            Some(block) => block,
            None => BytesMut::with_capacity(BLOCK),
        }
    }
}

thread_local! {
    static READ: RefCell<Blocks> = RefCell::new(Blocks::new());
}

/// Reads what the stream has, and says how many bytes that were; none at its end. What is given begins with the
/// bytes of `partial`, if they are few: they are moved, so that the packets behind them are not copied.
pub fn poll_read<S: AsyncRead>(
    stream: Pin<&mut S>,
    cx: &mut Context<'_>,
    partial: &mut BytesMut,
) -> Poll<io::Result<(usize, BytesMut)>> {
    READ.with_borrow_mut(|blocks| {
        let block = blocks.with_room();
        let moves = partial.len() <= SMALL;
        if moves {
            block.extend_from_slice(partial);
        }
        let read = poll_read_buf(stream, cx, block);
        let Poll::Ready(Ok(count @ 1..)) = read else {
            block.clear();
            return read.map_ok(|_end| (0, BytesMut::new()));
        };
        if moves {
            *partial = BytesMut::new();
        }
        Poll::Ready(Ok((count, block.split())))
    })
}

/// Moves the beginning of a packet out of its block: a peer that sends a byte a minute must not keep 64 KiB.
pub fn unpin(partial: &mut BytesMut) {
    if partial.is_empty() {
        *partial = BytesMut::new();
    } else if partial.len() <= SMALL {
        *partial = BytesMut::from(&partial[..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_used_again_when_its_last_slice_is_gone() {
        let mut blocks = Blocks::new();
        let fill = |blocks: &mut Blocks| {
            let block = blocks.with_room();
            block.resize(BLOCK, 7);
            block.split_to(BLOCK).freeze()
        };
        let first = fill(&mut blocks);
        let second = fill(&mut blocks);
        assert_ne!(first.as_ptr(), second.as_ptr());
        let place = first.as_ptr();
        drop(first);
        let third = fill(&mut blocks);
        assert_eq!(third.as_ptr(), place);
        assert!(second.iter().all(|byte| *byte == 7));
    }
}
