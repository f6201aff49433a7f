//! What records become in a table that is not known yet: names and values, without types.

use super::source::Parts;
use super::target::{Dest, Fields, MappedTarget, Style, for_each_field};
use crate::data_error::DataError;
use crate::record::ConnectRecord;
use crate::value::Value;

/// What a record becomes, before its table is known.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Names of columns or variables, and what goes there.
    pub(crate) values: Vec<(String, Value)>,
    /// Whether it deletes its row.
    pub(crate) deletes: bool,
    pub(crate) write_timestamp: i64,
    pub(crate) ttl_seconds: Option<u32>,
}

impl MappedTarget {
    /// What a record becomes in a table that is not known: names and values, whatever their types.
    pub(crate) fn draft(
        &self,
        record: &ConnectRecord<'_>,
        write_timestamp: i64,
    ) -> Result<Draft, DataError> {
        let is_scylla = self.rules.style == Style::Scylla;
        let parts = if is_scylla {
            self.check_parts(record)?;
            Parts::plain(record)
        } else {
            Parts::parsed(record)
        };
        let mut draft = Draft {
            values: Vec::new(),
            deletes: record.value.is_null() && (is_scylla || self.rules.deletes),
            write_timestamp,
            ttl_seconds: self.rules.ttl_seconds,
        };
        match &self.fields {
            Fields::ByName => {
                let mut put = |name: &str, value: &Value| {
                    if draft.values.iter().all(|(own, _)| own != name) {
                        draft.values.push((name.to_owned(), value.clone()));
                    }
                };
                for value in [&record.value, &record.key] {
                    each_field(value, &mut put);
                }
            }
            Fields::Mapped(fields) => {
                for (dest, source) in fields {
                    let Some(value) = self.found(source, &parts)? else {
                        continue;
                    };
                    match dest {
                        Dest::Column(name) => draft.values.push((name.clone(), value.into_owned())),
                        Dest::Ttl => draft.ttl_seconds = self.ttl(&value)?.or(draft.ttl_seconds),
                        Dest::Timestamp => draft.write_timestamp = self.time(&value)?,
                    }
                }
            }
        }
        Ok(draft)
    }
}

fn each_field(value: &Value, each: &mut dyn FnMut(&str, &Value)) {
    // It never stops.
    drop(for_each_field(value, |name, value| {
        each(name, value);
        Ok(())
    }));
}
