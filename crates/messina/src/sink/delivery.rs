//! One batch on its way: rows to their tables, what is refused to the dead letters, until nothing is open.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use messina_connect::plan::{Plan, PutPolicy, RecordError, Stage};
use messina_connect::row::Row;
use messina_store::log::NewRecord;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::batch::{Batch, Span, TableRows};
use super::connector::SinkOptions;
use super::dead_letter::{DEAD_LETTER_TOPIC, Failure};
use super::error::SinkError;
use super::parts::{Open, culprit, halves, without};
use super::retry::Backoff;
use super::status::{SinkStatus, TaskState};
use crate::record_log::RecordLog;
use crate::table::{RefusedRow, Table, TableError, Verdict};
use crate::telemetry::causes::with_causes;

/// What deliveries of one task share.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) plan: Arc<Plan>,
    pub(super) tables: Arc<[Arc<dyn Table>]>,
    pub(super) log: Arc<dyn RecordLog>,
    pub(super) status: Arc<SinkStatus>,
    pub(super) options: SinkOptions,
    pub(super) stop: CancellationToken,
}

/// A batch that is wholly accounted for.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) spans: Vec<Span>,
    /// Rows of the batch, and the time from its beginning to its end.
    pub(super) rows: usize,
    pub(super) took: Duration,
    /// Whether it has dead letters.
    pub(super) dead_letters: bool,
    /// The record that ends the task: it follows the batch, and is not counted in it.
    pub(super) fatal: Option<SinkError>,
}

/// A batch that is not wholly accounted for; none of its offsets may be committed.
#[derive(Debug)]
pub(super) enum Interrupted {
    /// The task was asked to stop while it waited to try again.
    Asked,
    /// The task must fail.
    Failed(SinkError),
}

/// Records of the batch that were refused, by index: at most one reason each.
type Refused = BTreeMap<usize, Box<RecordError>>;

impl Delivery {
    /// Delivers a batch: done when every row is durable or its record is a durable dead letter.
    ///
    /// Where a table has changed meanwhile nothing of the batch counts, and the task ends behind what came before it:
    /// the records are read again, into the table as it is then.
    pub(super) async fn deliver(self: Arc<Self>, batch: Batch) -> Result<Delivered, Interrupted> {
        let begin = Instant::now();
        match self.settle(batch, begin).await {
            Err(Interrupted::Failed(SinkError::Table(error @ TableError::Changed { .. }))) => {
                Ok(Delivered {
                    spans: Vec::new(),
                    rows: 0,
                    took: begin.elapsed(),
                    dead_letters: false,
                    fatal: Some(SinkError::Table(error)),
                })
            }
            settled => settled,
        }
    }

    async fn settle(&self, mut batch: Batch, begin: Instant) -> Result<Delivered, Interrupted> {
        self.check_tables(&batch).await?;
        let rows = batch.rows();
        let mut refused = Refused::new();
        for (index, part) in std::mem::take(&mut batch.tables).into_iter().enumerate() {
            if let Some(table) = self.tables.get(index) {
                self.write(table.as_ref(), part, &mut refused).await?;
            }
        }
        if !self.plan.errors().tolerates(Stage::TaskPut) && !refused.is_empty() {
            self.report(&batch, &refused).await?;
            let first = refused
                .iter()
                .next()
                .map(|(index, error)| (index, &**error));
            return Err(Interrupted::Failed(self.intolerable(&batch, first)));
        }
        for index in refused.keys() {
            let span = batch.records.get(*index).map(|record| record.span);
            if let Some(span) = span.and_then(|span| batch.spans.get_mut(span)) {
                span.progress.written -= 1;
                span.progress.dead_lettered += 1;
            }
        }
        refused.extend(std::mem::take(&mut batch.rejected));
        self.report(&batch, &refused).await?;
        // A record that ends the task is the last of its batch.
        let last = refused.iter().next_back();
        let last = last.map(|(index, error)| (index, &**error));
        let fatal = batch.fatal.then(|| self.intolerable(&batch, last));
        Ok(Delivered {
            spans: batch.spans,
            rows,
            took: begin.elapsed(),
            dead_letters: !refused.is_empty(),
            fatal: fatal.or_else(|| batch.first.map(SinkError::TableFirst)),
        })
    }

    /// What the plan refused may be right for a table that has changed since the plan was made for it.
    async fn check_tables(&self, batch: &Batch) -> Result<(), Interrupted> {
        let doubtful = |(_, error): &(usize, Box<RecordError>)| error.stage == Stage::TaskPut;
        if !batch.rejected.iter().any(doubtful) {
            return Ok(());
        }
        let since = Instant::now();
        for table in self.tables.iter() {
            let (mut backoff, mut waited) = (self.backoff(), false);
            while let Err(error) = table.check(since).await {
                if error.verdict() != Verdict::Retry {
                    return Err(Interrupted::Failed(SinkError::Table(error)));
                }
                self.hold(&error, backoff.wait()).await?;
                waited = true;
            }
            self.recovered(waited);
        }
        Ok(())
    }

    /// Writes the rows of one table; what it refuses is split off, record by record, and noted in `refused`.
    async fn write(
        &self,
        table: &dyn Table,
        part: TableRows,
        refused: &mut Refused,
    ) -> Result<(), Interrupted> {
        let mut parts = vec![part];
        while let Some(TableRows { rows, records }) = parts.pop() {
            if rows.is_empty() {
                continue;
            }
            let rows = Arc::new(rows);
            let Some(error) = self.write_part(table, &rows).await? else {
                continue;
            };
            if let TableError::RowsRefused { table, rows } = error {
                // The others are durable already.
                for RefusedRow { index, problem } in rows {
                    let record = records.get(index).copied();
                    let row = Some(index);
                    let table = table.clone();
                    let error = TableError::Refused {
                        table,
                        row,
                        problem,
                    };
                    if let Some(record) = record {
                        refused
                            .entry(record)
                            .or_insert_with(|| Box::new(refusal(&error)));
                    }
                }
                continue;
            }
            let rows = Arc::try_unwrap(rows).unwrap_or_else(|shared| shared.to_vec());
            match culprit(&records, error.row()) {
                Some(record) => {
                    refused
                        .entry(record)
                        .or_insert_with(|| Box::new(refusal(&error)));
                    parts.push(without(record, rows, records));
                }
                None => parts.extend(halves(rows, records)),
            }
        }
        Ok(())
    }

    /// Writes rows, as often as it takes; gives the error if they are refused. What is durable is not written again.
    async fn write_part(
        &self,
        table: &dyn Table,
        rows: &Arc<Vec<Row>>,
    ) -> Result<Option<TableError>, Interrupted> {
        let mut backoff = self.backoff();
        let mut waited = false;
        let mut tries = 0;
        let mut open = Open::all(rows);
        loop {
            let error = match table.write(Arc::clone(&open.rows)).await {
                Ok(()) => {
                    self.status.wrote(open.rows.len());
                    self.recovered(waited);
                    return Ok(None);
                }
                Err(error) => error,
            };
            let left = error.left();
            if let Some(left) = &left {
                self.status.wrote(open.rows.len() - left.len());
            }
            let verdict = error.verdict();
            let wait = match (verdict, self.plan.errors().put) {
                (Verdict::Stop, _) => return Err(Interrupted::Failed(SinkError::Table(error))),
                (_, PutPolicy::Retry { retries, interval })
                    if retries.is_none_or(|most| tries < most) =>
                {
                    tries += 1;
                    interval
                }
                (Verdict::Reject, _) => {
                    self.recovered(waited);
                    return Ok(Some(open.placed(error)));
                }
                (Verdict::Retry, PutPolicy::Retry { .. }) => {
                    let gave_up = SinkError::GaveUp {
                        tries,
                        source: error,
                    };
                    return Err(Interrupted::Failed(gave_up));
                }
                (Verdict::Retry, _) => backoff.wait(),
            };
            if let Some(left) = left {
                open.keep(&left);
            }
            self.hold(&error, wait).await?;
            waited = true;
        }
    }

    /// Appends the refused records to the dead letters, as often as it takes.
    async fn report(&self, batch: &Batch, refused: &Refused) -> Result<(), Interrupted> {
        let errors = self.plan.errors();
        let named = errors.dead_letters.as_ref();
        let topic = named.map_or(DEAD_LETTER_TOPIC, |named| named.topic.as_str());
        let context = named.is_none_or(|named| named.context_headers);
        let mut letters: Vec<NewRecord> = Vec::new();
        for (index, error) in refused {
            let Some(record) = batch.records.get(*index) else {
                continue;
            };
            let Some(span) = batch.spans.get(record.span) else {
                continue;
            };
            let failure = Failure {
                connector: self.plan.name(),
                task: self.options.task,
                source: &span.source,
                record: &record.record,
                error,
            };
            if let Some(messages) = errors.log {
                failure.log(messages);
            }
            // Skipped records are never lost, whether somebody thought of a topic for them or not.
            let kept = named.is_some() || errors.tolerates(error.stage);
            if kept && errors.reports(error.stage) {
                letters.push(failure.dead_letter(context));
            }
        }
        if letters.is_empty() {
            return Ok(());
        }
        let mut backoff = self.backoff();
        let mut waited = false;
        while let Err(error) = self.log.append(topic, 0, letters.clone()).await {
            match error.verdict() {
                Verdict::Retry => self.hold(&error, backoff.wait()).await?,
                Verdict::Reject | Verdict::Stop => {
                    return Err(Interrupted::Failed(SinkError::Log(error)));
                }
            }
            waited = true;
        }
        self.recovered(waited);
        Ok(())
    }

    /// Shows that something is away and waits, unless the task is asked to stop.
    async fn hold(&self, error: &(dyn Error + Sync), wait: Duration) -> Result<(), Interrupted> {
        let reason = with_causes(error);
        tracing::warn!(connector = self.plan.name(), %reason, ?wait, "the sink holds its offsets and tries again");
        self.status.retrying(reason);
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = self.stop.cancelled() => Err(Interrupted::Asked),
        }
    }

    fn recovered(&self, waited: bool) {
        if waited {
            tracing::info!(connector = self.plan.name(), "the sink goes on");
            self.status.set_state(TaskState::Running);
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(self.options.first_retry, self.options.longest_retry)
    }

    /// The error of a refused record, for a connector that does not tolerate it.
    fn intolerable(&self, batch: &Batch, refused: Option<(&usize, &RecordError)>) -> SinkError {
        let found = refused.and_then(|(index, error)| {
            let record = batch.records.get(*index)?;
            let span = batch.spans.get(record.span)?;
            Some((span.source.clone(), record.record.offset, error))
        });
        match found {
            Some((source, offset, error)) => SinkError::Record {
                source_partition: source,
                offset,
                advice: advice(self.plan.errors().put, error.stage),
                source: Box::new(error.clone()),
            },
            // Not reached: only called with a refused record of this batch.
            None => SinkError::Panicked,
        }
    }
}

/// What a person may do about a record that has failed a task, besides mending its source.
fn advice(put: PutPolicy, stage: Stage) -> &'static str {
    match (stage, put) {
        (Stage::TaskPut, PutPolicy::Throw | PutPolicy::Retry { .. } | PutPolicy::Noop) => {
            "to keep such records as dead letters instead, leave out `connect.cassandra.error.policy` and set \
             `connect.cassandra.errant.report` to `true` and `errors.tolerance` to `all`"
        }
        _ => "or set `errors.tolerance` to `all`",
    }
}

fn refusal(error: &TableError) -> RecordError {
    RecordError {
        stage: Stage::TaskPut,
        class_name: "org.apache.kafka.connect.sink.SinkTask".to_owned(),
        exception_class: "org.apache.kafka.connect.errors.ConnectException",
        message: with_causes(error),
    }
}
