//! What can go wrong with Kafka, on which thing, and what to do about it.

use std::io;
use std::path::PathBuf;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::record_log::{RecordLogError, SourcePartition};
use crate::table::Verdict;

/// What Kafka was asked, for the error that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// In words that follow "cannot": `write`, `commit offsets`.
    pub operation: &'static str,
    /// On what: a topic, a partition, a group.
    pub subject: String,
    /// Servers of the cluster.
    pub servers: String,
}

/// Kafka did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum KafkaLogError {
    /// A file that the configuration names cannot be read.
    #[error("cannot read `{}` of `[kafka]`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// librdkafka does not make a client of these settings.
    #[error("no client can be made of the settings of `[kafka]`: {said}")]
    Settings {
        /// What it says.
        said: String,
    },
    /// The token of OAUTHBEARER is none.
    #[error("`kafka.oauth_token` cannot be used: {said}")]
    Token {
        /// What is wrong with it.
        said: &'static str,
    },
    /// Nobody answers.
    #[error("cannot {} {}: Kafka at {} is away ({said}); see `kafka.bootstrap_servers`", asked.operation, asked.subject, asked.servers)]
    Away {
        /// What was asked.
        asked: Asked,
        /// What librdkafka says.
        said: String,
    },
    /// The log-in is refused.
    #[error(
        "Kafka at {servers} does not let us in ({said}); see `security.protocol`, `sasl.*` and `ssl.*` in `[kafka.client]`, \
         or in the file of a worker or proxy"
    )]
    LogIn {
        /// Servers of the cluster.
        servers: String,
        /// What librdkafka says.
        said: String,
    },
    /// An access rule is missing.
    #[error(
        "Kafka does not allow us to {} {}; grant it with: kafka-acls.sh --bootstrap-server {} --add \
         --allow-principal User:NAME {grant}", asked.operation, asked.subject, asked.servers
    )]
    Denied {
        /// What was asked.
        asked: Asked,
        /// Options of the command that name the operation and the thing.
        grant: String,
    },
    /// Topics are missing, and are not to be created.
    #[error(
        "Kafka has no topic {}; create it with: {command}\n(or with `messina topics create`, or let the program do it: \
         `kafka.topics.create = true`)",
        list(topics)
    )]
    Missing {
        /// The topics.
        topics: Vec<String>,
        /// The command that creates them.
        command: String,
    },
    /// A topic has another number of partitions than the configuration says.
    #[error(
        "Kafka's topic `{topic}` has {found} partitions, the configuration says {wanted}; change `partitions` of its \
         `[[topic]]`{}", or_add(topic, *found, *wanted, servers)
    )]
    Partitions {
        /// The topic.
        topic: String,
        /// Partitions it has.
        found: i32,
        /// Partitions it should have.
        wanted: i32,
        /// Servers of the cluster.
        servers: String,
    },
    /// A topic of Kafka Connect's workers has more partitions than it may, or none.
    #[error(
        "topic `{topic}` supplied via the `{option}` property is required to have a single partition in order to \
         guarantee consistency of connector configurations, but found {found} partitions; name another topic"
    )]
    OnePartition {
        /// The topic.
        topic: String,
        /// The worker's option that names it.
        option: &'static str,
        /// Partitions it has.
        found: usize,
    },
    /// A topic of Kafka Connect's workers loses what is old.
    #[error(
        "topic `{topic}` supplied via the `{option}` property is required to have `cleanup.policy=compact`, but has \
         `{policy}`; mend it with: kafka-configs.sh --bootstrap-server {servers} --alter --topic {topic} --add-config \
         cleanup.policy=compact"
    )]
    NotCompacted {
        /// The topic.
        topic: String,
        /// The worker's option that names it.
        option: &'static str,
        /// What it has.
        policy: String,
        /// Servers of the cluster.
        servers: String,
    },
    /// A group that is to have no members has some.
    #[error(
        "the tasks of `{group}` have not stopped completely yet, or were resumed meanwhile; try again when they have \
         stopped"
    )]
    GroupInUse {
        /// The group.
        group: String,
    },
    /// There is no such partition.
    #[error("there is no partition {}-{}", .0.topic, .0.partition)]
    NoPartition(SourcePartition),
    /// A record is larger than something on its way allows.
    #[error(
        "{} does not take a record this large; raise `max.message.bytes` of the topic (or `message.max.bytes` of the \
         brokers), and `message.max.bytes` in `[kafka.producer]`", asked.subject
    )]
    TooLarge {
        /// What was asked.
        asked: Asked,
    },
    /// Another process has taken this one's place.
    #[error(
        "another process with the same `kafka.gateway_id` has taken over; give every gateway a name of its own, \
         or stop one of them"
    )]
    Fenced,
    /// Partitions went to another member of the group while they were asked for.
    #[error("cannot {} {}: the partitions have moved to another worker", asked.operation, asked.subject)]
    Moved {
        /// What was asked.
        asked: Asked,
    },
    /// Something else.
    #[error("cannot {} {}: {code}", asked.operation, asked.subject)]
    Refused {
        /// What was asked.
        asked: Asked,
        /// Kafka's word for it.
        code: RDKafkaErrorCode,
    },
}

fn or_add(topic: &str, found: i32, wanted: i32, servers: &str) -> String {
    // A topic never gets fewer.
    if found > wanted {
        return String::new();
    }
    format!(
        ", or add partitions with: kafka-topics.sh --bootstrap-server {servers} --alter --topic {topic} --partitions {wanted}"
    )
}

fn list(topics: &[String]) -> String {
    let quoted: Vec<String> = topics.iter().map(|topic| format!("`{topic}`")).collect();
    quoted.join(", ")
}

impl KafkaLogError {
    /// What to do about it.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Refused { code, .. } if is_final(*code) => Verdict::Stop,
            Self::Refused { .. }
            | Self::Away { .. }
            | Self::Moved { .. }
            | Self::GroupInUse { .. }
            | Self::File { .. }
            | Self::Token { .. }
            // It may be created while we wait.
            | Self::Missing { .. } => Verdict::Retry,
            Self::Settings { .. }
            | Self::LogIn { .. }
            | Self::Denied { .. }
            | Self::Partitions { .. }
            | Self::TooLarge { .. }
            | Self::OnePartition { .. }
            | Self::NotCompacted { .. }
            | Self::NoPartition(_)
            | Self::Fenced => Verdict::Stop,
        }
    }

    /// The error of the log's trait.
    pub fn of_log(self, operation: &'static str) -> RecordLogError {
        let source = match self.verdict() {
            Verdict::Retry => {
                return RecordLogError::Unavailable {
                    operation,
                    source: self.into(),
                };
            }
            Verdict::Reject | Verdict::Stop => self,
        };
        RecordLogError::Unusable {
            operation,
            source: source.into(),
        }
    }
}

/// Codes that do not change by waiting.
fn is_final(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::Fatal
            | Code::Inconsistent
            | Code::InvalidTopic
            | Code::InvalidConfig
            | Code::InvalidPartitions
            | Code::InvalidReplicationFactor
            | Code::InvalidReplicaAssignment
            | Code::InvalidRequiredAcks
            | Code::InvalidGroupId
            | Code::InconsistentGroupProtocol
            | Code::InvalidSessionTimeout
            | Code::OffsetMetadataTooLarge
            | Code::UnsupportedFeature
            | Code::UnsupportedVersion
            | Code::UnsupportedForMessageFormat
            | Code::UnsupportedCompressionType
            | Code::PolicyViolation
            | Code::InvalidArgument
            | Code::NotImplemented
    )
}

impl Asked {
    /// The error that `code` is an answer to this; `said` is librdkafka's own text, if there is more than the code.
    pub fn answered(self, code: RDKafkaErrorCode, said: Option<String>) -> KafkaLogError {
        use RDKafkaErrorCode as Code;
        let said = said.unwrap_or_else(|| code.to_string());
        match code {
            Code::BrokerTransportFailure
            | Code::Resolve
            | Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::MessageTimedOut
            | Code::TimedOutQueue
            | Code::NetworkException
            | Code::BrokerNotAvailable
            | Code::WaitingForCoordinator
            | Code::CoordinatorNotAvailable
            | Code::RequestTimedOut => KafkaLogError::Away { asked: self, said },
            Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::SSL
            | Code::UnsupportedSASLMechanism
            | Code::IllegalSASLState => KafkaLogError::LogIn {
                servers: self.servers,
                said,
            },
            Code::TopicAuthorizationFailed => self.denied(|subject| {
                format!("--operation Read --operation Write --operation Describe --topic {subject}")
            }),
            Code::GroupAuthorizationFailed => {
                self.denied(|subject| format!("--operation Read --group {subject}"))
            }
            Code::ClusterAuthorizationFailed => {
                self.denied(|_| "--operation Create --operation IdempotentWrite --cluster".into())
            }
            Code::TransactionalIdAuthorizationFailed => self.denied(|subject| {
                format!("--operation Write --operation Describe --transactional-id {subject}")
            }),
            Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
                KafkaLogError::Missing {
                    command: create_command(&self.servers, &self.subject, 1, None),
                    topics: vec![self.subject],
                }
            }
            Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize => {
                KafkaLogError::TooLarge { asked: self }
            }
            Code::Fenced
            | Code::ProducerFenced
            | Code::InvalidProducerEpoch
            | Code::TransactionCoordinatorFenced => KafkaLogError::Fenced,
            Code::IllegalGeneration
            | Code::UnknownMemberId
            | Code::RebalanceInProgress
            | Code::AssignmentLost
            | Code::NoOffset
            | Code::State => KafkaLogError::Moved { asked: self },
            code => KafkaLogError::Refused { asked: self, code },
        }
    }

    /// The error that librdkafka's is an answer to this.
    pub fn failed(self, error: KafkaError) -> KafkaLogError {
        match error {
            KafkaError::AdminOp(code) => self.answered(code, None),
            KafkaError::ClientConfig(_, said, name, _value) => KafkaLogError::Settings {
                said: format!("`{name}`: {said}"),
            },
            KafkaError::ClientCreation(said) => KafkaLogError::Settings { said },
            KafkaError::Transaction(error) => self.answered(error.code(), Some(error.string())),
            KafkaError::Canceled => self.answered(RDKafkaErrorCode::DestroyBroker, None),
            other => {
                let code = other.rdkafka_error_code();
                let said = Some(other.to_string());
                self.answered(code.unwrap_or(RDKafkaErrorCode::Fail), said)
            }
        }
    }

    fn denied(self, grant: impl FnOnce(&str) -> String) -> KafkaLogError {
        let name = name_in(&self.subject);
        KafkaLogError::Denied {
            grant: grant(name),
            asked: self,
        }
    }
}

/// The name alone of a subject such as "group `name`".
fn name_in(subject: &str) -> &str {
    subject.split('`').nth(1).unwrap_or(subject)
}

/// Kafka's own command that creates a topic.
pub(super) fn create_command(
    servers: &str,
    topic: &str,
    partitions: i32,
    replication: Option<u16>,
) -> String {
    let topic = name_in(topic);
    let factor = replication.map(|factor| format!(" --replication-factor {factor}"));
    format!(
        "kafka-topics.sh --bootstrap-server {servers} --create --topic {topic} --partitions {partitions}{}",
        factor.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Asked {
        Asked {
            operation: "write to",
            subject: "`readings`".to_owned(),
            servers: "a:9092".to_owned(),
        }
    }

    #[test]
    fn errors_name_the_thing_and_what_to_do() {
        use RDKafkaErrorCode as Code;
        for (code, verdict, words) in [
            (
                Code::AllBrokersDown,
                Verdict::Retry,
                "cannot write to `readings`: Kafka at a:9092 is away",
            ),
            (
                Code::SaslAuthenticationFailed,
                Verdict::Stop,
                "does not let us in",
            ),
            (
                Code::TopicAuthorizationFailed,
                Verdict::Stop,
                "--operation Describe --topic readings",
            ),
            (
                Code::UnknownTopicOrPartition,
                Verdict::Retry,
                "--create --topic readings --partitions 1",
            ),
            (
                Code::MessageSizeTooLarge,
                Verdict::Stop,
                "`readings` does not take a record this large",
            ),
            (
                Code::ProducerFenced,
                Verdict::Stop,
                "another process with the same `kafka.gateway_id`",
            ),
            (
                Code::IllegalGeneration,
                Verdict::Retry,
                "have moved to another worker",
            ),
            (
                Code::NotEnoughReplicas,
                Verdict::Retry,
                "cannot write to `readings`:",
            ),
            (
                Code::InvalidConfig,
                Verdict::Stop,
                "cannot write to `readings`:",
            ),
        ] {
            let error = asked().answered(code, None);
            assert_eq!(error.verdict(), verdict, "{code}");
            assert!(error.to_string().contains(words), "{words}: {error}");
        }
    }

    #[test]
    fn a_rule_is_about_the_name_alone() {
        for (subject, name) in [("group `g`", "g"), ("`t`-3", "t"), ("t", "t")] {
            assert_eq!(name_in(subject), name);
        }
    }

    #[test]
    fn a_value_of_a_setting_is_in_no_error() {
        let mut config = rdkafka::ClientConfig::new();
        config.set("linger.ms", "hunter2");
        let error = config.create_native_config().err().unwrap();
        let KafkaError::ClientConfig(kind, _, name, value) = error else {
            panic!("another error");
        };
        let error = KafkaError::ClientConfig(kind, "not that".into(), name, value);
        let shown = asked().failed(error).to_string();
        assert!(
            shown.contains("`linger.ms`: not that") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
