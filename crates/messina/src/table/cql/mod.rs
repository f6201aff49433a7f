//! Tables of ScyllaDB and Cassandra, over the `scylla` driver.
//! Takes batches of rows from the sink task, and the connection from `[cql]`.
//! Gives "durable" when the cluster has every row, at the consistency asked for.

mod addresses;

mod client;

pub use client::{ConnectError, TableClient};

mod refusal;

mod clients;

pub use clients::TableClients;

mod keyspace;

mod change;

mod definition;

pub use definition::{DefinitionError, create_keyspace, create_table, name};

mod error;

mod limit;

mod value;

mod statement;

mod table;

pub use table::CqlTable;

mod watch;

mod writer;

// Reading, for people.
mod shown;

mod reader;

pub use reader::{CqlReader, ReadError, Selected};
