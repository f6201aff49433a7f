//! The herder of several workers: they share connectors and tasks, and take over from each other.
//! Takes requests from the REST API, and what other workers have written from Kafka Connect's topics.
//! Gives running tasks to the partitions this worker holds, and everything it knows to the topics again.

mod view;

mod placement;

mod roster;

mod tail;

mod membership;

mod config_writer;

mod status_writer;

mod running;

mod worker;

mod lead;

mod reconcile;

mod requests;

mod offsets;

pub use requests::{For, Whereabouts};
pub use worker::{SharedHerder, SharedParts};
