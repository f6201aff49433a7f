//! What keeps the program running: supervised tasks, an orderly stop, the clock.
//! Takes nothing from any other folder but the health that a failed task turns red.
//! Gives every other folder a way to run a task whose end is never silence.

pub mod clock;
pub mod shutdown;
pub mod tasks;
