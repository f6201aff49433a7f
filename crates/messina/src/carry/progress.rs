//! How far it is: a bar on a terminal, a line now and then elsewhere.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::runtime::clock::Clock;

/// How often a bar is drawn anew, and how often a line is written where there is no terminal.
const REDRAW: Duration = Duration::from_millis(100);
const LINE: Duration = Duration::from_secs(10);

/// Characters of a bar.
const WIDTH: u64 = 30;

/// Shows how far one thing after the other is, on standard error.
pub struct Progress {
    clock: Arc<dyn Clock>,
    is_terminal: bool,
    quiet: bool,
    what: String,
    unit: &'static str,
    total: u64,
    /// Done in an earlier run.
    before: u64,
    done: u64,
    begun: Instant,
    shown: Instant,
}

impl Progress {
    /// Nothing is shown yet; with `quiet` nothing ever is.
    pub fn new(clock: Arc<dyn Clock>, quiet: bool) -> Self {
        let now = clock.now();
        Self {
            clock,
            is_terminal: std::io::stderr().is_terminal(),
            quiet,
            what: String::new(),
            unit: "",
            total: 0,
            before: 0,
            done: 0,
            begun: now,
            shown: now,
        }
    }

    /// Begins with something of which `before` of `total` is done already.
    pub(super) fn begin(&mut self, what: &str, unit: &'static str, total: u64, before: u64) {
        what.clone_into(&mut self.what);
        self.unit = unit;
        self.total = total.max(before);
        self.before = before;
        self.done = before;
        self.begun = self.clock.now();
        self.shown = self.begun;
        if self.is_terminal {
            self.draw("");
        }
    }

    /// So much more is done.
    pub(super) fn step(&mut self, count: u64) {
        self.done += count;
        let (now, pause) = (
            self.clock.now(),
            if self.is_terminal { REDRAW } else { LINE },
        );
        if now.duration_since(self.shown) >= pause {
            self.shown = now;
            self.draw(if self.is_terminal { "" } else { "\n" });
        }
    }

    /// It is done.
    pub(super) fn end(&mut self) {
        self.total = self.done;
        self.draw("\n");
    }

    fn draw(&self, end: &str) {
        if self.quiet {
            return;
        }
        let line = self.line(self.clock.now().duration_since(self.begun));
        let begin = if self.is_terminal { "\r\u{1b}[K" } else { "" };
        // Whoever has closed it does not want to see it.
        let _shown = write!(std::io::stderr(), "{begin}{line}{end}");
    }

    /// `temperature  [##########--------------------]  33%  400 of 1,200 records, 180/s`
    fn line(&self, elapsed: Duration) -> String {
        let filled = (self.done * WIDTH)
            .checked_div(self.total)
            .unwrap_or(WIDTH)
            .min(WIDTH);
        let percent = (self.done * 100)
            .checked_div(self.total)
            .unwrap_or(100)
            .min(100);
        let (filled, rest) = (usize_of(filled), usize_of(WIDTH - filled));
        let mut line = format!(
            "{}  [{}{}] {percent:>3}%",
            self.what,
            "#".repeat(filled),
            "-".repeat(rest)
        );
        let (done, total) = (self.done, self.total);
        let _written = write!(
            line,
            "  {} of {} {}",
            grouped(done),
            grouped(total),
            self.unit
        );
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        if let Some(rate) = ((done - self.before) * 1000).checked_div(millis) {
            let _written = write!(line, ", {}/s", grouped(rate));
        }
        line
    }
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock::SystemClock;

    #[test]
    fn a_line_says_how_far_it_is_and_how_fast() {
        let mut progress = Progress::new(Arc::new(SystemClock), true);
        progress.begin("temperature", "records", 1200, 100);
        progress.step(300);
        assert_eq!(
            progress.line(Duration::from_secs(2)),
            "temperature  [##########--------------------]  33%  400 of 1,200 records, 150/s"
        );
        progress.begin("empty", "rows", 0, 0);
        let line = progress.line(Duration::ZERO);
        assert_eq!(
            line,
            "empty  [##############################] 100%  0 of 0 rows"
        );
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(
            (grouped(0), grouped(999), grouped(1000)),
            ("0".into(), "999".into(), "1,000".into())
        );
    }
}
