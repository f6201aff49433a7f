//! The log on a real disk: what is appended is read, survives reopening, and only what was promised is there.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_wrap,
    reason = "a test may"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use messina_store::log::{
    Append, AppendError, AppendWaiter, Cleanup, Log, LogOptions, NewRecord, OffsetCommit,
    OpenError, PartitionHandle, Permit, ReadError, RecordHeader, TopicConfig, TopicError,
};

fn small() -> LogOptions {
    LogOptions {
        wal_bytes: 64 << 10,
        segment_bytes: 16 << 10,
        ..LogOptions::default()
    }
}

fn open(dir: &Path) -> Log {
    Log::open(dir, small()).unwrap()
}

fn record(key: &str, value: &str, timestamp: i64) -> NewRecord {
    let (key, value) = (
        Some(Bytes::copy_from_slice(key.as_bytes())),
        Some(Bytes::copy_from_slice(value.as_bytes())),
    );
    let header = RecordHeader {
        name: Bytes::from_static(b"mqtt.qos"),
        value: Some(Bytes::from_static(b"1")),
    };
    NewRecord {
        key,
        value,
        headers: vec![header],
        timestamp,
    }
}

fn values(log: &Log, handle: &PartitionHandle) -> Vec<String> {
    let mut all = Vec::new();
    let mut offset = handle.start_offset();
    loop {
        let records = log.read(handle, offset, 1000).unwrap();
        let Some(last) = records.last() else {
            return all;
        };
        assert_eq!(records[0].offset, offset);
        offset = last.offset + 1;
        all.extend(
            records
                .iter()
                .map(|record| String::from_utf8(record.value.clone().unwrap().to_vec()).unwrap()),
        );
    }
}

#[tokio::test]
async fn records_survive_closing_and_dropping_over_many_generations() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected = vec![Vec::new(), Vec::new()];
    for round in 0..6 {
        let log = open(dir.path());
        if round == 0 {
            log.create_topic(
                "meters",
                TopicConfig {
                    partitions: 2,
                    ..TopicConfig::default()
                },
            )
            .await
            .unwrap();
        }
        let handles = log.partitions("meters");
        for at in 0..60 {
            let filler = "x".repeat(1000);
            let value = format!("{round}-{at}-{filler}");
            let offsets = log
                .append_wait(vec![
                    (handles[0].clone(), record("k", &value, at)),
                    (handles[1].clone(), record("k", &value, at)),
                ])
                .await
                .unwrap();
            assert_eq!(offsets, [expected[0].len() as i64; 2]);
            for partition in &mut expected {
                partition.push(value.clone());
            }
        }
        for (handle, expected) in handles.iter().zip(&expected) {
            assert_eq!(&values(&log, handle), expected);
        }
        if round % 2 == 0 {
            log.close().unwrap();
            let refused = log
                .append_wait(vec![(handles[0].clone(), record("k", "late", 0))])
                .await;
            assert!(matches!(refused, Err(AppendError::Closed)));
        }
    }
    let log = open(dir.path());
    for (handle, expected) in log.partitions("meters").iter().zip(&expected) {
        assert_eq!(&values(&log, handle), expected);
        let first = &log.read(handle, 0, 1).unwrap()[0];
        assert_eq!(first.headers[0].name, "mqtt.qos");
    }
}

#[tokio::test]
async fn one_wake_up_brings_the_completions_of_a_commit_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.create_topic("t", TopicConfig::default()).await.unwrap();
    let handle = log.partition("t", 0).unwrap();
    let waiter = AppendWaiter::new();
    let append = |ticket| Append {
        records: vec![(handle.clone(), record("k", "v", 0))],
        permit: Permit::none(),
        waiter: Arc::clone(&waiter),
        ticket,
        want_offsets: ticket % 2 == 0,
    };
    log.append_all((0..100).map(append));
    let mut done = Vec::new();
    while done.len() < 100 {
        waiter.notified().await;
        waiter.drain(&mut done);
    }
    for (ticket, completion) in (0..).zip(&done) {
        assert_eq!(completion.ticket, ticket);
        let offsets = completion.result.as_ref().unwrap();
        assert_eq!(
            offsets.as_deref(),
            (ticket % 2 == 0).then_some(&[ticket as i64][..])
        );
    }
    assert_eq!(handle.end_offset(), 100);
}

#[tokio::test]
async fn a_reservation_waits_until_earlier_appends_are_durable() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(
        dir.path(),
        LogOptions {
            queue_bytes: 100,
            ..small()
        },
    )
    .unwrap();
    let permit = log.reserve(1_000_000).await;
    assert!(log.try_reserve(1).is_none());
    drop(permit);
    assert!(log.try_reserve(100).is_some());
}

#[tokio::test]
async fn readers_hear_of_new_records_and_of_wrong_offsets() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.create_topic("t", TopicConfig::default()).await.unwrap();
    let handle = log.partition("t", 0).unwrap();
    assert!(log.read(&handle, 0, 100).unwrap().is_empty());
    assert!(matches!(
        log.read(&handle, 1, 100),
        Err(ReadError::OutOfRange { end: 0, .. })
    ));
    let (waited, appended) = tokio::join!(
        handle.wait_beyond(0),
        log.append_wait(vec![(handle.clone(), record("k", "v", 5))])
    );
    let () = waited;
    assert_eq!(appended.unwrap(), [0]);
    for time in 6..200 {
        log.append_wait(vec![(handle.clone(), record("k", &"v".repeat(200), time))])
            .await
            .unwrap();
    }
    assert_eq!(log.offset_for_time(&handle, 0).unwrap(), 0);
    assert_eq!(log.offset_for_time(&handle, 150).unwrap(), 145);
    assert_eq!(log.offset_for_time(&handle, 1_000).unwrap(), 195);
}

#[tokio::test]
async fn topics_are_created_deleted_and_created_again_durably() {
    let dir = tempfile::tempdir().unwrap();
    let config = TopicConfig {
        retention: Some(Duration::from_mins(1)),
        ..TopicConfig::default()
    };
    let log = open(dir.path());
    log.create_topic("a-1", config.clone()).await.unwrap();
    assert!(matches!(
        log.create_topic("a-1", config.clone()).await,
        Err(TopicError::Exists(_))
    ));
    assert!(matches!(
        log.create_topic("a/1", config.clone()).await,
        Err(TopicError::Name(_))
    ));
    let old = log.partition("a-1", 0).unwrap();
    log.append_wait(vec![(old.clone(), record("k", "old", 0))])
        .await
        .unwrap();
    let commit = OffsetCommit {
        offset: 1,
        metadata: "m".into(),
    };
    log.commit_offsets("g", &[(old.clone(), commit)])
        .await
        .unwrap();
    log.delete_topic("a-1").await.unwrap();
    assert!(matches!(
        log.delete_topic("a-1").await,
        Err(TopicError::Unknown(_))
    ));
    let refused = log
        .append_wait(vec![(old.clone(), record("k", "v", 0))])
        .await;
    assert!(matches!(refused, Err(AppendError::TopicDeleted(_))));
    assert!(matches!(
        log.read(&old, 0, 10),
        Err(ReadError::TopicDeleted(_))
    ));
    log.create_topic("a-1", config.clone()).await.unwrap();
    let new = log.partition("a-1", 0).unwrap();
    log.append_wait(vec![(new.clone(), record("k", "new", 0))])
        .await
        .unwrap();
    drop(log);
    let log = open(dir.path());
    let info = log
        .topics()
        .into_iter()
        .find(|topic| topic.name == "a-1")
        .unwrap();
    assert_eq!(info.config, config);
    let new = log.partition("a-1", 0).unwrap();
    assert_eq!(values(&log, &new), ["new"]);
    assert_eq!(log.committed("g", &new), None);
}

#[tokio::test]
async fn groups_remember_their_offsets_and_metadata() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.create_topic(
        "t",
        TopicConfig {
            partitions: 2,
            ..TopicConfig::default()
        },
    )
    .await
    .unwrap();
    let handles = log.partitions("t");
    for _ in 0..5 {
        log.append_wait(vec![(handles[1].clone(), record("k", "v", 0))])
            .await
            .unwrap();
    }
    for offset in 1..4 {
        let commit = OffsetCommit {
            offset,
            metadata: format!("{{\"w\":{offset}}}"),
        };
        log.commit_offsets("sink", &[(handles[1].clone(), commit)])
            .await
            .unwrap();
    }
    log.commit_offsets("other", &[(handles[0].clone(), OffsetCommit::default())])
        .await
        .unwrap();
    log.delete_group("other").await.unwrap();
    drop(log);
    let log = open(dir.path());
    let handles = log.partitions("t");
    assert_eq!(log.groups(), ["sink"]);
    assert_eq!(
        log.committed("sink", &handles[1]).unwrap().metadata,
        "{\"w\":3}"
    );
    assert_eq!(log.committed("sink", &handles[0]), None);
    assert_eq!(log.group("sink")[0].lag, 2);
}

#[tokio::test]
async fn a_directory_has_one_log_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    assert!(matches!(
        Log::open(dir.path(), small()),
        Err(OpenError::InUse { .. })
    ));
    drop(log);
    drop(open(dir.path()));
}

#[tokio::test]
async fn an_append_larger_than_a_frame_is_refused_and_the_next_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.create_topic("t", TopicConfig::default()).await.unwrap();
    let handle = log.partition("t", 0).unwrap();
    let refused = log
        .append_wait(vec![(handle.clone(), record("k", &"x".repeat(60_000), 0))])
        .await;
    assert!(matches!(refused, Err(AppendError::TooLarge { .. })));
    assert_eq!(
        log.append_wait(vec![(handle.clone(), record("k", &"x".repeat(40_000), 0))])
            .await
            .unwrap(),
        [0]
    );
    assert_eq!(values(&log, &handle).len(), 1);
}

#[tokio::test]
async fn retention_drops_old_segments_by_bytes_and_by_time() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(1_000));
    let clock = Arc::clone(&now);
    let options = LogOptions {
        now: Arc::new(move || clock.load(Ordering::Relaxed)),
        ..small()
    };
    let log = Log::open(dir.path(), options.clone()).unwrap();
    let by_bytes = TopicConfig {
        retention_bytes: Some(40_000),
        ..TopicConfig::default()
    };
    let by_time = TopicConfig {
        retention: Some(Duration::from_secs(5)),
        ..TopicConfig::default()
    };
    log.create_topic("bytes", by_bytes).await.unwrap();
    log.create_topic("time", by_time).await.unwrap();
    let (bytes, time) = (
        log.partition("bytes", 0).unwrap(),
        log.partition("time", 0).unwrap(),
    );
    for at in 0..100 {
        let value = "x".repeat(1_000);
        log.append_wait(vec![
            (bytes.clone(), record("k", &value, at)),
            (time.clone(), record("k", &value, 1_000)),
        ])
        .await
        .unwrap();
    }
    log.checkpoint().unwrap();
    assert!(
        bytes.start_offset() > 50 && bytes.start_offset() < 80,
        "{}",
        bytes.start_offset()
    );
    assert_eq!(time.start_offset(), 0);
    now.store(7_000, Ordering::Relaxed);
    log.append_wait(vec![(time.clone(), record("k", "young", 7_000))])
        .await
        .unwrap();
    log.checkpoint().unwrap();
    log.append_wait(vec![(time.clone(), record("k", "youngest", 7_000))])
        .await
        .unwrap();
    log.checkpoint().unwrap();
    assert!(time.start_offset() > 80, "{}", time.start_offset());
    assert!(matches!(
        log.read(&time, 0, 10),
        Err(ReadError::OutOfRange { .. })
    ));
    let (start, kept) = (bytes.start_offset(), values(&log, &time));
    drop((log, bytes, time));
    let log = Log::open(dir.path(), options).unwrap();
    assert_eq!(log.partition("bytes", 0).unwrap().start_offset(), start);
    assert_eq!(values(&log, &log.partition("time", 0).unwrap()), kept);
}

#[tokio::test]
async fn a_compacted_topic_keeps_the_latest_of_each_key_and_stays_small() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.create_topic(
        "state",
        TopicConfig {
            cleanup: Cleanup::Compact,
            ..TopicConfig::default()
        },
    )
    .await
    .unwrap();
    let handle = log.partition("state", 0).unwrap();
    for round in 0..60 {
        for key in 0..10 {
            let mut new = record(
                &format!("key{key}"),
                &format!("{round}-{}", "x".repeat(300)),
                0,
            );
            if key == 3 && round == 59 {
                new.value = None;
            }
            log.append_wait(vec![(handle.clone(), new)]).await.unwrap();
        }
        log.checkpoint().unwrap();
    }
    let check = |log: &Log| {
        let latest = log.read_compacted("state").unwrap();
        assert_eq!(latest.len(), 9);
        assert!(latest.values().all(|value| value.starts_with(b"59-")));
    };
    check(&log);
    let size: u64 = std::fs::read_dir(dir.path().join("state-0"))
        .unwrap()
        .map(|f| f.unwrap().metadata().unwrap().len())
        .sum();
    assert!(size < 80_000, "{size}");
    assert_eq!(handle.end_offset(), 600);
    assert_eq!(
        log.read(&handle, 0, 10).unwrap()[0].offset,
        log.read(&handle, 5, 10).unwrap()[0].offset
    );
    drop((log, handle));
    check(&open(dir.path()));
}

#[tokio::test]
async fn a_topic_deleted_and_created_at_once_by_many_never_mixes_with_its_successor() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let compact = TopicConfig {
        cleanup: Cleanup::Compact,
        ..TopicConfig::default()
    };
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (log, compact) = (log.clone(), compact.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                for round in 0..40 {
                    drop(log.create_topic_blocking("busy", &compact));
                    if let Some(handle) = log.partition("busy", 0) {
                        let new =
                            record("k", &format!("{thread}-{round}-{}", "x".repeat(2_000)), 0);
                        drop(runtime.block_on(log.append_wait(vec![(handle, new)])));
                    }
                    if (round + thread) % 3 == 0 {
                        drop(log.checkpoint());
                    }
                    if (round + thread) % 5 == 0 {
                        drop(log.delete_topic_blocking("busy"));
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(log.health(), messina_store::log::LogHealth::Good);
    drop(log.create_topic_blocking("busy", &compact));
    let before = log.read_compacted("busy").unwrap();
    drop(log);
    assert_eq!(open(dir.path()).read_compacted("busy").unwrap(), before);
}
