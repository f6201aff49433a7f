//! What the driver says, and whose fault it is.

use scylla::errors::{BadQuery, DbError, ExecutionError, PrepareError, RequestAttemptError};

/// Where the reason of a failure lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    /// The cluster is away or busy: the same again, later.
    Cluster,
    /// The cluster has failed at this row and perhaps only at this one.
    ClusterOrRow,
    /// The row, or a table that has changed since the statement was prepared.
    RowOrTable,
    /// The row: it cannot be put into a request.
    Row,
    /// Nobody may write as things are.
    Nobody,
}

/// Whose fault it is. What is unknown is the cluster's: nothing is given up for a reason nobody has thought of.
pub(super) fn blame(error: &ExecutionError) -> Blame {
    match error {
        ExecutionError::BadQuery(
            BadQuery::SerializationError(_) | BadQuery::ValuesTooLongForKey(..),
        ) => Blame::Row,
        ExecutionError::BadQuery(_) => Blame::RowOrTable,
        ExecutionError::LastAttemptError(attempt)
        | ExecutionError::PrepareError(PrepareError::AllAttemptsFailed {
            first_attempt: attempt,
        }) => blame_attempt(attempt),
        _ => Blame::Cluster,
    }
}

fn blame_attempt(error: &RequestAttemptError) -> Blame {
    match error {
        RequestAttemptError::SerializationError(_)
        | RequestAttemptError::CqlRequestSerialization(_) => Blame::Row,
        RequestAttemptError::RepreparedIdChanged { .. } => Blame::RowOrTable,
        RequestAttemptError::DbError(error, _) => blame_answer(error),
        _ => Blame::Cluster,
    }
}

fn blame_answer(error: &DbError) -> Blame {
    match error {
        DbError::Invalid | DbError::SyntaxError | DbError::ConfigError => Blame::RowOrTable,
        DbError::Unauthorized | DbError::AuthenticationError => Blame::Nobody,
        DbError::ServerError | DbError::ProtocolError | DbError::WriteFailure { .. } => {
            Blame::ClusterOrRow
        }
        _ => Blame::Cluster,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_out_is_the_clusters_an_invalid_value_the_rows_a_missing_right_nobodys() {
        let answer = |error| {
            ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, String::new()))
        };
        for (error, blamed) in [
            (DbError::Overloaded, Blame::Cluster),
            (DbError::IsBootstrapping, Blame::Cluster),
            (DbError::Invalid, Blame::RowOrTable),
            (DbError::ServerError, Blame::ClusterOrRow),
            (DbError::Unauthorized, Blame::Nobody),
        ] {
            assert_eq!(blame(&answer(error)), blamed);
        }
        let slow = ExecutionError::RequestTimeout(std::time::Duration::from_secs(1));
        assert_eq!(blame(&slow), Blame::Cluster);
    }
}
