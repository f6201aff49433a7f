//! Asks the running program, through its admin API.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::console::api::Failure;

use super::CommandError;

/// Largest answer taken: a query's rows, a page of records.
const MAX_ANSWER: u64 = 512 << 20;

/// The admin API at an address.
#[derive(Debug, Clone)]
pub(super) struct Admin {
    agent: Agent,
    address: String,
}

impl Admin {
    /// The API at `address`, `host:port` or an `http://` URL.
    pub(super) fn at(address: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_global(Some(Duration::from_mins(2)))
            .proxy(None)
            .build()
            .new_agent();
        let address = if address.contains("://") {
            address.trim_end_matches('/').to_owned()
        } else {
            format!("http://{address}")
        };
        Self { agent, address }
    }

    /// GET with query parameters.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, String)],
    ) -> Result<T, CommandError> {
        let pairs = parameters
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let request = self.agent.get(self.url(path)).query_pairs(pairs);
        self.answer(request.call())
    }

    /// POST with a JSON body.
    pub(super) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CommandError> {
        self.answer(self.agent.post(self.url(path)).send_json(body))
    }

    /// DELETE.
    pub(super) fn delete(&self, path: &str) -> Result<(), CommandError> {
        let response = self.agent.delete(self.url(path)).call();
        let mut response = response.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(self.failure(&mut response))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    fn answer<T: DeserializeOwned>(
        &self,
        response: Result<Response<Body>, ureq::Error>,
    ) -> Result<T, CommandError> {
        let mut response = response.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.failure(&mut response));
        }
        let body = response.body_mut().with_config().limit(MAX_ANSWER);
        body.read_json().map_err(|error| CommandError::Answer {
            address: self.address.clone(),
            source: Box::new(error),
        })
    }

    fn failure(&self, response: &mut Response<Body>) -> CommandError {
        let status = response.status();
        match response.body_mut().read_json::<Failure>() {
            Ok(failure) => CommandError::Refused(failure.error),
            Err(_) => CommandError::Refused(format!("{} answers {status}", self.address)),
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> CommandError {
        CommandError::Unreachable {
            address: self.address.clone(),
            reason: match error {
                ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    "connection refused".to_owned()
                }
                other => other.to_string(),
            },
        }
    }
}
