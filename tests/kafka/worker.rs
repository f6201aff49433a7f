//! A worker with one sink, and what it says of itself.

use std::time::Duration;

use messina_e2e::cassandra::{self, Python};
use messina_e2e::patience::until_within;
use messina_e2e::server::Site;
use serde_json::Value;

/// Processes, brokers and tables on two slow cores, with everything at once.
pub(crate) const CATCH_UP: Duration = Duration::from_mins(3);

/// How long a sink may take to say what is wrong.
const SAID: Duration = Duration::from_mins(1);

/// A name no other run has.
pub(crate) fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// A worker that reads `topic` into the embedded table `readings (device, n, v)`, and poison into `topic.dead`.
pub(crate) fn worker(servers: &str, topic: &str) -> Site {
    Site::new()
        .running("worker")
        .set(format!("kafka.bootstrap_servers={servers}"))
        .set(format!("kafka.gateway_id={topic}"))
        .set("kafka.topics={ create = true, partitions = 6, replication = 1 }")
        .set("tables.query_max_rows=1000000")
        .set("route=[]")
        .set(format!("topic=[{{ name = \"{topic}\" }}]"))
        .set(
            "table=[{ name = \"readings\", partition_key = [\"device\"], clustering_key = [\"n\"], \
             columns = { device = \"text\", n = \"bigint\", v = \"double\" } }]",
        )
        .set(format!(
            "sink=[{{ name = \"{topic}\", topics = \"{topic}\", \
             \"connect.cassandra.kcql\" = \"INSERT INTO readings SELECT device, n, v FROM {topic}\", \
             \"value.converter\" = \"Json\", \"value.converter.schemas.enable\" = false, \
             \"errors.tolerance\" = \"all\", \"errors.deadletterqueue.topic.name\" = \"{topic}.dead\", \
             \"errors.deadletterqueue.context.headers.enable\" = true }}]"
        ))
}

/// The one sink as the status shows it.
pub(crate) fn sink(site: &Site) -> Value {
    site.admin().status()["sinks"][0].clone()
}

pub(crate) fn number(sink: &Value, name: &str) -> u64 {
    sink[name]
        .as_u64()
        .unwrap_or_else(|| panic!("no `{name}` in {sink}"))
}

/// Waits until so many records are rows and so many dead letters, and nothing else is left to do; the books balance.
pub(crate) fn settled(site: &Site, written: u64, dead_lettered: u64) {
    let what = format!("{written} records written and {dead_lettered} dead letters");
    let done = until_within(CATCH_UP, &what, || {
        let sink = sink(site);
        let settled = number(&sink, "written") + number(&sink, "dead_lettered")
            >= written + dead_lettered
            && number(&sink, "lag") == 0
            && number(&sink, "in_flight") == 0;
        settled.then_some(sink)
    });
    assert_eq!(
        (number(&done, "written"), number(&done, "dead_lettered")),
        (written, dead_lettered),
        "{done}"
    );
    assert_eq!(
        number(&done, "accepted"),
        written + dead_lettered + number(&done, "filtered"),
        "{done}"
    );
    assert_eq!(number(&done, "skipped"), 0, "{done}");
}

/// Waits for what the sink says of itself: a state and a text that is somewhere in its component's reason.
pub(crate) fn says(site: &Site, state: &str, text: &str) {
    until_within(
        SAID,
        &format!("the sink is {state} and says `{text}`"),
        || {
            let status = site.admin().status();
            let is = status["sinks"][0]["state"] == state;
            (is && status["components"].to_string().contains(text)).then_some(())
        },
    );
}

/// A Cassandra, asked by Python's driver.
pub(crate) struct Cassandra {
    keyspace: String,
    python: Python,
    replication: u8,
}

impl Cassandra {
    /// The shared one, with an empty keyspace of that name; `None`, said aloud, where none runs.
    pub(crate) fn find(test: &str, keyspace: &str) -> Option<Self> {
        Some(Self::at(cassandra::shared(test)?, 1, keyspace))
    }

    /// The one that this client reaches, with an empty keyspace of that name of so many replicas.
    pub(crate) fn at(python: Python, replication: u8, keyspace: &str) -> Self {
        python.ask(&format!("DROP KEYSPACE IF EXISTS {keyspace}"));
        Self {
            keyspace: keyspace.to_owned(),
            python,
            replication,
        }
    }

    /// The worker with its tables there.
    pub(crate) fn of(&self, site: Site) -> Site {
        site.set(format!("cql.contact_points={}", self.python.address))
            .set(format!("cql.keyspace={}", self.keyspace))
            .set(format!("cql.replication={}", self.replication))
    }

    /// Every `n` of the table, sorted.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.numbers_of("SELECT n FROM {}.readings")
    }

    /// Every number a statement gives, sorted; `{}` in it stands for the keyspace.
    pub(crate) fn numbers_of(&self, statement: &str) -> Vec<u64> {
        let rows = self.python.ask(&statement.replace("{}", &self.keyspace));
        let mut numbers: Vec<u64> = rows.iter().map(|row| row[0].as_u64().unwrap()).collect();
        numbers.sort_unstable();
        numbers
    }
}

impl Drop for Cassandra {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.python
                .ask(&format!("DROP KEYSPACE IF EXISTS {}", self.keyspace));
        }
    }
}

/// Every number of the embedded table, sorted.
pub(crate) fn numbers(site: &Site) -> Vec<u64> {
    let rows = site
        .admin()
        .query("SELECT n FROM readings ORDER BY n LIMIT 1000000");
    rows.iter().map(|row| row[0].as_u64().unwrap()).collect()
}

/// Says what is missing rather than printing both lists.
pub(crate) fn all_there(found: &[u64], count: u64) {
    let expected: Vec<u64> = (0..count).collect();
    let mut missing: Vec<&u64> = expected
        .iter()
        .filter(|n| found.binary_search(n).is_err())
        .collect();
    let lost = missing.len();
    missing.truncate(10);
    assert!(lost == 0, "{lost} of {count} are missing: {missing:?} ...");
    assert_eq!(found.len() as u64, count, "some are there twice");
}
