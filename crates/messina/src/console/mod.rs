//! The admin API and what it shows: topics, records, rows, dead letters, the books.
//! Takes the running log, tables, gateway and sinks from `up`.
//! Gives JSON over HTTP to the command line's tools, to scripts and to Prometheus.

pub mod api;

pub mod exchange;

pub mod log_view;

pub mod topics;

pub mod records;

pub mod query;

pub mod dead_letters;

pub mod status;

pub mod guard;

pub mod http;
