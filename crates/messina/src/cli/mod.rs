//! What the operator typed.
//! Takes the command line.
//! Gives a checked configuration to `runtime`, and questions to the admin API.

mod error;

pub use error::{CommandError, print_answer, print_error};

mod output;

use output::Output;

mod settings;

use settings::Settings;

mod runtime;

use runtime::runtime;

// What the tools ask, and whom.
mod admin;

mod source;

mod way;

mod place;

mod format;

mod timestamp;

// The commands, in the order `messina --help` shows them.
mod up;

mod mqtt_proxy;

mod connect_standalone;

mod connect_distributed;

mod check;

mod sample;
mod sketch;

mod cql;

mod config;

mod passwd;

mod status;

mod topics;

mod gateways;

mod produce;

mod consume;

mod query;

mod dlq;

mod log;

mod export;

mod import;

// MQTT from the command line.
mod mqtt;

mod publish;

mod subscribe;

mod simulate;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

/// The exit codes, as `--help` tells them.
const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 it failed; 2 the command line is wrong; 3 the configuration is wrong; 4 nothing answers
at the address. A closed pipe is not an error. `pub` and `sub` have mosquitto's beside these.";

/// From MQTT to Kafka topics to table rows, in one program.
#[derive(Debug, Parser)]
#[command(name = "messina", version, after_help = EXIT_CODES, max_term_width = 110)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole chain on this machine: MQTT gateway, log, sinks, tables, admin API
    Up(up::Args),
    /// Run the first half: an MQTT gateway that writes to Apache Kafka
    Gateway(up::GatewayArgs),
    /// Run the second half: sinks that read Apache Kafka and write tables
    Worker(up::WorkerArgs),
    /// Take publishes into Kafka, from the file of Confluent's MQTT proxy
    MqttProxy(mqtt_proxy::Args),
    /// Run connectors from Kafka Connect's own files, on this machine
    ConnectStandalone(connect_standalone::Args),
    /// Run a worker that shares connectors with others, from Kafka Connect's own file
    ConnectDistributed(connect_distributed::Args),
    /// Say everything that is wrong with configuration files; with --sample, what they make of a record
    Check(check::Args),
    /// Print the configuration
    Config(config::Args),
    /// Set a user's password in a password file, or remove the user
    Passwd(passwd::Args),
    /// Show health, connections and the books of the running program
    Status(status::Args),
    /// List, create, describe and delete topics
    Topics(topics::Args),
    /// List the gateways that share a Kafka, and forget one that is gone for good
    Gateways(gateways::Args),
    /// Append records from standard input or files to a topic
    Produce(produce::Args),
    /// Print the records of a topic
    Consume(consume::Args),
    /// Run a SELECT on the tables
    Query(query::Args),
    /// Look at records that could not become rows, and put them back
    Dlq(dlq::Args),
    /// Check or repair a log that is not in use
    Log(log::Args),
    /// Carry an installation's log and tables over to Kafka and CQL, or into files
    Export(export::Args),
    /// Carry exported files over to Kafka and CQL
    Import(import::Args),
    /// Publish over MQTT
    Pub(publish::Args),
    /// Print what is published over MQTT
    Sub(subscribe::Args),
    /// Run a fleet of devices, and see whether what it was promised arrived
    Simulate(Box<simulate::Args>),
}

/// Reads the command line; the error is clap's answer, which may be help.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<CommandLine, clap::Error> {
    CommandLine::try_parse_from(arguments)
}

/// Does what the command line says.
pub fn run(command_line: CommandLine) -> Result<(), CommandError> {
    let mut out = Output::stdout();
    match command_line.command {
        Command::Up(args) => up::run(&args, &mut out),
        Command::Gateway(args) => up::run_gateway(&args, &mut out),
        Command::Worker(args) => up::run_worker(&args, &mut out),
        Command::MqttProxy(args) => mqtt_proxy::run(&args, &mut out),
        Command::ConnectStandalone(args) => connect_standalone::run(&args, &mut out),
        Command::ConnectDistributed(args) => connect_distributed::run(&args, &mut out),
        Command::Check(args) => check::run(&args, &mut out),
        Command::Config(args) => config::run(&args, &mut out),
        Command::Passwd(args) => passwd::run(&args, &mut out),
        Command::Status(args) => status::run(&args, &mut out),
        Command::Topics(args) => topics::run(&args, &mut out),
        Command::Gateways(args) => gateways::run(&args, &mut out),
        Command::Produce(args) => produce::run(&args, &mut out),
        Command::Consume(args) => consume::run(&args, &mut out),
        Command::Query(args) => query::run(&args, &mut out),
        Command::Dlq(args) => dlq::run(&args, &mut out),
        Command::Log(args) => log::run(&args, &mut out),
        Command::Export(args) => export::run(&args, &mut out),
        Command::Import(args) => import::run(&args, &mut out),
        Command::Pub(args) => publish::run(&args),
        Command::Sub(args) => subscribe::run(&args, &mut out),
        Command::Simulate(args) => simulate::run(&args, &mut out),
    }?;
    out.flush()
}
