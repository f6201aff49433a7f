//! `messina status`: health, connections and the books of the running program.

use clap::Args as ClapArgs;

use crate::config::units::format_size;
use crate::telemetry::health::Light;
use crate::telemetry::status::Status;
use crate::up::Role;

use super::CommandError;
use super::output::Output;
use super::source::Target;

const UP: &str = Role::All.name();
const GATEWAY: &str = Role::Gateway.name();
const WORKER: &str = Role::Worker.name();

/// `messina status`
#[derive(Debug, ClapArgs)]
#[command(after_help = "Exits with 1 when health is red.")]
pub(super) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    let status: Status = args.target.admin()?.get("/api/status", &[])?;
    if args.json {
        out.json(&status)?;
    } else {
        show(&status, out)?;
    }
    if status.health == Light::Red {
        out.flush()?;
        return Err(CommandError::Found("health is red".to_owned()));
    }
    Ok(())
}

fn show(status: &Status, out: &mut Output) -> Result<(), CommandError> {
    let up = crate::config::units::format_duration(std::time::Duration::from_secs(
        status.uptime_seconds,
    ));
    let part = match status.role.as_str() {
        UP => String::new(),
        role => format!(" {role}"),
    };
    out.line(format_args!(
        "messina{part} {}, up {up}, data in {}",
        status.version, status.data
    ))?;
    let mqtt = if status.listen.is_empty() {
        "no MQTT in this process".to_owned()
    } else {
        format!(
            "MQTT on {}: {} connections, {} sessions",
            status.listen.join(", "),
            status.connections,
            status.sessions
        )
    };
    let log = place(status.log.as_deref(), status.log_bytes);
    let tables = place(status.tables.as_deref(), status.table_bytes);
    out.line(format_args!("{mqtt}; log {log}, tables {tables}"))?;
    out.line("")?;
    for component in &status.components {
        let light = light(component.light, out.colour());
        let reason = component.reason.as_deref().unwrap_or_default();
        out.line(
            format_args!("{light}  {}  {reason}", component.name)
                .to_string()
                .trim_end(),
        )?;
    }
    if status.role != WORKER {
        routes(status, out)?;
    }
    if status.role != GATEWAY {
        sinks(status, out)?;
    }
    Ok(())
}

/// Where something is: elsewhere, or on this disk with that size.
fn place(elsewhere: Option<&str>, bytes: u64) -> String {
    match elsewhere {
        Some(place) => format!("in {place}"),
        None => format_size(bytes),
    }
}

fn light(light: Light, colour: bool) -> &'static str {
    match (light, colour) {
        (Light::Green, true) => "\u{1b}[32mgreen\u{1b}[0m",
        (Light::Amber, true) => "\u{1b}[33mamber\u{1b}[0m",
        (Light::Red, true) => "\u{1b}[31mred  \u{1b}[0m",
        (Light::Green, false) => "green",
        (Light::Amber, false) => "amber",
        (Light::Red, false) => "red  ",
    }
}

fn routes(status: &Status, out: &mut Output) -> Result<(), CommandError> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for route in &status.routes {
        let numbers = [route.accepted, route.in_flight, route.refused];
        rows.push(row(&route.name, &numbers));
    }
    out.line("")?;
    out.table(
        &["ROUTE", "ACCEPTED", "IN FLIGHT", "REFUSED"],
        &[false, true, true, true],
        &rows,
    )?;
    let unrouted = status.unrouted;
    out.line(format_args!(
        "no route: {} to subscribers only, {} dropped, {} refused",
        unrouted.m2m, unrouted.dropped, unrouted.rejected
    ))
}

fn sinks(status: &Status, out: &mut Output) -> Result<(), CommandError> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for sink in &status.sinks {
        let numbers = [
            sink.accepted,
            sink.written,
            sink.dead_lettered,
            sink.filtered,
            sink.in_flight,
            sink.lag,
            sink.rows,
        ];
        let mut cells = row(&sink.name, &numbers);
        cells.insert(1, sink.state.clone());
        cells.push(if sink.balance() { "yes" } else { "NO" }.to_owned());
        rows.push(cells);
    }
    let headings = [
        "SINK",
        "STATE",
        "ACCEPTED",
        "WRITTEN",
        "DEAD",
        "FILTERED",
        "IN FLIGHT",
        "LAG",
        "ROWS",
        "BALANCED",
    ];
    let right = [
        false, false, true, true, true, true, true, true, true, false,
    ];
    out.line("")?;
    out.table(&headings, &right, &rows)?;
    for sink in status.sinks.iter().filter(|sink| sink.skipped > 0) {
        out.line(format_args!(
            "{}: {} of the accepted records were deleted by retention before the sink read them",
            sink.name, sink.skipped
        ))?;
    }
    Ok(())
}

fn row(name: &str, numbers: &[u64]) -> Vec<String> {
    let mut row = vec![name.to_owned()];
    row.extend(numbers.iter().map(u64::to_string));
    row
}
