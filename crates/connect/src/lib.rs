//! Kafka Connect's semantics without I/O: a Record's bytes to values, values through transforms, values to a Row.
//!
//! A connector's configuration is compiled once into a [`plan::Plan`]; per record nothing is looked up by
//! name that could have been resolved before, and no JSON text stands between a record and its row.

pub mod record;
pub mod schema;
pub mod value;

mod schema_cache;

pub mod data_error;

pub mod config;

mod options;

mod java_date;
mod java_names;
mod java_number;
mod java_text;
mod java_time;

pub mod converter;

pub mod transform;

pub mod kcql;

pub mod cql_type;
pub mod row;
pub mod table_schema;

pub mod bind;

pub mod sink_class;

pub mod mapping;

pub mod cluster;
mod pem_store;

pub mod plan;
