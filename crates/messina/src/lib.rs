//! The binary's library: everything `messina` does, module by module in the order a reading takes.
//!
//! What the operator typed (`cli`, `config`), then the path itself: bytes arrive (`listener`), become Publishes
//! (`gateway`) of clients that are known and bounded (`access`), Records (the log of `messina-store`), Rows
//! (`sink`), and beside it what looks at the path (`console`, `telemetry`) or feeds it (`simulator`), what puts it
//! together (`up`) and what everything stands on (`runtime`).

// What the operator typed, and what it means.
pub mod cli;

pub mod config;

// The path.
pub mod listener;

pub mod access;

pub mod gateway;

pub mod record_log;

pub mod sink;

pub mod table;

pub mod herder;

// Beside the path.
pub mod rest;

pub mod console;

pub mod simulator;

pub mod carry;

pub mod telemetry;

// All of it in one process.
pub mod up;

// What everything stands on.
pub mod runtime;
