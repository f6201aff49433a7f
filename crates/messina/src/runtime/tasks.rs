//! Supervised tasks: a panic or an error ends in red health and a log line, never in silence.

use std::future::Future;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

use crate::telemetry::health::Health;

/// Runs tasks and watches how they end. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    health: Arc<Health>,
}

impl Tasks {
    /// Tasks that report to `health`.
    pub fn new(health: Arc<Health>) -> Self {
        Self {
            tracker: TaskTracker::new(),
            health,
        }
    }

    /// Runs `task` until it ends. A panic in it turns the component `name` red.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let watch = PanicWatch {
            name,
            health: Arc::clone(&self.health),
        };
        self.tracker.spawn(async move {
            let _watch = watch;
            task.await;
        });
    }

    /// How many tasks have not ended.
    pub fn running(&self) -> usize {
        self.tracker.len()
    }

    /// Resolves when every task has ended; nothing may be spawned after the call.
    pub async fn all_ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Dropped while its task unwinds, it turns health red: the runtime itself swallows panics of tasks.
struct PanicWatch {
    name: &'static str,
    health: Arc<Health>,
}

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(
                task = self.name,
                "a task panicked: this is a bug in messina, please report it"
            );
            self.health.red(self.name, "the task panicked");
        }
    }
}
