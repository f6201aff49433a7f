//! Log lines that clients can cause as often as they come, by kind.

use std::time::Instant;

use parking_lot::Mutex;

use crate::telemetry::recurring::Kind;

/// The kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// A session cannot be made durable, and its client is refused.
    SessionRefused,
    /// That a client has left is not durable.
    AbsenceLost,
    /// That a session has ended is not durable.
    EndLost,
    /// What became of a will is not durable.
    WillLost,
    /// A session ends because too many sleep.
    TooManySessions,
    /// The system gives no connection.
    NotAccepted,
    /// A handshake below MQTT has failed, or took too long.
    HandshakeFailed,
    /// A peer takes no bytes.
    SlowPeer,
    /// The log refuses that publishes of a shared subscription go to another member.
    NotPassedOn,
    /// That publishes have waited too long is not durable.
    SweepLost,
}

impl Line {
    /// All there are.
    pub const ALL: [Self; 10] = [
        Self::SessionRefused,
        Self::AbsenceLost,
        Self::EndLost,
        Self::WillLost,
        Self::TooManySessions,
        Self::NotAccepted,
        Self::HandshakeFailed,
        Self::SlowPeer,
        Self::NotPassedOn,
        Self::SweepLost,
    ];

    /// What the line says, for the word that it was not written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SessionRefused => "a session cannot be made durable; the client is refused",
            Self::AbsenceLost => "that a client has left is not durable",
            Self::EndLost => "an ended session stays in the log",
            Self::WillLost => "what became of a will is not durable",
            Self::TooManySessions => "too many sessions sleep",
            Self::NotAccepted => "a connection could not be accepted",
            Self::HandshakeFailed => "a client's handshake has failed",
            Self::SlowPeer => "a peer takes no bytes",
            Self::NotPassedOn => "publishes of a shared subscription cannot be passed on now",
            Self::SweepLost => "publishes that have waited too long stay in the log",
        }
    }
}

/// All kinds.
#[derive(Debug, Default)]
pub struct Recurring {
    kinds: [Mutex<Kind>; Line::ALL.len()],
}

impl Recurring {
    /// How many lines of this kind were left out since the last that was written; `None` if this one is to be left out
    /// too.
    pub fn turn(&self, line: Line, now: Instant) -> Option<u64> {
        self.kinds.get(line as usize)?.lock().turn(now)
    }

    /// The kinds that are quiet no longer, and of which lines were left out that no later one has counted.
    pub fn left_out(&self, now: Instant) -> Vec<(Line, u64)> {
        let count = |(line, kind): (Line, &Mutex<Kind>)| Some((line, kind.lock().left_out(now)?));
        Line::ALL
            .into_iter()
            .zip(&self.kinds)
            .filter_map(count)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock::{Clock as _, SystemClock};
    use crate::telemetry::recurring::QUIET;

    #[test]
    fn a_kind_is_written_once_a_while_and_every_line_is_counted() {
        let (lines, start) = (Recurring::default(), SystemClock.now());
        assert_eq!(lines.turn(Line::AbsenceLost, start), Some(0));
        for _ in 0..3 {
            assert_eq!(lines.turn(Line::AbsenceLost, start + QUIET / 2), None);
        }
        // Others have their own turns.
        assert_eq!(lines.turn(Line::EndLost, start), Some(0));
        assert_eq!(lines.left_out(start + QUIET / 2), []);
        assert_eq!(lines.turn(Line::AbsenceLost, start + QUIET), Some(3));
        assert_eq!(lines.turn(Line::AbsenceLost, start + QUIET), None);
        // If no other comes, they are counted nonetheless.
        assert_eq!(lines.left_out(start + 2 * QUIET), [(Line::AbsenceLost, 1)]);
        assert_eq!(lines.left_out(start + 2 * QUIET), []);
    }

    #[test]
    fn every_kind_has_its_place() {
        for (place, line) in Line::ALL.into_iter().enumerate() {
            assert_eq!(line as usize, place);
        }
    }
}
