//! A sink's task over the real log and the real table: every record is accounted for, whatever happens.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may fail loudly, and watches its tasks itself"
)]

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use messina::config::{self, Config};
use messina::record_log::{EmbeddedLog, RecordLog};
use messina::sink::dead_letter::{DEAD_LETTER_TOPIC, DeadLetter};
use messina::sink::{Connector, SinkOptions, SinkSnapshot, SinkStatus, TaskState};
use messina::table::{BoxFuture, EmbeddedTable, RefusedRow, Table, TableError};
use messina_connect::config::{ConnectorConfig, Property};
use messina_connect::plan::Plan;
use messina_connect::record::RecordHeader;
use messina_connect::row::{CqlValue, Row};
use messina_connect::table_schema::TableSchema;
use messina_store::log::{Log, LogOptions, NewRecord, StoredRecord, TopicConfig};
use messina_store::table::{QueryLimits, QueryValue, TableOptions, TableStore};
use tokio_util::sync::CancellationToken;

/// The log and the tables of one data directory.
struct Pipeline {
    log: Log,
    store: TableStore,
    config: Config,
}

impl Pipeline {
    fn open(dir: &Path) -> Self {
        let log = LogOptions {
            wal_bytes: 1 << 20,
            segment_bytes: 1 << 20,
            ..LogOptions::default()
        };
        Self {
            log: Log::open(&dir.join("log"), log).unwrap(),
            store: TableStore::open(&dir.join("tables.db"), TableOptions::default()).unwrap(),
            config: config::load(&config::Inputs::default()).unwrap().config,
        }
    }

    async fn close(self) {
        self.store.close().await;
        let log = self.log;
        tokio::task::spawn_blocking(move || log.close())
            .await
            .unwrap()
            .unwrap();
    }

    fn sink(&self, name: &str) -> ConnectorConfig {
        self.config
            .sinks
            .iter()
            .find(|sink| sink.name == name)
            .unwrap()
            .clone()
    }

    async fn topic(&self, name: &str, partitions: i32) {
        self.log
            .create_topic(
                name,
                TopicConfig {
                    partitions,
                    ..TopicConfig::default()
                },
            )
            .await
            .unwrap();
    }

    async fn append(&self, topic: &str, partition: i32, values: &[&str]) {
        let handle = self.log.partition(topic, partition).unwrap();
        // As the gateway does by default: one MQTT topic is in one partition.
        let device = Bytes::from(format!("meter/{partition}"));
        let record = |value: &&str| {
            let record = NewRecord {
                key: Some(device.clone()),
                value: Some(Bytes::copy_from_slice(value.as_bytes())),
                headers: vec![RecordHeader {
                    name: Bytes::from_static(b"mqtt.topic"),
                    value: Some(device.clone()),
                }],
                timestamp: 1_700_000_000_000,
            };
            (handle.clone(), record)
        };
        self.log
            .append_wait(values.iter().map(record).collect())
            .await
            .unwrap();
    }

    /// A connector over the embedded tables.
    async fn connector(&self, config: &ConnectorConfig) -> Connector {
        self.connector_with(config, |table| table).await
    }

    /// A connector over tables that `wrap` puts something in front of.
    async fn connector_with(
        &self,
        config: &ConnectorConfig,
        wrap: impl Fn(Arc<dyn Table>) -> Arc<dyn Table>,
    ) -> Connector {
        let plan = Plan::compile(config, &|name| {
            config::find_table(&self.config.tables, name)
        })
        .unwrap();
        let mut tables = Vec::new();
        for schema in plan.tables() {
            let table: Arc<dyn Table> =
                Arc::new(EmbeddedTable::declare(&self.store, schema).await.unwrap());
            tables.push(wrap(table));
        }
        let options = SinkOptions {
            commit_interval: Duration::from_millis(10),
            first_retry: Duration::from_millis(5),
            longest_retry: Duration::from_millis(20),
            ..SinkOptions::default()
        };
        Connector::new(
            plan,
            tables,
            Arc::new(EmbeddedLog::new(self.log.clone())),
            options,
        )
    }

    async fn one(&self, sql: &str) -> String {
        let result = self.store.query(sql, QueryLimits::default()).await.unwrap();
        match result.rows.first().and_then(|row| row.first()).unwrap() {
            QueryValue::Integer(integer) => integer.to_string(),
            QueryValue::Real(real) => real.to_string(),
            QueryValue::Text(text) => text.clone(),
            other => format!("{other:?}"),
        }
    }

    fn dead_letters(&self) -> Vec<StoredRecord> {
        match self.log.partition(DEAD_LETTER_TOPIC, 0) {
            Some(handle) => self.log.read(&handle, 0, 1 << 20).unwrap(),
            None => Vec::new(),
        }
    }
}

/// A connector at work.
struct Running {
    connector: Arc<Connector>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(connector: Connector) -> Self {
        let (connector, stop) = (Arc::new(connector), CancellationToken::new());
        let (own, token) = (Arc::clone(&connector), stop.clone());
        let task = tokio::spawn(async move { own.run(token).await });
        Self {
            connector,
            stop,
            task,
        }
    }

    fn status(&self) -> Arc<SinkStatus> {
        self.connector.status()
    }

    /// Waits until the status is as wanted.
    async fn until(&self, wanted: impl Fn(&SinkSnapshot) -> bool) -> SinkSnapshot {
        let status = self.status();
        for _ in 0..2_000 {
            let snapshot = status.snapshot();
            if wanted(&snapshot) {
                return snapshot;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it did not come to that: {:#?}", status.snapshot());
    }

    /// Waits until `records` are accounted for, committed, and nothing is in flight.
    async fn until_done(&self, records: u64) -> SinkSnapshot {
        let done = |partition: &messina::sink::PartitionSnapshot| {
            partition.in_flight == 0 && partition.committed == partition.books.offset()
        };
        let snapshot = self
            .until(|now| accounted(now) >= records && now.partitions.iter().all(done))
            .await;
        assert_eq!(accounted(&snapshot), records);
        snapshot
    }

    async fn stop(self) -> SinkSnapshot {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(5), self.task)
            .await
            .unwrap()
            .unwrap();
        let snapshot = self.connector.status().snapshot();
        assert_eq!(snapshot.state, TaskState::Stopped);
        snapshot
    }
}

fn accounted(snapshot: &SinkSnapshot) -> u64 {
    snapshot.total(|partition| {
        partition.books.written + partition.books.dead_lettered + partition.books.filtered
    })
}

/// Written, dead-lettered and filtered records.
fn books(snapshot: &SinkSnapshot) -> [u64; 3] {
    [
        snapshot.total(|partition| partition.books.written),
        snapshot.total(|partition| partition.books.dead_lettered),
        snapshot.total(|partition| partition.books.filtered),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None = 0,
    Away = 1,
    Broken = 2,
    /// Rows whose number is 13 are refused, without saying which row.
    RefusesThirteen = 3,
}

/// A table that fails as told, and otherwise writes.
#[derive(Debug)]
struct FaultyTable {
    table: Arc<dyn Table>,
    fault: Arc<AtomicU8>,
    writes: Arc<AtomicU64>,
}

#[derive(Debug, Clone, Default)]
struct Faults {
    fault: Arc<AtomicU8>,
    writes: Arc<AtomicU64>,
}

impl Faults {
    fn set(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::SeqCst);
    }

    fn over(&self, table: Arc<dyn Table>) -> Arc<dyn Table> {
        Arc::new(FaultyTable {
            table,
            fault: Arc::clone(&self.fault),
            writes: Arc::clone(&self.writes),
        })
    }
}

impl Table for FaultyTable {
    fn schema(&self) -> &Arc<TableSchema> {
        self.table.schema()
    }

    fn write(&self, rows: Arc<Vec<Row>>) -> BoxFuture<'_, Result<(), TableError>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let fault = self.fault.load(Ordering::SeqCst);
        let table = self.schema().name.clone();
        let unlucky = |row: &Row| row.values.contains(&CqlValue::Double(13.0));
        if fault == Fault::Away as u8 {
            let source = "connection refused".into();
            return Box::pin(async { Err(TableError::Unavailable { table, source }) });
        }
        if fault == Fault::Broken as u8 {
            let source = "the disk image is malformed".into();
            return Box::pin(async { Err(TableError::Unusable { table, source }) });
        }
        if fault == Fault::RefusesThirteen as u8 && rows.iter().any(unlucky) {
            let problem = "13 is unlucky".to_owned();
            return Box::pin(async {
                Err(TableError::Refused {
                    table,
                    row: None,
                    problem,
                })
            });
        }
        self.table.write(rows)
    }
}

/// What a table answers instead of "durable": these rows are not, all the others are.
#[derive(Debug, Clone)]
enum Answer {
    Interrupted(Vec<usize>),
    Refused(Vec<usize>),
}

/// A table whose rows add up, as a counter's do: one that is sent twice counts twice. It answers as told, and then
/// takes everything.
#[derive(Debug, Clone)]
struct AddingTable {
    schema: Arc<TableSchema>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    durable: Arc<Mutex<Vec<CqlValue>>>,
}

impl AddingTable {
    fn count(&self, rows: &[Row], left: &[usize]) {
        let is_number = |value: &&CqlValue| matches!(value, CqlValue::Double(_));
        let taken = rows.iter().enumerate();
        let taken = taken.filter(|(index, _)| !left.contains(index));
        let numbers = taken.filter_map(|(_, row)| row.values.iter().find(is_number));
        self.durable.lock().unwrap().extend(numbers.cloned());
    }
}

impl Table for AddingTable {
    fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }

    fn write(&self, rows: Arc<Vec<Row>>) -> BoxFuture<'_, Result<(), TableError>> {
        let answer = self.answers.lock().unwrap().pop_front();
        let table = self.schema.name.clone();
        let (left, answer) = match answer {
            None => (Vec::new(), Ok(())),
            Some(Answer::Interrupted(left)) => {
                let error = TableError::Interrupted {
                    table,
                    left: left.clone(),
                    source: "a node is away".into(),
                };
                (left, Err(error))
            }
            Some(Answer::Refused(left)) => {
                let refused = left.iter().map(|index| RefusedRow {
                    index: *index,
                    problem: "not now".to_owned(),
                });
                let rows = refused.collect();
                (left, Err(TableError::RowsRefused { table, rows }))
            }
        };
        self.count(&rows, &left);
        Box::pin(async { answer })
    }
}

/// Writes five readings to a table that adds up and answers so: the snapshot when they are accounted for, the numbers
/// in the order they became durable, and the offsets of the dead letters.
async fn added_up(
    options: &[(&str, &str)],
    answers: &[Answer],
) -> (SinkSnapshot, Vec<CqlValue>, Vec<i64>) {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::open(dir.path());
    pipeline.topic("readings", 1).await;
    let values = ["0", "1", "2", "3", "4"];
    pipeline.append("readings", 0, &values).await;
    let mut config = pipeline.sink("readings");
    for (option, value) in options {
        config.set(*option, Property::from(*value));
    }
    let durable = Arc::default();
    let answers: Arc<Mutex<VecDeque<_>>> = Arc::new(Mutex::new(answers.iter().cloned().collect()));
    let over = |table: Arc<dyn Table>| -> Arc<dyn Table> {
        Arc::new(AddingTable {
            schema: Arc::clone(table.schema()),
            answers: Arc::clone(&answers),
            durable: Arc::clone(&durable),
        })
    };
    let running = Running::start(pipeline.connector_with(&config, over).await);
    let done = running.until_done(5).await;
    running.stop().await;
    assert!(answers.lock().unwrap().is_empty(), "all answers were given");
    let letters = pipeline.dead_letters();
    let letters = letters.iter().map(|own| DeadLetter::parse(own).unwrap());
    let letters = letters.map(|letter| letter.offset).collect();
    pipeline.close().await;
    let durable = durable.lock().unwrap().clone();
    (done, durable, letters)
}

fn doubles(numbers: &[f64]) -> Vec<CqlValue> {
    numbers.iter().copied().map(CqlValue::Double).collect()
}

#[tokio::test]
async fn rows_that_are_durable_are_not_written_again_with_those_that_are_left() {
    let retry = [
        ("connect.cassandra.error.policy", "RETRY"),
        ("connect.cassandra.retry.interval", "1"),
    ];
    // Each answer counts from the rows that were left by the one before.
    let answers = [
        Answer::Interrupted(vec![1, 2, 3, 4]),
        Answer::Refused(vec![3, 0, 1]),
        Answer::Interrupted(vec![0, 2]),
        Answer::Refused(vec![1]),
    ];
    let (done, durable, letters) = added_up(&retry, &answers).await;
    assert_eq!(durable, doubles(&[0.0, 3.0, 2.0, 1.0, 4.0]));
    assert_eq!((books(&done), done.rows_written), ([5, 0, 0], 5));
    assert_eq!((done.batches_written, letters), (5, vec![]));
}

#[tokio::test]
async fn a_row_that_is_refused_among_those_that_were_left_is_its_own_records_dead_letter() {
    let answers = [
        Answer::Interrupted(vec![1, 3, 4]),
        Answer::Refused(vec![2, 0]),
    ];
    let (done, durable, letters) = added_up(&[], &answers).await;
    assert_eq!(durable, doubles(&[0.0, 2.0, 3.0]));
    assert_eq!((books(&done), done.rows_written), ([3, 2, 0], 3));
    assert_eq!(letters, [1, 4]);
}

#[tokio::test]
async fn the_demos_payload_becomes_a_row_for_each_reading() {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::open(dir.path());
    pipeline.topic("temperature", 1).await;
    let readings: Vec<String> = (0..210)
        .map(|n| format!("{}.{:02}", n / 10, n % 100))
        .collect();
    pipeline
        .append(
            "temperature",
            0,
            &[&format!("99999,{}", readings.join("# ")), "7,1.5# 2.5# "],
        )
        .await;
    let running = Running::start(pipeline.connector(&pipeline.sink("temperature")).await);
    let done = running.until_done(2).await;
    assert_eq!(books(&done), [2, 0, 0]);
    assert_eq!(done.rows_written, 212);
    assert_eq!(
        pipeline
            .one("SELECT count(*) FROM temperature WHERE event_id = 99999")
            .await,
        "210"
    );
    assert_eq!(
        pipeline
            .one("SELECT reading FROM temperature WHERE event_id = 99999 AND idx = 209")
            .await,
        "20.09"
    );
    assert_eq!(
        pipeline
            .one("SELECT sum(reading) FROM temperature WHERE event_id = 7")
            .await,
        "4"
    );
    running.stop().await;
    pipeline.close().await;
}

#[tokio::test]
async fn books_balance_over_good_and_poisonous_records_of_several_partitions() {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::open(dir.path());
    pipeline.topic("readings", 3).await;
    for partition in 0..3 {
        pipeline
            .append(
                "readings",
                partition,
                &[r#"{"t": 1.5, "h": 40}"#, "{poison", "21.5", r#"{"t": 2"#],
            )
            .await;
    }
    let running = Running::start(pipeline.connector(&pipeline.sink("readings")).await);
    let done = running.until_done(12).await;
    let [written, dead, filtered] = books(&done);
    assert_eq!((written, dead, filtered), (6, 6, 0));
    for partition in &done.partitions {
        assert_eq!(partition.end - partition.books.start, 4);
        assert_eq!(
            (partition.books.written, partition.books.dead_lettered),
            (2, 2)
        );
    }
    assert_eq!(pipeline.dead_letters().len(), 6);
    // While it runs on, new records come through.
    pipeline.append("readings", 1, &["22.5"]).await;
    running.until_done(13).await;
    running.stop().await;
    pipeline.close().await;
}

#[tokio::test]
async fn a_poisonous_record_is_kept_whole_with_its_reason_and_can_be_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::open(dir.path());
    pipeline.topic("readings", 1).await;
    pipeline
        .append("readings", 0, &["1.5", "{poison", "2.5"])
        .await;
    let running = Running::start(pipeline.connector(&pipeline.sink("readings")).await);
    running.until_done(3).await;
    assert_eq!(pipeline.one("SELECT count(*) FROM readings").await, "2");

    let letters = pipeline.dead_letters();
    let letter = DeadLetter::parse(letters.first().unwrap()).unwrap();
    assert_eq!(
        (
            &*letter.source.topic,
            letter.source.partition,
            letter.offset
        ),
        ("readings", 0, 1)
    );
    assert_eq!(
        (letter.connector.as_str(), letter.stage.as_str()),
        ("readings", "VALUE_CONVERTER")
    );
    assert_eq!(letter.record.value.as_deref(), Some(b"{poison".as_slice()));
    assert_eq!(letter.record.headers.len(), 1);
    assert!(!letter.message.is_empty());

    letter
        .replay(&EmbeddedLog::new(pipeline.log.clone()))
        .await
        .unwrap();
    let done = running.until_done(4).await;
    assert_eq!(books(&done), [2, 2, 0], "it is still poisonous");
    let again = pipeline.dead_letters();
    assert_eq!(DeadLetter::parse(again.get(1).unwrap()).unwrap().offset, 3);
    running.stop().await;
    pipeline.close().await;
}

#[tokio::test]
async fn a_table_that_is_away_holds_the_offsets_and_is_caught_up_with() {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::open(dir.path());
    pipeline.topic("readings", 1).await;
    let faults = Faults::default();
    faults.set(Fault::Away);
    let running = Running::start(
        pipeline
            .connector_with(&pipeline.sink("readings"), |table| faults.over(table))
            .await,
    );
    pipeline.append("readings", 0, &["1", "2", "3"]).await;
    let held = running
        .until(|now| matches!(now.state, TaskState::Retrying { .. }) && now.retries > 5)
        .await;
    assert!(
        matches!(&held.state, TaskState::Retrying { reason } if reason.contains("connection refused"))
    );
    pipeline.append("readings", 0, &["4", "5"]).await;
    let held = running.status().snapshot();
    assert_eq!(books(&held), [0, 0, 0]);
    assert_eq!(held.total(|partition| partition.in_flight), 5);
    assert_eq!(
        pipeline.log.committed(
            "connect-readings",
            &pipeline.log.partition("readings", 0).unwrap()
        ),
        None
    );

    faults.set(Fault::None);
    let done = running.until_done(5).await;
    assert_eq!(books(&done), [5, 0, 0]);
    assert_eq!(done.state, TaskState::Running);
    assert_eq!(pipeline.one("SELECT count(*) FROM readings").await, "5");
    running.stop().await;
    pipeline.close().await;
}

#[tokio::test]
async fn a_stop_while_the_table_is_away_ends_soon_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::open(dir.path());
    pipeline.topic("readings", 1).await;
    let faults = Faults::default();
    let wrapped = |table| faults.over(table);
    let running = Running::start(
        pipeline
            .connector_with(&pipeline.sink("readings"), wrapped)
            .await,
    );
    pipeline.append("readings", 0, &["1"]).await;
    running.until_done(1).await;
    faults.set(Fault::Away);
    pipeline.append("readings", 0, &["2", "3"]).await;
    running.until(|now| now.retries > 1).await;
    assert_eq!(books(&running.stop().await), [1, 0, 0]);

    faults.set(Fault::None);
    let running = Running::start(
        pipeline
            .connector_with(&pipeline.sink("readings"), wrapped)
            .await,
    );
    assert_eq!(books(&running.until_done(3).await), [3, 0, 0]);
    running.stop().await;
    pipeline.close().await;
}

#[tokio::test]
async fn a_batch_the_table_refuses_is_split_until_the_record_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::open(dir.path());
    pipeline.topic("readings", 1).await;
    let values: Vec<String> = (0..100)
        .map(|n| format!(r#"{{"a": {n}, "b": -1}}"#))
        .collect();
    pipeline
        .append(
            "readings",
            0,
            &values.iter().map(String::as_str).collect::<Vec<_>>(),
        )
        .await;
    let faults = Faults::default();
    faults.set(Fault::RefusesThirteen);
    let running = Running::start(
        pipeline
            .connector_with(&pipeline.sink("readings"), |table| faults.over(table))
            .await,
    );
    let done = running.until_done(100).await;
    assert_eq!(books(&done), [99, 1, 0]);
    assert_eq!(
        pipeline.one("SELECT count(*) FROM readings").await,
        "198",
        "none of the refused record's rows"
    );
    let letter = DeadLetter::parse(pipeline.dead_letters().first().unwrap()).unwrap();
    assert_eq!((letter.offset, letter.stage.as_str()), (13, "TASK_PUT"));
    assert!(
        letter.message.contains("13 is unlucky"),
        "{}",
        letter.message
    );
    assert!(faults.writes.load(Ordering::SeqCst) < 40);
    running.stop().await;
    pipeline.close().await;
}

#[tokio::test]
async fn a_table_that_cannot_be_used_fails_the_task_with_its_causes() {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::open(dir.path());
    pipeline.topic("readings", 1).await;
    let faults = Faults::default();
    faults.set(Fault::Broken);
    let running = Running::start(
        pipeline
            .connector_with(&pipeline.sink("readings"), |table| faults.over(table))
            .await,
    );
    pipeline.append("readings", 0, &["1"]).await;
    let failed = running
        .until(|now| matches!(now.state, TaskState::Failed { .. }))
        .await;
    let TaskState::Failed { trace } = failed.state else {
        unreachable!()
    };
    assert_eq!(
        trace,
        "table `readings` cannot be written: the disk image is malformed"
    );
    running.task.await.unwrap();

    // The same connector can be started again once the cause is gone.
    faults.set(Fault::None);
    let (connector, stop) = (running.connector, CancellationToken::new());
    let token = stop.clone();
    let own = Arc::clone(&connector);
    let task = tokio::spawn(async move { own.run(token).await });
    let again = Running {
        connector,
        stop,
        task,
    };
    again.until_done(1).await;
    again.stop().await;
    pipeline.close().await;
}

#[tokio::test]
async fn a_connector_that_tolerates_no_errors_stops_at_the_record_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::open(dir.path());
    pipeline.topic("readings", 1).await;
    pipeline
        .append("readings", 0, &["1", "2", "{poison", "3"])
        .await;
    let mut strict = pipeline.sink("readings");
    strict.set("errors.tolerance", Property::from("none"));
    let running = Running::start(pipeline.connector(&strict).await);
    let failed = running
        .until(|now| matches!(now.state, TaskState::Failed { .. }))
        .await;
    assert_eq!(books(&failed), [2, 0, 0]);
    assert_eq!(failed.partitions.first().unwrap().committed, 2);
    let TaskState::Failed { trace } = failed.state else {
        unreachable!()
    };
    assert!(
        trace.starts_with("record 2 of `readings`-0 cannot become a row"),
        "{trace}"
    );
    assert_eq!(
        pipeline.dead_letters().len(),
        1,
        "it is reported all the same"
    );
    running.task.await.unwrap();
    pipeline.close().await;
}

#[tokio::test]
async fn a_restart_goes_on_where_the_books_ended() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=3_u64 {
        let pipeline = Pipeline::open(dir.path());
        if round == 1 {
            pipeline.topic("readings", 2).await;
        }
        pipeline.append("readings", 0, &["1", "{poison"]).await;
        pipeline.append("readings", 1, &["2"]).await;
        let running = Running::start(pipeline.connector(&pipeline.sink("readings")).await);
        let done = running.until_done(round * 3).await;
        assert_eq!(books(&done), [round * 2, round, 0]);
        assert_eq!(done.rows_written, 2, "only what is new is written");
        assert_eq!(pipeline.dead_letters().len() as u64, round);
        running.stop().await;
        let committed = pipeline.log.committed(
            "connect-readings",
            &pipeline.log.partition("readings", 0).unwrap(),
        );
        assert_eq!(
            committed.unwrap().metadata,
            format!(r#"{{"w":{round},"d":{round},"f":0,"s":0}}"#)
        );
        pipeline.close().await;
    }
}

#[tokio::test]
async fn a_rewind_writes_the_same_rows_again() {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::open(dir.path());
    pipeline.topic("readings", 1).await;
    pipeline.append("readings", 0, &["1", "2", "3"]).await;
    let running = Running::start(pipeline.connector(&pipeline.sink("readings")).await);
    running.until_done(3).await;
    running.stop().await;
    pipeline.log.delete_group("connect-readings").await.unwrap();
    let running = Running::start(pipeline.connector(&pipeline.sink("readings")).await);
    running.until_done(3).await;
    assert_eq!(pipeline.one("SELECT count(*) FROM readings").await, "3");
    assert_eq!(pipeline.one("SELECT sum(number) FROM readings").await, "6");
    running.stop().await;
    pipeline.close().await;
}

#[tokio::test]
async fn a_topic_that_is_deleted_and_made_again_is_read_from_its_new_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::open(dir.path());
    pipeline.topic("readings", 1).await;
    pipeline.append("readings", 0, &["1", "2", "3"]).await;
    let running = Running::start(pipeline.connector(&pipeline.sink("readings")).await);
    running.until_done(3).await;
    pipeline.log.delete_topic("readings").await.unwrap();
    running.until(|now| now.partitions.is_empty()).await;
    pipeline.topic("readings", 1).await;
    pipeline.append("readings", 0, &["4"]).await;
    running
        .until(|now| {
            now.rows_written == 4
                && now
                    .partitions
                    .iter()
                    .all(|partition| partition.committed == 1)
        })
        .await;
    running.stop().await;
    pipeline.close().await;
}

#[tokio::test]
async fn a_topic_that_comes_later_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::open(dir.path());
    let running = Running::start(pipeline.connector(&pipeline.sink("readings")).await);
    tokio::time::sleep(Duration::from_millis(50)).await;
    pipeline.topic("readings", 1).await;
    pipeline.append("readings", 0, &["1"]).await;
    running.until_done(1).await;
    running.stop().await;
    pipeline.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_records_arrive_once_each_while_they_are_being_appended() {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::open(dir.path());
    pipeline.topic("readings", 4).await;
    let running = Running::start(pipeline.connector(&pipeline.sink("readings")).await);
    for round in 0..50 {
        let values: Vec<String> = (0..100).map(|n| (round * 100 + n).to_string()).collect();
        pipeline
            .append(
                "readings",
                round % 4,
                &values.iter().map(String::as_str).collect::<Vec<_>>(),
            )
            .await;
    }
    let done = running.until_done(5_000).await;
    assert_eq!(books(&done), [5_000, 0, 0]);
    assert_eq!(
        pipeline
            .one("SELECT count(DISTINCT number) FROM readings")
            .await,
        "5000"
    );
    running.stop().await;
    pipeline.close().await;
}

/// The log as a trait object says the same as the log itself.
#[tokio::test]
async fn the_record_log_creates_topics_it_appends_to() {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::open(dir.path());
    let log: Arc<dyn RecordLog> = Arc::new(EmbeddedLog::new(pipeline.log.clone()));
    let record = NewRecord {
        value: Some(Bytes::from_static(b"x")),
        ..NewRecord::default()
    };
    log.append("new", 7, vec![record]).await.unwrap();
    let source = messina::record_log::SourcePartition {
        topic: "new".into(),
        partition: 0,
    };
    assert_eq!(log.end_offset(&source), Some(1));
    pipeline.close().await;
}
