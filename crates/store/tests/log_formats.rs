//! Old files open for ever: `testdata/formats` holds a log of every format there has been, and damaged ones.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may")]

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use messina_store::disk::RealDisk;
use messina_store::log::check::{check, repair};
use messina_store::log::{
    Cleanup, Log, LogOptions, NewRecord, OffsetCommit, OpenError, RecordHeader, TopicConfig,
};

fn formats() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats")
}

fn options() -> LogOptions {
    LogOptions {
        wal_bytes: 64 << 10,
        segment_bytes: 4096,
        now: std::sync::Arc::new(|| 1_000),
        ..LogOptions::default()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A copy of the first format's log, with a damaged log's files over it.
fn log_1(damage: Option<&str>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(&formats().join("log-1"), &dir.path().join("log"));
    if let Some(damage) = damage {
        copy(&formats().join(damage), &dir.path().join("log"));
    }
    dir
}

fn check_contents(log: &Log) {
    let meters = log.partitions("meters");
    for (partition, handle) in (0..).zip(&meters) {
        assert_eq!(handle.end_offset(), 20);
        for offset in 0..20 {
            let record = log.read(handle, offset, 1).unwrap().swap_remove(0);
            assert_eq!(record.offset, offset);
            assert_eq!(record.timestamp, 1_700_000_000_000 + offset);
            assert_eq!(record.key.unwrap(), format!("meter/{offset}"));
            assert!(
                record
                    .value
                    .unwrap()
                    .starts_with(format!("{partition}:{offset}:").as_bytes())
            );
            let (header, nothing) = (&record.headers[0], &record.headers[1]);
            assert_eq!(
                (&header.name[..], header.value.as_deref()),
                (&b"mqtt.qos"[..], Some(&b"2"[..]))
            );
            assert_eq!(
                (&nothing.name[..], nothing.value.as_deref()),
                (&b"none"[..], None)
            );
        }
    }
    assert_eq!(
        log.committed("sink", &meters[1]),
        Some(OffsetCommit {
            offset: 7,
            metadata: "{\"w\":7}".into()
        })
    );
    let state = log.read_compacted("state").unwrap();
    assert_eq!(
        state.into_iter().collect::<Vec<_>>(),
        [(Bytes::from("b"), Bytes::from("2"))]
    );
}

#[test]
fn the_first_format_opens() {
    let dir = log_1(None);
    assert!(
        check(&dir.path().join("log"), &RealDisk)
            .unwrap()
            .damage
            .is_empty()
    );
    check_contents(&Log::open(&dir.path().join("log"), options()).unwrap());
}

#[test]
fn damaged_logs_are_refused_by_file_and_position_and_open_once_repaired() {
    for (damage, file, position, lost) in [
        ("log-1-damaged-frame", "wal-00000000000000000001", 16_568, 0),
        (
            "log-1-damaged-segment",
            "meters-0/00000000000000000000.log",
            0,
            0,
        ),
        ("log-1-damaged-checkpoint", "checkpoint", 0, 0),
    ] {
        let dir = log_1(Some(damage));
        let log = dir.path().join("log");
        let Err(OpenError::Damaged { damage: found, .. }) = Log::open(&log, options()) else {
            panic!("{damage} opens");
        };
        assert_eq!(found.len(), 1, "{damage}");
        assert_eq!(
            (found[0].file.clone(), found[0].position),
            (log.join(file), position),
            "{damage}: {}",
            found[0]
        );
        let report = repair(&log, &options()).unwrap();
        assert_eq!(report.lost.len(), lost, "{damage}: {:?}", report.lost);
        let repaired = Log::open(&log, options()).unwrap();
        // All three damages are in bytes that lie somewhere else as well.
        check_contents(&repaired);
        assert!(dir.path().join("log.damaged/checkpoint").exists());
    }
}

/// Writes `log-1` anew; for the day a second format comes.
#[tokio::test]
#[ignore = "writes into the source tree"]
#[expect(clippy::too_many_lines, reason = "one script, from top to bottom")]
async fn write_log_1() {
    let dir = formats().join("log-1");
    fs::create_dir_all(&dir).unwrap();
    let log = Log::open(&dir, options()).unwrap();
    log.create_topic(
        "meters",
        TopicConfig {
            partitions: 2,
            ..TopicConfig::default()
        },
    )
    .await
    .unwrap();
    log.create_topic(
        "state",
        TopicConfig {
            cleanup: Cleanup::Compact,
            ..TopicConfig::default()
        },
    )
    .await
    .unwrap();
    let meters = log.partitions("meters");
    for offset in 0..20 {
        let record = |partition: usize| NewRecord {
            key: Some(format!("meter/{offset}").into()),
            value: Some(format!("{partition}:{offset}:{}", "x".repeat(300)).into()),
            headers: vec![
                RecordHeader {
                    name: Bytes::from_static(b"mqtt.qos"),
                    value: Some(Bytes::from_static(b"2")),
                },
                RecordHeader {
                    name: Bytes::from_static(b"none"),
                    value: None,
                },
            ],
            timestamp: 1_700_000_000_000 + offset,
        };
        log.append_wait(vec![
            (meters[0].clone(), record(0)),
            (meters[1].clone(), record(1)),
        ])
        .await
        .unwrap();
        if offset == 14 {
            log.checkpoint().unwrap();
        }
    }
    let state = log.partition("state", 0).unwrap();
    for (key, value) in [
        ("a", Some("1")),
        ("b", Some("1")),
        ("b", Some("2")),
        ("a", None),
    ] {
        let record = NewRecord {
            key: Some(key.into()),
            value: value.map(Into::into),
            ..NewRecord::default()
        };
        log.append_wait(vec![(state.clone(), record)])
            .await
            .unwrap();
    }
    let commit = OffsetCommit {
        offset: 7,
        metadata: "{\"w\":7}".into(),
    };
    log.commit_offsets("sink", &[(meters[1].clone(), commit)])
        .await
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    // Not closed: frames stay in the write-ahead file.
}
