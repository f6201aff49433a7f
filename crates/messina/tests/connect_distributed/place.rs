//! What a test has for itself: topics, a group, a keyspace, a directory.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use serde_json::{Value, json};

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A test's own place.
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) kafka: String,
    cassandra: String,
    session: Session,
    runtime: tokio::runtime::Runtime,
    pub(crate) dir: tempfile::TempDir,
}

impl Place {
    /// `None`, said aloud, where a service is not there; in CI that is a failure.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let at = |variable, default: &str| std::env::var(variable).unwrap_or(default.to_owned());
        let kafka = at("MESSINA_TEST_KAFKA", "127.0.0.1:19092");
        let cassandra = at("MESSINA_TEST_CASSANDRA", "127.0.0.1:19042");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let builder = SessionBuilder::new().known_node(&cassandra);
        let session = match runtime.block_on(builder.build()) {
            Ok(session) => session,
            Err(error) => return skip(name, &format!("no Cassandra at {cassandra}: {error}")),
        };
        let client: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &kafka)
            .create()
            .unwrap();
        if let Err(error) = client.fetch_metadata(None, Duration::from_secs(10)) {
            return skip(name, &format!("no Kafka at {kafka}: {error}"));
        }
        let place = Self {
            // What a run before this one has left is not in the way.
            name: format!("messina_{name}_{}", std::process::id()),
            kafka,
            cassandra,
            session,
            runtime,
            dir: tempfile::tempdir().unwrap(),
        };
        let keyspace = &place.name;
        place.cql(&format!(
            "CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
        ));
        place.cql(&format!(
            "CREATE TABLE {keyspace}.readings (id bigint PRIMARY KEY, value double)"
        ));
        Some(place)
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    fn cql(&self, statement: &str) {
        self.runtime
            .block_on(self.session.query_unpaged(statement, ()))
            .unwrap();
    }

    /// There are no rows any more.
    pub(crate) fn forget_rows(&self) {
        self.cql(&format!("TRUNCATE {}.readings", self.name));
    }

    /// Rows that are there.
    pub(crate) fn rows(&self) -> usize {
        let select = format!("SELECT id FROM {}.readings", self.name);
        let read = self
            .runtime
            .block_on(self.session.query_unpaged(select, ()));
        let rows = read.unwrap().into_rows_result().unwrap();
        rows.rows_num()
    }

    /// Rows that are there with this value.
    pub(crate) fn rows_with(&self, wanted: f64) -> usize {
        let select = format!("SELECT value FROM {}.readings", self.name);
        let read = self
            .runtime
            .block_on(self.session.query_unpaged(select, ()));
        let rows = read.unwrap().into_rows_result().unwrap();
        let values = rows.rows::<(Option<f64>,)>().unwrap();
        let close = |value: f64| (value - wanted).abs() < 1e-9;
        let with = values.filter(|row| row.as_ref().unwrap().0.is_some_and(close));
        with.count()
    }

    /// The path of a connector of this test's. Its consumer group is called after it, and no other test may join that.
    pub(crate) fn connector_path(&self, what: &str, rest: &str) -> String {
        format!("/connectors/{}{rest}", self.topic(what))
    }

    /// The name of a topic of this test's, or of a connector.
    pub(crate) fn topic(&self, what: &str) -> String {
        format!("{}-{what}", self.name.replace('_', "-"))
    }

    pub(crate) fn create_topic(&self, name: &str, partitions: i32, policy: &str) {
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", &self.kafka)
            .create()
            .unwrap();
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let topic = topic.set("cleanup.policy", policy);
        let creating = admin.create_topics([&topic], &AdminOptions::new());
        let created = self.runtime.block_on(creating).unwrap();
        assert_eq!(created, [Ok(name.to_owned())]);
    }

    /// Writes a record of each number to the topic of readings.
    pub(crate) fn produce(&self, ids: std::ops::Range<usize>, value: f64) {
        let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
            .set("bootstrap.servers", &self.kafka)
            .create()
            .unwrap();
        let topic = self.topic("readings");
        for id in ids {
            let (key, value) = (
                id.to_string(),
                json!({ "id": id, "value": value }).to_string(),
            );
            let mut record = BaseRecord::to(&topic).key(&key).payload(&value);
            while let Err((error, again)) = producer.send(record) {
                assert!(error.to_string().contains("QueueFull"), "{error}");
                producer.flush(Duration::from_secs(10)).unwrap();
                record = again;
            }
        }
        producer.flush(PATIENCE).unwrap();
    }

    /// Writes what is no JSON to a partition of the topic of readings.
    pub(crate) fn spoil(&self, partition: i32) {
        let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
            .set("bootstrap.servers", &self.kafka)
            .create()
            .unwrap();
        let topic = self.topic("readings");
        let record = BaseRecord::to(&topic).partition(partition);
        let sent = producer.send(record.key("k").payload("no JSON"));
        sent.map_err(|(error, _)| error).unwrap();
        producer.flush(PATIENCE).unwrap();
    }

    /// What a header says in the records of a topic's first partition.
    pub(crate) fn headers(&self, topic: &str, name: &str) -> BTreeSet<String> {
        let mut said = BTreeSet::new();
        self.read(topic, 1, |message| {
            let headers = message.headers().unwrap();
            let own = headers.iter().find(|header| header.key == name).unwrap();
            said.insert(String::from_utf8(own.value.unwrap().to_vec()).unwrap());
        });
        said
    }

    /// The records of a topic's first partitions, as keys and values, in order.
    pub(crate) fn records(&self, topic: &str, partitions: i32) -> Vec<(String, Option<Value>)> {
        let mut records = Vec::new();
        self.read(topic, partitions, |message| {
            let key = String::from_utf8(message.key().unwrap().to_vec()).unwrap();
            let value = message.payload();
            let value = value.map(|own| serde_json::from_slice(own).unwrap());
            records.push((key, value));
        });
        records
    }

    fn read(&self, topic: &str, partitions: i32, mut take: impl FnMut(&BorrowedMessage<'_>)) {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.kafka)
            .set("group.id", "reads-only")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .create()
            .unwrap();
        let mut all = TopicPartitionList::new();
        for partition in 0..partitions {
            all.add_partition_offset(topic, partition, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&all).unwrap();
        let mut ends = 0;
        let deadline = Instant::now() + PATIENCE;
        while ends < partitions {
            assert!(Instant::now() < deadline, "`{topic}` does not end");
            match consumer.poll(Duration::from_secs(1)) {
                Some(Ok(message)) => take(&message),
                Some(Err(KafkaError::PartitionEOF(_))) => ends += 1,
                _ => {}
            }
        }
    }

    /// A connector's options: from the topic of readings into the table.
    pub(crate) fn connector(&self, tasks: usize) -> Value {
        let (host, port) = self.cassandra.rsplit_once(':').unwrap();
        let topic = self.topic("readings");
        json!({
            "connector.class": "com.datamountaineer.streamreactor.connect.cassandra.sink.CassandraSinkConnector",
            "tasks.max": tasks.to_string(),
            "topics": topic,
            "connect.cassandra.kcql": format!("INSERT INTO readings SELECT * FROM {topic}"),
            "connect.cassandra.contact.points": host,
            "connect.cassandra.port": port,
            "connect.cassandra.key.space": self.name,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let drop_it = format!("DROP KEYSPACE IF EXISTS {}", self.name);
        drop(
            self.runtime
                .block_on(self.session.query_unpaged(drop_it, ())),
        );
    }
}

fn skip(name: &str, why: &str) -> Option<Place> {
    let why = format!("{name}: {why}, see `cargo xtask services`");
    assert!(std::env::var_os("CI").is_none(), "{why}");
    eprintln!("SKIPPED: {why}");
    if let Some(file) = std::env::var_os("MESSINA_SKIP_FILE") {
        let file = std::fs::File::options().append(true).open(file);
        writeln!(file.unwrap(), "{why}").unwrap();
    }
    None
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
