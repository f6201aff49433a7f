//! What a run remembers for the next: the installation's name, and how far its tables are. The log's progress is in Kafka,
//! in the same transactions as its records.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use messina_store::table::QueryValue;
use serde::{Deserialize, Serialize};

use super::CarryError;

/// Beside the log and the tables.
pub(super) const FILE: &str = "export.json";

/// The file, as last written.
pub(super) struct Journal {
    path: PathBuf,
    content: Content,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Content {
    /// What the installation is called in Kafka: another one's records are not taken for its own.
    installation: String,
    /// The table file as it was: what changes afterwards may stand before the rows that are done.
    stamp: String,
    /// By keyspace and table.
    tables: BTreeMap<String, TableProgress>,
}

/// How far a table is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct TableProgress {
    /// The key of the last row that was done with.
    after: Vec<KeyValue>,
    /// Rows that were written.
    pub(super) written: u64,
    /// Rows whose shelf life had ended.
    pub(super) expired: u64,
    /// Rows that were refused.
    pub(super) refused: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KeyValue {
    Null,
    Integer(i64),
    /// The bits: a key is what it was, to the last of them.
    Real(u64),
    Text(String),
    Blob(String),
}

impl TableProgress {
    pub(super) fn after(&self) -> Option<Vec<QueryValue>> {
        let values = self.after.iter().map(|value| match value {
            KeyValue::Null => Some(QueryValue::Null),
            KeyValue::Integer(number) => Some(QueryValue::Integer(*number)),
            KeyValue::Real(bits) => Some(QueryValue::Real(f64::from_bits(*bits))),
            KeyValue::Text(text) => Some(QueryValue::Text(text.clone())),
            KeyValue::Blob(text) => STANDARD
                .decode(text)
                .ok()
                .map(|own| QueryValue::Blob(own.into())),
        });
        let values: Option<Vec<_>> = values.collect();
        values.filter(|values| !values.is_empty())
    }

    pub(super) fn is_after(&mut self, key: &[QueryValue]) {
        let values = key.iter().map(|value| match value {
            QueryValue::Null => KeyValue::Null,
            QueryValue::Integer(number) => KeyValue::Integer(*number),
            QueryValue::Real(number) => KeyValue::Real(number.to_bits()),
            QueryValue::Text(text) => KeyValue::Text(text.clone()),
            QueryValue::Blob(bytes) => KeyValue::Blob(STANDARD.encode(bytes)),
        });
        self.after = values.collect();
    }
}

impl Journal {
    /// Reads the file of a data directory, or begins one.
    pub(super) fn open(data: &Path) -> Result<Self, CarryError> {
        let path = data.join(FILE);
        let mut journal = Self {
            content: Content::default(),
            path,
        };
        match std::fs::read_to_string(&journal.path) {
            Ok(text) => {
                let read = serde_json::from_str(&text);
                journal.content = read.map_err(|source| CarryError::Journal {
                    path: journal.path.clone(),
                    source,
                })?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                journal.content.installation = new_name()?;
                journal.write()?;
            }
            Err(source) => return Err(journal.failed("read", source)),
        }
        Ok(journal)
    }

    /// The installation's name.
    pub(super) fn installation(&self) -> &str {
        &self.content.installation
    }

    /// The table file is this one; what was remembered of another is forgotten.
    pub(super) fn tables_are(&mut self, stamp: String) {
        if self.content.stamp != stamp {
            self.content.stamp = stamp;
            self.content.tables.clear();
        }
    }

    /// How far a table of a keyspace is.
    pub(super) fn table(&self, name: &str) -> TableProgress {
        self.content.tables.get(name).cloned().unwrap_or_default()
    }

    /// Remembers how far a table is.
    pub(super) fn remember(
        &mut self,
        name: &str,
        progress: TableProgress,
    ) -> Result<(), CarryError> {
        self.content.tables.insert(name.to_owned(), progress);
        self.write()
    }

    /// The old content or the new, whatever happens.
    fn write(&self) -> Result<(), CarryError> {
        let new = self.path.with_extension("json.new");
        let text =
            serde_json::to_string_pretty(&self.content).map_err(|source| CarryError::Journal {
                path: self.path.clone(),
                source,
            })?;
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, &self.path)
        };
        write().map_err(|source| self.failed("write", source))
    }

    fn failed(&self, action: &'static str, source: std::io::Error) -> CarryError {
        CarryError::File {
            action,
            path: self.path.clone(),
            source,
        }
    }
}

/// Sixteen digits that no other installation has.
fn new_name() -> Result<String, CarryError> {
    let mut bytes = [0; 8];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .map_err(|_unspecified| CarryError::Other("the system gives no random numbers"))?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_keeps_its_name_and_how_far_its_tables_are() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path()).unwrap();
        let name = journal.installation().to_owned();
        assert_eq!(name.len(), 16);
        let key = [
            QueryValue::Text("a".to_owned()),
            QueryValue::Integer(-3),
            QueryValue::Real(0.1),
            QueryValue::Blob(vec![0, 255].into()),
            QueryValue::Null,
        ];
        let mut progress = TableProgress::default();
        assert_eq!(progress.after(), None);
        progress.is_after(&key);
        progress.written = 7;
        journal.remember("k.t", progress.clone()).unwrap();
        let again = Journal::open(dir.path()).unwrap();
        assert_eq!(again.installation(), name);
        assert_eq!(again.table("k.t"), progress);
        assert_eq!(again.table("k.t").after().unwrap(), key);
        assert_eq!(again.table("k.u"), TableProgress::default());
        let mut changed = again;
        changed.tables_are("1".to_owned());
        assert_eq!(changed.table("k.t"), TableProgress::default());
        std::fs::write(dir.path().join(FILE), "{").unwrap();
        assert!(matches!(
            Journal::open(dir.path()),
            Err(CarryError::Journal { .. })
        ));
    }
}
