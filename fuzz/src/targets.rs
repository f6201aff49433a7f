//! The targets: each takes any bytes and returns.

use messina_connect::config::{ConnectorConfig, Property};
use messina_connect::plan::Plan;

/// A target, the inputs it starts from, and its name on the command line.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name `cargo xtask fuzz NAME` takes.
    pub name: &'static str,
    /// Inputs that reach deep; the mutator starts from them.
    pub seeds: &'static [&'static [u8]],
    /// The function.
    pub run: fn(&[u8]),
}

/// Every target.
pub const ALL: &[Target] = &[Target {
    name: "plan",
    seeds: PLAN_SEEDS,
    run: plan,
}];

const PLAN_SEEDS: &[&[u8]] = &[
    b"topics=temperature\nconnect.cassandra.kcql=INSERT INTO temperature SELECT event_id, ts FROM temperature PK event_id TTL=60",
    b"topics=a,b\nvalue.converter=messina.Delimited\ntransforms=explode\ntransforms.explode.type=messina.Explode$Value\ntransforms.explode.field=readings",
];

/// A connector's options, one `name=value` a line: compiled or refused with problems.
pub fn plan(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut config = ConnectorConfig::new("fuzz");
    for (option, value) in text.lines().filter_map(|line| line.split_once('=')) {
        config.set(option, Property::from(value));
    }
    if let Err(problems) = Plan::compile(&config, &|_| None) {
        assert!(!problems.is_empty(), "refused without a reason");
    }
}
