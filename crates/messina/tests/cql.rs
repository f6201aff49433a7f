//! Tables on a real Cassandra: `cargo xtask services up cassandra`. Each test has a keyspace of its own.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a failed expectation is a failed test"
)]

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use messina::config::{Config, CqlConsistency, Inputs, Source, load_text, replication_map};
use messina::table::cql::{CqlTable, TableClient};
use messina::table::{Table, TableError, Verdict};
use messina_connect::cql_type::CqlType;
use messina_connect::row::{CqlValue, Row};
use messina_connect::table_schema::{ClusteringOrder, TableColumn, TableSchema};
use num_bigint::BigInt;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use serde_json::{Value, json};

/// A keyspace of a test's own, and a connection that is not the one under test.
struct Place {
    keyspace: String,
    config: Config,
    session: Session,
}

impl Place {
    /// `None`, said aloud, where no Cassandra runs; in CI that is a failure.
    async fn new(keyspace: &str) -> Option<Self> {
        let at = std::env::var("MESSINA_TEST_CASSANDRA").unwrap_or("127.0.0.1:19042".to_owned());
        let session = match SessionBuilder::new().known_node(&at).build().await {
            Ok(session) => session,
            Err(error) => {
                skip(&format!(
                    "{keyspace}: no Cassandra at {at}, see `cargo xtask services`: {error}"
                ));
                return None;
            }
        };
        let keyspace = format!("messina_{keyspace}");
        let drop = format!("DROP KEYSPACE IF EXISTS {keyspace}");
        session.query_unpaged(drop, ()).await.unwrap();
        let text = format!(
            "[cql]\ncontact_points = \"{at}\"\nkeyspace = \"{keyspace}\"\nreplication = 1\nrequest_timeout = \"5s\"\n"
        );
        let source = Source::new("test", text);
        let config = load_text(Some(&source), &Inputs::default()).unwrap().config;
        Some(Self {
            keyspace,
            config,
            session,
        })
    }

    async fn client(&self) -> TableClient {
        TableClient::connect(self.config.cql.as_ref().unwrap())
            .await
            .unwrap()
    }

    async fn run(&self, statement: &str) {
        self.session.query_unpaged(statement, ()).await.unwrap();
    }

    /// Rows as Cassandra itself writes them down.
    async fn rows(&self, select: &str) -> Vec<Value> {
        let answer = self.session.query_unpaged(select, ()).await.unwrap();
        let answer = answer.into_rows_result().unwrap();
        let texts = answer.rows::<(String,)>().unwrap();
        texts
            .map(|row| serde_json::from_str(&row.unwrap().0).unwrap())
            .collect()
    }

    fn table(&self, name: &str, columns: &[(&str, &str)]) -> Arc<TableSchema> {
        Arc::new(TableSchema {
            keyspace: Some(self.keyspace.clone()),
            name: name.to_owned(),
            columns: columns
                .iter()
                .map(|(name, cql_type)| TableColumn {
                    name: (*name).to_owned(),
                    cql_type: CqlType::parse(cql_type).unwrap(),
                })
                .collect(),
            partition_key: vec![0],
            clustering_key: vec![(1, ClusteringOrder::Descending)],
            default_ttl: None,
            time_bucket: None,
        })
    }
}

fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "skipped in CI: {reason}");
    eprintln!("SKIPPED: {reason}");
    if let Some(file) = std::env::var_os("MESSINA_SKIP_FILE") {
        let mut file = std::fs::File::options()
            .append(true)
            .create(true)
            .open(file)
            .unwrap();
        writeln!(file, "{reason}").unwrap();
    }
}

fn row(values: Vec<CqlValue>, write_timestamp: i64) -> Row {
    Row {
        values,
        write_timestamp,
        ttl_seconds: None,
    }
}

fn text(text: &str) -> CqlValue {
    CqlValue::Text(text.into())
}

const SIMPLE: [(&str, &str); 4] = [("k", "text"), ("c", "int"), ("v", "double"), ("w", "text")];

fn simple(key: &str, clustering: i32, v: CqlValue, w: CqlValue, at: i64) -> Row {
    row(vec![text(key), CqlValue::Int(clustering), v, w], at)
}

/// A type, a value of it, and how Cassandra writes that down.
type Cell = (&'static str, CqlValue, Value);

#[expect(clippy::too_many_lines, reason = "a table: a line for each type")]
fn cells() -> Vec<Cell> {
    let uuid = uuid::Uuid::parse_str("a0eebc99-9c0b-11ef-bb6d-6bb9bd380a11").unwrap();
    let big: BigInt = "-123456789012345678901234567890".parse().unwrap();
    let ints = |numbers: &[i32]| {
        numbers
            .iter()
            .map(|n| CqlValue::Int(*n))
            .collect::<Vec<_>>()
    };
    vec![
        ("ascii", text("plain"), json!("plain")),
        ("bigint", CqlValue::Bigint(i64::MIN), json!(i64::MIN)),
        ("blob", CqlValue::Blob(vec![0, 255].into()), json!("0x00ff")),
        ("boolean", CqlValue::Boolean(true), json!(true)),
        ("date", CqlValue::Date(-1), json!("1969-12-31")),
        ("decimal", CqlValue::Decimal(12345.into(), 2), json!(123.45)),
        ("double", CqlValue::Double(-2.5), json!(-2.5)),
        (
            "duration",
            CqlValue::Duration(14, 3, 5_000_000_000),
            json!("1y2mo3d5s"),
        ),
        ("float", CqlValue::Float(0.25), json!(0.25)),
        (
            "inet",
            CqlValue::Inet("10.1.2.3".parse().unwrap()),
            json!("10.1.2.3"),
        ),
        (
            "inet",
            CqlValue::Inet("2001:db8::1".parse().unwrap()),
            json!("2001:db8:0:0:0:0:0:1"),
        ),
        ("int", CqlValue::Int(-7), json!(-7)),
        ("smallint", CqlValue::Smallint(-300), json!(-300)),
        ("text", text("Grüße, 東京"), json!("Grüße, 東京")),
        (
            "time",
            CqlValue::Time(3_723_000_000_001),
            json!("01:02:03.000000001"),
        ),
        (
            "timestamp",
            CqlValue::Timestamp(1_700_000_000_123),
            json!("2023-11-14 22:13:20.123Z"),
        ),
        ("timeuuid", CqlValue::Uuid(uuid), json!(uuid.to_string())),
        ("tinyint", CqlValue::Tinyint(-128), json!(-128)),
        ("uuid", CqlValue::Uuid(uuid), json!(uuid.to_string())),
        (
            "varint",
            CqlValue::Varint(big),
            serde_json::from_str("-123456789012345678901234567890").unwrap(),
        ),
        (
            "list<int>",
            CqlValue::List(ints(&[3, 1, 3])),
            json!([3, 1, 3]),
        ),
        ("set<int>", CqlValue::Set(ints(&[3, 1, 3])), json!([1, 3])),
        (
            "map<text, int>",
            CqlValue::Map(vec![
                (text("b"), CqlValue::Int(2)),
                (text("a"), CqlValue::Int(1)),
            ]),
            json!({"a": 1, "b": 2}),
        ),
        (
            "list<frozen<list<int>>>",
            CqlValue::List(vec![
                CqlValue::List(ints(&[1])),
                CqlValue::List(ints(&[2, 3])),
            ]),
            json!([[1], [2, 3]]),
        ),
        (
            "tuple<int, text, boolean>",
            CqlValue::Tuple(vec![CqlValue::Int(1), text("x"), CqlValue::Null]),
            json!([1, "x", null]),
        ),
        (
            "vector<float, 2>",
            CqlValue::List(vec![CqlValue::Float(1.5), CqlValue::Float(-1.0)]),
            json!([1.5, -1.0]),
        ),
        (
            "vector<text, 2>",
            CqlValue::List(vec![text("a"), text("bcd")]),
            json!(["a", "bcd"]),
        ),
        (
            "vector<smallint, 2>",
            CqlValue::List(vec![CqlValue::Smallint(1), CqlValue::Smallint(2)]),
            json!([1, 2]),
        ),
    ]
}

#[tokio::test]
async fn a_value_of_every_type_is_what_cassandra_reads_back() {
    let Some(place) = Place::new("types").await else {
        return;
    };
    let cells = cells();
    let names: Vec<String> = (0..cells.len())
        .map(|index| format!("c{index:02}"))
        .collect();
    let mut columns = vec![("k", "text"), ("c", "int")];
    columns.extend(
        names
            .iter()
            .map(String::as_str)
            .zip(cells.iter().map(|cell| cell.0)),
    );
    let table = place.table("types", &columns);
    let table = CqlTable::open(&place.client().await, &table).await.unwrap();
    let mut values = vec![text("key"), CqlValue::Int(0)];
    values.extend(cells.iter().map(|cell| cell.1.clone()));
    table.write(Arc::new(vec![row(values, 1)])).await.unwrap();
    let found = place
        .rows(&format!("SELECT JSON * FROM {}.types", place.keyspace))
        .await;
    for (name, (cql_type, _, wanted)) in names.iter().zip(&cells) {
        assert_eq!(&found[0][name], wanted, "{cql_type}");
    }
}

#[tokio::test]
async fn a_replay_changes_nothing_an_older_row_loses_and_unset_keeps_what_was_there() {
    let Some(place) = Place::new("replay").await else {
        return;
    };
    let table = CqlTable::open(&place.client().await, &place.table("t", &SIMPLE))
        .await
        .unwrap();
    let number = CqlValue::Double;
    let first = Arc::new(vec![
        simple("a", 1, number(1.0), text("first"), 1_000),
        simple("a", 1, number(2.0), CqlValue::Unset, 1_001),
    ]);
    table.write(Arc::clone(&first)).await.unwrap();
    let select = format!(
        "SELECT JSON k, c, v, w, writetime(v) FROM {}.t",
        place.keyspace
    );
    let after = place.rows(&select).await;
    assert_eq!(
        after,
        [json!({"k": "a", "c": 1, "v": 2.0, "w": "first", "writetime(v)": 1001})]
    );
    table.write(first).await.unwrap();
    let older = simple("a", 1, number(9.0), text("older"), 500);
    table.write(Arc::new(vec![older])).await.unwrap();
    assert_eq!(place.rows(&select).await, after);
    let null = simple("a", 1, CqlValue::Unset, CqlValue::Null, 2_000);
    table.write(Arc::new(vec![null])).await.unwrap();
    assert_eq!(place.rows(&select).await[0]["w"], Value::Null);
}

#[tokio::test]
async fn a_row_lives_as_long_as_it_says_else_as_its_table_says() {
    let Some(place) = Place::new("ttl").await else {
        return;
    };
    let mut schema = (*place.table("t", &SIMPLE)).clone();
    schema.default_ttl = Some(Duration::from_hours(1));
    let table = CqlTable::open(&place.client().await, &Arc::new(schema))
        .await
        .unwrap();
    let now = jiff::Timestamp::now().as_microsecond();
    let of = |clustering, ttl_seconds| Row {
        ttl_seconds,
        ..simple("a", clustering, CqlValue::Double(1.0), CqlValue::Unset, now)
    };
    table
        .write(Arc::new(vec![
            of(1, None),
            of(2, Some(100)),
            of(3, Some(1)),
            of(4, Some(0)),
        ]))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let found = place
        .rows(&format!("SELECT JSON c, ttl(v) FROM {}.t", place.keyspace))
        .await;
    let lives = |clustering: i32| {
        found
            .iter()
            .find(|row| row["c"] == clustering)
            .map(|row| row["ttl(v)"].as_u64())
    };
    assert!(matches!(lives(1), Some(Some(3_500..=3_600))), "{found:?}");
    assert!(matches!(lives(2), Some(Some(50..=100))), "{found:?}");
    assert_eq!(lives(3), None, "it has expired");
    assert_eq!(lives(4), Some(None), "it stays for ever");
}

#[tokio::test]
async fn rows_cassandra_refuses_are_named_and_all_others_are_written() {
    let Some(place) = Place::new("poison").await else {
        return;
    };
    let table = CqlTable::open(&place.client().await, &place.table("t", &SIMPLE))
        .await
        .unwrap();
    // A key of more than 64 KiB is an invalid query, whatever the table.
    let long = "x".repeat(70_000);
    let rows: Vec<Row> = (0..2_000)
        .map(|index| {
            let key = if index % 500 == 7 {
                long.clone()
            } else {
                format!("k{}", index % 50)
            };
            simple(
                &key,
                index,
                CqlValue::Double(f64::from(index)),
                CqlValue::Unset,
                1,
            )
        })
        .collect();
    let error = table.write(Arc::new(rows)).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Reject);
    let TableError::RowsRefused { mut rows, .. } = error else {
        panic!("{error}")
    };
    rows.sort_by_key(|row| row.index);
    let refused: Vec<usize> = rows.iter().map(|row| row.index).collect();
    assert_eq!(refused, [7, 507, 1007, 1507], "{rows:?}");
    let count = place
        .rows(&format!("SELECT JSON count(*) FROM {}.t", place.keyspace))
        .await;
    assert_eq!(count, [json!({"count": 1996})]);
}

#[tokio::test]
async fn a_row_too_large_for_the_cluster_is_refused_and_the_others_are_written() {
    let Some(place) = Place::new("large").await else {
        return;
    };
    let table = CqlTable::open(&place.client().await, &place.table("t", &SIMPLE))
        .await
        .unwrap();
    // Half a commit log segment is what Cassandra takes as one mutation: 16 MiB.
    let large = text(&"x".repeat(17 << 20));
    let rows = vec![
        simple("a", 1, CqlValue::Double(1.0), CqlValue::Unset, 1),
        simple("a", 2, CqlValue::Double(1.0), large, 1),
        simple("a", 3, CqlValue::Double(1.0), CqlValue::Unset, 1),
    ];
    let error = table.write(Arc::new(rows)).await.unwrap_err();
    let TableError::RowsRefused { rows, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].index, 1);
    let found = place
        .rows(&format!("SELECT JSON c FROM {}.t", place.keyspace))
        .await;
    assert_eq!(found, [json!({"c": 3}), json!({"c": 1})]);
}

#[tokio::test]
async fn a_table_that_was_dropped_stops_and_says_how_to_create_it() {
    let Some(place) = Place::new("dropped").await else {
        return;
    };
    let table = CqlTable::open(&place.client().await, &place.table("t", &SIMPLE))
        .await
        .unwrap();
    place.run(&format!("DROP TABLE {}.t", place.keyspace)).await;
    let rows = vec![simple("a", 1, CqlValue::Double(1.0), CqlValue::Unset, 1)];
    let error = table.write(Arc::new(rows)).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Stop, "{error:?}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("CREATE TABLE messina_dropped.t"), "{cause}");
}

#[tokio::test]
async fn a_column_added_while_running_changes_nothing_and_one_dropped_stops() {
    let Some(place) = Place::new("altered").await else {
        return;
    };
    let table = CqlTable::open(&place.client().await, &place.table("t", &SIMPLE))
        .await
        .unwrap();
    let write = |clustering| {
        let row = simple("a", clustering, CqlValue::Double(1.0), text("w"), 1);
        table.write(Arc::new(vec![row]))
    };
    write(1).await.unwrap();
    place
        .run(&format!("ALTER TABLE {}.t ADD extra int", place.keyspace))
        .await;
    write(2).await.unwrap();
    place
        .run(&format!("ALTER TABLE {}.t DROP w", place.keyspace))
        .await;
    let error = write(3).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Stop, "{error:?}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.contains("ALTER TABLE messina_altered.t ADD w text;"),
        "{cause}"
    );
}

#[tokio::test]
async fn a_table_that_does_not_fit_is_refused_with_all_that_differs() {
    let Some(place) = Place::new("unfit").await else {
        return;
    };
    let keyspace = &place.keyspace;
    place.run(&format!("CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")).await;
    place
        .run(&format!(
            "CREATE TABLE {keyspace}.t (k text, c int, v int, PRIMARY KEY ((k), c))"
        ))
        .await;
    let error = CqlTable::open(&place.client().await, &place.table("t", &SIMPLE))
        .await
        .unwrap_err()
        .to_string();
    for part in [
        "column `v` is int there and double here",
        "ALTER TABLE messina_unfit.t ADD w text;",
        "`c` is ordered asc there and desc here",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn without_replication_nothing_is_created_and_the_statement_is_told() {
    let Some(place) = Place::new("absent").await else {
        return;
    };
    let mut config = place.config.cql.clone().unwrap();
    config.replication = None;
    let client = TableClient::connect(&config).await.unwrap();
    let error = CqlTable::open(&client, &place.table("t", &SIMPLE))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("CREATE TABLE messina_absent.t"), "{error}");
}

#[tokio::test]
async fn a_consistency_that_cannot_be_had_holds_the_rows_and_the_tables_own_goes_on() {
    let Some(place) = Place::new("consistency").await else {
        return;
    };
    let table = CqlTable::open(&place.client().await, &place.table("t", &SIMPLE))
        .await
        .unwrap();
    let rows = Arc::new(vec![simple(
        "a",
        1,
        CqlValue::Double(1.0),
        CqlValue::Unset,
        1,
    )]);
    let three = table.at(CqlConsistency::Three);
    let error = three.write(Arc::clone(&rows)).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Retry, "{error:?}");
    table.write(rows).await.unwrap();
}

#[tokio::test]
async fn rows_go_to_the_data_center_that_is_named_and_may_be_sent_to_another_replica_too() {
    let Some(place) = Place::new("center").await else {
        return;
    };
    let mut config = place.config.cql.clone().unwrap();
    config.data_center = Some("datacenter1".to_owned());
    config.replication = Some(replication_map(1, config.data_center.as_deref()));
    config.speculative_delay = Some(Duration::from_millis(1));
    let schema = place.table("t", &SIMPLE);
    let client = TableClient::connect(&config).await.unwrap();
    let table = CqlTable::open(&client, &schema).await.unwrap();
    let replicas = place
        .rows("SELECT JSON replication FROM system_schema.keyspaces WHERE keyspace_name = 'messina_center'")
        .await;
    assert_eq!(replicas[0]["replication"]["datacenter1"], "1");
    let rows: Vec<Row> = (0..500)
        .map(|n| simple("a", n, CqlValue::Double(1.0), CqlValue::Unset, 1))
        .collect();
    let rows = Arc::new(rows);
    table.write(Arc::clone(&rows)).await.unwrap();
    let select = format!("SELECT JSON c FROM {}.t", place.keyspace);
    assert_eq!(place.rows(&select).await.len(), rows.len());

    config.data_center = Some("elsewhere".to_owned());
    let error = TableClient::connect(&config).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Stop);
    let said = error.to_string();
    assert!(
        said.ends_with(
            "is in the data center `elsewhere`, but in `datacenter1`; see `cql.data_center`"
        ),
        "{said}"
    );
}
