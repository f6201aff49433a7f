//! The embedded table, seen from outside: what is written is there, what is older never wins, what is expired goes.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may fail loudly, and watches its tasks itself"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use messina_connect::cql_type::CqlType;
use messina_connect::row::{CqlValue, Row};
use messina_connect::table_schema::{ClusteringOrder, TableColumn, TableSchema};
use messina_store::table::{
    DeclareError, OpenError, QueryError, QueryLimits, QueryResult, QueryValue, TableHandle,
    TableOptions, TableStore, WriteBatch, WriteError,
};

/// A store in its own directory with a clock turned by hand.
struct Bench {
    dir: tempfile::TempDir,
    seconds: Arc<AtomicI64>,
}

impl Bench {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            seconds: Arc::new(AtomicI64::new(1_700_000_000)),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("tables.db")
    }

    fn options(&self) -> TableOptions {
        let seconds = Arc::clone(&self.seconds);
        TableOptions {
            now: Arc::new(move || seconds.load(Ordering::Relaxed) * 1_000),
            // Purges happen when a test asks for one.
            purge_interval: Duration::from_hours(1),
            ..TableOptions::default()
        }
    }

    fn open(&self) -> TableStore {
        TableStore::open(&self.path(), self.options()).unwrap()
    }

    fn pass(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }
}

fn schema(
    columns: &[(&str, CqlType)],
    partition: &[usize],
    clustering: &[(usize, ClusteringOrder)],
) -> TableSchema {
    let column = |(name, cql_type): &(&str, CqlType)| TableColumn {
        name: (*name).to_owned(),
        cql_type: cql_type.clone(),
    };
    TableSchema {
        keyspace: None,
        name: "temperature".to_owned(),
        columns: columns.iter().map(column).collect(),
        partition_key: partition.to_vec(),
        clustering_key: clustering.to_vec(),
        default_ttl: None,
        time_bucket: None,
    }
}

fn temperature() -> TableSchema {
    schema(
        &[
            ("device", CqlType::Text),
            ("ts", CqlType::Timestamp),
            ("reading", CqlType::Double),
            ("note", CqlType::Text),
        ],
        &[0],
        &[(1, ClusteringOrder::Descending)],
    )
}

fn row(device: &str, ts: i64, reading: CqlValue, note: CqlValue, write_timestamp: i64) -> Row {
    Row {
        values: vec![
            CqlValue::Text(device.into()),
            CqlValue::Timestamp(ts),
            reading,
            note,
        ],
        write_timestamp,
        ttl_seconds: None,
    }
}

fn reading(device: &str, ts: i64, reading: f64, write_timestamp: i64) -> Row {
    row(
        device,
        ts,
        CqlValue::Double(reading),
        CqlValue::Unset,
        write_timestamp,
    )
}

async fn write(store: &TableStore, table: &TableHandle, rows: Vec<Row>) {
    store
        .write(WriteBatch {
            table: table.clone(),
            rows: Arc::new(rows),
        })
        .await
        .unwrap();
}

async fn query(store: &TableStore, sql: &str) -> QueryResult {
    store.query(sql, QueryLimits::default()).await.unwrap()
}

/// A result as text, rows by `;`, values by `,`.
async fn show(store: &TableStore, sql: &str) -> String {
    let value = |value: &QueryValue| match value {
        QueryValue::Null => "null".to_owned(),
        QueryValue::Integer(integer) => integer.to_string(),
        QueryValue::Real(real) => real.to_string(),
        QueryValue::Text(text) => text.clone(),
        QueryValue::Blob(blob) => format!("{blob:?}"),
    };
    let line = |row: &Vec<QueryValue>| row.iter().map(value).collect::<Vec<_>>().join(",");
    query(store, sql)
        .await
        .rows
        .iter()
        .map(line)
        .collect::<Vec<_>>()
        .join(";")
}

#[tokio::test]
async fn rows_come_back_in_clustering_order_with_declared_types() {
    let bench = Bench::new();
    let store = bench.open();
    let table = store.declare(&temperature()).await.unwrap();
    write(
        &store,
        &table,
        vec![
            reading("a", 1, 1.5, 1),
            reading("b", 1, 9.0, 1),
            reading("a", 2, 2.5, 2),
        ],
    )
    .await;
    assert_eq!(
        show(
            &store,
            "SELECT ts, reading FROM temperature WHERE device = 'a'"
        )
        .await,
        "2,2.5;1,1.5"
    );
    let result = query(&store, "SELECT ts, reading * 2 FROM temperature LIMIT 1").await;
    assert_eq!(
        result.columns.first().unwrap().declared_type.as_deref(),
        Some("TIMESTAMP")
    );
    assert_eq!(result.columns.get(1).unwrap().declared_type, None);
    store.close().await;
}

#[tokio::test]
async fn an_older_write_never_overwrites_a_newer_one_in_either_order_of_arrival() {
    let bench = Bench::new();
    let store = bench.open();
    let table = store.declare(&temperature()).await.unwrap();
    write(&store, &table, vec![reading("a", 1, 1.0, 100)]).await;
    write(&store, &table, vec![reading("a", 1, 2.0, 200)]).await;
    assert_eq!(show(&store, "SELECT reading FROM temperature").await, "2");
    write(&store, &table, vec![reading("a", 1, 3.0, 150)]).await;
    assert_eq!(show(&store, "SELECT reading FROM temperature").await, "2");
    // Within one batch as well.
    write(
        &store,
        &table,
        vec![reading("b", 1, 5.0, 20), reading("b", 1, 4.0, 10)],
    )
    .await;
    assert_eq!(
        show(&store, "SELECT reading FROM temperature WHERE device = 'b'").await,
        "5"
    );
}

#[tokio::test]
async fn a_replay_in_any_order_changes_nothing() {
    let bench = Bench::new();
    let store = bench.open();
    let table = store.declare(&temperature()).await.unwrap();
    let rows: Vec<Row> = (0..500_u32)
        .map(|n| {
            reading(
                &format!("d{}", n % 7),
                i64::from(n % 50),
                f64::from(n),
                i64::from(n),
            )
        })
        .collect();
    write(&store, &table, rows.clone()).await;
    let all = "SELECT device, ts, reading FROM temperature ORDER BY device, ts";
    let before = show(&store, all).await;
    write(&store, &table, rows.clone()).await;
    write(&store, &table, rows.into_iter().rev().collect()).await;
    assert_eq!(show(&store, all).await, before);
}

#[tokio::test]
async fn unset_leaves_a_column_and_null_clears_it() {
    let bench = Bench::new();
    let store = bench.open();
    let table = store.declare(&temperature()).await.unwrap();
    let note = || CqlValue::Text("calibrated".into());
    write(
        &store,
        &table,
        vec![row("a", 1, CqlValue::Double(1.0), note(), 1)],
    )
    .await;
    write(
        &store,
        &table,
        vec![row("a", 1, CqlValue::Double(2.0), CqlValue::Unset, 2)],
    )
    .await;
    assert_eq!(
        show(&store, "SELECT reading, note FROM temperature").await,
        "2,calibrated"
    );
    write(
        &store,
        &table,
        vec![row("a", 1, CqlValue::Unset, CqlValue::Null, 3)],
    )
    .await;
    assert_eq!(
        show(&store, "SELECT reading, note FROM temperature").await,
        "2,null"
    );
}

#[tokio::test]
async fn expired_rows_are_hidden_at_once_and_their_space_comes_back() {
    let bench = Bench::new();
    let store = bench.open();
    let table = store
        .declare(&TableSchema {
            default_ttl: Some(Duration::from_mins(1)),
            ..temperature()
        })
        .await
        .unwrap();
    let rows = (0..20_000_u32).map(|n| {
        let note = CqlValue::Text("a note long enough to fill a few pages of the file".into());
        row(
            &format!("device-{}", n % 100),
            i64::from(n),
            CqlValue::Double(f64::from(n)),
            note,
            1,
        )
    });
    write(&store, &table, rows.collect()).await;
    let mut keeps = reading("kept", 1, 1.0, 1);
    keeps.ttl_seconds = Some(0);
    let mut longer = reading("longer", 1, 1.0, 1);
    longer.ttl_seconds = Some(61);
    write(&store, &table, vec![keeps, longer]).await;
    bench.pass(59);
    assert_eq!(
        show(&store, "SELECT count(*) FROM temperature").await,
        "20002"
    );
    bench.pass(1);
    assert_eq!(
        show(&store, "SELECT device FROM temperature").await,
        "kept;longer"
    );
    assert_eq!(
        show(&store, "SELECT count(*) FROM __rows_temperature").await,
        "20002"
    );

    let report = store.purge().await.unwrap();
    assert_eq!(report.rows, 20_000);
    assert!(report.pages > 300, "{report:?}");
    assert_eq!(
        show(&store, "SELECT count(*) FROM __rows_temperature").await,
        "2"
    );
    let size = std::fs::metadata(bench.path()).unwrap().len();
    assert!(size < 100_000, "the file still has {size} bytes");
    assert_eq!(store.quick_check().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn an_expired_row_does_not_come_back_with_a_later_partial_write() {
    let bench = Bench::new();
    let store = bench.open();
    let table = store
        .declare(&TableSchema {
            default_ttl: Some(Duration::from_mins(1)),
            ..temperature()
        })
        .await
        .unwrap();
    write(
        &store,
        &table,
        vec![row(
            "a",
            1,
            CqlValue::Double(1.0),
            CqlValue::Text("old".into()),
            1,
        )],
    )
    .await;
    bench.pass(60);
    write(&store, &table, vec![reading("a", 1, 2.0, 2)]).await;
    assert_eq!(
        show(&store, "SELECT reading, note FROM temperature").await,
        "2,null"
    );
}

#[tokio::test]
async fn the_purge_runs_by_itself_while_nothing_is_written() {
    let bench = Bench::new();
    let options = TableOptions {
        purge_interval: Duration::from_millis(300),
        ..bench.options()
    };
    let store = TableStore::open(&bench.path(), options).unwrap();
    let table = store
        .declare(&TableSchema {
            default_ttl: Some(Duration::from_secs(5)),
            ..temperature()
        })
        .await
        .unwrap();
    write(
        &store,
        &table,
        (0..50_000).map(|n| reading("a", n, 1.0, 1)).collect(),
    )
    .await;
    bench.pass(5);
    for _ in 0..500 {
        if show(&store, "SELECT count(*) FROM __rows_temperature").await == "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("expired rows were not purged");
}

#[tokio::test]
async fn a_declaration_that_does_not_fit_is_refused_with_every_difference() {
    let bench = Bench::new();
    let store = bench.open();
    store.declare(&temperature()).await.unwrap();
    let other = schema(
        &[
            ("device", CqlType::Bigint),
            ("ts", CqlType::Timestamp),
            ("reading", CqlType::Text),
        ],
        &[0],
        &[(1, ClusteringOrder::Ascending)],
    );
    let error = store.declare(&other).await.unwrap_err();
    assert!(
        matches!(&error, DeclareError::Differs { differences, .. } if differences.len() == 3),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        "table `temperature` exists and does not fit its declaration: \
         column `device` is text in the file and bigint in the declaration; \
         column `reading` is double in the file and text in the declaration; \
         the primary key is ((device), ts desc) in the file and ((device), ts) in the declaration"
    );
}

#[tokio::test]
async fn a_declaration_with_one_more_column_widens_the_table() {
    let bench = Bench::new();
    let store = bench.open();
    let table = store.declare(&temperature()).await.unwrap();
    write(&store, &table, vec![reading("a", 1, 1.0, 1)]).await;
    let mut wider = temperature();
    wider.columns.push(TableColumn {
        name: "humidity".to_owned(),
        cql_type: CqlType::Float,
    });
    let wide = store.declare(&wider).await.unwrap();
    let mut both = reading("a", 2, 2.0, 1);
    both.values.push(CqlValue::Float(4.32));
    write(&store, &wide, vec![both]).await;
    // Who still holds the old shape goes on writing it.
    write(&store, &table, vec![reading("a", 3, 3.0, 1)]).await;
    assert_eq!(
        show(&store, "SELECT ts, humidity FROM temperature").await,
        "3,null;2,4.32;1,null"
    );
    assert_eq!(store.tables().len(), 1);
}

#[tokio::test]
async fn unsuitable_declarations_are_refused() {
    let bench = Bench::new();
    let store = bench.open();
    let refused = [
        TableSchema {
            name: "__x".to_owned(),
            ..temperature()
        },
        TableSchema {
            name: "sqlite_x".to_owned(),
            ..temperature()
        },
        TableSchema {
            partition_key: Vec::new(),
            ..temperature()
        },
        schema(&[("a", CqlType::Text), ("A", CqlType::Text)], &[0], &[]),
        schema(&[("a", CqlType::Text), ("c", CqlType::Counter)], &[0], &[]),
    ];
    for schema in refused {
        let error = store.declare(&schema).await.unwrap_err();
        assert!(matches!(error, DeclareError::Unsuitable { .. }), "{error}");
    }
    // A name SQL would need quotes for is none of them.
    let odd = TableSchema {
        name: "my \"table\"; DROP".to_owned(),
        ..temperature()
    };
    let table = store.declare(&odd).await.unwrap();
    write(&store, &table, vec![reading("a", 1, 1.0, 1)]).await;
    assert_eq!(
        show(&store, "SELECT device FROM \"my \"\"table\"\"; DROP\"").await,
        "a"
    );
}

#[tokio::test]
async fn queries_cannot_write_or_configure() {
    let bench = Bench::new();
    let store = bench.open();
    let table = store.declare(&temperature()).await.unwrap();
    write(&store, &table, vec![reading("a", 1, 1.0, 1)]).await;
    let attach = format!(
        "ATTACH '{}' AS other",
        bench.dir.path().join("other.db").display()
    );
    for sql in [
        "DELETE FROM __rows_temperature",
        "INSERT INTO __rows_temperature VALUES ('x', 1, 1.0, '', NULL, 1)",
        "UPDATE __rows_temperature SET reading = 1",
        "DROP VIEW temperature",
        "CREATE TEMP TABLE x (y)",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA user_version",
        "SELECT * FROM pragma_table_info('__rows_temperature')",
        attach.as_str(),
        "SELECT load_extension('x')",
        "BEGIN IMMEDIATE",
        "VACUUM",
        "SELECT 1; DELETE FROM __rows_temperature",
        "",
    ] {
        let error = store.query(sql, QueryLimits::default()).await.unwrap_err();
        assert!(
            matches!(error, QueryError::Statement { .. }),
            "{sql}: {error}"
        );
    }
    assert!(!bench.dir.path().join("other.db").exists());
    assert_eq!(
        show(
            &store,
            "SELECT device, (SELECT max(ts) FROM temperature) FROM temperature"
        )
        .await,
        "a,1"
    );
    assert_eq!(show(&store, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n").await, "1;2;3");
}

#[tokio::test]
async fn queries_are_limited_in_time_rows_and_bytes() {
    let bench = Bench::new();
    let store = bench.open();
    let table = store.declare(&temperature()).await.unwrap();
    write(
        &store,
        &table,
        (0..100).map(|n| reading("a", n, 1.0, 1)).collect(),
    )
    .await;
    let limits = QueryLimits {
        timeout: Duration::from_millis(100),
        ..QueryLimits::default()
    };
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    assert!(matches!(
        store.query(endless, limits).await,
        Err(QueryError::TimedOut { .. })
    ));
    // The connection is of use again.
    let ten = store
        .query(
            "SELECT ts FROM temperature",
            QueryLimits {
                max_rows: 10,
                ..QueryLimits::default()
            },
        )
        .await
        .unwrap();
    assert_eq!((ten.rows.len(), ten.truncated), (10, true));
    let exact = store
        .query(
            "SELECT ts FROM temperature",
            QueryLimits {
                max_rows: 100,
                ..QueryLimits::default()
            },
        )
        .await
        .unwrap();
    assert_eq!((exact.rows.len(), exact.truncated), (100, false));
    let few = store
        .query(
            "SELECT hex(zeroblob(100)) FROM temperature",
            QueryLimits {
                max_bytes: 1_000,
                ..QueryLimits::default()
            },
        )
        .await
        .unwrap();
    assert!(few.truncated && few.rows.len() < 10);
    assert!(
        store
            .query("SELECT zeroblob(1000000000)", QueryLimits::default())
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_run_while_writing_goes_on_and_see_whole_batches() {
    let bench = Bench::new();
    let store = bench.open();
    let table = store.declare(&temperature()).await.unwrap();
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for batch in 0..100 {
                let rows = (0..50)
                    .map(|n| reading("a", batch * 50 + n, 1.0, 1))
                    .collect();
                write(&store, &table, rows).await;
            }
        })
    };
    let mut last = 0;
    while last < 5_000 {
        let count: i64 = show(&store, "SELECT count(*) FROM temperature")
            .await
            .parse()
            .unwrap();
        assert_eq!(count % 50, 0, "half a batch was seen");
        assert!(count >= last);
        last = count;
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn a_row_without_its_key_is_named_and_the_batch_can_be_sent_without_it() {
    let bench = Bench::new();
    let store = bench.open();
    let table = store.declare(&temperature()).await.unwrap();
    let mut keyless = reading("a", 1, 1.0, 1);
    if let Some(key) = keyless.values.get_mut(1) {
        *key = CqlValue::Null;
    }
    let batch = WriteBatch {
        table: table.clone(),
        rows: Arc::new(vec![reading("b", 1, 1.0, 1), keyless]),
    };
    let error = store.write(batch).await.unwrap_err();
    assert!(
        matches!(&error, WriteError::Row { index: 1, problem, .. } if problem.contains("`ts`")),
        "{error}"
    );
    assert_eq!(show(&store, "SELECT count(*) FROM temperature").await, "0");
}

#[tokio::test]
async fn every_type_has_a_stored_form() {
    use num_bigint::BigInt;
    let bench = Bench::new();
    let store = bench.open();
    let huge: BigInt = "123456789012345678901234567890".parse().unwrap();
    let values = [
        (
            CqlType::Varint,
            CqlValue::Varint(huge),
            "123456789012345678901234567890",
        ),
        (
            CqlType::Decimal,
            CqlValue::Decimal(BigInt::from(110), 2),
            "1.10",
        ),
        (CqlType::Ascii, CqlValue::Text("0012".into()), "0012"),
        (CqlType::Boolean, CqlValue::Boolean(true), "1"),
        (CqlType::Float, CqlValue::Float(0.1), "0.1"),
        (CqlType::Double, CqlValue::Double(f64::NAN), "NaN"),
        (CqlType::Double, CqlValue::Double(f64::NEG_INFINITY), "-inf"),
        (CqlType::Date, CqlValue::Date(19_782), "2024-02-29"),
        (CqlType::Time, CqlValue::Time(1), "00:00:00.000000001"),
        (
            CqlType::Inet,
            CqlValue::Inet("10.0.0.1".parse().unwrap()),
            "10.0.0.1",
        ),
        (
            CqlType::List(Box::new(CqlType::Int)),
            CqlValue::List(vec![CqlValue::Int(1), CqlValue::Int(2)]),
            "[1,2]",
        ),
        (
            CqlType::Bigint,
            CqlValue::Bigint(i64::MIN),
            "-9223372036854775808",
        ),
    ];
    let mut columns = vec![("id".to_owned(), CqlType::Int)];
    columns.extend(
        values
            .iter()
            .enumerate()
            .map(|(index, (cql_type, ..))| (format!("c{index}"), cql_type.clone())),
    );
    let columns: Vec<(&str, CqlType)> = columns
        .iter()
        .map(|(name, cql_type)| (name.as_str(), cql_type.clone()))
        .collect();
    let table = store.declare(&schema(&columns, &[0], &[])).await.unwrap();
    let mut row = Row {
        values: vec![CqlValue::Int(1)],
        write_timestamp: 1,
        ttl_seconds: None,
    };
    row.values
        .extend(values.iter().map(|(_, value, _)| value.clone()));
    write(&store, &table, vec![row]).await;
    let expected: Vec<&str> = values.iter().map(|(.., text)| *text).collect();
    assert_eq!(
        show(&store, "SELECT * FROM temperature").await,
        format!("1,{}", expected.join(","))
    );
}

#[tokio::test]
async fn everything_acknowledged_is_there_after_the_process_is_gone() {
    let bench = Bench::new();
    let store = bench.open();
    let table = store.declare(&temperature()).await.unwrap();
    write(
        &store,
        &table,
        (0..1_000).map(|n| reading("a", n, 1.0, 1)).collect(),
    )
    .await;
    // What a kill leaves: the files as they are, write-ahead file included, nobody closed.
    let crashed = bench.dir.path().join("crashed.db");
    std::fs::copy(bench.path(), &crashed).unwrap();
    std::fs::copy(
        with_suffix(&bench.path(), "-wal"),
        with_suffix(&crashed, "-wal"),
    )
    .unwrap();
    let again = TableStore::open(&crashed, bench.options()).unwrap();
    let table = again.declare(&temperature()).await.unwrap();
    assert_eq!(
        show(&again, "SELECT count(*) FROM temperature").await,
        "1000"
    );
    write(&again, &table, vec![reading("b", 1, 1.0, 1)]).await;
    again.close().await;
    store.close().await;
    let reopened = bench.open();
    assert_eq!(
        show(&reopened, "SELECT count(*) FROM temperature").await,
        "1000"
    );
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let bench = Bench::new();
    let store = bench.open();
    let table = store.declare(&temperature()).await.unwrap();
    let clone = store.clone();
    store.close().await;
    let batch = WriteBatch {
        table,
        rows: Arc::new(vec![reading("a", 1, 1.0, 1)]),
    };
    assert!(matches!(clone.write(batch).await, Err(WriteError::Closed)));
    assert!(matches!(
        clone.declare(&temperature()).await,
        Err(DeclareError::Closed)
    ));
}

#[tokio::test]
async fn damaged_and_foreign_files_are_refused_without_panicking() {
    let bench = Bench::new();
    std::fs::write(bench.path(), vec![b'x'; 8_192]).unwrap();
    let error = TableStore::open(&bench.path(), bench.options()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");

    let foreign = bench.dir.path().join("foreign.db");
    rusqlite::Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE theirs (x)")
        .unwrap();
    let error = TableStore::open(&foreign, bench.options()).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");

    let newer = bench.dir.path().join("newer.db");
    TableStore::open(&newer, bench.options())
        .unwrap()
        .close()
        .await;
    rusqlite::Connection::open(&newer)
        .unwrap()
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    let error = TableStore::open(&newer, bench.options()).unwrap_err();
    assert!(
        matches!(error, OpenError::Newer { found: 99, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn damage_inside_is_reported_by_whoever_meets_it() {
    let bench = Bench::new();
    let store = bench.open();
    let table = store.declare(&temperature()).await.unwrap();
    write(
        &store,
        &table,
        (0..20_000).map(|n| reading("a", n, 1.0, 1)).collect(),
    )
    .await;
    store.close().await;
    let mut bytes = std::fs::read(bench.path()).unwrap();
    let half = bytes.len() / 2;
    bytes.get_mut(half..half + 60_000).unwrap().fill(0xa5);
    std::fs::write(bench.path(), bytes).unwrap();

    let store = bench.open();
    assert!(
        !store
            .quick_check()
            .await
            .unwrap_or_else(|error| vec![error.to_string()])
            .is_empty()
    );
    let read = store
        .query(
            "SELECT sum(reading) FROM temperature",
            QueryLimits::default(),
        )
        .await;
    assert!(matches!(read, Err(QueryError::Failed { .. })), "{read:?}");
    let table = store.declare(&temperature()).await.unwrap();
    let batch = WriteBatch {
        table,
        rows: Arc::new((0..20_000).map(|n| reading("a", n, 2.0, 2)).collect()),
    };
    assert!(matches!(
        store.write(batch).await,
        Err(WriteError::Broken { .. })
    ));
}

#[tokio::test]
async fn a_full_disk_is_no_reason_to_give_up() {
    let bench = Bench::new();
    let options = TableOptions {
        max_bytes: Some(400_000),
        ..bench.options()
    };
    let store = TableStore::open(&bench.path(), options).unwrap();
    let table = store
        .declare(&TableSchema {
            default_ttl: Some(Duration::from_secs(1)),
            ..temperature()
        })
        .await
        .unwrap();
    write(
        &store,
        &table,
        (0..1_000).map(|n| reading("a", n, 1.0, 1)).collect(),
    )
    .await;
    let big = WriteBatch {
        table,
        rows: Arc::new((1_000..9_000).map(|n| reading("a", n, 1.0, 1)).collect()),
    };
    let error = store.write(big.clone()).await.unwrap_err();
    assert!(matches!(error, WriteError::Unavailable { .. }), "{error}");
    assert_eq!(
        show(&store, "SELECT count(*) FROM temperature").await,
        "1000",
        "nothing of a failed batch is there"
    );
    // Small writes still find room, and room comes back when rows expire.
    bench.pass(1);
    store.purge().await.unwrap();
    let half = WriteBatch {
        rows: Arc::new(big.rows.iter().take(1_000).cloned().collect()),
        ..big
    };
    store.write(half).await.unwrap();
    assert_eq!(
        show(&store, "SELECT count(*) FROM temperature").await,
        "1000"
    );
}

/// The rows of the file checked in under `testdata/formats`.
fn format_1_rows() -> Vec<Row> {
    let mut kept = row(
        "a",
        1,
        CqlValue::Double(1.5),
        CqlValue::Text("kept".into()),
        7,
    );
    kept.ttl_seconds = Some(0);
    let mut expired = reading("b", 2, 2.5, 8);
    expired.ttl_seconds = Some(1);
    vec![kept, expired]
}

#[tokio::test]
async fn files_of_format_1_open_for_ever() {
    let bench = Bench::new();
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats/tables-1.db");
    if std::env::var_os("MESSINA_WRITE_FORMATS").is_some() {
        let store = TableStore::open(&old, bench.options()).unwrap();
        let table = store.declare(&temperature()).await.unwrap();
        write(&store, &table, format_1_rows()).await;
        store.close().await;
    }
    std::fs::copy(&old, bench.path()).unwrap();
    bench.pass(1);
    let store = bench.open();
    assert_eq!(
        show(&store, "SELECT * FROM temperature").await,
        "a,1,1.5,kept"
    );
    let table = store.declare(&temperature()).await.unwrap();
    write(
        &store,
        &table,
        vec![reading("a", 1, 9.0, 6), reading("a", 2, 2.0, 9)],
    )
    .await;
    assert_eq!(
        show(&store, "SELECT ts, reading FROM temperature").await,
        "2,2;1,1.5"
    );
    store.purge().await.unwrap();
    assert_eq!(
        show(&store, "SELECT count(*) FROM __rows_temperature").await,
        "2"
    );
}
