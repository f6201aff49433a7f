//! The targets: each takes any bytes and returns.

mod auth;
mod configuration;
mod connector;
mod listener;
mod log;
mod mqtt;
mod session;
mod session_oracle;
mod value;

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

/// Every target, along the path of a reading and then the configuration.
pub const ALL: &[Target] = &[
    listener::PROXY,
    listener::WEB_SOCKET,
    mqtt::SERVER,
    mqtt::DEVICE,
    mqtt::TOPIC,
    session::SESSION,
    auth::AUTH,
    log::RECOVERY,
    value::JSON,
    value::DELIMITED,
    value::HEADER,
    connector::KCQL,
    connector::CQL_TYPE,
    connector::PLAN,
    configuration::PROPERTIES,
    configuration::WORKER,
    configuration::TOML,
    configuration::REST_BODY,
];
