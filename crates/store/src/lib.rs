//! What must survive: the embedded log and the embedded table. The only crate that calls fsync.
//!
//! Every file operation of the log goes through [`disk::Disk`], so that tests can crash at each of them.

pub mod disk;

pub mod log;

pub mod table;
