//! A fleet of MQTT devices with a seed: what it was promised, and what arrived.
//! Takes a plan from the command line, and what the log has from the admin API.
//! Gives load to a gateway, and a report to the operator. Its [`Link`] also carries `messina pub` and `sub`.

mod link;

pub use link::{Event, Link, LinkError};

mod random;

pub use random::Random;

mod profile;

pub use profile::Profile;

mod plan;

pub use plan::{Faults, FleetError, FleetPlan};

mod device;

pub use device::payload_hash;

mod fleet;

pub use fleet::run;

mod report;

pub use report::{Latency, Promises, Report, Verdict};
