//! Which cases run, in which order.

use anyhow::{Result, bail};

use super::{cql, idle, kafka, paced, rows, start, storm, throughput};
use crate::Options;
use crate::report::Figure;

type Case = fn(&Options) -> Result<Vec<Figure>>;

const CASES: [(&str, Case); 14] = [
    ("qos0", |options| throughput::fan_in(0, options)),
    ("qos1", |options| throughput::fan_in(1, options)),
    ("qos2", |options| throughput::fan_in(2, options)),
    ("pairs", throughput::pairs),
    ("fanout", throughput::fan_out),
    ("storm", storm::reconnect),
    ("latency", paced::acknowledgement),
    ("rows", rows::publish_to_row),
    ("cql", |options| {
        cql::log_to_cassandra(options).map(|figure| vec![figure])
    }),
    ("kafka", kafka::gateway),
    ("worker", kafka::worker),
    ("idle", idle::connections),
    ("start", start::ready),
    ("size", start::size),
];

/// Runs the named cases; `table` is all of them.
pub(crate) fn run(names: &[String], options: &Options) -> Result<Vec<Figure>> {
    if let Some(name) = names
        .iter()
        .find(|name| *name != "table" && CASES.iter().all(|(known, _)| known != name))
    {
        bail!("there is no case `{name}`");
    }
    let mut figures = Vec::new();
    for (name, case) in CASES {
        if names
            .iter()
            .any(|wanted| wanted == name || wanted == "table")
        {
            eprintln!("measuring {name}");
            match case(options) {
                Ok(measured) => figures.extend(measured),
                Err(error) => figures.push(Figure::failed(name, &error)),
            }
        }
    }
    Ok(figures)
}
