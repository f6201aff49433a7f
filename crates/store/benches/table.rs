//! How fast the embedded table takes rows, and gives the last value of a device.
#![expect(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use messina_connect::cql_type::CqlType;
use messina_connect::row::{CqlValue, Row};
use messina_connect::table_schema::{ClusteringOrder, TableColumn, TableSchema};
use messina_store::table::{QueryLimits, TableHandle, TableOptions, TableStore, WriteBatch};
use tokio::runtime::Runtime;

const DEVICES: i64 = 1_000;

/// The built-in configuration's `readings`.
fn readings() -> TableSchema {
    let columns = [
        ("topic", CqlType::Text),
        ("field", CqlType::Text),
        ("ts", CqlType::Timestamp),
        ("seq", CqlType::Bigint),
        ("number", CqlType::Double),
        ("text", CqlType::Text),
    ];
    TableSchema {
        keyspace: None,
        name: "readings".to_owned(),
        columns: columns
            .map(|(name, cql_type)| TableColumn {
                name: name.to_owned(),
                cql_type,
            })
            .to_vec(),
        partition_key: vec![0, 1],
        clustering_key: vec![
            (2, ClusteringOrder::Descending),
            (3, ClusteringOrder::Ascending),
        ],
        default_ttl: Some(Duration::from_hours(7 * 24)),
        time_bucket: None,
    }
}

fn batch(table: &TableHandle, first: i64, count: i64) -> WriteBatch {
    let field: Arc<str> = "value".into();
    let row = |n: i64| Row {
        values: vec![
            CqlValue::Text(format!("meter/{}", n % DEVICES).into()),
            CqlValue::Text(Arc::clone(&field)),
            CqlValue::Timestamp(1_700_000_000_000 + n / 10),
            CqlValue::Bigint(n),
            CqlValue::Double(21.5),
            CqlValue::Unset,
        ],
        write_timestamp: n,
        ttl_seconds: None,
    };
    WriteBatch {
        table: table.clone(),
        rows: Arc::new((first..first + count).map(row).collect()),
    }
}

fn table(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tables.db");
    let store = TableStore::open(&path, TableOptions::default()).unwrap();
    let table = runtime.block_on(store.declare(&readings())).unwrap();
    let mut next = 0;
    let mut group = criterion.benchmark_group("table/write");
    for rows in [1, 100, 1_000, 10_000] {
        group.throughput(Throughput::Elements(rows));
        group.bench_function(format!("{rows} rows a batch"), |bencher| {
            let rows = i64::try_from(rows).unwrap();
            bencher.iter_batched(
                || {
                    next += rows;
                    batch(&table, next, rows)
                },
                |batch| runtime.block_on(store.write(batch)).unwrap(),
                criterion::BatchSize::PerIteration,
            );
        });
    }
    group.finish();
    let sql = "SELECT ts, number FROM readings WHERE topic = 'meter/7' AND field = 'value' LIMIT 1";
    criterion.bench_function("table/last value", |bencher| {
        bencher.iter(|| {
            runtime
                .block_on(store.query(sql, QueryLimits::default()))
                .unwrap()
        });
    });
    runtime.block_on(store.close());
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(4)).warm_up_time(Duration::from_secs(1));
    targets = table
}
criterion_main!(benches);
