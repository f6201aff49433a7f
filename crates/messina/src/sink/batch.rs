//! Records of one round, decoded and bound: the rows of each table, and what became of each record.

use std::collections::VecDeque;
use std::time::Duration;

use messina_connect::mapping::TableChange;
use messina_connect::plan::{Outcome, Plan, RecordError};
use messina_connect::row::Row;
use messina_store::log::StoredRecord;

use super::books::Progress;
use crate::record_log::{Fetched, SourcePartition};

/// Rows for one table, each with the index of its record within the batch.
#[derive(Debug, Default)]
pub(super) struct TableRows {
    pub(super) rows: Vec<Row>,
    pub(super) records: Vec<usize>,
}

/// A stretch of one partition within a batch.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) source: SourcePartition,
    /// Which time the partition was ours.
    pub(super) term: u64,
    pub(super) progress: Progress,
}

/// Offsets without a record before one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Gap {
    /// Of records that are gone.
    pub(super) lost: u64,
    /// Of no record.
    pub(super) empty: u64,
}

/// A record of the batch with the span it belongs to.
#[derive(Debug)]
pub(super) struct BatchRecord {
    pub(super) span: usize,
    pub(super) record: StoredRecord,
}

/// What is written, counted and committed as one.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) spans: Vec<Span>,
    pub(super) records: Vec<BatchRecord>,
    /// One for each table of the plan.
    pub(super) tables: Vec<TableRows>,
    /// Records the plan refused.
    pub(super) rejected: Vec<(usize, Box<RecordError>)>,
    /// Set if the last record ends the task: the plan refused it, and the connector tolerates no errors.
    pub(super) fatal: bool,
    /// Set if the last record's table must change first: the record is read again then.
    pub(super) first: Option<Box<TableChange>>,
}

impl Batch {
    /// Whether nothing may follow its last record.
    pub(super) fn ends_the_task(&self) -> bool {
        self.fatal || self.first.is_some()
    }

    pub(super) fn rows(&self) -> usize {
        self.tables.iter().map(|table| table.rows.len()).sum()
    }
}

/// Fetched records that are not in a batch yet.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    fetched: VecDeque<(SourcePartition, VecDeque<StoredRecord>)>,
    records: usize,
    bytes: usize,
}

impl Backlog {
    pub(super) fn records(&self) -> usize {
        self.records
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fetched.is_empty()
    }

    pub(super) fn add(&mut self, fetched: Vec<Fetched>) {
        for Fetched { source, records } in fetched {
            self.records += records.len();
            self.bytes += records.iter().map(StoredRecord::memory).sum::<usize>();
            self.fetched.push_back((source, records.into()));
        }
    }

    pub(super) fn forget(&mut self, source: &SourcePartition) {
        self.fetched.retain(|(known, _)| known != source);
        let records = || self.fetched.iter().flat_map(|(_, records)| records);
        self.records = records().count();
        self.bytes = records().map(StoredRecord::memory).sum();
    }

    /// The next batch: records until it has `max_rows` rows or `max_records` records.
    ///
    /// `take` is told each record's offset, and gives the offsets without a record there were before it, and the term
    /// the partition is ours for.
    pub(super) fn next_batch(
        &mut self,
        plan: &Plan,
        limits: BatchLimits,
        take: &mut dyn FnMut(&SourcePartition, i64) -> (Gap, u64),
    ) -> Batch {
        let mut batch = Batch {
            tables: plan.tables().iter().map(|_| TableRows::default()).collect(),
            ..Batch::default()
        };
        let mut rows = Vec::new();
        while let Some((source, records)) = self.fetched.front_mut() {
            let span = batch.spans.len();
            batch.spans.push(Span {
                source: source.clone(),
                term: 0,
                progress: Progress::default(),
            });
            while let Some(record) = records.pop_front() {
                self.records -= 1;
                self.bytes -= record.memory();
                let (gap, term) = take(source, record.offset);
                if let Some(span) = batch.spans.last_mut() {
                    span.term = term;
                    span.progress.skipped += gap.lost;
                    span.progress.gaps += gap.empty;
                }
                batch.take(plan, span, record, &mut rows);
                if batch.ends_the_task() || limits.reached(&batch) {
                    break;
                }
            }
            if records.is_empty() {
                self.fetched.pop_front();
            }
            if batch.ends_the_task() || limits.reached(&batch) {
                break;
            }
        }
        batch
    }
}

impl Batch {
    fn take(
        &mut self,
        plan: &Plan,
        span: usize,
        record: StoredRecord,
        rows: &mut Vec<(usize, Row)>,
    ) {
        let index = self.records.len();
        let Some(at) = self.spans.get_mut(span) else {
            return;
        };
        let source = &at.source;
        match plan.apply(
            &record.as_sink_record(&source.topic, source.partition),
            rows,
        ) {
            // Counted as written now, as a dead letter later if its table refuses it.
            Outcome::Written(_) => at.progress.written += 1,
            Outcome::Filtered => at.progress.filtered += 1,
            // Its offset is not passed either.
            Outcome::TableFirst(change) => self.first = Some(change),
            Outcome::Rejected(error) => {
                if plan.errors().tolerates(error.stage) {
                    at.progress.dead_lettered += 1;
                } else {
                    // Its offset is not passed: it is not counted.
                    self.fatal = true;
                }
                self.rejected.push((index, error));
            }
        }
        for (table, row) in rows.drain(..) {
            if let Some(table) = self.tables.get_mut(table) {
                table.rows.push(row);
                table.records.push(index);
            }
        }
        self.records.push(BatchRecord { span, record });
    }
}

/// How large a batch may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchLimits {
    pub(super) rows: usize,
    pub(super) records: usize,
}

impl BatchLimits {
    fn reached(self, batch: &Batch) -> bool {
        batch.records.len() >= self.records || batch.rows() >= self.rows
    }
}

/// Finds the number of rows a table takes well at once.
///
/// Full batches that are written fast may grow; batches that take long shrink, so that no record waits long
/// for its neighbours, and a stop does not wait long for a batch.
#[derive(Debug)]
pub(super) struct BatchSize {
    rows: usize,
    least: usize,
    most: usize,
}

/// A batch should be written within this time.
const GOOD: Duration = Duration::from_millis(100);

/// Beyond this it was too large.
const SLOW: Duration = Duration::from_millis(500);

impl BatchSize {
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            rows: most.min(1_000),
            least: most.min(100),
            most,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn observe(&mut self, rows: usize, took: Duration) {
        if took > SLOW {
            self.rows = (self.rows / 2).max(self.least);
        } else if took < GOOD && rows >= self.rows {
            self.rows = (self.rows * 2).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_while_they_are_full_and_fast_and_shrink_when_slow() {
        let mut size = BatchSize::new(10_000);
        size.observe(10, Duration::from_millis(1));
        assert_eq!(size.rows(), 1_000, "a small batch says nothing");
        for _ in 0..10 {
            size.observe(size.rows(), Duration::from_millis(10));
        }
        assert_eq!(size.rows(), 10_000);
        size.observe(10_000, Duration::from_millis(200));
        assert_eq!(size.rows(), 10_000);
        for _ in 0..10 {
            size.observe(1, Duration::from_secs(1));
        }
        assert_eq!(size.rows(), 100);
    }
}
