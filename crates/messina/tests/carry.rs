//! `messina export` and `import`: an installation carried into a real Kafka and a real Cassandra, killed on the way and
//! begun again, and read back with clients that are not under test.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a failed expectation is a failed test"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use messina_connect::cql_type::CqlType;
use messina_connect::record::RecordHeader;
use messina_connect::row::{CqlValue, Row};
use messina_connect::table_schema::{ClusteringOrder, TableColumn, TableSchema};
use messina_store::log::{
    Append, AppendWaiter, Log, LogOptions, NewRecord, OffsetCommit, TopicConfig,
};
use messina_store::table::{TableOptions, TableStore, WriteBatch};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_mins(3);

/// The write timestamp of row 0, microseconds: in the past, as all are.
const WRITTEN: i64 = 1_700_000_000_000_000;

/// An installation without a process, and where it is to go.
struct Place {
    folder: tempfile::TempDir,
    name: String,
    kafka: String,
    cql: Session,
}

impl Place {
    /// `None`, said aloud, where no Kafka or no Cassandra runs; in CI that is a failure.
    async fn new(test: &str) -> Option<Self> {
        let kafka = std::env::var("MESSINA_TEST_KAFKA").unwrap_or("127.0.0.1:19092".to_owned());
        let at = std::env::var("MESSINA_TEST_CASSANDRA").unwrap_or("127.0.0.1:19042".to_owned());
        if let Err(error) = std::net::TcpStream::connect(&kafka) {
            skip(&format!(
                "{test}: no Kafka at {kafka}, see `cargo xtask services`: {error}"
            ));
            return None;
        }
        let cql = match SessionBuilder::new().known_node(&at).build().await {
            Ok(session) => session,
            Err(error) => {
                skip(&format!(
                    "{test}: no Cassandra at {at}, see `cargo xtask services`: {error}"
                ));
                return None;
            }
        };
        let name = format!("carry_{test}_{}", std::process::id());
        let folder = tempfile::tempdir().unwrap();
        let target = format!(
            "[kafka]\nbootstrap_servers = \"{kafka}\"\ngateway_id = \"{name}\"\ntopics = {{ create = true }}\n\
             [cql]\ncontact_points = \"{at}\"\nkeyspace = \"{name}\"\nreplication = 1\nrequest_timeout = \"20s\"\n"
        );
        std::fs::write(folder.path().join("target.toml"), target).unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        Some(Self {
            folder,
            name,
            kafka,
            cql,
        })
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> Log {
        Log::open(&self.data().join("log"), LogOptions::default()).unwrap()
    }

    /// Writes records numbered from 0 to two partitions in turn, and has a group stand before `stands` in each.
    async fn records(&self, count: usize, size: usize, stands: i64) {
        let log = self.log();
        let config = TopicConfig {
            partitions: 2,
            ..TopicConfig::default()
        };
        log.create_topic(&self.name, config).await.unwrap();
        let handles = log.partitions(&self.name);
        for chunk in (0..count).collect::<Vec<_>>().chunks(1000) {
            let record = |number: &usize| {
                let record = NewRecord {
                    key: Some(Bytes::from(format!("k{number}"))),
                    value: (number % 10 != 3).then(|| Bytes::from(format!("{number:0size$}"))),
                    headers: vec![RecordHeader {
                        name: Bytes::from_static(b"n"),
                        value: Some(Bytes::from(number.to_string())),
                    }],
                    timestamp: now() - 1_000_000 + i64::try_from(*number).unwrap(),
                };
                (handles[number % 2].clone(), record)
            };
            let records: Vec<_> = chunk.iter().map(record).collect();
            let bytes = records.iter().map(|(_, record)| record.size_bound()).sum();
            let permit = log.reserve(bytes).await;
            let waiter = AppendWaiter::new();
            log.append(Append {
                records,
                permit,
                waiter: Arc::clone(&waiter),
                ticket: 0,
                want_offsets: false,
            });
            waiter.notified().await;
            let mut done = Vec::new();
            waiter.drain(&mut done);
            assert!(done.iter().all(|one| one.result.is_ok()), "{done:?}");
        }
        for handle in &handles {
            let commit = OffsetCommit {
                offset: stands,
                metadata: "books".to_owned(),
            };
            let commits = vec![(handle.clone(), commit)];
            log.commit_offsets(&self.group(), &commits).await.unwrap();
        }
        log.close().unwrap();
    }

    fn group(&self) -> String {
        format!("connect-{}", self.name)
    }

    /// Writes rows numbered from 0; every third has half an hour left, every tenth has expired.
    async fn rows(&self, count: usize) {
        // Expired rows are to be found.
        let options = TableOptions {
            purge_interval: Duration::from_hours(1),
            ..TableOptions::default()
        };
        let store = TableStore::open(&self.data().join("tables.db"), options).unwrap();
        let table = store.declare(&schema(&self.name)).await.unwrap();
        for chunk in (0..count).collect::<Vec<_>>().chunks(5000) {
            let rows = chunk.iter().map(|number| row(*number)).collect();
            let batch = WriteBatch {
                table: table.clone(),
                rows: Arc::new(rows),
            };
            store.write(batch).await.unwrap();
        }
        store.close().await;
        // What has one second to live has lived.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }

    fn messina(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_messina"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1");
        command
    }

    fn export(&self) -> Command {
        self.messina(&["export", "--data", "data", "--to", "target.toml", "--json"])
    }

    fn consumer(&self, group: &str) -> BaseConsumer {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.kafka)
            .set("group.id", group);
        config
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true");
        config.set("enable.auto.commit", "false").create().unwrap()
    }

    /// Every committed record of a partition: offset, key, length of the value, header, timestamp.
    fn read(&self, partition: i32) -> Vec<(i64, String, Option<usize>, String, i64)> {
        let consumer = self.consumer("reader");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name, partition, Offset::Beginning)
            .unwrap();
        consumer.assign(&list).unwrap();
        let mut all = Vec::new();
        loop {
            match consumer
                .poll(PATIENCE)
                .expect("Kafka says something in time")
            {
                Ok(record) => {
                    let header = record.headers().unwrap().get(0);
                    assert_eq!(header.key, "n");
                    all.push((
                        record.offset(),
                        String::from_utf8(record.key().unwrap().to_vec()).unwrap(),
                        record.payload().map(<[u8]>::len),
                        String::from_utf8(header.value.unwrap().to_vec()).unwrap(),
                        record.timestamp().to_millis().unwrap(),
                    ));
                }
                Err(rdkafka::error::KafkaError::PartitionEOF(_)) => return all,
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn count(&self) -> i64 {
        let select = format!("SELECT count(*) FROM {0}.{0}", self.name);
        let Ok(answer) = self.cql.query_unpaged(select, ()).await else {
            return 0;
        };
        let (count,) = answer
            .into_rows_result()
            .unwrap()
            .single_row::<(i64,)>()
            .unwrap();
        count
    }
}

fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "skipped in CI: {reason}");
    if let Some(file) = std::env::var_os("MESSINA_SKIP_FILE") {
        let mut file = std::fs::File::options()
            .append(true)
            .create(true)
            .open(file)
            .unwrap();
        writeln!(file, "{reason}").unwrap();
    }
    eprintln!("skipped: {reason}");
}

fn now() -> i64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

fn schema(name: &str) -> TableSchema {
    let column = |(name, cql_type): (&str, CqlType)| TableColumn {
        name: name.to_owned(),
        cql_type,
    };
    let columns = [
        ("device", CqlType::Text),
        ("ts", CqlType::Timestamp),
        ("reading", CqlType::Double),
        ("good", CqlType::Boolean),
        ("id", CqlType::Uuid),
        ("day", CqlType::Date),
        ("amount", CqlType::Decimal),
        ("raw", CqlType::Blob),
        (
            "counts",
            CqlType::Map(Box::new(CqlType::Int), Box::new(CqlType::Text)),
        ),
    ];
    TableSchema {
        keyspace: None,
        name: name.to_owned(),
        columns: columns.map(column).to_vec(),
        partition_key: vec![0],
        clustering_key: vec![(1, ClusteringOrder::Descending)],
        default_ttl: None,
        time_bucket: None,
    }
}

fn row(number: usize) -> Row {
    let at = i64::try_from(number).unwrap();
    let map = vec![(CqlValue::Int(7), CqlValue::Text("seven".into()))];
    Row {
        values: vec![
            CqlValue::Text(format!("device-{}", number % 7).into()),
            CqlValue::Timestamp(at),
            CqlValue::Double(0.5 + f64::from(u32::try_from(number).unwrap())),
            CqlValue::Boolean(number.is_multiple_of(2)),
            CqlValue::Uuid(uuid::Uuid::from_u128(7)),
            CqlValue::Date(-1),
            CqlValue::Decimal(1250.into(), 3),
            if number == 0 {
                CqlValue::Null
            } else {
                CqlValue::Blob(Bytes::from_static(&[0, 255]))
            },
            CqlValue::Map(map),
        ],
        write_timestamp: WRITTEN + at,
        ttl_seconds: match number {
            number if number % 10 == 9 => Some(1),
            number if number % 3 == 0 => Some(1800),
            _ => None,
        },
    }
}

/// The books that were printed.
fn books(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stdout)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What must hold of `count` records of that size once they are carried.
fn check_records(place: &Place, count: usize, size: usize, stands: i64) {
    for partition in 0..2 {
        let read = place.read(partition);
        let parity = usize::try_from(partition).unwrap();
        let numbers: Vec<usize> = read
            .iter()
            .map(|record| record.3.parse().unwrap())
            .collect();
        let expected: Vec<usize> = (0..count).filter(|number| number % 2 == parity).collect();
        assert_eq!(numbers, expected, "each once, in order");
        for ((_, key, length, _, time), number) in read.iter().zip(&numbers) {
            assert_eq!(*key, format!("k{number}"));
            assert_eq!(*length, (number % 10 != 3).then_some(size));
            let first = read[0].4 - i64::try_from(numbers[0]).unwrap();
            // Chunks were stamped one after the other.
            assert!(*time >= first + i64::try_from(*number).unwrap(), "{number}");
        }
        let mut asked = TopicPartitionList::new();
        asked.add_partition(&place.name, partition);
        let committed = place
            .consumer(&place.group())
            .committed_offsets(asked, PATIENCE)
            .unwrap();
        let committed = &committed.elements()[0];
        assert_eq!(committed.metadata(), "books");
        let Offset::Offset(offset) = committed.offset() else {
            panic!("{committed:?}")
        };
        // The next committed record is the one the group would have read here.
        let next = read.iter().position(|record| record.0 >= offset);
        let stands = usize::try_from(stands).unwrap();
        assert_eq!(next, (stands < read.len()).then_some(stands));
    }
}

async fn check_rows(place: &Place, count: usize) {
    let live = (0..count).filter(|number| number % 10 != 9).count();
    assert_eq!(usize::try_from(place.count().await).unwrap(), live);
    let select = format!(
        "SELECT JSON ts, reading, good, id, day, amount, raw, counts, writetime(reading) AS written, ttl(reading) AS left \
         FROM {0}.{0} WHERE device = 'device-0' AND ts IN (0, 7, 21)",
        place.name
    );
    let answer = place
        .cql
        .query_unpaged(select, ())
        .await
        .unwrap()
        .into_rows_result()
        .unwrap();
    let texts = answer
        .rows::<(String,)>()
        .unwrap()
        .map(|row| row.unwrap().0);
    let rows: Vec<Value> = texts
        .map(|text| serde_json::from_str(&text).unwrap())
        .collect();
    let of = |number: i64| {
        rows.iter()
            .find(|row| row["written"] == WRITTEN + number)
            .unwrap_or_else(|| panic!("{rows:?}"))
    };
    assert_eq!(rows.len(), 3);
    let first = of(0);
    assert!(first["raw"].is_null() && first["good"] == true, "{first}");
    assert!(
        first["left"]
            .as_i64()
            .is_some_and(|left| (1..=1800).contains(&left)),
        "{first}"
    );
    let second = of(7);
    assert_eq!(second["reading"], 7.5);
    assert_eq!(
        (second["raw"].as_str(), second["day"].as_str()),
        (Some("0x00ff"), Some("1969-12-31"))
    );
    assert_eq!(
        (second["amount"].as_f64(), second["counts"]["7"].as_str()),
        (Some(1.25), Some("seven"))
    );
    assert!(second["left"].is_null(), "{second}");
    assert!(of(21)["left"].as_i64().is_some());
}

fn check_books(books: &Value, place: &Place, records: usize, rows: usize) {
    let named = |list: &Value, field: &str, name: &str| {
        let all = list.as_array().unwrap().iter();
        let found = all.clone().find(|own| own[field] == name);
        found
            .unwrap_or_else(|| panic!("{name} is not in {list}"))
            .clone()
    };
    let topic = named(&books["topics"], "topic", &place.name);
    assert_eq!(
        (&topic["records"], &topic["carried"]),
        (&records.into(), &records.into()),
        "{books}"
    );
    let table = named(&books["tables"], "table", &format!("{0}.{0}", place.name));
    let expired = (0..rows).filter(|number| number % 10 == 9).count();
    assert_eq!(table["rows"], rows, "{books}");
    assert_eq!(
        (&table["written"], &table["expired"]),
        (&(rows - expired).into(), &expired.into()),
        "{books}"
    );
    assert_eq!(table["refused"], 0, "{books}");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_groups_and_rows_are_there_as_they_were_and_a_second_run_adds_nothing() {
    let Some(place) = Place::new("whole").await else {
        return;
    };
    place.records(2000, 20, 300).await;
    place.rows(500).await;
    check_books(&books(&place.export().output().unwrap()), &place, 2000, 500);
    check_records(&place, 2000, 20, 300);
    check_rows(&place, 500).await;

    let again = books(&place.export().output().unwrap());
    check_books(&again, &place, 2000, 500);
    let topics = again["topics"].as_array().unwrap();
    assert!(topics.iter().all(|topic| topic["now"] == 0), "{again}");
    assert_eq!(again["tables"][0]["now"], 0, "{again}");
    check_records(&place, 2000, 20, 300);
}

/// Runs it, kills it when `when` holds, and makes sure that it was not done then.
async fn kill_when(mut child: Child, mut when: impl AsyncFnMut() -> bool) {
    let begun = std::time::SystemTime::now();
    while !when().await {
        assert!(
            begun.elapsed().unwrap() < PATIENCE,
            "it did not get so far in time"
        );
        assert!(child.try_wait().unwrap().is_none(), "it has ended");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(
        child.try_wait().unwrap().is_none(),
        "it was done before it could be killed"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_with_records_and_again_with_rows_under_way_it_goes_on_and_the_books_balance() {
    let Some(place) = Place::new("killed").await else {
        return;
    };
    place.records(60_000, 1000, 25_000).await;
    place.rows(60_000).await;
    let start = || {
        place
            .export()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let watcher = place.consumer("watcher");
    kill_when(start(), async || {
        let marks = watcher.fetch_watermarks(&place.name, 0, Duration::from_secs(1));
        marks.is_ok_and(|(_, high)| high > 0)
    })
    .await;
    kill_when(start(), async || {
        let text = std::fs::read_to_string(place.data().join("export.json")).unwrap();
        let progress: Value = serde_json::from_str(&text).unwrap();
        let table = &progress["tables"][format!("{0}.{0}", place.name)];
        table["written"].as_u64().is_some_and(|written| written > 0)
    })
    .await;
    let last = books(&place.export().output().unwrap());
    check_books(&last, &place, 60_000, 60_000);
    let now = last["tables"][0]["now"].as_u64().unwrap();
    let rows_left = now > 0 && now < 54_000;
    assert!(rows_left && last["topics"][0]["now"] == 0, "{last}");
    check_records(&place, 60_000, 1000, 25_000);
    check_rows(&place, 60_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_a_whole_installation_and_import_carries_them() {
    let Some(place) = Place::new("files").await else {
        return;
    };
    place.records(500, 20, 100).await;
    place.rows(50).await;
    let copy = |place: &Place| {
        place
            .messina(&["export", "--data", "data", "--out", "copy", "--json"])
            .output()
            .unwrap()
    };
    let copied = books(&copy(&place));
    let table = &copied["tables"][0];
    assert_eq!(
        (&table["rows"], &table["written"]),
        (&50.into(), &50.into()),
        "{copied}"
    );
    let again = books(&copy(&place));
    assert_eq!(again["topics"], copied["topics"]);
    std::fs::rename(place.data(), place.folder.path().join("gone")).unwrap();
    let import = place
        .messina(&["import", "copy", "--to", "target.toml", "--json"])
        .output()
        .unwrap();
    check_books(&books(&import), &place, 500, 50);
    check_records(&place, 500, 20, 100);
    check_rows(&place, 50).await;
}

#[test]
fn what_cannot_be_is_said_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("nowhere.toml", "[gateway]\nlisten = \"127.0.0.1:1883\"\n");
    write(
        "target.toml",
        "[kafka]\nbootstrap_servers = \"127.0.0.1:1\"\n",
    );
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_messina"));
        let output = command
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, said) = run(&["export", "--data", "data", "--to", "nowhere.toml"]);
    assert!(
        code == 2 && said.contains("has neither [kafka] nor [cql]"),
        "{code} {said}"
    );
    let (code, said) = run(&["export", "--data", "data", "--to", "target.toml"]);
    assert!(
        code == 1 && said.contains("there is no installation of Messina in `data`"),
        "{code} {said}"
    );
    let (code, said) = run(&["export", "--data", "data"]);
    assert!(code == 2 && said.contains("--to"), "{code} {said}");
    let (code, said) = run(&["import", "absent", "--to", "target.toml"]);
    assert!(code == 1 && said.contains("`absent`"), "{code} {said}");
    // Whoever runs has the log.
    let data = folder.path().join("data");
    let _log = Log::open(&Path::new(&data).join("log"), LogOptions::default()).unwrap();
    let (code, said) = run(&["export", "--data", "data", "--to", "target.toml"]);
    assert!(code == 1 && said.contains("in use"), "{code} {said}");
}
