//! What a record costs between its bytes and its rows: `Plan::apply` on the inputs that matter.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops at what goes wrong"
)]

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use messina_connect::config::ConnectorConfig;
use messina_connect::cql_type::CqlType;
use messina_connect::plan::{Outcome, Plan};
use messina_connect::record::{RecordHeader, SinkRecord};
use messina_connect::table_schema::{ClusteringOrder, TableColumn, TableSchema};

const TEMPERATURE: [(&str, &str); 12] = [
    ("topics", "temperature"),
    (
        "connect.cassandra.kcql",
        "INSERT INTO temperature SELECT * FROM temperature",
    ),
    ("value.converter", "messina.Delimited"),
    ("value.converter.columns", "event_id:int64,readings:string"),
    ("transforms", "explode,time"),
    ("transforms.explode.type", "messina.Explode$Value"),
    ("transforms.explode.field", "readings"),
    ("transforms.explode.separator", "# "),
    ("transforms.explode.element.field", "reading"),
    ("transforms.explode.element.type", "double"),
    ("transforms.explode.index.field", "idx"),
    ("transforms.time.type", "InsertField$Value"),
];

const OBJECT: &str = r#"{"device":"press-7","ts":1700000000123,"temperature":21.53,"humidity":40.25,"battery":87,"ok":true,"note":"shift change at the second line of hall 3"}"#;

const CLASSIC: [(&str, &str); 4] = [
    ("topics", "iot"),
    (
        "connect.cassandra.kcql",
        "INSERT INTO iot SELECT * FROM iot",
    ),
    ("value.converter", "Json"),
    ("value.converter.schemas.enable", "false"),
];

fn table(name: &str, columns: &str, partition: usize, clustering: usize) -> Arc<TableSchema> {
    let column = |text: &str| {
        let (name, cql_type) = text.split_once(' ').unwrap();
        TableColumn {
            name: name.to_owned(),
            cql_type: CqlType::parse(cql_type).unwrap(),
        }
    };
    let clustering = partition..partition + clustering;
    Arc::new(TableSchema {
        keyspace: None,
        name: name.to_owned(),
        columns: columns.split(", ").map(column).collect(),
        partition_key: (0..partition).collect(),
        clustering_key: clustering
            .map(|index| (index, ClusteringOrder::Ascending))
            .collect(),
        default_ttl: None,
        time_bucket: None,
    })
}

fn schema(name: &str) -> Arc<TableSchema> {
    match name {
        "temperature" => table(
            name,
            "event_id bigint, ts timestamp, idx int, reading double",
            1,
            2,
        ),
        "readings" => table(
            name,
            "topic text, field text, ts timestamp, seq bigint, number double, text text",
            2,
            2,
        ),
        _ => table(
            name,
            "device text, ts timestamp, temperature double, humidity double, battery int, ok boolean, note text",
            1,
            1,
        ),
    }
}

fn measure(criterion: &mut Criterion, name: &str, options: &[(&str, &str)], value: &str) {
    let plan = Plan::compile(&ConnectorConfig::of(name, options), &|name| {
        Some(schema(name))
    })
    .unwrap();
    let value = Bytes::copy_from_slice(value.as_bytes());
    let header = |name: &'static str, value: &'static str| RecordHeader {
        name: Bytes::from_static(name.as_bytes()),
        value: Some(Bytes::from_static(value.as_bytes())),
    };
    let headers = [
        header("mqtt.topic", "plant/line-2/press-7/meter"),
        header("mqtt.client.id", "press-7"),
        header("mqtt.qos", "2"),
    ];
    let record = SinkRecord {
        topic: &plan.topics().names()[0],
        partition: 0,
        offset: 1234,
        timestamp: Some(1_700_000_000_000),
        key: None,
        value: Some(&value),
        headers: &headers,
    };
    let mut rows = Vec::new();
    let Outcome::Written(count) = plan.apply(&record, &mut rows) else {
        unreachable!()
    };
    let mut group = criterion.benchmark_group("plan");
    group.throughput(Throughput::Elements(u64::try_from(count).unwrap()));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            rows.clear();
            black_box(plan.apply(black_box(&record), &mut rows))
        });
    });
    group.finish();
}

fn plans(criterion: &mut Criterion) {
    let (json, classic) = (OBJECT, CLASSIC);
    measure(
        criterion,
        "json object to one row, SELECT *",
        &classic,
        json,
    );
    let mut named = classic;
    named[1].1 =
        "INSERT INTO iot SELECT device, ts, temperature, humidity, battery, ok, note FROM iot";
    measure(
        criterion,
        "json object to one row, columns named",
        &named,
        json,
    );
    let mut chain = classic.to_vec();
    let package = "org.apache.kafka.connect.transforms";
    let class = |name: &str| format!("{package}.{name}$Value");
    let (insert, replace, cast) = (class("InsertField"), class("ReplaceField"), class("Cast"));
    chain.extend([
        ("transforms", "insert,replace,cast"),
        ("transforms.insert.type", &*insert),
        ("transforms.insert.offset.field", "ts"),
        ("transforms.replace.type", &replace),
        ("transforms.replace.exclude", "note"),
        ("transforms.cast.type", &cast),
        (
            "transforms.cast.spec",
            "temperature:float32,battery:float64",
        ),
    ]);
    measure(
        criterion,
        "json object through three transforms to one row",
        &chain,
        json,
    );
    let mut readings = classic.to_vec();
    readings[0].1 = "readings";
    readings[1].1 = "INSERT INTO readings SELECT * FROM readings";
    readings.extend([
        ("transforms", "r"),
        ("transforms.r.type", "messina.Readings$Value"),
    ]);
    measure(criterion, "json number to one reading", &readings, "21.53");
    measure(criterion, "json object to seven readings", &readings, json);
    let mut demo = TEMPERATURE.to_vec();
    demo.push(("transforms.time.timestamp.field", "ts"));
    let elements: Vec<String> = (0..210).map(|index| format!("2.{index:02}")).collect();
    measure(
        criterion,
        "demo payload to 210 rows",
        &demo,
        &format!("99999,{}# ", elements.join("# ")),
    );
}

/// A transform's class, and its options.
type Alone = (&'static str, &'static [(&'static str, &'static str)]);

/// Transforms on the object of `plans`, each alone: what it takes beyond "SELECT *" is its own.
const ALONE: [Alone; 10] = [
    ("InsertField$Value", &[("offset.field", "ts")]),
    ("ReplaceField$Value", &[("exclude", "note")]),
    ("Cast$Value", &[("spec", "temperature:float32")]),
    ("MaskField$Value", &[("fields", "note")]),
    (
        "TimestampConverter$Value",
        &[("field", "ts"), ("target.type", "Timestamp")],
    ),
    ("Flatten$Value", &[]),
    ("ValueToKey", &[("fields", "device")]),
    (
        "HeaderFrom$Value",
        &[
            ("fields", "note"),
            ("headers", "note"),
            ("operation", "copy"),
        ],
    ),
    (
        "RegexRouter",
        &[("regex", "io(.*)"), ("replacement", "io$1")],
    ),
    ("messina.TopicFields$Value", &[("levels", "_,note,device")]),
];

fn transforms(criterion: &mut Criterion) {
    for (class, own) in ALONE {
        let class_name = match class.split_once('.') {
            Some(_) => class.to_owned(),
            None => format!("org.apache.kafka.connect.transforms.{class}"),
        };
        let own: Vec<(String, &str)> = own
            .iter()
            .map(|(name, value)| (format!("transforms.t.{name}"), *value))
            .collect();
        let mut options = CLASSIC.to_vec();
        options.extend([("transforms", "t"), ("transforms.t.type", &class_name)]);
        options.extend(own.iter().map(|(name, value)| (name.as_str(), *value)));
        let name = format!("json object through {class} to one row");
        measure(criterion, &name, &options, OBJECT);
    }
}

criterion_group!(benches, plans, transforms);
criterion_main!(benches);
