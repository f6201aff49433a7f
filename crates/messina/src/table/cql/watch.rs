//! Tables that others may change while rows are written to them: `ALTER TABLE`, or dropped and made anew.
//!
//! A statement that was prepared before says nothing of it: its id is that of its text. So the schema's version is asked
//! for once in a while before rows are sent, and the table is read again where it is another.

use std::time::Duration;

use messina_connect::table_schema::TableSchema;
use tokio::time::Instant;
use uuid::Uuid;

use super::definition::DefinitionError;
use super::table::CqlTable;
use crate::table::{TableError, Verdict};

/// Rows of a type that a column no longer has are written for no longer than this.
const EVERY: Duration = Duration::from_secs(1);

/// When the schema's version was asked for, and what it was when the table was found as it should be.
#[derive(Debug, Default)]
pub(super) struct Watch(parking_lot::Mutex<Seen>);

#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    at: Option<Instant>,
    version: Option<Uuid>,
}

impl CqlTable {
    /// Looks whether the schema has changed, unless that was done a moment ago, and if so at the table.
    ///
    /// A cluster that does not answer is no reason to stop here: the rows will hear of it.
    pub(super) async fn look(&self) -> Result<(), TableError> {
        let seen = *self.watch.0.lock();
        if seen.at.is_some_and(|at| at.elapsed() < EVERY) {
            return Ok(());
        }
        let Some(version) = self.schema_version().await else {
            return Ok(());
        };
        if seen.version != Some(version) {
            match self.verified().await {
                Err(TableError::Unavailable { .. }) => return Ok(()),
                other => other?,
            }
        }
        *self.watch.0.lock() = Seen {
            at: Some(Instant::now()),
            version: Some(version),
        };
        Ok(())
    }

    async fn schema_version(&self) -> Option<Uuid> {
        const VERSION: &str = "SELECT schema_version FROM system.local";
        let rows = self.client.read::<(Uuid,)>(VERSION, ()).await.ok()?;
        rows.first().map(|(version,)| *version)
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
