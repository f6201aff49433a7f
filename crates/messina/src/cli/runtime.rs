//! The runtime of a command that waits for one thing at a time.

use tokio::runtime::{Builder, Runtime};

use super::CommandError;

/// A runtime on this thread alone.
pub(super) fn runtime() -> Result<Runtime, CommandError> {
    let built = Builder::new_current_thread().enable_all().build();
    built.map_err(CommandError::Runtime)
}
