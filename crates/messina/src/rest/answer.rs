//! What requests and answers have in common: bodies, failures.

use std::fmt;

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::herder::HerderError;
use crate::telemetry::causes::with_causes;

/// A failed request: Kafka Connect's `{"error_code", "message"}`.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
}

#[derive(Serialize)]
struct FailureBody {
    error_code: u16,
    message: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, message }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// What has no words of its own has Kafka Connect's: `HTTP 404 Not Found`.
    pub(super) fn plain(status: StatusCode) -> Self {
        let message = format!("HTTP {status}");
        Self::new(status, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.status, self.message)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = FailureBody {
            error_code: self.status.as_u16(),
            message: self.message,
        };
        (self.status, Json(body)).into_response()
    }
}

impl From<HerderError> for Failure {
    fn from(error: HerderError) -> Self {
        let status = match &error {
            HerderError::Unknown(_) => StatusCode::NOT_FOUND,
            HerderError::Exists(_) | HerderError::Busy(_) | HerderError::Stale => {
                StatusCode::CONFLICT
            }
            HerderError::Configured(_) => StatusCode::FORBIDDEN,
            HerderError::Refused(_) | HerderError::Invalid(_) | HerderError::Full(_) => {
                StatusCode::BAD_REQUEST
            }
            HerderError::Kafka(_)
            | HerderError::Append(_)
            | HerderError::Topic(_)
            | HerderError::Read(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, with_causes(&error))
    }
}

/// Of a body that is too large so many times the limit is let through: a client that still writes when the connection
/// closes does not hear why.
const LET_THROUGH: usize = 8;

/// The whole of a body of at most `limit` bytes.
pub(super) async fn whole(body: Body, limit: usize) -> Result<Bytes, Failure> {
    let (mut bytes, mut size) = (BytesMut::new(), 0_usize);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let broken =
            |error| Failure::bad_request(format!("the request's body ends early: {error}"));
        let chunk = chunk.map_err(broken)?;
        size = size.saturating_add(chunk.len());
        if size > limit.saturating_mul(LET_THROUGH) {
            break;
        }
        if size <= limit {
            bytes.extend_from_slice(&chunk);
        }
    }
    if size > limit {
        let message = format!("a request's body may have {limit} bytes (`rest.max_body`)");
        return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, message));
    }
    Ok(bytes.freeze())
}

/// Reads a JSON body of at most `limit` bytes.
pub(super) async fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<T, Failure> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok());
    let is_json = |kind: &str| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json")
    };
    if !kind.is_none_or(is_json) {
        return Err(Failure::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let bytes = whole(body, limit).await?;
    let wrong =
        |error| Failure::bad_request(format!("the request's body is not as expected: {error}"));
    serde_json::from_slice(&bytes).map_err(wrong)
}
