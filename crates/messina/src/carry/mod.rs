//! An embedded installation's log and tables, carried over to Kafka and CQL, or into files for that.
//! Takes the data directory of an installation that does not run, and the configuration it is to go on with.
//! Gives records, groups' offsets and rows to the clients of Kafka and CQL, and books that balance.

mod error;

pub use error::CarryError;

mod installation;

pub use installation::Installation;

// How far it is: on the terminal, and after a stop.
mod progress;

pub use progress::Progress;

mod journal;

// The log, the tables, and all of it as files.
mod records;

pub use records::carry_records;

mod rows;

pub use rows::carry_rows;

mod row_form;

mod files;

pub use files::copy_files;

mod report;

pub use report::{CarryReport, TableBooks, TopicBooks};
