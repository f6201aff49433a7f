//! Connectors: made, looked at, changed, paused, restarted, deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{Failure, read};
use super::routes::Api;
use super::validation::must_be_valid;
use crate::herder::{
    ConnectorInfo, ConnectorStatus, HerderError, Properties, State as Standing, Target, TaskStatus,
};

type Shared = State<Arc<Api>>;

/// `GET /`
pub(super) async fn worker(State(api): Shared) -> Json<Value> {
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "commit": "unknown",
        "kafka_cluster_id": api.herder.cluster(),
    }))
}

/// `GET /health`: it listens only when everything is started.
pub(super) async fn health() -> Json<Value> {
    let message = "Worker has completed startup and is ready to handle requests.";
    Json(json!({ "status": "healthy", "message": message }))
}

/// What is told of a connector by `?expand=`.
#[derive(Serialize)]
struct Expanded {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<ConnectorStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<ConnectorInfo>,
}

/// `GET /connectors`
pub(super) async fn list(State(api): Shared, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let expand: Vec<&str> = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("expand="))
        .collect();
    let names = api.herder.names();
    if expand.is_empty() {
        return Json(names).into_response();
    }
    let mut all = BTreeMap::new();
    for name in names {
        // Deleted in this moment: left out.
        let (Ok(status), Ok(info)) = (api.herder.status(&name), api.herder.info(&name)) else {
            continue;
        };
        let expanded = Expanded {
            status: expand.contains(&"status").then_some(status),
            info: expand.contains(&"info").then_some(info),
        };
        all.insert(name, expanded);
    }
    Json(all).into_response()
}

/// A value as it comes: Kafka Connect takes numbers and booleans for their text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Boolean(bool),
}

impl Scalar {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
            Self::Boolean(boolean) => boolean.to_string(),
        }
    }
}

/// Options as they come, null included.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Given(BTreeMap<String, Option<Scalar>>);

impl Given {
    /// The options; Kafka Connect has no use for a null either.
    pub(super) fn properties(self) -> Result<Properties, Failure> {
        let text = |(option, value): (String, Option<Scalar>)| match value {
            Some(value) => Ok((option, value.into_text())),
            None => Err(Failure::bad_request(format!(
                "option `{option}` is null: leave it out"
            ))),
        };
        self.0.into_iter().map(text).collect()
    }

    fn patch(self) -> Vec<(String, Option<String>)> {
        let text =
            |(option, value): (String, Option<Scalar>)| (option, value.map(Scalar::into_text));
        self.0.into_iter().map(text).collect()
    }
}

/// `POST /connectors`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    #[serde(default)]
    name: String,
    config: Given,
    #[serde(default)]
    initial_state: Option<String>,
}

impl Create {
    fn target(&self) -> Result<Target, Failure> {
        let word = self.initial_state.as_deref().unwrap_or("RUNNING");
        match word.to_ascii_uppercase().as_str() {
            "RUNNING" => Ok(Target::Started),
            "PAUSED" => Ok(Target::Paused),
            "STOPPED" => Ok(Target::Stopped),
            _ => Err(Failure::bad_request(format!(
                "initial_state `{word}` is none of RUNNING, PAUSED, STOPPED"
            ))),
        }
    }
}

pub(super) async fn create(
    State(api): Shared,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let asked: Create = read(&headers, body, api.max_body).await?;
    let target = asked.target()?;
    let name = asked.name.trim().to_owned();
    let properties = named(&name, asked.config.properties()?)?;
    must_be_valid(&api.herder, &name, &properties)?;
    let info = api.herder.create(&name, properties, target).await?;
    Ok(created(&info))
}

/// The options with the connector's name among them; another name there is refused.
fn named(name: &str, mut properties: Properties) -> Result<Properties, Failure> {
    match properties.get("name") {
        Some(other) if other != name => Err(Failure::bad_request(format!(
            "Connector name configuration ({other}) doesn't match connector name in the URL ({name})"
        ))),
        Some(_) => Ok(properties),
        None => {
            properties.insert("name".to_owned(), name.to_owned());
            Ok(properties)
        }
    }
}

fn created(info: &ConnectorInfo) -> Response {
    let location = format!("/connectors/{}", encoded(&info.name));
    let headers = [(header::LOCATION, location)];
    (StatusCode::CREATED, headers, Json(info)).into_response()
}

/// A name as a part of a path.
fn encoded(name: &str) -> String {
    let one = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    name.bytes().map(one).collect()
}

/// `GET /connectors/{name}`
pub(super) async fn info(
    State(api): Shared,
    Path(name): Path<String>,
) -> Result<Json<ConnectorInfo>, Failure> {
    Ok(Json(api.herder.info(&name)?))
}

/// `DELETE /connectors/{name}`
pub(super) async fn delete(
    State(api): Shared,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    api.herder.delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /connectors/{name}/config`
pub(super) async fn config(
    State(api): Shared,
    Path(name): Path<String>,
) -> Result<Json<Properties>, Failure> {
    Ok(Json(api.herder.info(&name)?.config))
}

/// `PUT /connectors/{name}/config`
pub(super) async fn put_config(
    State(api): Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let given: Given = read(&headers, body, api.max_body).await?;
    if let Err(error @ HerderError::Configured(_)) = api.herder.may_change(&name) {
        return Err(error.into());
    }
    let properties = named(&name, given.properties()?)?;
    must_be_valid(&api.herder, &name, &properties)?;
    let (info, made) = api.herder.put(&name, properties).await?;
    Ok(if made {
        created(&info)
    } else {
        Json(info).into_response()
    })
}

/// `PATCH /connectors/{name}/config`
pub(super) async fn patch_config(
    State(api): Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ConnectorInfo>, Failure> {
    let given: Given = read(&headers, body, api.max_body).await?;
    let check = |properties: &Properties| {
        named(&name, properties.clone())?;
        must_be_valid(&api.herder, &name, properties)
    };
    let patched = api.herder.patch(&name, given.patch(), check).await;
    Ok(Json(patched?))
}

/// `GET /connectors/{name}/status`
pub(super) async fn status(
    State(api): Shared,
    Path(name): Path<String>,
) -> Result<Json<ConnectorStatus>, Failure> {
    Ok(Json(api.herder.status(&name)?))
}

/// `GET /connectors/{name}/tasks`
pub(super) async fn tasks(
    State(api): Shared,
    Path(name): Path<String>,
) -> Result<Json<Vec<Value>>, Failure> {
    let task =
        |(number, config)| json!({ "id": { "connector": name, "task": number }, "config": config });
    let tasks = api.herder.tasks(&name)?.into_iter().enumerate();
    Ok(Json(tasks.map(task).collect()))
}

fn number(task: &str) -> Result<usize, Failure> {
    let parsed = task.parse();
    parsed.map_err(|_error| Failure::plain(StatusCode::NOT_FOUND))
}

/// `GET /connectors/{name}/tasks/{task}/status`
pub(super) async fn task_status(
    State(api): Shared,
    Path((name, task)): Path<(String, String)>,
) -> Result<Json<TaskStatus>, Failure> {
    Ok(Json(api.herder.task_status(&name, number(&task)?)?))
}

/// `POST /connectors/{name}/tasks/{task}/restart`
pub(super) async fn restart_task(
    State(api): Shared,
    Path((name, task)): Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    api.herder.restart_task(&name, number(&task)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /connectors/{name}/restart`
pub(super) async fn restart(
    State(api): Shared,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    let says = |word: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.any(|(own, value)| own == word && value.eq_ignore_ascii_case("true"))
    };
    let (tasks, only_failed) = (says("includeTasks"), says("onlyFailed"));
    let status = api.herder.restart(&name, tasks, only_failed).await?;
    Ok(if tasks || only_failed {
        (StatusCode::ACCEPTED, Json(status)).into_response()
    } else if status.connector.state == Standing::Failed {
        let trace = status.connector.trace.unwrap_or_default();
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, trace).into_response()
    } else {
        StatusCode::NO_CONTENT.into_response()
    })
}

async fn set(api: &Api, name: &str, target: Target) -> Result<(), HerderError> {
    api.herder.set_target(name, target).await
}

/// `PUT /connectors/{name}/pause`
pub(super) async fn pause(
    State(api): Shared,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    set(&api, &name, Target::Paused).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `PUT /connectors/{name}/resume`
pub(super) async fn resume(
    State(api): Shared,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    set(&api, &name, Target::Started).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `PUT /connectors/{name}/stop`
pub(super) async fn stop(
    State(api): Shared,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    set(&api, &name, Target::Stopped).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /connectors/{name}/topics`: of an unknown connector it is nothing, as Kafka Connect has it.
pub(super) async fn topics(
    State(api): Shared,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    must_track(api.topics.enabled, "Topic tracking is disabled.")?;
    let topics = api.herder.topics(&name);
    Ok(Json(json!({ name: { "topics": topics } })))
}

fn must_track(tracks: bool, why: &str) -> Result<(), Failure> {
    let refused = || Failure::new(StatusCode::FORBIDDEN, why);
    tracks.then_some(()).ok_or_else(refused)
}

/// `PUT /connectors/{name}/topics/reset`
pub(super) async fn reset_topics(
    State(api): Shared,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    must_track(api.topics.enabled, "Topic tracking is disabled.")?;
    must_track(api.topics.reset, "Topic tracking reset is disabled.")?;
    api.herder.reset_topics(&name).await;
    Ok(StatusCode::ACCEPTED)
}
