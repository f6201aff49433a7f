//! Batches of rows, many under way at once, until the cluster has them all.

use std::error::Error;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use messina_connect::row::Row;
use messina_connect::table_schema::TableSchema;
use scylla::errors::ExecutionError;
use tokio::time::Instant;

use super::error::{Blame, blame};
use super::table::CqlTable;
use super::value::framed;
use crate::table::{BoxFuture, RefusedRow, Table, TableError};

/// How often rows are sent again before the whole batch waits with its offsets.
const ROUNDS: u32 = 4;
/// The wait before the second round; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(50);

impl CqlTable {
    async fn write_all(&self, rows: &[Row]) -> Result<(), TableError> {
        let mut open = self.ordered(rows);
        let mut refused: Vec<RefusedRow> = Vec::new();
        let mut wait = FIRST_WAIT;
        for round in 1..=ROUNDS {
            let Round {
                left,
                suspects,
                written,
                failure,
            } = self.round(rows, open).await;
            let judged = self.judge(&suspects, round, written).await;
            refused.extend(suspects.into_iter().map(Failure::refused));
            let undone = || {
                let left = left.iter().map(|keyed| keyed.row);
                left.chain(refused.iter().map(|row| row.index)).collect()
            };
            match judged {
                Err(TableError::Unavailable { source, .. }) => {
                    return Err(self.unavailable(source, undone()));
                }
                other => other?,
            }
            let Some(failure) = failure else {
                return self.closing(refused);
            };
            tracing::debug!(
                round,
                written,
                left = left.len(),
                error = %failure.error,
                "the cluster has not taken rows"
            );
            match failure {
                // The others were written: it is this row that the cluster cannot take.
                failure
                    if round == ROUNDS
                        && written > 0
                        && left.len() == 1
                        && blame(&failure.error) == Blame::ClusterOrRow =>
                {
                    refused.push(failure.refused());
                    return self.closing(refused);
                }
                Failure { error, .. } if round == ROUNDS => {
                    return Err(self.unavailable(error.into(), undone()));
                }
                Failure { .. } => {}
            }
            open = left;
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        self.closing(refused)
    }

    /// Sends rows until one fails for the cluster's sake; what was not written then is left.
    async fn round(&self, rows: &[Row], open: Vec<Keyed>) -> Round {
        let mut round = Round::default();
        let mut under_way = FuturesUnordered::new();
        let mut chains = open.chunk_by(|one, next| one.hash == next.hash);
        loop {
            while round.failure.is_none() && under_way.len() < self.limit.now() {
                let Some(chain) = chains.next() else { break };
                under_way.push(self.chain(rows, chain));
            }
            let Some(ended) = under_way.next().await else {
                break;
            };
            round.written += ended.written;
            round.suspects.extend(ended.suspects);
            round.left.extend_from_slice(ended.left);
            if round.failure.is_none() {
                round.failure = ended.failure;
            }
        }
        round.left.extend(chains.flatten());
        // Chains are found by their neighbours.
        round.left.sort_unstable();
        round
    }

    /// Writes rows of one key, one after the other.
    async fn chain<'k>(&self, rows: &[Row], chain: &'k [Keyed]) -> Chain<'k> {
        let mut ended = Chain::default();
        for (done, keyed) in chain.iter().enumerate() {
            let Some(row) = rows.get(keyed.row) else {
                continue;
            };
            let bound = self.bound(row);
            let begin = Instant::now();
            let statement = self.statement_for(row);
            let session = &self.client.session;
            match session.execute_unpaged(&statement, bound).await {
                Ok(_) => {
                    self.limit.answered(begin.elapsed());
                    ended.written += 1;
                }
                Err(error) => match blame(&error) {
                    Blame::Cluster | Blame::ClusterOrRow => {
                        self.limit.overloaded();
                        ended.left = chain.get(done..).unwrap_or_default();
                        ended.failure = Some(Failure {
                            row: keyed.row,
                            error,
                        });
                        return ended;
                    }
                    Blame::Row | Blame::RowOrTable | Blame::Nobody => {
                        ended.suspects.push(Failure {
                            row: keyed.row,
                            error,
                        });
                    }
                },
            }
        }
        ended
    }

    /// Tells rows that cannot be written from a table that cannot be written to.
    async fn judge(
        &self,
        suspects: &[Failure],
        round: u32,
        written: usize,
    ) -> Result<(), TableError> {
        if suspects.is_empty() {
            return Ok(());
        }
        tracing::debug!(
            round,
            written,
            refused = suspects.len(),
            "rows were refused"
        );
        let of = |wanted| {
            suspects
                .iter()
                .find(|suspect| blame(&suspect.error) == wanted)
        };
        if let Some(forbidden) = of(Blame::Nobody) {
            return Err(TableError::Unusable {
                table: self.schema.name.clone(),
                source: forbidden.error.clone().into(),
            });
        }
        if of(Blame::RowOrTable).is_some() {
            self.verified().await?;
        }
        Ok(())
    }

    /// The cluster does not take rows now; `left` are those it has not.
    fn unavailable(
        &self,
        source: Box<dyn Error + Send + Sync>,
        mut left: Vec<usize>,
    ) -> TableError {
        let table = self.schema.name.clone();
        if self.adds_up {
            left.sort_unstable();
            TableError::Interrupted {
                table,
                left,
                source,
            }
        } else {
            TableError::Unavailable { table, source }
        }
    }

    fn closing(&self, refused: Vec<RefusedRow>) -> Result<(), TableError> {
        if refused.is_empty() {
            return Ok(());
        }
        Err(TableError::RowsRefused {
            table: self.schema.name.clone(),
            rows: refused,
        })
    }

    /// The rows with those of one primary key beside each other, in the order of the batch.
    ///
    /// Rows of one partition under different clustering keys are different cells: they need no order.
    fn ordered(&self, rows: &[Row]) -> Vec<Keyed> {
        let mut bytes = Vec::with_capacity(64);
        let mut ordered: Vec<Keyed> = rows
            .iter()
            .enumerate()
            .map(|(row, values)| {
                bytes.clear();
                for index in &self.key {
                    let column = self.schema.columns.get(*index);
                    if let Some((value, column)) = values.values.get(*index).zip(column) {
                        framed(value, &column.cql_type, &mut bytes);
                    }
                }
                Keyed {
                    hash: self.hasher.hash_one(&bytes),
                    row,
                }
            })
            .collect();
        ordered.sort_unstable();
        ordered
    }
}

impl Table for CqlTable {
    fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }

    fn write(&self, rows: Arc<Vec<Row>>) -> BoxFuture<'_, Result<(), TableError>> {
        Box::pin(async move {
            self.look().await?;
            self.write_all(&rows).await
        })
    }

    fn check(&self, since: Instant) -> BoxFuture<'_, Result<(), TableError>> {
        Box::pin(self.look_since(since))
    }
}

/// A row of a batch by the hash of its primary key; in case of collision rows wait for each other in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Keyed {
    hash: u64,
    row: usize,
}

/// A row and why it was not written.
#[derive(Debug)]
struct Failure {
    row: usize,
    error: ExecutionError,
}

impl Failure {
    fn refused(self) -> RefusedRow {
        RefusedRow {
            index: self.row,
            problem: self.error.to_string(),
        }
    }
}

#[derive(Debug, Default)]
struct Round {
    left: Vec<Keyed>,
    suspects: Vec<Failure>,
    written: usize,
    failure: Option<Failure>,
}

#[derive(Debug, Default)]
struct Chain<'k> {
    left: &'k [Keyed],
    suspects: Vec<Failure>,
    written: usize,
    failure: Option<Failure>,
}
