//! What keeps the program running: supervised tasks, an orderly stop, the clock, and `up` itself.
//! Takes a checked configuration from `main`.
//! Gives every other folder a way to run a task whose end is never silence.

pub mod clock;
pub mod in_order;
pub mod shutdown;
pub mod tasks;

pub mod up;
