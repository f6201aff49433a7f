//! Log lines: to standard error, for people on a terminal and as JSON for machines when asked.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::OnceLock;

use parking_lot::Mutex;
use tracing_subscriber::filter::{Directive, LevelFilter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, registry, reload};

use super::driver_lines::DriverLines;
use crate::runtime::clock::SystemClock;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// A line of text for each event.
    #[default]
    Text,
    /// A JSON object for each event.
    Json,
}

/// A logger's level, and since when it is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// `OFF`, `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub word: &'static str,
    /// When it was changed, in milliseconds since 1970-01-01 UTC; `None` since the start.
    pub since: Option<i64>,
}

/// Why a level was not changed.
#[derive(Debug, thiserror::Error)]
pub enum LevelError {
    /// There is no such level.
    #[error("there is no level `{0}`; there are OFF, ERROR, WARN, INFO, DEBUG and TRACE")]
    Level(String),
    /// Nothing can be called so.
    #[error("`{0}` cannot be the name of a logger")]
    Name(String),
    /// Logging was not started by this program's main function.
    #[error("this process does not log")]
    Silent,
}

type Reload = Box<dyn Fn(EnvFilter) -> bool + Send + Sync>;

/// The levels, and how they are put into effect.
struct Loggers {
    reload: Reload,
    levels: Mutex<BTreeMap<String, Level>>,
}

static LOGGERS: OnceLock<Loggers> = OnceLock::new();

/// The level of every logger that has one of its own; `root` is for all others.
pub fn levels() -> BTreeMap<String, Level> {
    let loggers = LOGGERS.get();
    loggers.map_or_else(BTreeMap::new, |own| own.levels.lock().clone())
}

/// Changes a level from now on. Loggers are called as log lines' targets are: `messina::sink`, or `messina.sink`.
pub fn set_level(name: &str, level: &str, now: i64) -> Result<(), LevelError> {
    let loggers = LOGGERS.get().ok_or(LevelError::Silent)?;
    let known = WORDS.iter().find(|word| word.eq_ignore_ascii_case(level));
    let word = known.ok_or_else(|| LevelError::Level(level.to_owned()))?;
    let fits = |character: char| character.is_alphanumeric() || "._:$-".contains(character);
    if name.is_empty() || name.len() > 200 || !name.chars().all(fits) {
        return Err(LevelError::Name(name.to_owned()));
    }
    let mut levels = loggers.levels.lock();
    if levels.len() >= MAX_LOGGERS && !levels.contains_key(name) {
        return Err(LevelError::Name(name.to_owned()));
    }
    let level = Level {
        word,
        since: Some(now),
    };
    let mut changed = levels.clone();
    changed.insert(name.to_owned(), level);
    let filter = EnvFilter::try_new(format!("{DRIVER},{}", directives(&changed)));
    let filter = filter.map_err(|_error| LevelError::Name(name.to_owned()))?;
    if !(loggers.reload)(filter) {
        return Err(LevelError::Silent);
    }
    *levels = changed;
    Ok(())
}

const WORDS: [&str; 6] = ["OFF", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"];
/// The CQL driver warns of a keyspace's strategy for every row; we do so once, when we connect. Levels that are set for
/// this logger come later in the list and win.
const DRIVER: &str = "scylla::policies::load_balancing=error";
/// Loggers that may have a level of their own.
const MAX_LOGGERS: usize = 1_000;

/// What decides at the start: what the environment says, else the level. Of what is said the wrong is left out, aloud;
/// if nothing is right, the level holds.
fn first_directives(level: LevelFilter, said: &str) -> String {
    let said = said.trim();
    let is_right = |one: &str| !one.is_empty() && one.parse::<Directive>().is_ok();
    if said.split(',').any(is_right) {
        format!("{DRIVER},{said}")
    } else {
        format!("{DRIVER},{level},{said}")
    }
}

fn directives(levels: &BTreeMap<String, Level>) -> String {
    let directive = |(name, level): (&String, &Level)| match name.as_str() {
        "root" => level.word.to_owned(),
        name => format!("{}={}", name.replace('.', "::"), level.word),
    };
    levels.iter().map(directive).collect::<Vec<_>>().join(",")
}

/// Starts logging. `RUST_LOG` decides when it is set, `verbosity` otherwise: 0 info, 1 debug, 2 trace, -1 warn,
/// -2 error. Later calls change nothing.
pub fn start(verbosity: i16, format: LogFormat) {
    let level = match verbosity {
        ..=-2 => LevelFilter::ERROR,
        -1 => LevelFilter::WARN,
        0 => LevelFilter::INFO,
        1 => LevelFilter::DEBUG,
        2.. => LevelFilter::TRACE,
    };
    let said = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let filter = EnvFilter::builder().parse_lossy(first_directives(level, &said));
    let (filter, handle) = reload::Layer::new(filter);
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(verbosity > 0)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let lines = lines.with_filter(DriverLines::<SystemClock>::default());
    let started = registry().with(filter).with(lines).try_init();
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started before");
        return;
    }
    let root = WORDS
        .iter()
        .find(|word| word.eq_ignore_ascii_case(&level.to_string()));
    let root = Level {
        word: root.copied().unwrap_or("INFO"),
        since: None,
    };
    let levels = Mutex::new(BTreeMap::from([("root".to_owned(), root)]));
    let reload = Box::new(move |filter| handle.reload(filter).is_ok());
    LOGGERS.get_or_init(|| Loggers { reload, levels });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_holds_where_the_environment_says_nothing_and_else_what_it_says() {
        let most = |level, said| {
            let filter = EnvFilter::builder().parse_lossy(first_directives(level, said));
            filter.max_level_hint()
        };
        assert_eq!(most(LevelFilter::INFO, ""), Some(LevelFilter::INFO));
        assert_eq!(most(LevelFilter::DEBUG, " "), Some(LevelFilter::DEBUG));
        assert_eq!(most(LevelFilter::INFO, "warn"), Some(LevelFilter::WARN));
        assert_eq!(most(LevelFilter::INFO, "x=loud"), Some(LevelFilter::INFO));
        assert_eq!(
            most(LevelFilter::INFO, "x=loud,warn"),
            Some(LevelFilter::WARN)
        );
    }
}
