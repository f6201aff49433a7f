//! The classic sink into a cluster it names itself.

use std::path::Path;

use messina::config::{Config, Inputs, Source, load_text};
use messina::table::cql::TableClients;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::{Value, json};

use crate::place::Place;
use crate::worker::{Worker, classic};

fn demo_file(name: &str) -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(here.join("src/config/testdata").join(name)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_connector_file_writes_to_the_cluster_it_names() {
    let Some(place) = Place::new("demo").await else {
        return;
    };
    for table in ["temperature", "brightness"] {
        place
            .run(&format!(
                "CREATE TABLE KS.{table} (event_id bigint, ts timestamp, idx int, reading double, \
                 PRIMARY KEY (event_id, ts, idx))"
            ))
            .await;
    }
    let dir = tempfile::tempdir().unwrap();
    let (worker, sink) = (
        dir.path().join("worker.properties"),
        dir.path().join("sink.properties"),
    );
    // Without a Kafka the log is the embedded one.
    let text = demo_file("connect-standalone.properties");
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("bootstrap.servers"));
    std::fs::write(&worker, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let text = demo_file("cassandra-sink.properties")
        .replace(
            "contact.points=localhost",
            &format!("contact.points={}", place.host),
        )
        .replace("port=9042", &format!("port={}", place.port))
        .replace("key.space=demo", &format!("key.space={}", place.keyspace));
    std::fs::write(&sink, text).unwrap();
    let (worker, sink) = (worker.display().to_string(), sink.display().to_string());
    let running = Worker::start(
        dir.path(),
        &["connect-standalone", "--embedded", &worker, &sink],
    );
    let value = json!({ "event_id": 99999, "ts": 1_700_000_000_000_i64, "idx": 0, "reading": 2.5 });
    running.produce("temperature", &json!([{ "value": value.to_string() }]));
    let found = place
        .until(
            "SELECT JSON event_id, reading FROM KS.temperature",
            |rows| !rows.is_empty(),
        )
        .await;
    assert_eq!(found, [json!({ "event_id": 99999, "reading": 2.5 })]);
    let books = running
        .until_sink("cassandra-sink", |sink| sink["lag"] == 0)
        .await;
    assert_eq!((&books["written"], &books["rows"]), (&json!(1), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_become_rows_with_user_types_shelf_life_and_what_is_absent_as_asked() {
    let Some(place) = Place::new("rows").await else {
        return;
    };
    place
        .run("CREATE TYPE KS.place (lat double, \"Lon\" double)")
        .await;
    place
        .run("CREATE TYPE KS.site (name text, at frozen<place>)")
        .await;
    place
        .run(
            "CREATE TABLE KS.readings (id text, ts bigint, site frozen<site>, tags set<text>, temp double, note text, \
             \"Unit\" text, PRIMARY KEY (id, ts))",
        )
        .await;
    place
        .run("INSERT INTO KS.readings (id, ts, note) VALUES ('a', 1, 'old') USING TIMESTAMP 1")
        .await;
    place
        .run("INSERT INTO KS.readings (id, ts, note) VALUES ('b', 1, 'old') USING TIMESTAMP 1")
        .await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    let kcql = "INSERT INTO Readings SELECT *, deviceId AS id FROM unset TTL=1000";
    worker.make(
        "unset",
        &classic(
            &place,
            &[
                ("topics", "unset"),
                ("connect.cassandra.kcql", kcql),
                ("connect.cassandra.default.value", "UNSET"),
            ],
        ),
    );
    let kcql = "INSERT INTO readings SELECT * FROM nulls";
    worker.make(
        "nulls",
        &classic(
            &place,
            &[("topics", "nulls"), ("connect.cassandra.kcql", kcql)],
        ),
    );
    let site = json!({ "name": "roof", "at": { "lat": 1.5, "\"Lon\"": 2.5 } });
    worker.produce(
        "unset",
        &json!([{ "value": json!({ "deviceId": "a", "TS": 1, "site": site, "temp": 2.5, "\"Unit\"": "C" }).to_string() }]),
    );
    worker.produce(
        "nulls",
        &json!([{ "value": json!({ "id": "b", "ts": 1, "tags": ["x", "y", "x"] }).to_string() }]),
    );
    check_rows(&place).await;
}

async fn check_rows(place: &Place) {
    let a = "SELECT JSON id, site, temp, note, \"Unit\", ttl(temp) AS ttl FROM KS.readings WHERE id = 'a'";
    let found = place
        .until(a, |rows| rows.iter().any(|row| row["temp"] == 2.5))
        .await;
    assert_eq!(found[0]["note"], "old", "what is absent is left alone");
    assert_eq!(
        found[0]["site"],
        json!({ "name": "roof", "at": { "lat": 1.5, "\"Lon\"": 2.5 } })
    );
    assert_eq!(found[0]["\"Unit\""], "C");
    let ttl = found[0]["ttl"].as_i64().unwrap();
    assert!((1..=1000).contains(&ttl), "{ttl}");
    let b = "SELECT JSON id, note, tags FROM KS.readings WHERE id = 'b'";
    let found = place
        .until(b, |rows| rows.iter().any(|row| row["tags"] != Value::Null))
        .await;
    assert_eq!(
        found,
        [json!({ "id": "b", "note": null, "tags": ["x", "y"] })]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_missing_fails_the_task_by_name_and_a_restart_finds_it() {
    let Some(place) = Place::new("missing").await else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    let kcql = "INSERT INTO later SELECT * FROM later";
    worker.make(
        "later",
        &classic(
            &place,
            &[("topics", "later"), ("connect.cassandra.kcql", kcql)],
        ),
    );
    let trace = worker.until_failed("later").await;
    assert!(
        trace.contains(&format!("keyspace `{}` has no tables", place.keyspace)),
        "{trace}"
    );
    place
        .run("CREATE TABLE KS.other (id int PRIMARY KEY)")
        .await;
    worker.restart("later");
    let mut trace = String::new();
    for _ in 0..100 {
        trace = worker.until_failed("later").await;
        if trace.contains("`later`") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let expected = format!("keyspace `{}` has no table `later`", place.keyspace);
    assert!(
        trace.contains(&expected) && trace.contains("there are other"),
        "{trace}"
    );
    place
        .run("CREATE TABLE KS.later (id int PRIMARY KEY, v text)")
        .await;
    worker.produce(
        "later",
        &json!([{ "value": json!({ "id": 1, "v": "x" }).to_string() }]),
    );
    worker.restart("later");
    let found = place
        .until("SELECT JSON * FROM KS.later", |rows| !rows.is_empty())
        .await;
    assert_eq!(found, [json!({ "id": 1, "v": "x" })]);
    place.run("ALTER TABLE KS.later ADD w text").await;
    worker.restart("later");
    worker.produce(
        "later",
        &json!([{ "value": json!({ "id": 2, "w": "y" }).to_string() }]),
    );
    place
        .until("SELECT JSON * FROM KS.later WHERE id = 2", |rows| {
            rows.first().is_some_and(|row| row["w"] == "y")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_away_holds_one_connector_and_not_the_program() {
    let Some(place) = Place::new("away").await else {
        return;
    };
    place.run("CREATE TABLE KS.t (id int PRIMARY KEY)").await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    // Bound and not listened at: whoever comes is refused.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port().to_string();
    drop(closed);
    let kcql = ("connect.cassandra.kcql", "INSERT INTO t SELECT * FROM a");
    worker.make(
        "away",
        &classic(
            &place,
            &[("topics", "a"), kcql, ("connect.cassandra.port", &port)],
        ),
    );
    worker.make("here", &classic(&place, &[("topics", "a"), kcql]));
    worker.produce("a", &json!([{ "value": json!({ "id": 1 }).to_string() }]));
    place
        .until("SELECT JSON * FROM KS.t", |rows| rows.len() == 1)
        .await;
    worker
        .until_sink("away", |sink| sink["state"] == "RETRYING")
        .await;
    let health = worker.health().to_string();
    assert!(
        health.contains("cannot connect to CQL at") && health.contains(&port),
        "{health}"
    );
    let url = "/connectors/away/status".to_owned();
    assert_eq!(
        worker.ask("GET", &url, None).1["tasks"][0]["state"],
        "RUNNING"
    );
    // The right port, and it goes on where it stood.
    place.run("TRUNCATE KS.t").await;
    worker.change("away", &classic(&place, &[("topics", "a"), kcql]));
    place
        .until("SELECT JSON * FROM KS.t", |rows| rows.len() == 1)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_a_value_deletes_the_row_of_its_key() {
    let Some(place) = Place::new("deletes").await else {
        return;
    };
    place
        .run("CREATE TABLE KS.t (id bigint, kind text, v int, PRIMARY KEY (id, kind))")
        .await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    worker.make(
        "deletes",
        &classic(
            &place,
            &[
                ("topics", "d"),
                ("connect.cassandra.kcql", "INSERT INTO t SELECT * FROM d"),
                ("connect.cassandra.delete.enabled", "true"),
                (
                    "connect.cassandra.delete.statement",
                    "DELETE FROM t WHERE id = ? AND kind = ?",
                ),
                ("connect.cassandra.delete.struct_flds", "id,$.kind"),
                ("key.converter", "String"),
            ],
        ),
    );
    let key = |id: i32| json!({ "id": id, "kind": "k" }).to_string();
    let row = |id: i32| json!({ "key": key(id), "value": json!({ "id": id, "kind": "k", "v": 1 }).to_string() });
    worker.produce(
        "d",
        &json!([row(1), row(2), { "key": key(1) }, row(3), { "key": key(3) }, row(3)]),
    );
    worker
        .until_sink("deletes", |sink| sink["written"] == 6)
        .await;
    let mut found = place.rows("SELECT JSON id FROM KS.t").await;
    found.sort_by_key(|row| row["id"].as_i64());
    assert_eq!(
        found,
        [json!({ "id": 2 }), json!({ "id": 3 })],
        "later records win"
    );
    worker.produce("d", &json!([{ "key": "no JSON" }]));
    let trace = worker.until_failed("deletes").await;
    assert!(trace.contains("record 6 of `d`-0"), "{trace}");
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_by_expression_are_read_also_when_they_come_later() {
    let Some(place) = Place::new("regex").await else {
        return;
    };
    place.run("CREATE TABLE KS.t (id int PRIMARY KEY)").await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    let kcql = "INSERT INTO t SELECT * FROM iot.a;INSERT INTO t SELECT * FROM iot.b";
    worker.make(
        "regex",
        &classic(
            &place,
            &[
                ("topics.regex", "iot\\..*"),
                ("connect.cassandra.kcql", kcql),
            ],
        ),
    );
    let record = |id: i32| json!([{ "value": json!({ "id": id }).to_string() }]);
    worker.produce("iot.a", &record(1));
    worker.produce("biot.a", &record(9));
    place
        .until("SELECT JSON * FROM KS.t", |rows| rows.len() == 1)
        .await;
    worker.produce("iot.b", &record(2));
    let found = place
        .until("SELECT JSON * FROM KS.t", |rows| rows.len() == 2)
        .await;
    assert!(!found.contains(&json!({ "id": 9 })), "{found:?}");
    worker.produce("iot.c", &record(3));
    let trace = worker.until_failed("regex").await;
    assert!(
        trace.contains("topic `iot.c` has no KCQL statement"),
        "{trace}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn connectors_with_equal_settings_share_a_connection() {
    let Some(place) = Place::new("shared").await else {
        return;
    };
    let of = |keyspace: &str, timeout: &str| -> Config {
        let at = format!("{}:{}", place.host, place.port);
        let text = format!(
            "[cql]\ncontact_points = \"{at}\"\nkeyspace = \"{keyspace}\"\nrequest_timeout = \"{timeout}\"\n"
        );
        load_text(Some(&Source::new("test", text)), &Inputs::default())
            .unwrap()
            .config
    };
    let clients = TableClients::default();
    let first = clients
        .get(of("a", "5s").cql.as_ref().unwrap())
        .await
        .unwrap();
    let second = clients
        .get(of("b", "5s").cql.as_ref().unwrap())
        .await
        .unwrap();
    assert_eq!(clients.len(), 1);
    let third = clients
        .get(of("b", "6s").cql.as_ref().unwrap())
        .await
        .unwrap();
    assert_eq!(clients.len(), 2);
    drop((first, second));
    let fourth = clients
        .get(of("b", "6s").cql.as_ref().unwrap())
        .await
        .unwrap();
    assert_eq!(clients.len(), 1, "one that nobody uses is forgotten");
    drop((third, fourth));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_names_no_cluster_writes_to_the_configurations() {
    let Some(place) = Place::new("fallback").await else {
        return;
    };
    place
        .run("CREATE TABLE KS.t (id int PRIMARY KEY, v text)")
        .await;
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up_with(
        dir.path(),
        &format!(
            "[cql]\ncontact_points = \"{}:{}\"\nkeyspace = \"{}\"\nconsistency = \"one\"\n",
            place.host, place.port, place.keyspace
        ),
    );
    let mut config = classic(
        &place,
        &[
            ("topics", "f"),
            ("connect.cassandra.kcql", "INSERT INTO t SELECT * FROM f"),
        ],
    );
    for option in ["contact.points", "port", "key.space"] {
        let option = format!("connect.cassandra.{option}");
        config.as_object_mut().unwrap().remove(&option);
    }
    worker.make("fallback", &config);
    worker.produce(
        "f",
        &json!([{ "value": json!({ "id": 1, "v": "x" }).to_string() }]),
    );
    let found = place
        .until("SELECT JSON * FROM KS.t", |rows| !rows.is_empty())
        .await;
    assert_eq!(found, [json!({ "id": 1, "v": "x" })]);
}

/// A worker's file and a connector's, which reads topics by an expression.
fn files_by_expression(
    place: &Place,
    dir: &Path,
    kafka: &str,
    own: &str,
    topics: &[String; 2],
) -> [String; 2] {
    let worker = dir.join("worker.properties");
    let text = format!(
        "bootstrap.servers={kafka}\nkey.converter=String\nvalue.converter=Json\nvalue.converter.schemas.enable=false\n"
    );
    std::fs::write(&worker, text).unwrap();
    let sink = dir.join("sink.properties");
    let kcql = format!(
        "INSERT INTO t SELECT * FROM {0};INSERT INTO t SELECT * FROM {1}",
        topics[0], topics[1]
    );
    let mut lines = vec![format!("name={own}")];
    let expression = format!(r"{}\..", own.replace('.', r"\."));
    let config = classic(
        place,
        &[
            ("topics.regex", &expression),
            ("connect.cassandra.kcql", &kcql),
        ],
    );
    for (option, value) in config.as_object().unwrap() {
        let value = value.as_str().unwrap().replace('\\', "\\\\");
        lines.push(format!("{option}={value}"));
    }
    std::fs::write(&sink, lines.join("\n")).unwrap();
    [worker, sink].map(|path| path.display().to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_by_expression_are_read_from_kafka_too() {
    let Some(place) = Place::new("regex_kafka").await else {
        return;
    };
    let kafka = std::env::var("MESSINA_TEST_KAFKA").unwrap_or("127.0.0.1:19092".to_owned());
    let mut client = rdkafka::ClientConfig::new();
    client.set("bootstrap.servers", &kafka);
    let admin: AdminClient<DefaultClientContext> = client.create().unwrap();
    let own = format!("messina.regex.p{}", std::process::id());
    let topics = [format!("{own}.a"), format!("{own}.b")];
    let new = topics
        .iter()
        .map(|name| NewTopic::new(name, 1, TopicReplication::Fixed(1)));
    let new: Vec<NewTopic<'_>> = new.collect();
    if let Err(error) = admin.create_topics(&new, &AdminOptions::new()).await {
        return crate::place::skip(&format!(
            "topics by expression: no Kafka at {kafka}: {error}"
        ));
    }
    place.run("CREATE TABLE KS.t (id int PRIMARY KEY)").await;
    let producer: FutureProducer = client.create().unwrap();
    for (topic, id) in topics.iter().zip(1..) {
        let value = json!({ "id": id }).to_string();
        let record = FutureRecord::to(topic).key("k").payload(&value);
        producer
            .send(record, std::time::Duration::from_secs(30))
            .await
            .unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let [worker, sink] = files_by_expression(&place, dir.path(), &kafka, &own, &topics);
    let running = Worker::start(dir.path(), &["connect-standalone", &worker, &sink]);
    place
        .until("SELECT JSON * FROM KS.t", |rows| rows.len() == 2)
        .await;
    let books = running.until_sink(&own, |sink| sink["written"] == 2).await;
    assert_eq!(books["state"], "RUNNING");
    drop(running);
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    drop(admin.delete_topics(&names, &AdminOptions::new()).await);
}
