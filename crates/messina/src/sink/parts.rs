//! A batch's rows for one table in parts: those that are left, those of one record, and halves.

use std::sync::Arc;

use messina_connect::row::Row;

use super::batch::TableRows;
use crate::table::TableError;

/// Rows that are not durable yet, and which of the part they are.
pub(super) struct Open {
    pub(super) rows: Arc<Vec<Row>>,
    /// The places of the rows within the part, where some of it are durable.
    places: Option<Vec<usize>>,
}

impl Open {
    pub(super) fn all(rows: &Arc<Vec<Row>>) -> Self {
        Self {
            rows: Arc::clone(rows),
            places: None,
        }
    }

    /// Goes on with these rows only.
    pub(super) fn keep(&mut self, left: &[usize]) {
        let place = |index: &usize| match &self.places {
            Some(places) => places.get(*index).copied(),
            None => Some(*index),
        };
        let places = left.iter().filter_map(place).collect();
        let rows = left
            .iter()
            .filter_map(|index| self.rows.get(*index).cloned());
        self.rows = Arc::new(rows.collect());
        self.places = Some(places);
    }

    /// The error with the rows it names where they are in the part.
    pub(super) fn placed(&self, error: TableError) -> TableError {
        let Some(places) = &self.places else {
            return error;
        };
        match error {
            TableError::RowsRefused { table, mut rows } => {
                for row in &mut rows {
                    row.index = places.get(row.index).copied().unwrap_or(row.index);
                }
                TableError::RowsRefused { table, rows }
            }
            other => other,
        }
    }
}

/// The record to blame: the one whose row the table names, or the only one there is.
pub(super) fn culprit(records: &[usize], row: Option<usize>) -> Option<usize> {
    if let Some(record) = row.and_then(|row| records.get(row)) {
        return Some(*record);
    }
    let first = records.first()?;
    records
        .iter()
        .all(|record| record == first)
        .then_some(*first)
}

pub(super) fn without(record: usize, rows: Vec<Row>, records: Vec<usize>) -> TableRows {
    let kept = rows
        .into_iter()
        .zip(records)
        .filter(|(_, own)| *own != record);
    let (rows, records) = kept.unzip();
    TableRows { rows, records }
}

/// Two parts of about the same size, cut between two records. There are at least two records.
pub(super) fn halves(mut rows: Vec<Row>, mut records: Vec<usize>) -> [TableRows; 2] {
    let middle = records.get(records.len() / 2).copied().unwrap_or_default();
    let before = records.partition_point(|record| *record < middle);
    let cut = if before > 0 {
        before
    } else {
        records.partition_point(|record| *record <= middle)
    };
    let second = TableRows {
        rows: rows.split_off(cut),
        records: records.split_off(cut),
    };
    // The first part is taken up first: the last of the list.
    [second, TableRows { rows, records }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: usize) -> Vec<Row> {
        vec![
            Row {
                values: Vec::new(),
                write_timestamp: 0,
                ttl_seconds: None
            };
            count
        ]
    }

    #[test]
    fn halves_are_cut_between_records() {
        for records in [
            vec![0, 1],
            vec![0, 0, 0, 1],
            vec![0, 1, 1, 1],
            vec![2, 3, 3, 3, 9, 9],
        ] {
            let [second, first] = halves(rows(records.len()), records.clone());
            assert!(
                !first.records.is_empty() && !second.records.is_empty(),
                "{records:?}"
            );
            assert_ne!(first.records.last(), second.records.first(), "{records:?}");
            assert_eq!([first.records, second.records].concat(), records);
        }
    }

    #[test]
    fn the_culprit_is_the_row_named_or_the_only_record() {
        assert_eq!(culprit(&[4, 4, 5], Some(2)), Some(5));
        assert_eq!(culprit(&[4, 4, 5], None), None);
        assert_eq!(culprit(&[4, 4], None), Some(4));
    }
}
