//! The table: every property of the Java clients, and what becomes of it.

use super::KafkaClient;

/// What becomes of a property.
#[derive(Debug, Clone, Copy)]
pub(super) enum Becomes {
    /// librdkafka's setting of this name, with the same value.
    Setting(&'static str, Form),
    /// librdkafka's setting of this name; the value is in bytes there and in KiB here.
    Kibibytes(&'static str),
    /// The program decides it. These values say what it does anyway; others have no effect, for the reason.
    Ours(&'static [&'static str], &'static str),
    /// A matter of Java: it has no effect, and none is missed.
    Nothing,
    /// It has no counterpart, which the operator should know.
    Missed(&'static str),
    /// One of those that only together make sense: [`security`](super::security).
    Security,
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    /// Lower case there.
    Word,
    /// A number, at least this.
    Number(i64),
    Boolean,
}

/// A property.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) java: &'static str,
    clients: &'static [KafkaClient],
    pub(super) becomes: Becomes,
}

impl Name {
    pub(super) fn is_of(&self, client: KafkaClient) -> bool {
        self.clients.contains(&client)
    }
}

/// Properties whose names only begin so: parts of Java's plug-ins.
pub(super) const JAVA_ONLY: [&str; 6] = [
    "metrics.",
    "metric.",
    "sasl.kerberos.",
    "sasl.login.",
    "sasl.oauthbearer.",
    "confluent.",
];

use Becomes::{Kibibytes, Missed, Nothing, Ours, Security, Setting};
use Form::{Boolean, Number, Text, Word};
use KafkaClient::{Admin, Consumer, Producer};

const ALL: &[KafkaClient] = &[Producer, Consumer, Admin];
const PRODUCER: &[KafkaClient] = &[Producer];
const CONSUMER: &[KafkaClient] = &[Consumer];
const CONSUMER_ADMIN: &[KafkaClient] = &[Consumer, Admin];
const PRODUCER_ADMIN: &[KafkaClient] = &[Producer, Admin];

const fn of(clients: &'static [KafkaClient], java: &'static str, becomes: Becomes) -> Name {
    Name {
        java,
        clients,
        becomes,
    }
}

const fn same(clients: &'static [KafkaClient], name: &'static str, form: Form) -> Name {
    of(clients, name, Setting(name, form))
}

const ACKS: &str = "a publish is acknowledged once all replicas in sync have its record";
const IDEMPOTENCE: &str =
    "without idempotence a retry could store a record twice, or in another order";
const TRANSACTIONS: &str = "transactions are the program's own";
const RETRIES: &str = "a record is sent again until `delivery.timeout.ms` is over";
const COMMITS: &str = "an offset is committed once the rows before it are durable";
const GROUP: &str = "the consumer group is the connector's";
const ASSIGNMENT: &str = "partitions move from task to task cooperatively";
const COMMITTED: &str =
    "records of a transaction that was given up were never accepted from anybody";
const PARTITIONER: &str =
    "a record's partition is by its key, as the default partitioner chooses it";
const BLOCK: &str = "while the buffer is full devices are not read, for as long as it takes";
const BATCHES: &str = "batches are as large as the sink takes them";
const METADATA: &str = "topics that are not written to are forgotten by librdkafka's own rules";

/// All of them, of Kafka 4.1.
pub(super) const NAMES: &[Name] = &[
    // Everybody's.
    same(ALL, "bootstrap.servers", Text),
    same(ALL, "client.id", Text),
    same(ALL, "client.rack", Text),
    same(ALL, "client.dns.lookup", Word),
    same(ALL, "reconnect.backoff.ms", Number(0)),
    same(ALL, "reconnect.backoff.max.ms", Number(0)),
    same(ALL, "retry.backoff.ms", Number(1)),
    same(ALL, "retry.backoff.max.ms", Number(1)),
    same(ALL, "connections.max.idle.ms", Number(0)),
    same(ALL, "metadata.max.age.ms", Number(1)),
    same(ALL, "socket.connection.setup.timeout.ms", Number(1000)),
    same(ALL, "enable.metrics.push", Boolean),
    of(
        ALL,
        "request.timeout.ms",
        Setting("socket.timeout.ms", Number(10)),
    ),
    of(
        ALL,
        "send.buffer.bytes",
        Setting("socket.send.buffer.bytes", Number(0)),
    ),
    of(
        ALL,
        "receive.buffer.bytes",
        Setting("socket.receive.buffer.bytes", Number(0)),
    ),
    of(ALL, "socket.connection.setup.timeout.max.ms", Nothing),
    of(
        ALL,
        "metadata.recovery.strategy",
        Setting("metadata.recovery.strategy", Word),
    ),
    of(
        ALL,
        "metadata.recovery.rebootstrap.trigger.ms",
        Setting("metadata.recovery.rebootstrap.trigger.ms", Number(0)),
    ),
    of(ALL, "metadata.max.idle.ms", Missed(METADATA)),
    of(ALL, "metric.reporters", Nothing),
    of(ALL, "auto.include.jmx.reporter", Nothing),
    of(
        ALL,
        "interceptor.classes",
        Missed("no foreign code is loaded into this process"),
    ),
    of(ALL, "security.providers", Nothing),
    of(
        ALL,
        "config.providers",
        Missed("values are taken as they are written"),
    ),
    // Producers'.
    of(PRODUCER, "acks", Ours(&["all", "-1"], ACKS)),
    of(PRODUCER, "enable.idempotence", Ours(&["true"], IDEMPOTENCE)),
    of(PRODUCER, "transactional.id", Ours(&[], TRANSACTIONS)),
    of(PRODUCER, "transaction.timeout.ms", Ours(&[], TRANSACTIONS)),
    of(
        PRODUCER,
        "transaction.two.phase.commit.enable",
        Ours(&["false"], TRANSACTIONS),
    ),
    same(PRODUCER, "linger.ms", Number(0)),
    same(PRODUCER, "batch.size", Number(1)),
    same(PRODUCER, "compression.type", Word),
    of(
        PRODUCER,
        "compression.gzip.level",
        Setting("compression.level", Number(-1)),
    ),
    of(
        PRODUCER,
        "compression.lz4.level",
        Setting("compression.level", Number(-1)),
    ),
    of(
        PRODUCER,
        "compression.zstd.level",
        Setting("compression.level", Number(-1)),
    ),
    of(
        PRODUCER,
        "buffer.memory",
        Kibibytes("queue.buffering.max.kbytes"),
    ),
    of(PRODUCER, "max.block.ms", Missed(BLOCK)),
    of(PRODUCER, "retries", Ours(&["2147483647"], RETRIES)),
    same(PRODUCER, "delivery.timeout.ms", Number(1)),
    of(
        PRODUCER,
        "max.request.size",
        Setting("message.max.bytes", Number(1000)),
    ),
    of(
        PRODUCER,
        "max.in.flight.requests.per.connection",
        Setting("max.in.flight.requests.per.connection", Number(1)),
    ),
    of(PRODUCER, "key.serializer", Nothing),
    of(PRODUCER, "value.serializer", Nothing),
    of(
        PRODUCER,
        "partitioner.class",
        Ours(
            &["org.apache.kafka.clients.producer.internals.DefaultPartitioner"],
            PARTITIONER,
        ),
    ),
    of(
        PRODUCER,
        "partitioner.ignore.keys",
        Ours(&["false"], PARTITIONER),
    ),
    of(
        PRODUCER,
        "partitioner.adaptive.partitioning.enable",
        Nothing,
    ),
    of(PRODUCER, "partitioner.availability.timeout.ms", Nothing),
    // Consumers'.
    of(CONSUMER, "group.id", Ours(&[], GROUP)),
    of(CONSUMER, "group.protocol", Ours(&["classic"], ASSIGNMENT)),
    of(CONSUMER, "group.remote.assignor", Ours(&[], ASSIGNMENT)),
    same(CONSUMER, "group.instance.id", Text),
    same(CONSUMER, "auto.offset.reset", Word),
    of(CONSUMER, "enable.auto.commit", Ours(&["false"], COMMITS)),
    of(CONSUMER, "auto.commit.interval.ms", Nothing),
    same(CONSUMER, "fetch.min.bytes", Number(1)),
    of(
        CONSUMER,
        "fetch.max.wait.ms",
        Setting("fetch.wait.max.ms", Number(0)),
    ),
    same(CONSUMER, "fetch.max.bytes", Number(1)),
    same(CONSUMER, "max.partition.fetch.bytes", Number(1)),
    of(CONSUMER, "max.poll.records", Missed(BATCHES)),
    same(CONSUMER, "max.poll.interval.ms", Number(1)),
    same(CONSUMER, "session.timeout.ms", Number(1)),
    same(CONSUMER, "heartbeat.interval.ms", Number(1)),
    of(
        CONSUMER,
        "isolation.level",
        Ours(&["read_committed"], COMMITTED),
    ),
    same(CONSUMER, "check.crcs", Boolean),
    same(CONSUMER, "allow.auto.create.topics", Boolean),
    of(
        CONSUMER,
        "partition.assignment.strategy",
        Ours(
            &["org.apache.kafka.clients.consumer.CooperativeStickyAssignor"],
            ASSIGNMENT,
        ),
    ),
    of(CONSUMER, "exclude.internal.topics", Nothing),
    of(CONSUMER, "share.acknowledgement.mode", Nothing),
    of(CONSUMER, "key.deserializer", Nothing),
    of(CONSUMER, "value.deserializer", Nothing),
    of(CONSUMER_ADMIN, "default.api.timeout.ms", Nothing),
    of(&[Admin], "retries", Nothing),
    of(
        &[Admin],
        "bootstrap.controllers",
        Missed("brokers are asked, not controllers"),
    ),
    of(
        PRODUCER_ADMIN,
        "internal.auto.downgrade.txn.commit",
        Nothing,
    ),
    // How the connection is protected.
    of(ALL, "security.protocol", Security),
    of(ALL, "sasl.mechanism", Security),
    of(ALL, "sasl.jaas.config", Security),
    of(ALL, "sasl.client.callback.handler.class", Security),
    of(ALL, "sasl.oauthbearer.token.endpoint.url", Security),
    of(ALL, "sasl.oauthbearer.jwks.endpoint.url", Nothing),
    of(ALL, "sasl.oauthbearer.scope.claim.name", Nothing),
    of(ALL, "sasl.oauthbearer.sub.claim.name", Nothing),
    of(ALL, "sasl.oauthbearer.clock.skew.seconds", Nothing),
    of(ALL, "sasl.oauthbearer.expected.audience", Nothing),
    of(ALL, "sasl.oauthbearer.expected.issuer", Nothing),
    of(ALL, "sasl.oauthbearer.header.urlencode", Nothing),
    of(ALL, "sasl.oauthbearer.jwks.endpoint.refresh.ms", Nothing),
    of(
        ALL,
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms",
        Nothing,
    ),
    of(
        ALL,
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms",
        Nothing,
    ),
    of(ALL, "ssl.protocol", Nothing),
    of(ALL, "ssl.provider", Nothing),
    of(ALL, "ssl.secure.random.implementation", Nothing),
    of(ALL, "ssl.keymanager.algorithm", Nothing),
    of(ALL, "ssl.trustmanager.algorithm", Nothing),
    of(
        ALL,
        "ssl.engine.factory.class",
        Missed("no foreign code is loaded into this process"),
    ),
    of(
        ALL,
        "ssl.enabled.protocols",
        Missed("TLS 1.2 and 1.3 are spoken, the newest that both sides know"),
    ),
    of(
        ALL,
        "ssl.cipher.suites",
        Missed(
            "OpenSSL names its suites otherwise, and chooses; set `ssl.cipher.suites` in [kafka.client] in its words",
        ),
    ),
    of(ALL, "ssl.endpoint.identification.algorithm", Security),
    of(ALL, "ssl.truststore.type", Security),
    of(ALL, "ssl.truststore.location", Security),
    of(ALL, "ssl.truststore.password", Security),
    of(ALL, "ssl.truststore.certificates", Security),
    of(ALL, "ssl.keystore.type", Security),
    of(ALL, "ssl.keystore.location", Security),
    of(ALL, "ssl.keystore.password", Security),
    of(ALL, "ssl.keystore.key", Security),
    of(ALL, "ssl.keystore.certificate.chain", Security),
    of(ALL, "ssl.key.password", Security),
];
