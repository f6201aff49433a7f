//! A sink's task: fetch, decode, write, commit, each while the others go on.

mod committing;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use messina_mqtt::in_order::{InOrder, Ticket};
use tokio::time::Instant;

use super::batch::{Backlog, BatchLimits, BatchSize, Gap};
use super::books::{Books, Progress};
use super::delivery::{Delivered, Delivery, Interrupted};
use super::error::SinkError;
use super::retry::Backoff;
use super::status::TaskState;
use crate::record_log::{Assigned, Polled, RecordConsumer, RecordLogError, SourcePartition};
use crate::table::Verdict;
use crate::telemetry::causes::with_causes;

/// The state of a running task.
#[derive(Debug)]
pub(super) struct Task {
    delivery: Arc<Delivery>,
    consumer: Box<dyn RecordConsumer>,
    backlog: Backlog,
    /// What was put into batches, by partition.
    taken: BTreeMap<SourcePartition, Taken>,
    /// How often partitions became ours.
    terms: u64,
    /// Batches under way; their offsets are committed in the order they were begun.
    order: InOrder<(), Delivered>,
    size: BatchSize,
    /// Partitions whose books are ahead of their commit.
    uncommitted: BTreeSet<SourcePartition>,
    commit_at: Instant,
    /// A batch that is not full may start from then on.
    deliver_at: Instant,
    /// The log is not asked for more before then.
    poll_at: Instant,
    /// Whether the task ends with the last batch that was begun: none may come after it.
    ending: bool,
    /// Partitions that began anew, and their new offsets; dealt with once nothing older is in flight or waiting. Until
    /// then nothing of them is committed: an offset of what was there before says nothing of what is there now.
    begun_anew: BTreeMap<SourcePartition, i64>,
    /// Partitions to give up once nothing of them is under way, and when at the latest.
    leaving: Option<(Vec<SourcePartition>, Instant)>,
    backoff: Backoff,
}

/// How far a partition was taken.
#[derive(Debug)]
struct Taken {
    /// Offset after the last record put into a batch.
    next: i64,
    /// Offsets whose records are gone; none that are all before `next`.
    lost: Vec<Range<i64>>,
    /// Which time the partition is ours: a batch of an earlier one counts no more.
    term: u64,
}

impl Taken {
    fn from(offset: i64, term: u64) -> Self {
        Self {
            next: offset,
            lost: Vec::new(),
            term,
        }
    }

    /// The record at `offset` goes into a batch: what there was before it.
    fn pass(&mut self, offset: i64) -> Gap {
        let from = std::mem::replace(&mut self.next, offset + 1);
        let count = |from: i64, to: i64| u64::try_from(to - from).unwrap_or(0);
        let overlap = |own: &Range<i64>| count(own.start.max(from), own.end.min(offset));
        let lost = self.lost.iter().map(overlap).sum();
        self.lost.retain(|own| own.end > offset);
        Gap {
            lost,
            empty: count(from, offset) - lost,
        }
    }
}

/// How long a partition that another member is to get may be held for what is under way. After that the other reads
/// it again: the same rows are written twice, to the same effect.
const LEAVE_PATIENCE: Duration = Duration::from_secs(10);

type Deliveries = FuturesUnordered<BoxFuture<'static, (Ticket, Result<Delivered, Interrupted>)>>;

impl Task {
    pub(super) fn new(delivery: Arc<Delivery>, consumer: Box<dyn RecordConsumer>) -> Self {
        let options = &delivery.options;
        let (size, backoff) = (
            BatchSize::new(options.max_batch_rows),
            Backoff::new(options.first_retry, options.longest_retry),
        );
        Self {
            delivery,
            consumer,
            backlog: Backlog::default(),
            taken: BTreeMap::new(),
            terms: 0,
            order: InOrder::default(),
            size,
            uncommitted: BTreeSet::new(),
            commit_at: Instant::now(),
            deliver_at: Instant::now(),
            poll_at: Instant::now(),
            ending: false,
            begun_anew: BTreeMap::new(),
            leaving: None,
            backoff,
        }
    }

    /// Runs until asked to stop, then finishes what is in flight and commits it; or until it fails.
    pub(super) async fn run(mut self) -> Result<(), SinkError> {
        let worked = self.work().await;
        // What is accounted for is committed also when the task fails. If that fails too, its next start writes the
        // rows again, to the same effect.
        let committed = self.commit().await.map_err(SinkError::Log);
        self.consumer.close().await;
        worked.and(committed)
    }

    async fn work(&mut self) -> Result<(), SinkError> {
        let stop = self.delivery.stop.clone();
        let mut deliveries = Deliveries::new();
        loop {
            let stopping = stop.is_cancelled();
            if stopping && deliveries.is_empty() {
                return Ok(());
            }
            if deliveries.is_empty() && self.leaving.is_some() {
                self.leave().await?;
            }
            if !stopping && self.leaving.is_none() {
                self.start_deliveries(&mut deliveries);
            }
            if deliveries.is_empty() && self.backlog.records() == 0 {
                self.begin_anew();
            }
            let may_poll = !stopping && self.leaving.is_none();
            let resting = may_poll && self.poll_at > Instant::now();
            let fetch_bytes = self.fetch_bytes();
            let has_place = deliveries.len() < self.most_deliveries();
            let may_deliver = may_poll && has_place && !self.ending;
            tokio::select! {
                biased;
                () = stop.cancelled(), if !stopping => {}
                () = tokio::time::sleep_until(self.commit_at), if !self.uncommitted.is_empty() => self.commit_due().await?,
                () = leaving_until(self.leaving.as_ref()), if self.leaving.is_some() => self.leave().await?,
                Some((ticket, result)) = deliveries.next() => self.finished(ticket, result)?,
                () = tokio::time::sleep_until(self.deliver_at), if may_deliver && !self.backlog.is_empty() => {}
                () = tokio::time::sleep_until(self.poll_at), if resting => {}
                polled = self.consumer.poll(fetch_bytes), if may_poll && !resting => self.polled(polled)?,
            }
        }
    }

    fn most_deliveries(&self) -> usize {
        self.delivery.options.batches_in_flight.max(1)
    }

    /// How much may be fetched: none while a partition waits for its new beginning.
    fn fetch_bytes(&self) -> usize {
        if !self.begun_anew.is_empty() {
            return 0;
        }
        let most = self.delivery.options.fetch_bytes;
        most.saturating_sub(self.backlog.bytes())
    }

    /// Puts fetched records into batches and sends them off, as many at a time as are allowed.
    ///
    /// While all that are allowed are under way, records gather: the busier the table, the larger its batches.
    fn start_deliveries(&mut self, deliveries: &mut Deliveries) {
        let options = &self.delivery.options;
        while !self.ending && deliveries.len() < self.most_deliveries() && self.has_batch() {
            let limits = BatchLimits {
                rows: self.size.rows(),
                records: options.max_batch_records,
            };
            let taken = &mut self.taken;
            let mut take = |source: &SourcePartition, offset: i64| {
                let Some(taken) = taken.get_mut(source) else {
                    return (Gap::default(), 0);
                };
                (taken.pass(offset), taken.term)
            };
            let batch = self
                .backlog
                .next_batch(&self.delivery.plan, limits, &mut take);
            self.ending = batch.ends_the_task();
            self.deliver_at = Instant::now() + options.linger;
            let ticket = self.order.push(());
            let delivery = Arc::clone(&self.delivery);
            deliveries.push(Box::pin(
                async move { (ticket, delivery.deliver(batch).await) },
            ));
        }
    }

    /// Whether a batch is full, or is due.
    fn has_batch(&self) -> bool {
        let options = &self.delivery.options;
        let full = self.size.rows().min(options.max_batch_records);
        let due = !self.backlog.is_empty() && self.deliver_at <= Instant::now();
        due || self.backlog.records() >= full || self.backlog.bytes() >= options.fetch_bytes
    }

    /// A delivery has ended: everything that is now accounted for without a gap goes into the books.
    fn finished(
        &mut self,
        ticket: Ticket,
        result: Result<Delivered, Interrupted>,
    ) -> Result<(), SinkError> {
        match result {
            Ok(delivered) => {
                let first = self.order.answer(ticket, delivered);
                debug_assert!(first, "{ticket:?} is not under way");
            }
            // Its place in the order stays open, so nothing behind it is committed.
            Err(Interrupted::Asked) => return Ok(()),
            Err(Interrupted::Failed(error)) => return Err(error),
        }
        while let Some(((), delivered)) = self.order.pop() {
            self.size.observe(delivered.rows, delivered.took);
            for span in &delivered.spans {
                let taken = self.taken.get(&span.source);
                if taken.is_some_and(|taken| taken.term == span.term) {
                    self.book(&span.source, &span.progress);
                }
            }
            if delivered.dead_letters {
                // A crash before the commit would make them twice: leave little time for it.
                self.commit_at = Instant::now();
            }
            if let Some(error) = delivered.fatal {
                return Err(error);
            }
        }
        Ok(())
    }

    fn book(&mut self, source: &SourcePartition, progress: &Progress) {
        if self.delivery.status.book(source, progress).is_none() {
            return;
        }
        if self.begun_anew.contains_key(source) {
            return;
        }
        if self.uncommitted.is_empty() {
            self.commit_at = Instant::now() + self.delivery.options.commit_interval;
        }
        self.uncommitted.insert(source.clone());
    }

    fn polled(&mut self, polled: Result<Polled, RecordLogError>) -> Result<(), SinkError> {
        match polled {
            Ok(Polled::Records(fetched)) => self.backlog.add(fetched),
            Ok(Polled::Assigned(assigned)) => assigned
                .into_iter()
                .for_each(|assigned| self.assigned(assigned)),
            Ok(Polled::Leaving(sources)) => self.begin_leaving(sources),
            Ok(Polled::Revoked(sources)) => sources.iter().for_each(|source| self.revoked(source)),
            Ok(Polled::Lost { source, from, to }) => self.lost(source, from, to),
            Err(error) => {
                self.poll_at = Instant::now() + self.away(error)?;
                return Ok(());
            }
        }
        self.came_back();
        Ok(())
    }

    fn assigned(&mut self, assigned: Assigned) {
        let Assigned {
            source,
            offset,
            metadata,
        } = assigned;
        let (topic, partition) = (&source.topic, source.partition);
        tracing::info!(connector = self.delivery.plan.name(), %topic, partition, offset, "the sink reads a partition");
        self.terms += 1;
        let term = self.terms;
        self.taken.insert(source.clone(), Taken::from(offset, term));
        self.delivery
            .status
            .assign(source, Books::resume(offset, metadata.as_deref()));
    }

    fn revoked(&mut self, source: &SourcePartition) {
        let (topic, partition) = (&source.topic, source.partition);
        tracing::info!(connector = self.delivery.plan.name(), %topic, partition, "the sink no longer reads a partition");
        self.backlog.forget(source);
        self.taken.remove(source);
        self.uncommitted.remove(source);
        self.begun_anew.remove(source);
        self.delivery.status.revoke(source);
    }

    /// Another member is to get these partitions: what of them is not under way is left to it.
    fn begin_leaving(&mut self, sources: Vec<SourcePartition>) {
        for source in &sources {
            self.backlog.forget(source);
        }
        self.leaving = Some((sources, Instant::now() + LEAVE_PATIENCE));
    }

    /// Commits what was done in the partitions that are to leave, and gives them up.
    async fn leave(&mut self) -> Result<(), SinkError> {
        let Some((sources, _)) = self.leaving.take() else {
            return Ok(());
        };
        self.commit_due().await?;
        self.consumer.release();
        for source in &sources {
            self.revoked(source);
        }
        Ok(())
    }

    fn lost(&mut self, source: SourcePartition, from: i64, to: i64) {
        let (connector, topic, partition) =
            (self.delivery.plan.name(), &source.topic, source.partition);
        if to < from {
            tracing::warn!(connector, %topic, partition, from, to, "the partition began anew, and so does the sink");
            self.uncommitted.remove(&source);
            self.begun_anew.insert(source, to);
        } else {
            // The next record shows the gap, and the books count it as skipped.
            if let Some(taken) = self.taken.get_mut(&source) {
                taken.lost.push(from..to);
            }
            tracing::error!(connector, %topic, partition, from, to, "retention deleted records before the sink read them");
        }
    }

    /// Moves the books of partitions that began anew to their new beginning. Nothing older is under way.
    fn begin_anew(&mut self) {
        for (source, offset) in std::mem::take(&mut self.begun_anew) {
            if self.delivery.status.rebase(&source, offset).is_some() {
                self.uncommitted.insert(source.clone());
            }
            if let Some(taken) = self.taken.get_mut(&source) {
                *taken = Taken::from(offset, taken.term);
            }
        }
    }

    /// The log did not answer: how long to wait before it is asked again, or failure.
    fn away(&mut self, error: RecordLogError) -> Result<Duration, SinkError> {
        match error.verdict() {
            Verdict::Retry => {
                let (reason, wait) = (with_causes(&error), self.backoff.wait());
                tracing::warn!(connector = self.delivery.plan.name(), %reason, ?wait, "the sink waits for the log");
                self.delivery.status.retrying(reason);
                Ok(wait)
            }
            Verdict::Reject | Verdict::Stop => Err(SinkError::Log(error)),
        }
    }

    fn came_back(&mut self) {
        let options = &self.delivery.options;
        if self.backoff.waited() {
            self.backoff = Backoff::new(options.first_retry, options.longest_retry);
            self.delivery.status.set_state(TaskState::Running);
        }
    }
}

/// Until partitions have to be given up, whatever is under way.
async fn leaving_until(leaving: Option<&(Vec<SourcePartition>, Instant)>) {
    if let Some((_, deadline)) = leaving {
        tokio::time::sleep_until(*deadline).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_of_no_record_are_told_from_those_of_records_that_are_gone() {
        let gap = |lost, empty| Gap { lost, empty };
        let mut taken = Taken::from(10, 1);
        assert_eq!(taken.pass(10), gap(0, 0));
        assert_eq!(taken.pass(13), gap(0, 2), "markers");
        taken.lost.push(14..20);
        assert_eq!(taken.pass(22), gap(6, 2), "retention, then a marker");
        assert_eq!(taken.pass(23), gap(0, 0));
        assert_eq!(taken.pass(5), gap(0, 0), "read again");
    }

    #[test]
    fn what_is_lost_behind_records_that_wait_is_not_lost_before_them() {
        let gap = |lost, empty| Gap { lost, empty };
        let mut taken = Taken::from(10, 1);
        // 10 and 13 wait, and so do 20 and 22, when the consumer says what it could not read.
        taken.lost.push(14..20);
        taken.lost.push(23..30);
        assert_eq!(taken.pass(10), gap(0, 0));
        assert_eq!(taken.pass(13), gap(0, 2), "markers");
        assert_eq!(taken.pass(20), gap(6, 0));
        assert_eq!(taken.pass(22), gap(0, 1));
        assert_eq!(taken.pass(31), gap(7, 1));
        assert!(taken.lost.is_empty());
    }
}
