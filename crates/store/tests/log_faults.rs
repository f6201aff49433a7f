//! The first promise under every fault: what was acknowledged is there, in order, whole, whatever the disk does.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may"
)]
#![expect(
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    reason = "small numbers"
)]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use messina_store::disk::{CrashKeeps, Fault, SimDisk};
use messina_store::log::check::{check as check_files, repair};
use messina_store::log::{
    AppendError, Cleanup, Log, LogHealth, LogOptions, NewRecord, OffsetCommit, OpenError,
    TopicConfig, TopicError,
};
use tokio::runtime::Runtime;

const PARTITIONS: i32 = 3;
const STEPS: usize = 60;
const LARGE: u64 = 384 << 10;
const FIRST_WAL: &str = "wal-00000000000000000001";

fn options(disk: &SimDisk) -> LogOptions {
    LogOptions {
        disk: Arc::new(disk.clone()),
        wal_bytes: 64 << 10,
        segment_bytes: 12 << 10,
        now: Arc::new(|| 1_000),
        ..LogOptions::default()
    }
}

fn open(disk: &SimDisk) -> Result<Log, OpenError> {
    Log::open(Path::new("/log"), options(disk))
}

/// With write-ahead files so large that the keeper fills them while the committer writes.
fn open_large(disk: &SimDisk) -> Result<Log, OpenError> {
    let options = LogOptions {
        wal_bytes: LARGE,
        ..options(disk)
    };
    Log::open(Path::new("/log"), options)
}

/// What was promised.
#[derive(Debug, Default, Clone)]
struct Oracle {
    topics: bool,
    /// Step -> the offsets it was told.
    acknowledged: BTreeMap<usize, Vec<i64>>,
    committed: i64,
    state: BTreeMap<String, usize>,
}

/// The partitions a step writes to.
fn places(step: usize) -> Vec<i32> {
    (0..PARTITIONS)
        .filter(|partition| step % 4 == 3 || step % 3 == usize::try_from(*partition).unwrap())
        .collect()
}

fn record(step: usize) -> NewRecord {
    let value = format!("{step}:{}", "x".repeat(400 + step * 37 % 900));
    NewRecord {
        value: Some(value.into()),
        timestamp: 5,
        ..NewRecord::default()
    }
}

fn step_of(value: &[u8]) -> usize {
    std::str::from_utf8(value)
        .unwrap()
        .split(':')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

/// Appends, commits, checkpoints, creates and deletes topics, until the end or until the log has failed.
#[expect(clippy::too_many_lines, reason = "one script, from top to bottom")]
fn work(runtime: &Runtime, log: &Log, oracle: &mut Oracle) {
    let config = TopicConfig {
        partitions: PARTITIONS,
        ..TopicConfig::default()
    };
    let compact = TopicConfig {
        cleanup: Cleanup::Compact,
        ..TopicConfig::default()
    };
    let created = [
        log.create_topic_blocking("a", &config),
        log.create_topic_blocking("c", &compact),
    ];
    if created
        .iter()
        .any(|created| matches!(created, Err(error) if !matches!(error, TopicError::Exists(_))))
    {
        return;
    }
    oracle.topics = true;
    let (handles, state) = (log.partitions("a"), log.partition("c", 0).unwrap());
    for step in 0..STEPS {
        let to = places(step);
        let records = to
            .iter()
            .map(|partition| {
                (
                    handles[usize::try_from(*partition).unwrap()].clone(),
                    record(step),
                )
            })
            .collect();
        match runtime.block_on(log.append_wait(records)) {
            Ok(offsets) => drop(oracle.acknowledged.insert(step, offsets)),
            Err(AppendError::Full(_)) => continue,
            Err(_) => return,
        }
        let key = format!("key{}", step % 5);
        let new = NewRecord {
            key: Some(key.clone().into()),
            ..record(step)
        };
        if runtime
            .block_on(log.append_wait(vec![(state.clone(), new)]))
            .is_ok()
        {
            oracle.state.insert(key, step);
        }
        if step % 10 == 5 {
            let commit = OffsetCommit {
                offset: step as i64,
                metadata: "books".into(),
            };
            if runtime
                .block_on(log.commit_offsets("g", &[(handles[0].clone(), commit)]))
                .is_ok()
            {
                oracle.committed = step as i64;
            }
        }
        if step % 40 == 20 {
            let other = "short-lived";
            let _made = log.create_topic_blocking(other, &TopicConfig::default());
            if let Some(handle) = log.partition(other, 0) {
                let _appended = runtime.block_on(log.append_wait(vec![(handle, record(step))]));
                let _deleted = log.delete_topic_blocking(other);
            }
        }
        if step % 30 == 29 {
            let _written = log.checkpoint();
        }
    }
}

/// Everything that was promised is in the log; nothing is there in part, twice, or out of order.
fn check(log: &Log, oracle: &Oracle, what: &str) {
    let handles = log.partitions("a");
    if handles.is_empty() {
        assert!(!oracle.topics, "{what}: the topic is gone");
        return;
    }
    let mut found: BTreeMap<usize, BTreeMap<i32, i64>> = BTreeMap::new();
    for handle in &handles {
        let (mut offset, mut last) = (0, None);
        loop {
            let records = log.read(handle, offset, 3_000).unwrap();
            let Some(end) = records.last() else { break };
            let next = end.offset + 1;
            for record in records {
                assert_eq!(record.offset, offset, "{what}: offsets must not have gaps");
                offset += 1;
                let step = step_of(&record.value.unwrap());
                assert!(
                    last < Some(step),
                    "{what}: {step} after {last:?} in {handle:?}"
                );
                last = Some(step);
                found
                    .entry(step)
                    .or_default()
                    .insert(handle.index(), record.offset);
            }
            assert_eq!(offset, next);
        }
        assert_eq!(offset, handle.end_offset(), "{what}");
    }
    for (step, partitions) in &found {
        let there: Vec<i32> = partitions.keys().copied().collect();
        assert_eq!(there, places(*step), "{what}: step {step} is there in part");
    }
    for (step, offsets) in &oracle.acknowledged {
        let there = found
            .get(step)
            .map(|partitions| partitions.values().copied().collect::<Vec<_>>());
        assert_eq!(
            there.as_ref(),
            Some(offsets),
            "{what}: acknowledged step {step}"
        );
    }
    let committed = log
        .committed("g", &handles[0])
        .map_or(0, |commit| commit.offset);
    assert!(
        committed >= oracle.committed,
        "{what}: committed {committed}, promised {}",
        oracle.committed
    );
    let state = log.read_compacted("c").unwrap_or_default();
    for (key, step) in &oracle.state {
        let there = step_of(&state[&Bytes::from(key.clone())]);
        assert!(there >= *step, "{what}: {key} is {there}, promised {step}");
    }
}

/// Opens what a crash has left, checks it, and checks that the log can go on from there.
fn reopen(runtime: &Runtime, disk: &SimDisk, oracle: &Oracle, what: &str) {
    let log = open(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    check(&log, oracle, what);
    if let Some(handle) = log.partition("a", 0) {
        let more = NewRecord {
            value: Some(format!("{STEPS}:more").into()),
            ..NewRecord::default()
        };
        let end = handle.end_offset();
        assert_eq!(
            runtime
                .block_on(log.append_wait(vec![(handle, more)]))
                .unwrap(),
            [end],
            "{what}"
        );
    }
}

fn run(runtime: &Runtime, disk: &SimDisk) -> Oracle {
    let mut oracle = Oracle::default();
    if let Ok(log) = open(disk) {
        work(runtime, &log, &mut oracle);
    }
    oracle
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

fn count_operations(runtime: &Runtime) -> u64 {
    let disk = SimDisk::new();
    let oracle = run(runtime, &disk);
    assert_eq!(oracle.acknowledged.len(), STEPS);
    disk.operations()
}

#[test]
fn a_power_cut_at_every_operation_loses_nothing_that_was_acknowledged() {
    let runtime = runtime();
    for at in 0..count_operations(&runtime) {
        let disk = SimDisk::new();
        disk.fail_at(at, Fault::PowerCut);
        let oracle = run(&runtime, &disk);
        for keeps in [
            CrashKeeps::Synced,
            CrashKeeps::Everything,
            CrashKeeps::Some(at),
            CrashKeeps::Some(at + 1_000_000),
        ] {
            reopen(
                &runtime,
                &disk.after_crash(keeps),
                &oracle,
                &format!("power cut at {at}, {keeps:?}"),
            );
        }
    }
}

#[test]
fn a_power_cut_at_every_operation_of_a_recovery_loses_nothing_either() {
    let runtime = runtime();
    let total = count_operations(&runtime);
    for at in (50..total).step_by(47) {
        let disk = SimDisk::new();
        disk.fail_at(at, Fault::PowerCut);
        let oracle = run(&runtime, &disk);
        let crashed = disk.after_crash(CrashKeeps::Some(at));
        for second in 0.. {
            let disk = crashed.after_crash(CrashKeeps::Everything);
            disk.fail_at(second, Fault::PowerCut);
            let opened = open(&disk).is_ok();
            let what = format!("power cut at {at}, then at {second} of recovery");
            reopen(
                &runtime,
                &disk.after_crash(CrashKeeps::Some(second)),
                &oracle,
                &what,
            );
            if opened {
                break;
            }
        }
    }
}

#[test]
fn an_error_of_any_single_operation_loses_nothing_and_stops_acknowledgements() {
    let runtime = runtime();
    for at in 0..count_operations(&runtime) {
        let disk = SimDisk::new();
        disk.fail_at(at, Fault::Error(ErrorKind::Other));
        let oracle = run(&runtime, &disk);
        for keeps in [CrashKeeps::Synced, CrashKeeps::Some(at)] {
            reopen(
                &runtime,
                &disk.after_crash(keeps),
                &oracle,
                &format!("error at {at}, {keeps:?}"),
            );
        }
    }
}

#[test]
fn nothing_is_lost_while_the_keeper_fills_the_file_that_the_committer_writes() {
    let runtime = runtime();
    let disk = SimDisk::new();
    let log = open_large(&disk).unwrap();
    let mut oracle = Oracle::default();
    work(&runtime, &log, &mut oracle);
    assert_eq!(oracle.acknowledged.len(), STEPS);
    let mut looks = 0;
    let filled = |(path, len): (PathBuf, usize)| path.ends_with(FIRST_WAL) && len as u64 == LARGE;
    while !disk.files().into_iter().any(filled) {
        looks += 1;
        assert!(looks < 6_000, "the keeper fills nothing");
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(log);
    for at in 0..disk.operations() {
        for (fault, keeps) in [
            (Fault::PowerCut, CrashKeeps::Some(at)),
            (Fault::PowerCut, CrashKeeps::Synced),
            (Fault::Error(ErrorKind::Other), CrashKeeps::Synced),
            (Fault::Error(ErrorKind::StorageFull), CrashKeeps::Some(at)),
        ] {
            let disk = SimDisk::new();
            disk.fail_at(at, fault);
            let mut oracle = Oracle::default();
            if let Ok(log) = open_large(&disk) {
                work(&runtime, &log, &mut oracle);
            }
            let what = format!("{fault:?} at {at}, {keeps:?}");
            reopen(&runtime, &disk.after_crash(keeps), &oracle, &what);
        }
    }
}

#[test]
fn a_failed_sync_poisons_the_log_until_it_is_opened_again() {
    let runtime = runtime();
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    log.create_topic_blocking(
        "a",
        &TopicConfig {
            partitions: PARTITIONS,
            ..TopicConfig::default()
        },
    )
    .unwrap();
    let handle = log.partition("a", 0).unwrap();
    runtime
        .block_on(log.append_wait(vec![(handle.clone(), record(0))]))
        .unwrap();
    std::thread::sleep(Duration::from_millis(120));
    // Of a group: create or write the segment, write the frame, sync.
    disk.fail_at(disk.operations() + 2, Fault::Error(ErrorKind::Other));
    let refused = runtime.block_on(log.append_wait(vec![(handle.clone(), record(3))]));
    assert!(
        matches!(&refused, Err(AppendError::Failed(why)) if why.contains("sync")),
        "{refused:?}"
    );
    assert!(matches!(log.health(), LogHealth::Failed(_)));
    assert!(matches!(
        runtime.block_on(log.append_wait(vec![(handle.clone(), record(6))])),
        Err(AppendError::Failed(_))
    ));
    assert!(
        log.create_topic_blocking("b", &TopicConfig::default())
            .is_err()
    );
    assert!(log.close().is_err());
    assert_eq!(handle.end_offset(), 1);
    drop((log, handle));
    let oracle = Oracle {
        topics: true,
        acknowledged: BTreeMap::from([(0, vec![0])]),
        ..Oracle::default()
    };
    reopen(
        &runtime,
        &disk.after_crash(CrashKeeps::Synced),
        &oracle,
        "after a failed sync",
    );
}

#[test]
fn a_disk_full_for_one_operation_is_survived() {
    let runtime = runtime();
    for at in 0..count_operations(&runtime) {
        let disk = SimDisk::new();
        disk.fail_at(at, Fault::Error(ErrorKind::StorageFull));
        let mut oracle = Oracle::default();
        let Ok(log) = open(&disk) else { continue };
        work(&runtime, &log, &mut oracle);
        check(&log, &oracle, &format!("full at {at}, still open"));
        drop(log);
        for keeps in [CrashKeeps::Synced, CrashKeeps::Some(at)] {
            reopen(
                &runtime,
                &disk.after_crash(keeps),
                &oracle,
                &format!("full at {at}, {keeps:?}"),
            );
        }
    }
}

#[test]
fn a_full_disk_refuses_appends_and_takes_them_again_when_space_returns() {
    let runtime = runtime();
    for capacity in [90_000, 110_000, 140_000, 180_000] {
        let disk = SimDisk::new();
        let mut oracle = Oracle::default();
        let log = open(&disk).unwrap();
        disk.set_capacity(Some(capacity));
        work(&runtime, &log, &mut oracle);
        assert!(
            oracle.acknowledged.len() < STEPS,
            "{capacity} bytes do not fill up"
        );
        assert!(matches!(log.health(), LogHealth::Full(_)), "{capacity}");
        disk.set_capacity(None);
        std::thread::sleep(Duration::from_millis(300));
        let handle = log.partition("a", 0).unwrap();
        let offsets = runtime.block_on(log.append_wait(vec![(handle.clone(), record(STEPS + 2))]));
        oracle.acknowledged.insert(STEPS, offsets.unwrap());
        assert_eq!(log.health(), LogHealth::Good);
        drop((log, handle));
        let log = open(&disk.after_crash(CrashKeeps::Synced)).unwrap();
        oracle.acknowledged.remove(&STEPS);
        let end = log.partition("a", 0).unwrap().end_offset();
        let last = log
            .read(&log.partition("a", 0).unwrap(), end - 1, 10)
            .unwrap()
            .pop()
            .unwrap();
        assert_eq!(step_of(&last.value.unwrap()), STEPS + 2);
    }
}

/// A repaired log opens, and has every acknowledged record at its offset that is not in a range said to be lost.
fn repaired_opens(disk: &SimDisk, oracle: &Oracle, what: &str) {
    let report =
        repair(Path::new("/log"), &options(disk)).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(report.set_aside.is_some());
    let log = open(disk).unwrap_or_else(|error| panic!("{what}: repaired: {error}"));
    for (step, offsets) in &oracle.acknowledged {
        for (partition, offset) in places(*step).into_iter().zip(offsets) {
            let said = report.lost.iter().any(|lost| {
                lost.topic == "a"
                    && lost.partition == partition
                    && (lost.from..lost.to).contains(offset)
            });
            let handle = log.partition("a", partition).unwrap();
            // Behind the last record that is left nobody can say what was lost.
            if said || *offset >= handle.end_offset() {
                continue;
            }
            let there = log.read(&handle, *offset, 1).unwrap().swap_remove(0);
            assert_eq!(
                (there.offset, step_of(&there.value.unwrap())),
                (*offset, *step),
                "{what}: repaired {handle:?}"
            );
        }
    }
}

/// Opens a damaged log: it must refuse and name a file, or have everything.
fn open_damaged(disk: &SimDisk, oracle: &Oracle, what: &str) -> bool {
    match open(disk) {
        Ok(log) => {
            check(&log, oracle, what);
            false
        }
        Err(OpenError::Damaged { damage, .. }) => {
            assert!(damage[0].file.starts_with("/log"), "{what}: {}", damage[0]);
            assert_eq!(
                check_files(Path::new("/log"), disk).unwrap().damage,
                damage,
                "{what}"
            );
            repaired_opens(disk, oracle, what);
            true
        }
        Err(error) => panic!("{what}: {error}"),
    }
}

fn damage_everywhere(disk: &SimDisk, oracle: &Oracle, what: &str) {
    let mut random = 88_172_645_463_325_252_u64;
    let mut next = |limit: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % limit.max(1) as u64) as usize
    };
    let mut refused = 0;
    for (path, len) in disk.files().into_iter().filter(|(_, len)| *len > 0) {
        for round in 0..24 {
            let damaged = disk.after_crash(CrashKeeps::Everything);
            let at = next(len);
            let kind = round % 3;
            damaged.damage(&path, |bytes| match kind {
                0 => bytes[at] ^= 1 << next(8),
                1 => {
                    let page = at / 4096 * 4096;
                    bytes[page..(page + 4096).min(len)].fill(0);
                }
                _ => bytes.truncate(at),
            });
            let what = format!(
                "{what}: {} of {} at {at} of {len}",
                ["flip", "zero", "cut"][kind],
                path.display()
            );
            // A file that is cut at its end may be one that never had it: only flips and zeroes are promised there.
            let promised = kind < 2 || !path.to_string_lossy().contains("wal-");
            if promised {
                refused += usize::from(open_damaged(&damaged, oracle, &what));
            } else {
                drop(open(&damaged));
            }
        }
    }
    assert!(refused > 20, "{what}: {refused}");
}

#[test]
fn damage_is_refused_or_harmless_never_silent_after_kill_9() {
    let runtime = runtime();
    let disk = SimDisk::new();
    let mut oracle = Oracle::default();
    let log = open(&disk).unwrap();
    work(&runtime, &log, &mut oracle);
    std::thread::sleep(Duration::from_millis(150));
    damage_everywhere(&disk.after_crash(CrashKeeps::Everything), &oracle, "killed");
}

#[test]
fn damage_is_refused_or_harmless_never_silent_after_close() {
    let runtime = runtime();
    let disk = SimDisk::new();
    let mut oracle = Oracle::default();
    let log = open(&disk).unwrap();
    work(&runtime, &log, &mut oracle);
    log.close().unwrap();
    damage_everywhere(&disk.after_crash(CrashKeeps::Everything), &oracle, "closed");
}
