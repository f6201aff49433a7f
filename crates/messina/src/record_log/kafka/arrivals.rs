//! The offsets that records have come to which a carrier has sent.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{NoCustomPartitioner, ProducerContext};

use super::client::ClientEvents;

/// How long a full queue of librdkafka is waited for before it is looked at again.
const A_MOMENT: Duration = Duration::from_millis(100);

/// Where records have come to, as librdkafka tells it.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    state: Mutex<State>,
    progress: Condvar,
}

#[derive(Debug, Default)]
struct State {
    offsets: Vec<i64>,
    unanswered: usize,
    fault: Option<RDKafkaErrorCode>,
}

impl Arrivals {
    /// So many records are on their way.
    pub(super) fn begin(&self, records: usize) {
        *self.state.lock() = State {
            offsets: vec![-1; records],
            unanswered: records,
            fault: None,
        };
    }

    fn told(&self, number: usize, result: Result<i64, RDKafkaErrorCode>) {
        let mut state = self.state.lock();
        state.unanswered = state.unanswered.saturating_sub(1);
        match result {
            Ok(offset) => {
                if let Some(place) = state.offsets.get_mut(number) {
                    *place = offset;
                }
            }
            Err(code) => drop(state.fault.get_or_insert(code)),
        }
        self.progress.notify_all();
    }

    pub(super) fn wait_for_one(&self) {
        let mut state = self.state.lock();
        self.progress.wait_for(&mut state, A_MOMENT);
    }

    /// librdkafka says something of each record within the time a transaction has.
    pub(super) fn wait_for_all(&self) -> Result<Vec<i64>, RDKafkaErrorCode> {
        let mut state = self.state.lock();
        while state.unanswered > 0 {
            self.progress.wait(&mut state);
        }
        match state.fault {
            Some(code) => Err(code),
            None => Ok(std::mem::take(&mut state.offsets)),
        }
    }
}

/// Hears what such a producer says.
pub(super) struct Context {
    pub(super) events: ClientEvents,
    pub(super) delivered: Arc<Arrivals>,
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.events.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.events.error(error, reason);
    }

    fn generate_oauth_token(
        &self,
        config: Option<&str>,
    ) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.events.generate_oauth_token(config)
    }
}

impl ProducerContext<NoCustomPartitioner> for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let result = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)),
        };
        self.delivered.told(number, result);
    }
}
