//! An orderly stop in two stages: first nothing new comes in, then what is under way is finished.

use tokio_util::sync::CancellationToken;

/// Tells tasks that the program is to stop. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    intake: CancellationToken,
    drain: CancellationToken,
}

impl Shutdown {
    /// Stage one: listeners stop accepting, connections answer what they have taken and close.
    pub fn stop_intake(&self) {
        self.intake.cancel();
    }

    /// Stage two: sinks finish the batch they are writing, commit its offsets and end.
    pub fn stop_sinks(&self) {
        self.drain.cancel();
    }

    /// Resolves at stage one.
    pub async fn intake_stopped(&self) {
        self.intake.cancelled().await;
    }

    /// The token of stage one, for a place that only polls.
    pub fn intake(&self) -> &CancellationToken {
        &self.intake
    }

    /// The token of stage two.
    pub fn sinks(&self) -> &CancellationToken {
        &self.drain
    }
}
