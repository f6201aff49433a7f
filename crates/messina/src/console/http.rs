//! The admin API's routes.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};

use super::exchange::ApiError;
use super::guard::guard;
use super::status::Sources;
use super::{dead_letters, query, records, status, topics};

/// The largest request body: a batch of records for `POST /api/produce`.
const BODY_LIMIT: usize = 16 << 20;

/// The admin API over what is running.
pub fn router(sources: Arc<Sources>) -> Router {
    Router::new()
        .route("/health", get(status::health))
        .route("/metrics", get(status::metrics))
        .route("/api/status", get(status::status))
        .route("/api/topics", get(topics::list).post(topics::create))
        .route("/api/topics/{name}", delete(topics::delete))
        .route("/api/produce", post(records::produce))
        .route("/api/consume", get(records::consume))
        .route("/api/query", post(query::query))
        .route("/api/dlq", get(dead_letters::list))
        .route("/api/dlq/replay", post(dead_letters::replay))
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(Arc::clone(&sources), guard))
        .with_state(sources)
}

async fn unknown() -> ApiError {
    ApiError::not_found(&"the admin API has no such path")
}
