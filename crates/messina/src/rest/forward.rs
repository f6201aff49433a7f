//! Requests that another worker has to carry out: sent on to the leader, or to the worker that has the task.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answer::{Failure, whole};
use super::peers;
use super::routes::Api;
use crate::herder::{For, HerderError, Whereabouts};

/// Bytes of another worker's answer at most.
const MAX_ANSWER: usize = 16 << 20;

/// Sends a request on that is not for this worker, and answers what the other does.
pub(super) async fn to_whom_it_is_for(
    State(api): State<Arc<Api>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let asked = concerns(request.method(), &path);
    let Some(asked) = &asked else {
        return next.run(request).await;
    };
    let asked = match asked {
        Concern::Leader => For::Leader,
        Concern::Task(name, task) => For::Task(name, *task),
    };
    // A task nobody has: who has its connector says so.
    match api.herder.whereabouts(asked).await {
        Ok(Whereabouts::Here) => next.run(request).await,
        Ok(Whereabouts::There(worker)) => {
            let sent = send_on(&api, &worker, request).await;
            sent.unwrap_or_else(IntoResponse::into_response)
        }
        Err(error) => Failure::from(error).into_response(),
    }
}

/// Whom a request concerns that any worker may be sent.
#[derive(Debug, PartialEq, Eq)]
enum Concern {
    Leader,
    Task(String, usize),
}

fn concerns(method: &Method, path: &str) -> Option<Concern> {
    if ![Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method) {
        return None;
    }
    let mut parts = path.trim_matches('/').split('/');
    if parts.next() != Some("connectors") {
        return None;
    }
    let name = parts.next().map(decoded);
    match (name, parts.next(), parts.next(), parts.next()) {
        // Which topics were read every worker may forget.
        (Some(_), Some("topics"), ..) => None,
        (Some(name), Some("tasks"), Some(task), Some("restart")) => {
            Some(Concern::Task(name?, task.parse().ok()?))
        }
        _ => Some(Concern::Leader),
    }
}

/// A part of a path with `%2F` and the like as the characters they stand for.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let (digits, after) = after.split_first_chunk::<2>()?;
            let digits = std::str::from_utf8(digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after;
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The query of a request that is sent on: `forward` says that it was, once or twice. A third time it is not: the
/// workers do not agree on who leads.
fn query_of(uri: &Uri) -> Option<String> {
    let query = uri.query().unwrap_or_default();
    let is_forward = |pair: &&str| pair.split('=').next() == Some("forward");
    let before = query.split('&').find(is_forward);
    let word = match before {
        None => "true",
        Some("forward=true") => "false",
        Some(_) => return None,
    };
    let others = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !is_forward(pair));
    let mut all: Vec<&str> = others.collect();
    let forward = format!("forward={word}");
    all.push(&forward);
    Some(all.join("&"))
}

async fn send_on(api: &Api, worker: &str, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let query = query_of(&parts.uri).ok_or(HerderError::Stale)?;
    let body = whole(body, api.max_body).await?;
    let failed = |why: String| {
        let message = format!("IO Error trying to forward REST request to {worker}: {why}");
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    };
    let mut asked = Request::builder()
        .method(parts.method)
        .uri(format!("{}?{query}", parts.uri.path()));
    for name in [header::CONTENT_TYPE, header::ACCEPT, header::AUTHORIZATION] {
        if let Some(value) = parts.headers.get(&name) {
            asked = asked.header(name, value);
        }
    }
    let asked = asked.header(header::CONTENT_LENGTH, body.len());
    let asked = asked.body(Body::from(body));
    let asked = asked.map_err(|error| failed(error.to_string()))?;
    let answered = peers::ask(worker, api.peers.as_ref(), asked, MAX_ANSWER).await;
    let (answered, body) = answered.map_err(failed)?.into_parts();
    let mut response = Response::builder().status(answered.status);
    for name in [header::CONTENT_TYPE, header::LOCATION] {
        if let Some(value) = answered.headers.get(&name) {
            response = response.header(name, value);
        }
    }
    let response = response.body(Body::from(body));
    response.map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_concerns_the_leader_and_a_task_its_worker() {
        let leader = Some(Concern::Leader);
        assert_eq!(concerns(&Method::POST, "/connectors"), leader);
        assert_eq!(concerns(&Method::POST, "/connectors/"), leader);
        assert_eq!(concerns(&Method::PUT, "/connectors/a/config"), leader);
        assert_eq!(concerns(&Method::PATCH, "/connectors/a/offsets"), leader);
        assert_eq!(concerns(&Method::DELETE, "/connectors/a"), leader);
        let task = Some(Concern::Task("a/b".to_owned(), 3));
        assert_eq!(
            concerns(&Method::POST, "/connectors/a%2Fb/tasks/3/restart"),
            task
        );
        for (method, path) in [
            (Method::GET, "/connectors/a"),
            (Method::PUT, "/connectors/a/topics/reset"),
            (Method::PUT, "/admin/loggers/root"),
            (Method::PUT, "/connector-plugins/x/config/validate"),
            (Method::POST, "/connectors/%f/tasks/0/restart"),
            (Method::POST, "/connectors/a/tasks/x/restart"),
        ] {
            assert_eq!(concerns(&method, path), None, "{path}");
        }
    }

    #[test]
    fn a_request_is_sent_on_twice_at_most() {
        let query = |uri: &str| query_of(&uri.parse().unwrap());
        assert_eq!(query("/x").unwrap(), "forward=true");
        assert_eq!(query("/x?a=1&b").unwrap(), "a=1&b&forward=true");
        assert_eq!(query("/x?forward=true&a=1").unwrap(), "a=1&forward=false");
        assert_eq!(query("/x?a=1&forward=false"), None);
    }
}
