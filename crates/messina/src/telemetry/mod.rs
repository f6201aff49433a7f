//! What the running program says about itself: log lines, metrics, health, the books.
//! Takes facts from every other module.
//! Gives them to the terminal, to `/metrics`, `/health` and `/api/status`.

pub mod logs;

mod driver_lines;

pub mod causes;

pub mod recurring;

mod gateway_metrics;
pub mod metrics;

pub mod health;

pub mod status;
