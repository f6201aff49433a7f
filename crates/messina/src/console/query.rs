//! `/api/query`: SELECT on the embedded table.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use messina_store::table::{QueryError, QueryLimits, QueryValue};
use serde_json::Value;

use super::api::{Query, Rows};
use super::exchange::{ApiError, Body};
use super::status::Sources;

/// `POST /api/query`
pub async fn query(
    State(sources): State<Arc<Sources>>,
    Body(asked): Body<Query>,
) -> Result<Json<Rows>, ApiError> {
    if let Some(cql) = &sources.cql {
        return Err(ApiError::bad_request(&cql.ask_cqlsh(&asked.sql)));
    }
    let configured = sources.query_limits;
    let max_rows = asked
        .max_rows
        .unwrap_or(configured.max_rows)
        .min(configured.max_rows);
    let limits = QueryLimits {
        max_rows,
        ..configured
    };
    let found = sources.tables.query(&asked.sql, limits).await?;
    let (columns, types) = found
        .columns
        .into_iter()
        .map(|column| (column.name, column.declared_type))
        .unzip();
    let rows = found
        .rows
        .into_iter()
        .map(|row| row.into_iter().map(json).collect())
        .collect();
    Ok(Json(Rows {
        columns,
        types,
        rows,
        truncated: found.truncated,
    }))
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
