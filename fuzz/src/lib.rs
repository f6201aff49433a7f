//! Fuzz targets as plain functions over bytes, so that ordinary builds compile them and they never rot.
//!
//! `cargo xtask fuzz` drives them with the seeded mutator below; afl, honggfuzz or libFuzzer can call the
//! same functions. A target returns normally for every input: a panic, or memory out of proportion to the
//! input, is the finding.

#![expect(clippy::panic, reason = "a panic is how a target reports a finding")]

pub mod mutator;

pub mod targets;
