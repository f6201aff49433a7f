//! The shape of a table a sink writes to, as declared in a `[[table]]` block or read from the server.

use std::time::Duration;

use crate::cql_type::CqlType;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// The column's name as stored (lower case unless it was quoted).
    pub name: String,
    /// Its CQL type.
    pub cql_type: CqlType,
}

/// Clustering order of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusteringOrder {
    /// Ascending, CQL's default.
    Ascending,
    /// Descending: newest first, for time series.
    Descending,
}

/// A column computed from a timestamp, so that a partition is closed when its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeBucket {
    /// Index of the computed column, a `timestamp`: when the bucket began.
    pub column: usize,
    /// Index of the timestamp it is computed from.
    pub of: usize,
    /// The bucket's length, milliseconds, above zero; buckets are counted from 1970-01-01 UTC.
    pub millis: i64,
}

impl TimeBucket {
    /// When the bucket of a time began, both in milliseconds since 1970-01-01 UTC.
    pub fn start(&self, time: i64) -> i64 {
        time.div_euclid(self.millis.max(1))
            .saturating_mul(self.millis.max(1))
    }
}

/// A table: its columns, its primary key and the shelf life of its rows.
///
/// Built only by code that has checked it (`messina check`, or the reader of a server's schema): key
/// columns exist, are not repeated, and there is at least one partition key column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSchema {
    /// Keyspace; `None` for the embedded table, which has one.
    pub keyspace: Option<String>,
    /// Table name.
    pub name: String,
    /// All columns, key columns first in key order.
    pub columns: Vec<TableColumn>,
    /// Indices into `columns` of the partition key, in order.
    pub partition_key: Vec<usize>,
    /// Indices into `columns` of the clustering key with each column's order, in order.
    pub clustering_key: Vec<(usize, ClusteringOrder)>,
    /// Shelf life of a row when the writer names none; `None` keeps rows for ever.
    pub default_ttl: Option<Duration>,
    /// The column that is computed, if one is.
    pub time_bucket: Option<TimeBucket>,
}

impl TableSchema {
    /// Whether KCQL means this table by `name`: `table` or `keyspace.table`, in any case as CQL reads it.
    pub fn is_called(&self, name: &str) -> bool {
        let qualified = |keyspace: &String| {
            let rest = name.get(keyspace.len() + 1..);
            name.get(..keyspace.len())
                .is_some_and(|own| own.eq_ignore_ascii_case(keyspace))
                && name.as_bytes().get(keyspace.len()) == Some(&b'.')
                && rest.is_some_and(|rest| self.name.eq_ignore_ascii_case(rest))
        };
        self.name.eq_ignore_ascii_case(name) || self.keyspace.as_ref().is_some_and(qualified)
    }

    /// Whether it has counters: then all columns behind its key are some.
    pub fn counts(&self) -> bool {
        let counter = |column: &TableColumn| column.cql_type == CqlType::Counter;
        self.columns.iter().any(counter)
    }

    /// How many of its columns, the first ones, are its key.
    pub fn key_length(&self) -> usize {
        self.partition_key.len() + self.clustering_key.len()
    }

    /// Indices of the primary key's columns, in order.
    pub fn key_columns(&self) -> impl Iterator<Item = usize> {
        let clustering = self.clustering_key.iter().map(|(index, _)| *index);
        self.partition_key.iter().copied().chain(clustering)
    }

    /// Index of the column called `name`, if there is one.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_called_by_its_name_alone_or_behind_its_keyspace_in_any_case() {
        let table = TableSchema {
            keyspace: Some("iot".to_owned()),
            name: "Readings".to_owned(),
            columns: Vec::new(),
            partition_key: Vec::new(),
            clustering_key: Vec::new(),
            default_ttl: None,
            time_bucket: None,
        };
        for name in ["readings", "READINGS", "iot.readings", "IOT.Readings"] {
            assert!(table.is_called(name), "{name}");
        }
        for name in [
            "reading",
            "io.readings",
            "iot",
            "iot.",
            "iotxreadings",
            "é.readings",
        ] {
            assert!(!table.is_called(name), "{name}");
        }
    }

    #[test]
    fn a_bucket_begins_at_a_multiple_of_its_length_also_before_1970() {
        let bucket = TimeBucket {
            column: 0,
            of: 1,
            millis: 86_400_000,
        };
        assert_eq!(bucket.start(1_700_000_000_123), 1_699_920_000_000);
        assert_eq!(bucket.start(0), 0);
        assert_eq!(bucket.start(-1), -86_400_000);
    }
}
