//! What becomes of a record that fails: tolerance, the connector's own error policy, dead letters and the error log.

use std::time::Duration;

use super::compile::Compiler;
use super::outcome::Stage;
use crate::sink_class::SinkClass;

/// What a failing record does to its task: option `errors.tolerance`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tolerance {
    /// The task fails (Kafka Connect's default); the record is reported first.
    #[default]
    None,
    /// The record is reported and skipped.
    All,
}

/// Where rejected records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetters {
    /// Option `errors.deadletterqueue.topic.name`.
    pub topic: String,
    /// Option `errors.deadletterqueue.context.headers.enable`; on unless switched off.
    pub context_headers: bool,
}

/// What a failure of the sink itself (stage `TASK_PUT`) does: option `connect.cassandra.error.policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutPolicy {
    /// `errors.tolerance` decides, as at every other stage.
    Tolerance,
    /// The task fails, whatever `errors.tolerance` says: nothing a sink throws is tolerated by Kafka Connect.
    Throw,
    /// The record is reported and skipped, whatever `errors.tolerance` says.
    Noop,
    /// The rows are tried again, then the task fails.
    Retry {
        /// How often; `None` for ever.
        retries: Option<u32>,
        /// The wait before each try.
        interval: Duration,
    },
}

/// Everything a connector says about errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorHandling {
    /// Option `errors.tolerance`.
    pub tolerance: Tolerance,
    /// What the sink's own failures do.
    pub put: PutPolicy,
    /// Where rejected records go, if the connector says so.
    pub dead_letters: Option<DeadLetters>,
    /// `errors.log.enable`: an error line for each failure. The value is `errors.log.include.messages`.
    pub log: Option<bool>,
}

impl ErrorHandling {
    /// Whether the task goes on after a record that fails in `stage`.
    pub fn tolerates(&self, stage: Stage) -> bool {
        match (stage, self.put) {
            (Stage::TaskPut, PutPolicy::Noop) => true,
            (Stage::TaskPut, PutPolicy::Throw | PutPolicy::Retry { .. }) => false,
            _ => self.tolerance == Tolerance::All,
        }
    }

    /// Whether a record that fails in `stage` becomes a dead letter, if there is a place for it: Kafka Connect
    /// reports what converters and transforms refuse also when it does not tolerate it.
    pub fn reports(&self, stage: Stage) -> bool {
        stage != Stage::TaskPut || self.tolerates(stage) || self.put == PutPolicy::Tolerance
    }
}

const IGNORED: &str = "connect.cassandra.ignore.errors.mode";
const POLICY: &str = "connect.cassandra.error.policy";

impl Compiler<'_> {
    pub(super) fn errors(&mut self, topics: &super::Topics) -> ErrorHandling {
        let tolerance = self.tolerance();
        let mut options = self.options();
        let logs = options.boolean("errors.log.enable", false);
        let messages = options.boolean("errors.log.include.messages", false);
        self.framework_retries();
        ErrorHandling {
            tolerance,
            put: self.put_policy(),
            dead_letters: self.dead_letters(topics),
            log: logs.then_some(messages),
        }
    }

    fn tolerance(&mut self) -> Tolerance {
        match self.config.text("errors.tolerance") {
            None | Some("none") => Tolerance::None,
            Some("all") => Tolerance::All,
            Some(other) => {
                let message = format!("`{other}` is neither `none` nor `all`");
                self.refuse("errors.tolerance", message, "write it in lower case");
                Tolerance::None
            }
        }
    }

    fn dead_letters(&mut self, topics: &super::Topics) -> Option<DeadLetters> {
        const TOPIC: &str = "errors.deadletterqueue.topic.name";
        let mut options = self.options();
        let context_headers =
            options.boolean("errors.deadletterqueue.context.headers.enable", true);
        let topic = options.text(TOPIC)?.to_owned();
        if topics.takes(&topic) {
            let of = match topics {
                super::Topics::Named(_) => "is one of `topics`",
                super::Topics::Matching { .. } => "matches `topics.regex`",
            };
            let message = format!("`{topic}` {of}");
            self.refuse(TOPIC, message, "dead letters would be read again");
        }
        Some(DeadLetters {
            topic,
            context_headers,
        })
    }

    /// Options of the framework's own retries: of what fails for a while there is only the append of dead letters,
    /// and that is repeated until it is done.
    fn framework_retries(&mut self) {
        self.whole_number("errors.retry.timeout", 0, -1);
        self.whole_number("errors.retry.delay.max.ms", 60_000, 0);
    }

    /// What the other sinks say of records that cannot be written, in the words of the classic one.
    fn policy_word(&mut self) -> Option<String> {
        let (option, words): (&str, &[(&str, &str)]) = match SinkClass::of(self.config) {
            Some(SinkClass::Scylla) => (
                "behavior.on.error",
                &[("FAIL", "THROW"), ("LOG", "NOOP"), ("IGNORE", "NOOP")],
            ),
            Some(SinkClass::DataStax) => (
                "ignoreErrors",
                &[
                    ("NONE", "THROW"),
                    ("FALSE", "THROW"),
                    ("ALL", "NOOP"),
                    ("TRUE", "NOOP"),
                    ("DRIVER", "NOOP"),
                ],
            ),
            Some(SinkClass::Lenses)
                if self
                    .config
                    .text(IGNORED)
                    .is_some_and(|mode| !mode.eq_ignore_ascii_case("none")) =>
            {
                (IGNORED, &[("ALL", "NOOP"), ("DRIVER", "NOOP")])
            }
            _ => return self.config.text(POLICY).map(str::to_ascii_uppercase),
        };
        let written = self
            .config
            .text(option)
            .filter(|text| !text.is_empty())?
            .to_ascii_uppercase();
        let known = words.iter().find(|(own, _)| *own == written);
        if known.is_none() {
            let names: Vec<&str> = words.iter().map(|(own, _)| *own).collect();
            self.refuse(
                option,
                format!("unknown value `{written}`"),
                &format!("available are {}", names.join(", ")),
            );
        }
        known.map(|(_, word)| (*word).to_owned())
    }

    fn put_policy(&mut self) -> PutPolicy {
        let written = self.policy_word();
        let retries = self.whole_number("connect.cassandra.max.retries", 20, -1);
        let interval = self.whole_number("connect.cassandra.retry.interval", 60_000, 0);
        let reports = self
            .options()
            .boolean("connect.cassandra.errant.report", false);
        let classic = SinkClass::of(self.config) != Some(SinkClass::Table);
        match written.as_deref().filter(|written| !written.is_empty()) {
            None if classic && !reports => PutPolicy::Throw,
            None => PutPolicy::Tolerance,
            Some("THROW") if reports => PutPolicy::Tolerance,
            Some("THROW") => PutPolicy::Throw,
            Some("NOOP") => {
                self.warn(
                    POLICY,
                    "NOOP goes on behind records that cannot be written; each is kept as a dead letter and counted",
                );
                PutPolicy::Noop
            }
            Some("RETRY") => PutPolicy::Retry {
                retries: u32::try_from(retries).ok(),
                interval: Duration::from_millis(u64::try_from(interval).unwrap_or(0)),
            },
            Some(other) => {
                let message = format!("unknown policy `{other}`");
                self.refuse(POLICY, message, "available are NOOP, THROW, RETRY");
                PutPolicy::Throw
            }
        }
    }

    /// A whole number that is not below `least`.
    pub(super) fn whole_number(&mut self, option: &str, default: i64, least: i64) -> i64 {
        let Some(text) = self.config.text(option).filter(|text| !text.is_empty()) else {
            return default;
        };
        match text.parse() {
            Ok(number) if number >= least => number,
            _ => {
                let message = format!("`{text}` is not a whole number from {least} on");
                self.refuse(option, message, "write milliseconds or a count, in digits");
                default
            }
        }
    }
}
