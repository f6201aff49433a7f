//! What librdkafka says of records that were given to a producer, and what it means for their append.

use std::sync::Arc;

use messina_store::log::AppendError;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{NoCustomPartitioner, ProducerContext};

use super::client::ClientEvents;
use super::error::Asked;

/// A record that is not in Kafka.
#[derive(Debug, Clone)]
pub(super) struct Undelivered {
    pub(super) code: RDKafkaErrorCode,
    topic: String,
    partition: i32,
}

/// What to do about one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The topic is not there any more.
    TopicGone,
    /// This record will not be taken, others may be.
    Record,
    /// Nothing is wrong with the record: it may be sent again.
    Passing,
}

impl Undelivered {
    pub(super) fn new(error: &KafkaError, topic: &str, partition: i32) -> Self {
        let code = error.rdkafka_error_code();
        Self {
            code: code.unwrap_or(RDKafkaErrorCode::Unknown),
            topic: topic.to_owned(),
            partition,
        }
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    pub(super) fn fault(&self) -> Fault {
        match self.code {
            RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::UnknownTopicId => Fault::TopicGone,
            RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::InvalidMessageSize
            | RDKafkaErrorCode::InvalidMessage
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::InvalidTimestamp
            | RDKafkaErrorCode::InvalidTopic
            | RDKafkaErrorCode::InvalidArgument
            | RDKafkaErrorCode::PolicyViolation
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed => Fault::Record,
            _ => Fault::Passing,
        }
    }

    /// What the writer of the append is told; `servers` are those of the cluster.
    pub(super) fn refusal(&self, servers: &str) -> AppendError {
        let Self {
            code,
            topic,
            partition,
        } = self;
        let asked = Asked {
            operation: "write to",
            subject: format!("`{topic}` partition {partition}"),
            servers: servers.to_owned(),
        };
        match self.fault() {
            Fault::TopicGone => AppendError::TopicDeleted(topic.as_str().into()),
            Fault::Record | Fault::Passing => {
                AppendError::Refused(asked.answered(*code, None).to_string().into())
            }
        }
    }
}

type Report = Box<dyn Fn(usize, Result<(), Undelivered>) + Send + Sync>;

/// Hears what a producer says: of itself as every client's, of records by the number they were sent with.
pub(super) struct Reports {
    client: Arc<ClientEvents>,
    report: Report,
}

impl Reports {
    pub(super) fn new(
        client: Arc<ClientEvents>,
        report: impl Fn(usize, Result<(), Undelivered>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            client,
            report: Box::new(report),
        }
    }
}

impl ClientContext for Reports {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: rdkafka::config::RDKafkaLogLevel, facility: &str, message: &str) {
        self.client.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }

    fn generate_oauth_token(
        &self,
        config: Option<&str>,
    ) -> Result<rdkafka::client::OAuthToken, Box<dyn std::error::Error>> {
        self.client.generate_oauth_token(config)
    }
}

impl ProducerContext<NoCustomPartitioner> for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let result = match result {
            Ok(_) => Ok(()),
            Err((error, message)) => Err(Undelivered::new(
                error,
                message.topic(),
                message.partition(),
            )),
        };
        (self.report)(number, result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_topic_and_what_to_do() {
        let error = KafkaError::MessageProduction(RDKafkaErrorCode::TopicAuthorizationFailed);
        let undelivered = Undelivered::new(&error, "meters", 3);
        assert_eq!(undelivered.fault(), Fault::Record);
        let text = undelivered.refusal("a:9092").to_string();
        assert!(
            text.contains("`meters` partition 3") && text.contains("--operation Write"),
            "{text}"
        );
        let gone = KafkaError::MessageProduction(RDKafkaErrorCode::UnknownTopicOrPartition);
        let gone = Undelivered::new(&gone, "meters", 0).refusal("a:9092");
        assert!(matches!(gone, AppendError::TopicDeleted(topic) if &*topic == "meters"));
    }
}
