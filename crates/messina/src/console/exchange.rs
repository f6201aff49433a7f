//! What every request and answer of the admin API have in common: bodies, query strings, failures.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::api::Failure;
use crate::record_log::kafka::KafkaLogError;
use crate::table::Verdict;
use crate::telemetry::causes::with_causes;

/// A failed request.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    error: String,
}

impl ApiError {
    /// 400: the request is wrong.
    pub fn bad_request(error: &impl ToString) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error: error.to_string(),
        }
    }

    /// 403: whoever asks may not.
    pub fn forbidden(error: &impl ToString) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            error: error.to_string(),
        }
    }

    /// 404: what the request names does not exist.
    pub fn not_found(error: &impl ToString) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            error: error.to_string(),
        }
    }

    /// 409: what the request wants to make exists.
    pub fn conflict(error: &impl ToString) -> Self {
        Self {
            status: StatusCode::CONFLICT,
            error: error.to_string(),
        }
    }

    /// 503: it cannot be done now; `error`'s causes are told too.
    pub fn unavailable(error: &dyn std::error::Error) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            error: with_causes(error),
        }
    }
}

impl ApiError {
    /// What failed, on which thing, and what to do.
    pub fn into_text(self) -> String {
        self.error
    }
}

impl From<KafkaLogError> for ApiError {
    fn from(error: KafkaLogError) -> Self {
        match &error {
            KafkaLogError::Missing { .. } | KafkaLogError::NoPartition(_) => {
                Self::not_found(&error)
            }
            KafkaLogError::GroupInUse { .. } => Self::conflict(&error),
            KafkaLogError::Denied { .. } => Self::forbidden(&error),
            KafkaLogError::TooLarge { .. }
            | KafkaLogError::Partitions { .. }
            | KafkaLogError::OnePartition { .. }
            | KafkaLogError::NotCompacted { .. } => Self::bad_request(&error),
            KafkaLogError::Refused { .. } if error.verdict() == Verdict::Stop => {
                Self::bad_request(&error)
            }
            KafkaLogError::Refused { .. }
            | KafkaLogError::File { .. }
            | KafkaLogError::Settings { .. }
            | KafkaLogError::Token { .. }
            | KafkaLogError::Away { .. }
            | KafkaLogError::LogIn { .. }
            | KafkaLogError::Fenced
            | KafkaLogError::Moved { .. } => Self::unavailable(&error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(Failure { error: self.error })).into_response()
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        Self {
            status: rejection.status(),
            error: rejection.body_text(),
        }
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self {
            status: rejection.status(),
            error: rejection.body_text(),
        }
    }
}

/// A JSON body; a wrong one is answered in the API's own words.
#[derive(Debug, FromRequest)]
#[from_request(via(Json), rejection(ApiError))]
pub struct Body<T>(pub T);

/// A query string; a wrong one is answered in the API's own words.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
pub struct Asked<T>(pub T);
