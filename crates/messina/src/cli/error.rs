//! How a command fails: what is printed, and which exit code it ends with.

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use messina_mqtt::reason::ReasonCode;
use thiserror::Error;

use crate::carry::CarryError;
use crate::config::LoadError;
use crate::listener::tls::TlsError;
use crate::sink::OpenError;
use crate::telemetry::causes::with_causes;
use crate::up::UpError;

/// The exit code of `mosquitto_sub -W`.
const TIMED_OUT: u8 = 27;

/// Why a command failed.
#[derive(Debug, Error)]
pub enum CommandError {
    /// The configuration is wrong or cannot be read.
    #[error(transparent)]
    Configuration(#[from] LoadError),
    /// Files given to `check` have errors, which have been printed.
    #[error("{errors} {} in {files}", plural(*errors, "error", "errors"))]
    Checked {
        /// How many.
        errors: usize,
        /// The files they are in.
        files: String,
    },
    /// An installation could not be carried over.
    #[error(transparent)]
    Carry(#[from] Box<CarryError>),
    /// What was typed makes no sense, though clap could read it.
    #[error("{0}")]
    Usage(String),
    /// Nothing answers at the admin address.
    #[error(
        "nothing answers at {address}: {reason}; is `messina up` running? `--admin` names another address"
    )]
    Unreachable {
        /// The admin address.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// No MQTT server lets us in.
    #[error("cannot connect to {address}: {reason}; `-h` and `-p`, or `-L`, name another server")]
    NoServer {
        /// The MQTT server.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// The MQTT server answered, and does not let us in.
    #[error("{address} refuses: {reason}")]
    NotLetIn {
        /// The MQTT server.
        address: String,
        /// What it said.
        reason: ReasonCode,
        /// The number it said it with.
        code: u8,
    },
    /// What was waited for did not come in time.
    #[error("{0}")]
    TimedOut(String),
    /// A file for TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The admin API refused, in its own words.
    #[error("{0}")]
    Refused(String),
    /// The answer is not what the admin API gives.
    #[error("cannot understand the answer from {address}")]
    Answer {
        /// The admin address.
        address: String,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} `{path}`")]
    File {
        /// `read`, `write` ...
        action: &'static str,
        /// Which.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Standard output is closed or full.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// Standard input fails.
    #[error("cannot read standard input")]
    Input(#[source] io::Error),
    /// The log cannot be opened.
    #[error(transparent)]
    OpenLog(#[from] messina_store::log::OpenError),
    /// The log cannot be read.
    #[error(transparent)]
    ReadLog(#[from] messina_store::log::ReadError),
    /// The tables cannot be opened.
    #[error(transparent)]
    OpenTable(#[from] messina_store::table::OpenError),
    /// A query failed.
    #[error(transparent)]
    Query(#[from] messina_store::table::QueryError),
    /// A connector's cluster is away, or its tables are not as the connector wants them.
    #[error("sink `{sink}`")]
    Cluster {
        /// The connector.
        sink: String,
        /// Why.
        source: OpenError,
    },
    /// A simulation did not run.
    #[error(transparent)]
    Fleet(#[from] crate::simulator::FleetError),
    /// The runtime cannot be started.
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    /// The program did not start, or was stopped at once.
    #[error(transparent)]
    Up(#[from] UpError),
    /// A check found something bad, which has been printed.
    #[error("{0}")]
    Found(String),
}

impl CommandError {
    /// The exit code `--help` promises.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Configuration(_)
            | Self::Checked { .. }
            | Self::Cluster {
                source: OpenError::Wrong(_),
                ..
            } => 3,
            Self::Cluster {
                source: OpenError::Away(_),
                ..
            }
            | Self::Unreachable { .. }
            | Self::NoServer { .. } => 4,
            Self::NotLetIn { code, .. } => *code,
            Self::TimedOut(_) => TIMED_OUT,
            Self::Tls(_)
            | Self::Carry(_)
            | Self::Refused(_)
            | Self::Answer { .. }
            | Self::File { .. }
            | Self::Output(_)
            | Self::Input(_)
            | Self::OpenLog(_)
            | Self::ReadLog(_)
            | Self::OpenTable(_)
            | Self::Query(_)
            | Self::Cluster { .. }
            | Self::Fleet(_)
            | Self::Runtime(_)
            | Self::Up(_)
            | Self::Found(_) => 1,
        }
    }

    fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// `1 error`, `2 errors`.
pub(super) fn plural<'w>(count: usize, one: &'w str, many: &'w str) -> &'w str {
    if count == 1 { one } else { many }
}

/// Prints an error with its causes to standard error.
pub fn print_error(error: &CommandError) -> ExitCode {
    if error.is_closed_pipe() {
        return ExitCode::SUCCESS;
    }
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let text = match error {
        CommandError::Configuration(LoadError::Wrong(problems)) => problems.render(colour),
        _ => format!("error: {}", with_causes(error)),
    };
    // There is nobody left to tell when standard error is closed.
    let _printed = writeln!(io::stderr(), "{text}");
    ExitCode::from(error.exit_code())
}

/// Prints help, version, or what is wrong with the command line.
pub fn print_answer(answer: &clap::Error) -> ExitCode {
    // There is nobody left to tell when the output is closed.
    let _printed = answer.print();
    ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2))
}
