//! SELECT on the cluster's tables, for people.

use std::time::Duration;

use messina_store::table::QueryLimits;
use scylla::errors::ExecutionError;
use scylla::response::query_result::QueryRowsResult;
use scylla::response::{PagingState, PagingStateResponse};
use scylla::statement::unprepared::Statement;
use scylla::value::Row;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::error::{Blame, blame};
use super::keyspace::variable;
use super::shown::shown;
use super::{ConnectError, TableClient};
use crate::config::CqlConfig;

/// Rows fetched at once.
const PAGE_ROWS: usize = 1_000;

/// Why there are no rows.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The statement is no SELECT.
    #[error(
        "only SELECT can be asked here; for anything else there is: cqlsh {at}",
        at = node.replace(':', " ")
    )]
    NotSelect {
        /// A node of the cluster.
        node: String,
    },
    /// The cluster cannot be asked.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The cluster does not take the statement.
    #[error("the cluster does not run the statement")]
    Statement(#[source] Box<ExecutionError>),
    /// The cluster has failed, or does not answer.
    #[error("the cluster does not answer the statement")]
    Cluster(#[source] Box<ExecutionError>),
    /// The time limit passed.
    #[error("the query took longer than {} s and was given up; narrow it, or raise its time limit", timeout.as_secs_f64())]
    TimedOut {
        /// The limit.
        timeout: Duration,
    },
    /// The answer is not of the protocol.
    #[error("the cluster's answer cannot be read: {reason}")]
    Answer {
        /// What is wrong with it.
        reason: String,
    },
}

/// What a SELECT found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selected {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Their types, as CQL writes them; none for one that nobody here knows.
    pub types: Vec<Option<String>>,
    /// One value for each column.
    pub rows: Vec<Vec<Value>>,
    /// There were more rows than the limit.
    pub truncated: bool,
}

/// Reads tables. Connects when it is first asked.
#[derive(Debug)]
pub struct CqlReader {
    config: CqlConfig,
    client: OnceCell<TableClient>,
}

impl CqlReader {
    /// For the cluster of this configuration, in its keyspace if it names one.
    pub fn new(config: &CqlConfig) -> Self {
        let config = CqlConfig {
            use_keyspace: !config.keyspace.is_empty(),
            ..config.clone()
        };
        Self {
            config,
            client: OnceCell::new(),
        }
    }

    /// The nodes of the cluster that are asked first, for people.
    pub fn nodes(&self) -> String {
        self.config.nodes().join(", ")
    }

    /// Runs one SELECT, within limits.
    pub async fn select(
        &self,
        statement: &str,
        limits: QueryLimits,
    ) -> Result<Selected, ReadError> {
        if !is_select(statement) {
            let node = self.config.nodes().into_iter().next();
            return Err(ReadError::NotSelect {
                node: node.unwrap_or_default(),
            });
        }
        let client = self
            .client
            .get_or_try_init(|| TableClient::connect(&self.config))
            .await?;
        let timeout = limits.timeout;
        let selected = tokio::time::timeout(timeout, client.select(statement, limits)).await;
        selected.unwrap_or(Err(ReadError::TimedOut { timeout }))
    }
}

impl TableClient {
    async fn select(&self, statement: &str, limits: QueryLimits) -> Result<Selected, ReadError> {
        let mut statement = Statement::new(statement);
        let page = limits.max_rows.clamp(1, PAGE_ROWS);
        statement.set_page_size(i32::try_from(page).unwrap_or(i32::MAX));
        // The one limit of time is the query's.
        statement.set_request_timeout(Some(limits.timeout));
        let mut selected = Selected::default();
        let mut bytes_left = limits.max_bytes;
        let mut state = PagingState::start();
        loop {
            let page = self.session.query_single_page(statement.clone(), (), state);
            let (answer, next) = page.await.map_err(failed)?;
            let unreadable = |error: &dyn std::error::Error| ReadError::Answer {
                reason: error.to_string(),
            };
            let page = answer
                .into_rows_result()
                .map_err(|error| unreadable(&error))?;
            if selected.columns.is_empty() {
                head(&page, &mut selected);
            }
            let rows = page.rows::<Row>().map_err(|error| unreadable(&error))?;
            for row in rows {
                let row = row.map_err(|error| unreadable(&error))?;
                let row: Vec<Value> = row.columns.into_iter().map(shown).collect();
                let size: usize = row.iter().map(size).sum();
                let left = bytes_left.checked_sub(size);
                let (Some(left), true) = (left, selected.rows.len() < limits.max_rows) else {
                    selected.truncated = true;
                    return Ok(selected);
                };
                bytes_left = left;
                selected.rows.push(row);
            }
            match next {
                PagingStateResponse::NoMorePages => return Ok(selected),
                PagingStateResponse::HasMorePages { state: next } => state = next,
            }
        }
    }
}

/// Columns and their types.
fn head(page: &QueryRowsResult, selected: &mut Selected) {
    for column in page.column_specs().iter() {
        selected.columns.push(column.name().to_owned());
        let known = variable(column.typ()).map(|known| known.to_string());
        selected.types.push(known);
    }
}

/// Roughly what a value takes in memory.
fn size(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(size).sum(),
            Value::Object(fields) => {
                let field = |(name, value): (&String, &Value)| name.len() + size(value);
                fields.iter().map(field).sum()
            }
        }
}

fn failed(error: ExecutionError) -> ReadError {
    match blame(&error) {
        Blame::Row | Blame::RowOrTable | Blame::Nobody => ReadError::Statement(Box::new(error)),
        Blame::Cluster | Blame::ClusterOrRow => ReadError::Cluster(Box::new(error)),
    }
}

/// Whether the statement's first word is SELECT: what begins so can change nothing, and is one statement.
fn is_select(statement: &str) -> bool {
    let mut rest = statement.trim_start();
    loop {
        let after = if let Some(line) = rest.strip_prefix("--").or_else(|| rest.strip_prefix("//"))
        {
            line.split_once('\n').map(|(_, after)| after)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map(|(_, after)| after)
        } else {
            break;
        };
        rest = after.unwrap_or_default().trim_start();
    }
    let letter = |c: char| c.is_alphanumeric() || c == '_' || c == '"';
    let word = rest.split(|c| !letter(c)).next().unwrap_or_default();
    word.eq_ignore_ascii_case("select")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_with_select_is_a_select() {
        for statement in [
            "SELECT * FROM t",
            "select(a) from t",
            " \n-- a comment\n// another\n/* and ; INSERT */ Select\n1",
            "SELECT JSON * FROM t;",
        ] {
            assert!(is_select(statement), "{statement}");
        }
        for statement in [
            "",
            "INSERT INTO t (a) VALUES (1)",
            "selected",
            "\"select\" * FROM t",
            "BEGIN BATCH SELECT",
            "-- SELECT",
            "/* SELECT */ DROP TABLE t",
            "/* SELECT",
            "; SELECT 1",
        ] {
            assert!(!is_select(statement), "{statement}");
        }
    }
}
