//! What a connector's task opens before it can work: a cluster, its tables, and a plan for them.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use messina_connect::config::Problem;
use messina_connect::mapping::TableChange;
use messina_connect::plan::Plan;

use crate::table::{BoxFuture, Table, Verdict};

/// A plan, and a table for each of [`Plan::tables`] in that order.
#[derive(Debug)]
pub struct Opened {
    /// The compiled plan.
    pub plan: Plan,
    /// Its tables.
    pub tables: Vec<Arc<dyn Table>>,
}

/// Why it cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The cluster is away.
    #[error("the cluster of the connector's tables is away")]
    Away(#[source] Box<dyn Error + Send + Sync>),
    /// The cluster does not take our log-in. It may in a while: a node that has just started, or whose replica of the
    /// users is away, knows nobody, and says the same as for a wrong password.
    #[error(transparent)]
    LogIn(Box<dyn Error + Send + Sync>),
    /// The cluster, or a table of it, is not for us to use as things are.
    #[error(transparent)]
    Unusable(Box<dyn Error + Send + Sync>),
    /// A table was changed, and is as it was.
    #[error(
        "table `{0}` was created or changed for the connector, and still is not what its records want"
    )]
    Unchanged(String),
    /// The connector's options and its tables do not go together.
    #[error("{}", all(.0))]
    Wrong(Vec<Problem>),
}

fn all(problems: &[Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

impl OpenError {
    /// What to do about it; of a log-in that is not taken: for a while.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Away(_) | Self::LogIn(_) => Verdict::Retry,
            Self::Unusable(_) | Self::Unchanged(_) | Self::Wrong(_) => Verdict::Stop,
        }
    }
}

type Open = dyn Fn() -> BoxFuture<'static, Result<Opened, OpenError>> + Send + Sync;

type Change = dyn Fn(TableChange) -> BoxFuture<'static, Result<(), OpenError>> + Send + Sync;

/// How it is opened, and how a table of it is changed; may be asked again after it failed, and whenever the task is
/// started again.
pub struct Opening {
    open: Box<Open>,
    change: Box<Change>,
}

impl Opening {
    /// Opens and changes by that.
    pub fn new(
        open: impl Fn() -> BoxFuture<'static, Result<Opened, OpenError>> + Send + Sync + 'static,
        change: impl Fn(TableChange) -> BoxFuture<'static, Result<(), OpenError>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self {
            open: Box::new(open),
            change: Box::new(change),
        }
    }

    pub(super) fn open(&self) -> BoxFuture<'static, Result<Opened, OpenError>> {
        (self.open)()
    }

    pub(super) fn change(&self, change: TableChange) -> BoxFuture<'static, Result<(), OpenError>> {
        (self.change)(change)
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Opening")
    }
}
