//! A connector's offsets: shown, altered, reset.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Failure, read};
use super::routes::Api;
use crate::herder::{HerderError, PartitionOffset};

type Shared = State<Arc<Api>>;

/// `GET /connectors/{name}/offsets`
pub(super) async fn show(
    State(api): Shared,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let offset = |own: PartitionOffset| {
        json!({
            "partition": { "kafka_topic": own.topic, "kafka_partition": own.partition },
            "offset": { "kafka_offset": own.offset },
        })
    };
    let offsets = api.herder.offsets(&name).await?.into_iter().map(offset);
    Ok(Json(json!({ "offsets": offsets.collect::<Vec<_>>() })))
}

/// `PATCH /connectors/{name}/offsets`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    offsets: Option<Vec<AskedOffset>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedOffset {
    #[serde(default)]
    partition: Option<Map<String, Value>>,
    #[serde(default)]
    offset: Option<Map<String, Value>>,
}

/// Alters offsets of a stopped connector.
pub(super) async fn alter(
    State(api): Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let asked: Asked = read(&headers, body, api.max_body).await?;
    let asked = asked.offsets.filter(|offsets| !offsets.is_empty());
    let nothing = "Partitions / offsets need to be provided for an alter offsets request";
    let asked = asked.ok_or_else(|| Failure::bad_request(nothing))?;
    api.herder.info(&name)?;
    let offsets: Result<Vec<_>, Failure> = asked.into_iter().map(parse).collect();
    let altered = api.herder.alter_offsets(&name, offsets?).await;
    altered.map_err(|error| with_name(error, &name))?;
    Ok(done("altered"))
}

/// `DELETE /connectors/{name}/offsets`
pub(super) async fn reset(
    State(api): Shared,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let reset = api.herder.reset_offsets(&name).await;
    reset.map_err(|error| with_name(error, &name))?;
    Ok(done("reset"))
}

fn with_name(error: HerderError, name: &str) -> Failure {
    match error {
        HerderError::Refused(text) => Failure::bad_request(text.replace("<connector>", name)),
        other => other.into(),
    }
}

fn done(what: &str) -> Json<Value> {
    Json(json!({ "message": format!(
        "The Connect framework-managed offsets for this connector have been {what} successfully. However, if this \
         connector manages offsets externally, they will need to be manually {what} in the system that the connector \
         uses."
    ) }))
}

fn parse(asked: AskedOffset) -> Result<PartitionOffset, Failure> {
    let missing = "The partition for a sink connector offset cannot be null or missing";
    let partition = asked
        .partition
        .ok_or_else(|| Failure::bad_request(missing))?;
    let keys = "The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'";
    let (Some(topic), Some(number)) = (
        partition.get("kafka_topic"),
        partition.get("kafka_partition"),
    ) else {
        return Err(Failure::bad_request(keys));
    };
    if number.is_null() {
        let message = "Kafka partitions must be valid numbers and may not be null";
        return Err(Failure::bad_request(message));
    }
    if topic.is_null() {
        return Err(Failure::bad_request(
            "Kafka topic names must be valid strings and may not be null",
        ));
    }
    let number = text(number);
    let number = number
        .parse()
        .map_err(|_error| not_integer("partition", "Partition", &number))?;
    let offset = asked.offset.map(|offset| offset_of(&offset)).transpose()?;
    Ok(PartitionOffset {
        topic: text(topic),
        partition: number,
        offset,
    })
}

fn offset_of(offset: &Map<String, Value>) -> Result<i64, Failure> {
    let keys =
        "The offset for a sink connector should either be null or contain the key 'kafka_offset'";
    let value = offset
        .get("kafka_offset")
        .ok_or_else(|| Failure::bad_request(keys))?;
    let value = text(value);
    let number: i64 = value
        .parse()
        .map_err(|_error| not_integer("offset", "Offset", &value))?;
    if number < 0 {
        let message = format!("an offset is not negative, and this is: {number}");
        return Err(Failure::new(StatusCode::BAD_REQUEST, message));
    }
    Ok(number)
}

fn not_integer(what: &str, whats: &str, value: &str) -> Failure {
    Failure::bad_request(format!(
        "Failed to parse the following Kafka {what} value in the provided offsets: '{value}'. {whats} values for sink \
         connectors need to be integers."
    ))
}

/// A number may be given as a text.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
