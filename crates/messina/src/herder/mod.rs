//! The herder: connectors come, change and go while the program runs, and are there again after a crash.
//! Takes `[[sink]]`s from the configuration and requests from the REST API.
//! Gives running tasks, their states, and Kafka Connect's own records of both in two compacted topics.

mod error;

mod properties;

mod providers;

mod cluster;

mod factory;

mod records;

mod state_topic;

mod state;

mod managed;

mod keeping;

mod offsets;

mod requests;

mod shared;

mod connectors;

pub use connectors::Connectors;
pub use shared::{For, SharedHerder, SharedParts, Whereabouts};

pub use cluster::plan_on_cluster;
pub use error::HerderError;
pub use factory::{Declared, Factory, resolve};
pub use keeping::{Herder, Parts};
pub use offsets::PartitionOffset;
pub use properties::{Properties, connector_config};
pub use providers::{Provider, Providers};
pub use state::{ConnectorInfo, ConnectorStatus, Standing, State, Target, TaskId, TaskStatus};
