//! The main job and what can go wrong with it, on the built binary with clients that are not ours.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

mod demo;
mod subscribers;

mod bad_input;
mod refusals;
mod slow_table;
mod stopping;

mod books;
