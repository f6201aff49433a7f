//! Which part of the chain this process is.

/// What a process does of the way from a socket to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// All of it: `messina up`.
    All,
    /// From sockets to the log: `messina gateway`.
    Gateway,
    /// From the log to tables: `messina worker`.
    Worker,
}

impl Role {
    /// The command that starts it.
    pub const fn command(self) -> &'static str {
        match self {
            Self::All => "messina up",
            Self::Gateway => "messina gateway",
            Self::Worker => "messina worker",
        }
    }

    /// Its name, as a status gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "up",
            Self::Gateway => "gateway",
            Self::Worker => "worker",
        }
    }

    /// Whether clients connect to it over MQTT.
    pub const fn has_gateway(self) -> bool {
        matches!(self, Self::All | Self::Gateway)
    }

    /// Whether connectors run in it.
    pub const fn has_sinks(self) -> bool {
        matches!(self, Self::All | Self::Worker)
    }
}
