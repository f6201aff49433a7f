//! Tables that others may change while rows are written to them: `ALTER TABLE`, or dropped and made anew.
//!
//! A statement that was prepared before says nothing of it: its id is that of its text. So the schema's version is asked
//! for once in a while before rows are sent, and the table is read again where it is another.

use std::time::Duration;

use messina_connect::table_schema::TableSchema;
use tokio::time::Instant;
use uuid::Uuid;

use super::TableClient;
use super::definition::DefinitionError;
use super::table::CqlTable;
use crate::table::{TableError, Verdict};

/// Rows of a type that a column no longer has are written for no longer than this.
const EVERY: Duration = Duration::from_secs(1);
/// However many records are doubtful, the version is asked for no more often than this.
const AT_MOST_EVERY: Duration = Duration::from_millis(100);

/// What the cluster has last said of its schema's version, to a client and all its tables.
#[derive(Debug, Default)]
pub(super) struct SchemaVersion(tokio::sync::Mutex<Option<Told>>);

#[derive(Debug, Clone, Copy)]
struct Told {
    /// When it was asked.
    at: Instant,
    /// None where it did not answer.
    version: Option<Uuid>,
}

/// The schema's version when the table was found as it should be.
#[derive(Debug, Default)]
pub(super) struct Watch(parking_lot::Mutex<Option<Uuid>>);

impl TableClient {
    /// The schema's version, asked for at `since` or later: by whoever comes first, for all who wait.
    async fn schema_version(&self, since: Instant) -> Option<Uuid> {
        const VERSION: &str = "SELECT schema_version FROM system.local";
        let mut told = self.schema.0.lock().await;
        if let Some(told) = *told {
            if told.at >= since {
                return told.version;
            }
            tokio::time::sleep_until(told.at + AT_MOST_EVERY).await;
        }
        let at = Instant::now();
        let rows = self.read::<(Uuid,)>(VERSION, ()).await;
        let version = rows.ok().and_then(|rows| rows.first().map(|(own,)| *own));
        *told = Some(Told { at, version });
        version
    }
}

impl CqlTable {
    /// Looks whether the schema has changed, unless that was done a moment ago, and if so at the table.
    ///
    /// A cluster that does not answer is no reason to stop here: the rows will hear of it.
    pub(super) async fn look(&self) -> Result<(), TableError> {
        let now = Instant::now();
        let since = now.checked_sub(EVERY).unwrap_or(now);
        let Some(version) = self.client.schema_version(since).await else {
            return Ok(());
        };
        match self.verified_at(version).await {
            Err(TableError::Unavailable { .. }) => Ok(()),
            looked => looked,
        }
    }

    /// Looks whether the schema has changed, as it is at `since` or later, and if so at the table.
    pub(super) async fn look_since(&self, since: Instant) -> Result<(), TableError> {
        match self.client.schema_version(since).await {
            Some(version) => self.verified_at(version).await,
            // Why there is none the table's own definition will say.
            None => self.verified().await,
        }
    }

    async fn verified_at(&self, version: Uuid) -> Result<(), TableError> {
        if *self.watch.0.lock() == Some(version) {
            return Ok(());
        }
        self.verified().await?;
        *self.watch.0.lock() = Some(version);
        Ok(())
    }

    /// Looks at the table itself.
    pub(super) async fn verified(&self) -> Result<(), TableError> {
        let Err(error) = self.verify().await else {
            return Ok(());
        };
        let table = self.schema.name.clone();
        Err(match error {
            DefinitionError::Changed { differences, .. } => {
                TableError::Changed { table, differences }
            }
            error if error.verdict() == Verdict::Retry => TableError::Unavailable {
                table,
                source: error.into(),
            },
            error => TableError::Unusable {
                table,
                source: error.into(),
            },
        })
    }
}

/// What is not as it was, in words.
pub(super) fn changes(was: &TableSchema, now: Option<&TableSchema>) -> Vec<String> {
    let Some(now) = now else {
        return vec!["it was dropped".to_owned()];
    };
    let mut changes = Vec::new();
    for own in &was.columns {
        match now.columns.iter().find(|other| other.name == own.name) {
            None => changes.push(format!("column `{}` was dropped", own.name)),
            Some(other) if other.cql_type != own.cql_type => {
                let (before, after) = (&own.cql_type, &other.cql_type);
                // Types of one name differ in their fields.
                let how = if before.to_string() == after.to_string() {
                    format!("type {before} was altered")
                } else {
                    format!("{before} became {after}")
                };
                changes.push(format!("column `{}`: {how}", own.name));
            }
            Some(_) => {}
        }
    }
    for other in &now.columns {
        if was.column(&other.name).is_none() {
            changes.push(format!("column `{}` was added", other.name));
        }
    }
    if changes.is_empty() {
        changes.push("its key is another".to_owned());
    }
    changes
}
