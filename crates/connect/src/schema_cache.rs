//! Schemas, and what goes with them, made from something once and shared afterwards, so that they compare by address downstream.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::data_error::DataError;
use crate::schema::Schema;

/// How many schemas are kept beside the first; the oldest leaves.
const CAPACITY: usize = 64;

/// A small cache. The first entry, nearly always the only one, is read without a lock.
#[derive(Debug)]
pub(crate) struct SchemaCache<K, V = Arc<Schema>> {
    first: OnceLock<(K, V)>,
    others: Mutex<Vec<(K, V)>>,
}

impl<K, V> Default for SchemaCache<K, V> {
    fn default() -> Self {
        Self {
            first: OnceLock::new(),
            others: Mutex::new(Vec::new()),
        }
    }
}

impl<V: Clone> SchemaCache<Arc<Schema>, V> {
    /// What `make` makes of the schema `own`.
    pub(crate) fn of(
        &self,
        own: &Arc<Schema>,
        make: impl FnOnce() -> Result<V, DataError>,
    ) -> Result<V, DataError> {
        self.get_or_make(
            |known| Arc::ptr_eq(known, own),
            || Ok((own.clone(), make()?)),
        )
    }
}

impl<K, V: Clone> SchemaCache<K, V> {
    /// What was made for the key that `is_it`, or what `make` makes.
    pub(crate) fn get_or_make(
        &self,
        is_it: impl Fn(&K) -> bool,
        make: impl FnOnce() -> Result<(K, V), DataError>,
    ) -> Result<V, DataError> {
        match self.first.get() {
            Some((key, schema)) if is_it(key) => return Ok(schema.clone()),
            Some(_) => {}
            None => {
                let entry = make()?;
                let schema = entry.1.clone();
                // Whoever comes second to an empty cache only loses its entry.
                return Ok(match self.first.set(entry) {
                    Ok(()) | Err(_) => schema,
                });
            }
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, schema)) = others.iter().find(|(key, _)| is_it(key)) {
            return Ok(schema.clone());
        }
        let entry = make()?;
        let schema = entry.1.clone();
        if others.len() == CAPACITY {
            others.remove(0);
        }
        others.push(entry);
        Ok(schema)
    }
}
