//! What a fleet is to do, what is to go wrong, and why it may not even begin.

use std::time::Duration;

use messina_mqtt::packet::{QoS, Version};
use thiserror::Error;

use super::Profile;

/// What a fleet does.
#[derive(Debug, Clone)]
pub struct FleetPlan {
    /// The server, `host:port`.
    pub address: String,
    /// Devices.
    pub count: u32,
    /// Publishes a second, all devices together.
    pub rate: f64,
    /// How long devices publish.
    pub duration: Duration,
    /// With which QoS.
    pub qos: QoS,
    /// Which protocol.
    pub version: Version,
    /// Publishes a device may have unacknowledged.
    pub window: u16,
    /// To which topic; `{device}` is the device's number.
    pub topic: String,
    /// What.
    pub profile: Profile,
    /// What goes wrong.
    pub faults: Faults,
    /// The seed of everything that is left to chance.
    pub seed: u64,
    /// Tells this run's payloads from those of others.
    pub run: u64,
    /// How long to wait for acknowledgements at the end.
    pub patience: Duration,
    /// The wall clock at the start, milliseconds since 1970-01-01 UTC, for payloads that say the time.
    pub started_millis: i64,
}

/// What goes wrong on purpose.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Probability that a device loses its connection when it publishes.
    pub drops: f64,
    /// Every so often all devices lose their connection at once.
    pub storms: Option<Duration>,
    /// Probability that a device publishes the same payload twice.
    pub duplicates: f64,
    /// Probability that a reading waits for the one after it.
    pub late: f64,
}

/// Why a fleet did not run.
#[derive(Debug, Error)]
pub enum FleetError {
    /// The topic cannot be published to.
    #[error("`{topic}` is not a topic to publish to")]
    Topic {
        /// The topic.
        topic: String,
        /// What is wrong with it.
        source: messina_mqtt::topic::TopicError,
    },
    /// No device ever got a connection.
    #[error("cannot connect to {address}")]
    Connect {
        /// The server.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A device failed: a bug in the simulator.
    #[error("a simulated device failed")]
    Device(#[from] tokio::task::JoinError),
}
