//! `/api/topics`: list, create, delete.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use messina_store::log::{TopicError, is_internal};

use super::api::{CreateTopic, TopicEntry, TopicList};
use super::exchange::{ApiError, Body};
use super::log_view::LogView;
use super::status::Sources;

/// `GET /api/topics`
pub async fn list(State(sources): State<Arc<Sources>>) -> Result<Json<TopicList>, ApiError> {
    let topics = sources.view.topics().await?;
    Ok(Json(TopicList { topics }))
}

/// `POST /api/topics`
pub async fn create(
    State(sources): State<Arc<Sources>>,
    Body(asked): Body<CreateTopic>,
) -> Result<(StatusCode, Json<TopicEntry>), ApiError> {
    let entry = create_topic(&sources.view, asked).await?;
    Ok((StatusCode::CREATED, Json(entry)))
}

/// Creates a topic that is not Messina's own.
pub async fn create_topic(view: &LogView, asked: CreateTopic) -> Result<TopicEntry, ApiError> {
    if is_internal(&asked.name) {
        return Err(ApiError::bad_request(&format!(
            "`{}`: names that begin with `__` are Messina's own; choose another",
            asked.name
        )));
    }
    view.create(asked).await
}

/// `DELETE /api/topics/NAME`
pub async fn delete(
    State(sources): State<Arc<Sources>>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    delete_topic(&sources.view, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a topic that is not Messina's own.
pub async fn delete_topic(view: &LogView, name: &str) -> Result<(), ApiError> {
    if is_internal(name) {
        return Err(ApiError::bad_request(&format!(
            "`{name}` is Messina's own; it cannot be deleted while it runs"
        )));
    }
    view.delete(name).await
}

impl From<TopicError> for ApiError {
    fn from(error: TopicError) -> Self {
        match error {
            TopicError::Unknown(_) => ApiError::not_found(&error),
            TopicError::Exists(_) => ApiError::conflict(&error),
            TopicError::Name(_) | TopicError::Partitions(_) => ApiError::bad_request(&error),
            TopicError::Log(_) | TopicError::Disk(_) => ApiError::unavailable(&error),
        }
    }
}
