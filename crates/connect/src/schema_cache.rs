//! Schemas made from something once and shared afterwards, so that they compare by address downstream.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::data_error::DataError;
use crate::schema::Schema;

/// How many schemas are kept beside the first; the oldest leaves.
const CAPACITY: usize = 64;

/// A small cache. The first entry, nearly always the only one, is read without a lock.
#[derive(Debug)]
pub(crate) struct SchemaCache<K> {
    first: OnceLock<(K, Arc<Schema>)>,
    others: Mutex<Vec<(K, Arc<Schema>)>>,
}

impl<K> Default for SchemaCache<K> {
    fn default() -> Self {
        Self {
            first: OnceLock::new(),
            others: Mutex::new(Vec::new()),
        }
    }
}

impl<K> SchemaCache<K> {
    /// The schema whose key `is_it`, or the one `make` makes.
    pub(crate) fn get_or_make(
        &self,
        is_it: impl Fn(&K) -> bool,
        make: impl FnOnce() -> Result<(K, Arc<Schema>), DataError>,
    ) -> Result<Arc<Schema>, DataError> {
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
