//! A table file read from outside, row by row.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use messina_connect::cql_type::CqlType;
use messina_connect::row::{CqlValue, Row};
use messina_connect::table_schema::{ClusteringOrder, TableColumn, TableSchema};
use messina_store::table::{
    DumpError, DumpedRow, OpenError, QueryValue, TableDump, TableOptions, TableStore, WriteBatch,
};

const NOW: i64 = 1_700_000_000_000;

fn schema() -> TableSchema {
    let column = |(name, cql_type): (&str, CqlType)| TableColumn {
        name: name.to_owned(),
        cql_type,
    };
    let columns = [
        ("device", CqlType::Text),
        ("site", CqlType::Int),
        ("ts", CqlType::Timestamp),
        ("idx", CqlType::Int),
        ("tags", CqlType::List(Box::new(CqlType::Text))),
        ("reading", CqlType::Double),
    ];
    TableSchema {
        keyspace: None,
        name: "odd \"name".to_owned(),
        columns: columns.map(column).to_vec(),
        partition_key: vec![0, 1],
        clustering_key: vec![
            (2, ClusteringOrder::Descending),
            (3, ClusteringOrder::Ascending),
        ],
        default_ttl: Some(Duration::from_secs(50)),
        time_bucket: None,
    }
}

fn options() -> TableOptions {
    TableOptions {
        now: Arc::new(|| NOW),
        purge_interval: Duration::from_hours(1),
        ..TableOptions::default()
    }
}

/// 2 devices x 2 sites x 3 times x 2 indices, some of them with a shelf life of their own.
async fn written(path: &Path) {
    let store = TableStore::open(path, options()).unwrap();
    let table = store.declare(&schema()).await.unwrap();
    let mut rows = Vec::new();
    for device in ["b", "a"] {
        for site in [2, -1] {
            for (ts, ttl) in [(5, Some(0)), (7, None), (6, Some(3600))] {
                for idx in [0, 1] {
                    rows.push(Row {
                        values: vec![
                            CqlValue::Text(device.into()),
                            CqlValue::Int(site),
                            CqlValue::Timestamp(NOW + ts),
                            CqlValue::Int(idx),
                            CqlValue::List(vec![CqlValue::Text("x".into())]),
                            if idx == 0 {
                                CqlValue::Double(f64::NAN)
                            } else {
                                CqlValue::Null
                            },
                        ],
                        write_timestamp: (NOW + ts) * 1000 + i64::from(idx),
                        ttl_seconds: ttl,
                    });
                }
            }
        }
    }
    let rows = Arc::new(rows);
    store.write(WriteBatch { table, rows }).await.unwrap();
    store.close().await;
}

fn read(dump: &TableDump, after: Option<&[QueryValue]>, most: usize) -> Vec<DumpedRow> {
    let mut rows = Vec::new();
    let table = dump.tables().unwrap().remove(0).schema;
    let mut take = |row| {
        rows.push(row);
        if rows.len() == most {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    dump.rows(&table, after, &mut take).unwrap();
    rows
}

#[tokio::test]
async fn rows_come_in_the_order_of_the_key_with_their_write_time_and_shelf_life_and_go_on_after_any_of_them()
 {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tables.db");
    written(&path).await;
    let dump = TableDump::open(&path, Arc::new(|| NOW)).unwrap();
    let tables = dump.tables().unwrap();
    assert_eq!(tables.len(), 1);
    assert_eq!(tables[0].rows, 24);
    // Its shelf life is in its rows.
    assert_eq!(
        tables[0].schema,
        TableSchema {
            default_ttl: None,
            ..schema()
        }
    );

    let all = read(&dump, None, usize::MAX);
    assert_eq!(all.len(), 24);
    let shown = |row: &DumpedRow| match &row.values[..4] {
        [
            QueryValue::Text(device),
            QueryValue::Integer(site),
            QueryValue::Integer(ts),
            QueryValue::Integer(idx),
        ] => {
            format!("{device} {site} {} {idx}", ts - NOW)
        }
        other => panic!("{other:?}"),
    };
    let first: Vec<_> = all[..8].iter().map(shown).collect();
    let expected = [
        "a -1 7 0", "a -1 7 1", "a -1 6 0", "a -1 6 1", "a -1 5 0", "a -1 5 1", "a 2 7 0",
        "a 2 7 1",
    ];
    assert_eq!(first, expected);
    let ends: Vec<_> = all[..5]
        .iter()
        .map(|row| row.expires.map(|ends| ends - NOW))
        .collect();
    assert_eq!(
        ends,
        [
            Some(50_000),
            Some(50_000),
            Some(3_600_000),
            Some(3_600_000),
            None
        ]
    );
    assert_eq!(all[3].written, (NOW + 6) * 1000 + 1);
    assert_eq!(
        all[0].values[4..],
        [
            QueryValue::Text("[\"x\"]".into()),
            QueryValue::Text("NaN".into())
        ]
    );
    assert_eq!(all[1].values[5], QueryValue::Null);
    for (index, row) in all.iter().enumerate() {
        assert_eq!(
            read(&dump, Some(&row.values[..4]), 5),
            all[index + 1..(index + 6).min(24)],
            "{}",
            shown(row)
        );
    }
}

#[tokio::test]
async fn what_has_expired_is_not_counted_and_still_given() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tables.db");
    written(&path).await;
    let later = TableDump::open(&path, Arc::new(|| NOW + 60_000)).unwrap();
    let table = later.tables().unwrap().remove(0);
    assert_eq!((table.rows, table.expired), (16, 8));
    assert_eq!(read(&later, None, usize::MAX).len(), 24);
}

#[tokio::test]
async fn a_copy_has_everything_and_other_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (dir.path().join("tables.db"), dir.path().join("copy.db"));
    written(&path).await;
    let dump = TableDump::open(&path, Arc::new(|| NOW)).unwrap();
    dump.copy_to(&copy).unwrap();
    let copied = TableDump::open(&copy, Arc::new(|| NOW)).unwrap();
    assert_eq!(
        read(&copied, None, usize::MAX),
        read(&dump, None, usize::MAX)
    );
    // It is a file like any other.
    let store = TableStore::open(&copy, options()).unwrap();
    store.declare(&schema()).await.unwrap();
    store.close().await;

    let other = dir.path().join("other");
    std::fs::write(&other, "no database".repeat(500)).unwrap();
    let refused = TableDump::open(&other, Arc::new(|| NOW)).err().unwrap();
    assert!(
        matches!(refused, DumpError::Open(OpenError::Damaged { .. })),
        "{refused:?}"
    );
    let absent = TableDump::open(&dir.path().join("absent"), Arc::new(|| NOW));
    assert!(matches!(
        absent.err().unwrap(),
        DumpError::Open(OpenError::Open { .. })
    ));
}
