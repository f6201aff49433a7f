//! A connector's own settings for the clients that work for it: `consumer.override.`, `producer.override.` and
//! `admin.override.`, as far as the worker's policy lets it have any.

use std::collections::BTreeSet;

use messina_connect::config::{ConnectorConfig, Problem};

use super::kafka_java::KafkaClient;
use super::worker_kafka::{Read, settings};
use super::{GroupBegin, KafkaConfig, KafkaSetting};

/// The beginnings of such options, and whose they are.
const OVERRIDES: [(&str, KafkaClient); 3] = [
    ("consumer.override.", KafkaClient::Consumer),
    ("producer.override.", KafkaClient::Producer),
    ("admin.override.", KafkaClient::Admin),
];

const GROUP: &str = "consumer.override.group.id";
const LETTERS: &str = "errors.deadletterqueue.topic.name";
const REPLICATION: &str = "errors.deadletterqueue.topic.replication.factor";

/// Which of its clients' settings a connector may have of its own: `connector.client.config.override.policy`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OverridePolicy {
    /// All of them.
    #[default]
    All,
    /// None.
    None,
    /// Those that say who it is.
    Principal,
    /// Those of a list: `connector.client.config.override.allowlist`.
    Allowlist(BTreeSet<String>),
}

impl OverridePolicy {
    /// The policy of a class, which may be written short.
    pub fn of_class(class: &str) -> Option<Self> {
        let simple = class.rsplit('.').next().unwrap_or(class);
        let short = simple.strip_suffix("ConnectorClientConfigOverridePolicy");
        match short.unwrap_or(simple) {
            "All" => Some(Self::All),
            "None" => Some(Self::None),
            "Principal" => Some(Self::Principal),
            "Allowlist" => Some(Self::Allowlist(BTreeSet::new())),
            _ => None,
        }
    }

    /// Why a client's setting is none a connector may have, in Kafka Connect's words.
    pub fn refusal(&self, setting: &str) -> Option<String> {
        const PRINCIPAL: [&str; 3] = ["sasl.jaas.config", "sasl.mechanism", "security.protocol"];
        let (name, allowed) = match self {
            Self::All => return None,
            Self::None => ("None", false),
            Self::Principal => ("Principal", PRINCIPAL.contains(&setting)),
            Self::Allowlist(settings) => ("Allowlist", settings.contains(setting)),
        };
        (!allowed).then(|| {
            format!(
                "The '{name}' policy does not allow '{setting}' to be overridden in the connector configuration."
            )
        })
    }
}

/// What a connector's clients have of their own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientOverrides {
    /// The consumer group, if it is not the one after its name.
    pub group: Option<String>,
    begin: Option<GroupBegin>,
    consumer: Vec<KafkaSetting>,
    producer: Vec<KafkaSetting>,
    admin: Vec<KafkaSetting>,
    /// Replicas of a topic of dead letters that is created, if that is said; -1 for what the brokers think right.
    replication: Option<i16>,
}

impl ClientOverrides {
    /// Reads them. Gives what is surprising about them besides, or all that is wrong with them.
    pub fn read(
        config: &ConnectorConfig,
        policy: &OverridePolicy,
    ) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let mut read = Read::default();
        let mut own = Self {
            group: group(config, &mut read),
            replication: replication(config, &mut read),
            ..Self::default()
        };
        for (prefix, client) in clients_of(config) {
            for (option, setting) in options(config, prefix) {
                if let Some(why) = policy.refusal(setting) {
                    read.problems.push(Problem::new(config, option, why));
                }
            }
            let settings = settings(config, client, prefix, &mut read);
            match client {
                KafkaClient::Consumer => own.consumer = settings,
                KafkaClient::Producer => own.producer = settings,
                KafkaClient::Admin => own.admin = settings,
            }
        }
        own.begin = read.begin;
        if read.problems.is_empty() {
            Ok((own, read.warnings))
        } else {
            Err(read.problems)
        }
    }

    /// Whether its clients are as every connector's are.
    pub fn is_none(&self) -> bool {
        let of_group = Self {
            group: self.group.clone(),
            ..Self::default()
        };
        *self == of_group
    }

    /// The worker's Kafka as this connector speaks to it.
    pub fn over(&self, worker: &KafkaConfig) -> KafkaConfig {
        let mut kafka = worker.clone();
        kafka.begin = self.begin.unwrap_or(kafka.begin);
        kafka.consumer.extend(self.consumer.iter().cloned());
        kafka.producer.extend(self.producer.iter().cloned());
        kafka.admin.extend(self.admin.iter().cloned());
        if let Some(replicas) = self.replication {
            kafka.topics.replication = u16::try_from(replicas).ok();
        }
        kafka
    }
}

/// The clients a connector has. As in Kafka Connect those for dead letters have settings of their own only where the
/// connector names a topic for them.
pub fn clients_of(config: &ConnectorConfig) -> impl Iterator<Item = (&'static str, KafkaClient)> {
    let letters = config.text(LETTERS).is_some_and(|topic| !topic.is_empty());
    let used = move |(_, client): &(_, KafkaClient)| letters || *client == KafkaClient::Consumer;
    OVERRIDES.into_iter().filter(used)
}

/// The options that begin so, whole and without that.
fn options<'c>(
    config: &'c ConnectorConfig,
    prefix: &'c str,
) -> impl Iterator<Item = (&'c str, &'c str)> {
    let all = config.iter();
    all.filter_map(move |(option, _)| Some((option, option.strip_prefix(prefix)?)))
}

fn group(config: &ConnectorConfig, read: &mut Read) -> Option<String> {
    let group = config.text(GROUP)?.trim();
    if group.is_empty() || group.len() > 249 {
        let message = "is not the name of a group: that has 1 to 249 characters";
        read.problems.push(Problem::new(config, GROUP, message));
    }
    Some(group.to_owned())
}

fn replication(config: &ConnectorConfig, read: &mut Read) -> Option<i16> {
    let text = config.text(REPLICATION)?.trim();
    let number = text.parse::<i16>().ok();
    let number = number.filter(|number| *number == -1 || *number > 0);
    if number.is_none() {
        let message = format!("`{text}` is not a number of replicas");
        let problem = Problem::new(config, REPLICATION, message);
        let help = "write 1 or more, or -1 for as many as the brokers think right";
        read.problems.push(problem.help(help));
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KeySource;

    fn connector(options: &[(&str, &str)]) -> ConnectorConfig {
        let mut config = ConnectorConfig::new("meters");
        for (option, value) in options {
            config.set(*option, (*value).into());
        }
        config
    }

    fn kafka(own: &ClientOverrides) -> KafkaConfig {
        own.over(&KafkaConfig::at(vec!["a:1".to_owned()], 1))
    }

    fn said(settings: &[KafkaSetting]) -> Vec<(&str, &str)> {
        let said = settings.iter().map(|setting| match &setting.value {
            KeySource::Inline(value) => (setting.name.as_str(), value.reveal().as_str()),
            KeySource::File(_) => panic!("a connector's options hold their values"),
        });
        said.collect()
    }

    #[test]
    fn a_connectors_settings_are_its_own_clients_in_librdkafkas_words() {
        let config = connector(&[
            ("consumer.override.fetch.max.wait.ms", "7"),
            ("consumer.override.auto.offset.reset", "latest"),
            ("consumer.override.group.id", "mine"),
            (
                "consumer.override.sasl.jaas.config",
                "x.ScramLoginModule required username=\"u\" password=\"p\";",
            ),
            ("producer.override.linger.ms", "3"),
            ("admin.override.request.timeout.ms", "900"),
            ("errors.deadletterqueue.topic.name", "letters"),
            ("errors.deadletterqueue.topic.replication.factor", "2"),
        ]);
        let (own, warnings) = ClientOverrides::read(&config, &OverridePolicy::All).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        assert!(!own.is_none());
        assert_eq!(own.group.as_deref(), Some("mine"));
        let kafka = kafka(&own);
        assert_eq!(
            said(&kafka.consumer),
            [
                ("fetch.wait.max.ms", "7"),
                ("sasl.username", "u"),
                ("sasl.password", "p")
            ]
        );
        assert_eq!(said(&kafka.producer), [("linger.ms", "3")]);
        assert_eq!(said(&kafka.admin), [("socket.timeout.ms", "900")]);
        assert_eq!(kafka.begin, GroupBegin::End);
        assert_eq!(kafka.topics.replication, Some(2));
    }

    #[test]
    fn without_a_topic_for_dead_letters_only_the_consumer_has_settings_of_its_own() {
        let config = connector(&[
            ("producer.override.linger.ms", "soon"),
            ("admin.override.no.such", "1"),
        ]);
        let (own, warnings) = ClientOverrides::read(&config, &OverridePolicy::None).unwrap();
        assert!(own.is_none() && warnings.is_empty(), "{own:?} {warnings:?}");
    }

    #[test]
    fn a_policy_lets_through_what_it_names() {
        let who = connector(&[("consumer.override.security.protocol", "PLAINTEXT")]);
        let what = connector(&[("consumer.override.fetch.min.bytes", "2")]);
        let list = OverridePolicy::Allowlist(BTreeSet::from(["fetch.min.bytes".to_owned()]));
        for (policy, passes) in [
            (OverridePolicy::All, [true, true]),
            (OverridePolicy::None, [false, false]),
            (OverridePolicy::Principal, [true, false]),
            (list, [false, true]),
        ] {
            let read = [&who, &what].map(|own| ClientOverrides::read(own, &policy).is_ok());
            assert_eq!(read, passes, "{policy:?}");
        }
        let refused = ClientOverrides::read(&what, &OverridePolicy::None).unwrap_err();
        assert_eq!(
            refused[0].message,
            "The 'None' policy does not allow 'fetch.min.bytes' to be overridden in the connector configuration."
        );
        let class = "org.apache.kafka.connect.connector.policy.PrincipalConnectorClientConfigOverridePolicy";
        assert_eq!(
            OverridePolicy::of_class(class),
            Some(OverridePolicy::Principal)
        );
        assert_eq!(OverridePolicy::of_class("com.example.Own"), None);
    }

    #[test]
    fn what_is_wrong_or_would_break_a_promise_is_said_by_option() {
        let config = connector(&[
            ("consumer.override.bootstrap.servers", "other:9092"),
            ("consumer.override.fetch.min.bytes", "many"),
            ("consumer.override.auto.offset.reset", "none"),
            ("consumer.override.group.id", " "),
            ("errors.deadletterqueue.topic.replication.factor", "0"),
        ]);
        let refused = ClientOverrides::read(&config, &OverridePolicy::All).unwrap_err();
        let mut options: Vec<&str> = refused.iter().map(|own| own.option.as_str()).collect();
        options.sort_unstable();
        assert_eq!(
            options,
            [
                "consumer.override.auto.offset.reset",
                "consumer.override.bootstrap.servers",
                "consumer.override.fetch.min.bytes",
                "consumer.override.group.id",
                "errors.deadletterqueue.topic.replication.factor",
            ]
        );
        let config = connector(&[
            ("consumer.override.enable.auto.commit", "true"),
            ("consumer.override.group.instance.id", "x"),
        ]);
        let (own, warnings) = ClientOverrides::read(&config, &OverridePolicy::All).unwrap();
        assert!(own.is_none());
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }
}
