//! Kafka Connect's REST API: the paths, bodies, status codes and texts that its tools know.
//! Takes requests from loopback, or wherever `[rest]` lets it listen.
//! Gives them to the herder, and its answers back.

mod answer;

mod definition;

mod plugins;

mod validation;

mod stages;

mod overrides;

mod offsets;

mod loggers;

mod connectors;

mod forward;

mod peers;

mod login;

mod routes;

mod server;

pub use login::{Login, LoginError};
pub use routes::Api;
pub use server::serve;
pub use validation::judge_body;
