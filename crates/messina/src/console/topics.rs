//! `/api/topics`: list, create, delete.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use messina_store::log::{Cleanup, Log, TopicConfig, TopicError, TopicInfo, is_internal};

use super::api::{CreateTopic, PartitionEntry, TopicEntry, TopicList};
use super::exchange::{ApiError, Body};
use super::status::Sources;

/// `GET /api/topics`
pub async fn list(State(sources): State<Arc<Sources>>) -> Json<TopicList> {
    let topics = sources
        .log
        .topics()
        .into_iter()
        .map(|info| entry(&sources.log, info))
        .collect();
    Json(TopicList { topics })
}

fn entry(log: &Log, info: TopicInfo) -> TopicEntry {
    let partitions = log.partitions(&info.name);
    let partitions = partitions.iter().map(|handle| PartitionEntry {
        partition: handle.index(),
        start: handle.start_offset(),
        end: handle.end_offset(),
    });
    TopicEntry {
        internal: info.internal,
        cleanup: match info.config.cleanup {
            Cleanup::Delete => "delete".to_owned(),
            Cleanup::Compact => "compact".to_owned(),
        },
        retention_ms: info
            .config
            .retention
            .and_then(|retention| u64::try_from(retention.as_millis()).ok()),
        retention_bytes: info.config.retention_bytes,
        partitions: partitions.collect(),
        name: info.name,
    }
}

/// `POST /api/topics`
pub async fn create(
    State(sources): State<Arc<Sources>>,
    Body(asked): Body<CreateTopic>,
) -> Result<(StatusCode, Json<TopicEntry>), ApiError> {
    if is_internal(&asked.name) {
        return Err(ApiError::bad_request(&format!(
            "`{}`: names that begin with `__` are Messina's own; choose another",
            asked.name
        )));
    }
    let config = TopicConfig {
        partitions: asked
            .partitions
            .unwrap_or(sources.topic_defaults.partitions),
        retention: asked
            .retention_ms
            .map(Duration::from_millis)
            .or(sources.topic_defaults.retention),
        retention_bytes: asked
            .retention_bytes
            .or(sources.topic_defaults.retention_bytes),
        cleanup: if asked.compact {
            Cleanup::Compact
        } else {
            Cleanup::Delete
        },
    };
    sources
        .log
        .create_topic(&asked.name, config.clone())
        .await?;
    let info = TopicInfo {
        name: asked.name,
        config,
        internal: false,
    };
    Ok((StatusCode::CREATED, Json(entry(&sources.log, info))))
}

/// `DELETE /api/topics/NAME`
pub async fn delete(
    State(sources): State<Arc<Sources>>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    if is_internal(&name) {
        return Err(ApiError::bad_request(&format!(
            "`{name}` is Messina's own; it cannot be deleted while it runs"
        )));
    }
    sources.log.delete_topic(&name).await?;
    Ok(StatusCode::NO_CONTENT)
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
