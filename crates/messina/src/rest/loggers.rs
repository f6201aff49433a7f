//! Log levels, changed while the program runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::answer::{Failure, read};
use super::routes::Api;
use crate::telemetry::logs::{self, Level};

/// A logger as it is told.
#[derive(Debug, Serialize)]
pub(super) struct Logger {
    level: &'static str,
    last_modified: Option<i64>,
}

impl From<Level> for Logger {
    fn from(level: Level) -> Self {
        Self {
            level: level.word,
            last_modified: level.since,
        }
    }
}

/// `GET /admin/loggers`
pub(super) async fn list() -> Json<BTreeMap<String, Logger>> {
    let levels = logs::levels().into_iter();
    Json(levels.map(|(name, level)| (name, level.into())).collect())
}

/// `GET /admin/loggers/{name}`
pub(super) async fn show(Path(name): Path<String>) -> Result<Json<Logger>, Failure> {
    let mut levels = logs::levels();
    let unknown = || Failure::not_found(format!("Logger {name} not found."));
    let level = levels.remove(&name).ok_or_else(unknown)?;
    Ok(Json(level.into()))
}

#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(default)]
    level: Option<String>,
}

/// `PUT /admin/loggers/{name}`
pub(super) async fn set(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let wanted: Wanted = read(&headers, body, api.max_body).await?;
    let missing = "Desired 'level' parameter was not specified in request.";
    let level = wanted.level.ok_or_else(|| Failure::bad_request(missing))?;
    let now = api.clock.unix_millis();
    logs::set_level(&name, &level, now).map_err(|error| Failure::not_found(error.to_string()))?;
    if !is_for_all(query.as_deref()) {
        return Ok(Json(vec![name]).into_response());
    }
    api.herder.set_level(&name, &level).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Whether a query asks for a level in all workers. Another scope than that is this worker's, as in Kafka Connect.
fn is_for_all(query: Option<&str>) -> bool {
    let mut pairs = query.unwrap_or_default().split('&');
    let scope = pairs.find_map(|pair| pair.strip_prefix("scope="));
    scope.is_some_and(|scope| scope.eq_ignore_ascii_case("cluster"))
}
