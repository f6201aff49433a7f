//! The Kafka of a worker's file: Java's names for its clients' settings, in the words of `[kafka]`.

use messina_connect::config::{ConnectorConfig, Problem};

use super::check_kafka::is_server;
use super::kafka_java::{KafkaClient, Remark, translate};
use super::{GroupBegin, KafkaConfig, KafkaSetting, KafkaTopicConfig, Severity};

/// Names of clients' settings that stand at a worker's top, beside `security.*`, `sasl.*` and `ssl.*`.
pub(super) const CLIENT: [&str; 19] = [
    "client.dns.lookup",
    "client.id",
    "client.rack",
    "connections.max.idle.ms",
    "default.api.timeout.ms",
    "interceptor.classes",
    "metadata.max.age.ms",
    "metadata.recovery.rebootstrap.trigger.ms",
    "metadata.recovery.strategy",
    "receive.buffer.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "request.timeout.ms",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
    "security.protocol",
    "send.buffer.bytes",
    "socket.connection.setup.timeout.max.ms",
    "socket.connection.setup.timeout.ms",
];

/// Settings that would break a promise, and why they have no effect.
const OWNED: [(&str, &str); 1] = [(
    "group.instance.id",
    "has no effect: tasks would take it from each other",
)];

/// What a file says of Kafka.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The cluster, if it names one.
    pub(super) kafka: Option<KafkaConfig>,
    /// Where groups begin, if that is said.
    pub(super) begin: Option<GroupBegin>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

/// Reads `bootstrap.servers`, what protects the connection, and the settings below `producer.` and `consumer.`.
pub(super) fn kafka(config: &ConnectorConfig) -> Read {
    let mut read = Read::default();
    let servers = servers(config, &mut read);
    let client = settings(config, KafkaClient::Admin, "", &mut read);
    let producer = settings(config, KafkaClient::Producer, "producer.", &mut read);
    let consumer = settings(config, KafkaClient::Consumer, "consumer.", &mut read);
    let admin = settings(config, KafkaClient::Admin, "admin.", &mut read);
    if servers.is_empty() {
        return read;
    }
    read.kafka = Some(KafkaConfig {
        bootstrap_servers: servers,
        gateway_id: "messina-connect".to_owned(),
        gateway_group: "messina".to_owned(),
        oauth_token: None,
        client,
        producer,
        consumer,
        admin,
        begin: read.begin.unwrap_or_default(),
        topics: KafkaTopicConfig {
            // Dead letters' topics, as Kafka Connect has it.
            create: true,
            partitions: 1,
            replication: None,
            settings: Vec::new(),
        },
    });
    read
}

/// A connector's group is no setting of a client: requests that ask for offsets look there too.
fn is_read_elsewhere(prefix: &str, name: &str) -> bool {
    prefix.ends_with(".override.") && name == "group.id"
}

fn servers(config: &ConnectorConfig, read: &mut Read) -> Vec<String> {
    let option = "bootstrap.servers";
    let text = config.text(option).unwrap_or_default();
    let servers = text
        .split(',')
        .map(str::trim)
        .filter(|server| !server.is_empty());
    let mut all = Vec::new();
    for server in servers {
        if !is_server(server) {
            let message = format!("`{server}` is not a host and a port");
            let problem = Problem::new(config, option, message).help("write it as `10.0.0.1:9092`");
            read.problems.push(problem);
        }
        all.push(server.to_owned());
    }
    all
}

/// The settings of one client, whose names have `prefix` before them.
pub(super) fn settings(
    config: &ConnectorConfig,
    client: KafkaClient,
    prefix: &str,
    read: &mut Read,
) -> Vec<KafkaSetting> {
    let is_protection = |name: &str| ["ssl.", "sasl."].iter().any(|own| name.starts_with(own));
    let written: Vec<(&str, &str)> = config
        .iter()
        .filter_map(|(name, property)| Some((name.strip_prefix(prefix)?, property.value.as_str())))
        .filter(|(name, _)| !prefix.is_empty() || is_protection(name) || CLIENT.contains(name))
        .filter(|(name, _)| !is_read_elsewhere(prefix, name))
        .collect();
    let translated = translate(client, &written);
    for remark in translated.remarks {
        let (severity, problem) = problem(config, prefix, remark);
        match severity {
            Severity::Error => read.problems.push(problem),
            Severity::Warning => read.warnings.push(problem),
        }
    }
    if translated.wants_token {
        let name = format!("{prefix}sasl.mechanism");
        let message = "OAUTHBEARER needs a token, and a worker's file cannot say where one is";
        let help = "use SCRAM-SHA-512, or TLS with a client certificate";
        let problem = Problem::new(config, &name, message).help(help);
        read.problems.push(problem);
    }
    let mut settings = Vec::new();
    for (name, value) in translated.settings {
        let option = format!("{prefix}{name}");
        if let Some((_, why)) = OWNED.iter().find(|(own, _)| *own == name) {
            read.warnings.push(Problem::new(config, &option, *why));
        } else if name == "auto.offset.reset" {
            let word = config.text(&option).unwrap_or_default().trim();
            let latest = word.eq_ignore_ascii_case("latest");
            read.begin = Some(if latest {
                GroupBegin::End
            } else {
                GroupBegin::Start
            });
        } else if name == "bootstrap.servers" {
            another_cluster(config, &option, read);
        } else {
            settings.push(KafkaSetting { name, value });
        }
    }
    settings
}

/// A connector's offsets and dead letters are looked for where the worker is.
fn another_cluster(config: &ConnectorConfig, option: &str, read: &mut Read) {
    let servers = "bootstrap.servers";
    if option != servers && config.text(option) != config.text(servers) {
        let message = "names another cluster, and all clients of a worker are of one";
        let help = "leave it out, and run another worker for the other cluster";
        let problem = Problem::new(config, option, message);
        read.problems.push(problem.help(help));
    }
}

fn problem(config: &ConnectorConfig, prefix: &str, remark: Remark) -> (Severity, Problem) {
    let option = format!("{prefix}{}", remark.name);
    let problem = Problem::new(config, &option, remark.message);
    let problem = match &remark.help {
        Some(help) => problem.help(help.as_str()),
        None => problem,
    };
    (remark.severity, problem)
}

#[cfg(test)]
mod tests {
    use super::super::worker::worker;
    use super::*;
    use crate::config::KeySource;

    fn said(settings: &[KafkaSetting]) -> Vec<(String, String)> {
        let said = settings.iter().map(|setting| {
            let KeySource::Inline(value) = &setting.value else {
                panic!("a worker's file holds its values");
            };
            (setting.name.clone(), value.reveal().clone())
        });
        said.collect()
    }

    const CONVERTERS: &str = "key.converter=String\nvalue.converter=Json\n";

    #[test]
    fn javas_names_become_settings_of_the_clients_they_are_for() {
        let text = format!(
            "{CONVERTERS}bootstrap.servers=a:1, b:2\nsecurity.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n\
             sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username=\"u\" \
             password=\"p\";\nrequest.timeout.ms=3000\nconsumer.fetch.max.wait.ms=7\nproducer.linger.ms=3\n\
             consumer.auto.offset.reset=latest\nadmin.retries=1\nadmin.request.timeout.ms=900\nclient.id=w\n\
             consumer.group.instance.id=x\n"
        );
        let worker = worker(&text, "w").unwrap();
        let kafka = worker.kafka.unwrap();
        assert_eq!(kafka.bootstrap_servers, ["a:1", "b:2"]);
        let client = said(&kafka.client);
        for expected in [
            ("security.protocol", "sasl_ssl"),
            ("sasl.username", "u"),
            ("sasl.password", "p"),
            ("socket.timeout.ms", "3000"),
            ("client.id", "w"),
        ] {
            let expected = (expected.0.to_owned(), expected.1.to_owned());
            assert!(
                client.contains(&expected),
                "{expected:?} is not in {client:?}"
            );
        }
        let setting = |name: &str, value: &str| [(name.to_owned(), value.to_owned())];
        assert_eq!(said(&kafka.consumer), setting("fetch.wait.max.ms", "7"));
        assert_eq!(said(&kafka.producer), setting("linger.ms", "3"));
        let warned: Vec<String> = worker.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warned.len(), 1, "{warned:?}");
        assert_eq!(said(&kafka.admin), setting("socket.timeout.ms", "900"));
        assert_eq!(kafka.begin, GroupBegin::End);
        assert!(
            warned[0].contains("`consumer.group.instance.id`: has no effect"),
            "{warned:?}"
        );
        assert!(
            !format!("{kafka:?}").contains("\"p\""),
            "a password is shown"
        );
    }

    #[test]
    fn what_is_wrong_with_kafka_is_said_where_it_stands() {
        let text = format!(
            "{CONVERTERS}bootstrap.servers=a\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism=GSSAPI\n\
             producer.linger.ms=soon\n"
        );
        let refused = worker(&text, "w").unwrap_err();
        let refused: Vec<String> = refused.iter().map(ToString::to_string).collect();
        assert_eq!(refused.len(), 3, "{refused:?}");
        assert!(
            refused[0].starts_with("w:3:19: `bootstrap.servers`: `a` is not a host and a port"),
            "{refused:?}"
        );
        assert!(refused[1].starts_with("w:5:"), "{refused:?}");
        assert!(
            refused[2].starts_with("w:6:20: `producer.linger.ms`"),
            "{refused:?}"
        );
    }
}
