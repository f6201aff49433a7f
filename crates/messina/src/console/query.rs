//! `/api/query`: SELECT on the tables, embedded or in CQL.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use messina_store::table::{QueryError, QueryLimits, QueryResult, QueryValue};
use serde_json::Value;

use super::api::{Query, Rows};
use super::exchange::{ApiError, Body};
use super::status::Sources;
use crate::table::cql::{ReadError, Selected};

/// `POST /api/query`
pub async fn query(
    State(sources): State<Arc<Sources>>,
    Body(asked): Body<Query>,
) -> Result<Json<Rows>, ApiError> {
    let configured = sources.query_limits;
    let max_rows = asked
        .max_rows
        .unwrap_or(configured.max_rows)
        .min(configured.max_rows);
    let limits = QueryLimits {
        max_rows,
        ..configured
    };
    if let Some(cql) = &sources.cql {
        return Ok(Json(cql.select(&asked.sql, limits).await?.into()));
    }
    let found = sources.tables.query(&asked.sql, limits).await?;
    Ok(Json(found.into()))
}

impl From<Selected> for Rows {
    fn from(found: Selected) -> Self {
        Self {
            columns: found.columns,
            types: found.types,
            rows: found.rows,
            truncated: found.truncated,
        }
    }
}

impl From<QueryResult> for Rows {
    fn from(found: QueryResult) -> Self {
        let columns = found.columns.into_iter();
        let (columns, types) = columns
            .map(|column| (column.name, column.declared_type))
            .unzip();
        let row = |row: Vec<QueryValue>| row.into_iter().map(json).collect();
        Self {
            columns,
            types,
            rows: found.rows.into_iter().map(row).collect(),
            truncated: found.truncated,
        }
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        match &error {
            ReadError::NotSelect { .. } | ReadError::TimedOut { .. } => {
                ApiError::bad_request(&error)
            }
            ReadError::Statement(source) => ApiError::bad_request(&format!("{error}: {source}")),
            ReadError::Connect(_) | ReadError::Cluster(_) | ReadError::Answer { .. } => {
                ApiError::unavailable(&error)
            }
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Statement { .. } | QueryError::TimedOut { .. } => {
                ApiError::bad_request(&error)
            }
            QueryError::Failed { .. } | QueryError::Closed => ApiError::unavailable(&error),
        }
    }
}

fn json(value: QueryValue) -> Value {
    match value {
        QueryValue::Null => Value::Null,
        QueryValue::Integer(integer) => Value::from(integer),
        QueryValue::Real(real) => Value::from(real),
        QueryValue::Text(text) => Value::from(text),
        QueryValue::Blob(bytes) => {
            let hex = bytes.iter().fold(String::from("0x"), |mut hex, byte| {
                hex.push(digit(byte >> 4));
                hex.push(digit(byte & 0xf));
                hex
            });
            Value::from(hex)
        }
    }
}

fn digit(half: u8) -> char {
    char::from_digit(u32::from(half), 16).unwrap_or('0')
}
