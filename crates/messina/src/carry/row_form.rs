//! From a row of the table file to a row for a table of the cluster.

use messina_connect::bind::bind;
use messina_connect::converter::JsonConverter;
use messina_connect::cql_type::CqlType;
use messina_connect::row::{CqlValue, Row};
use messina_connect::table_schema::TableSchema;
use messina_connect::value::{Value, ValueMap};
use messina_store::table::{DumpedRow, QueryValue};

use super::CarryError;

/// The longest shelf life CQL knows, seconds.
const LONGEST: i64 = 20 * 365 * 86_400;

/// Which column of the file goes to which of the table.
pub(super) struct RowForm<'t> {
    there: &'t TableSchema,
    /// For each column there, its place here; `None` if it is not here.
    places: Vec<Option<usize>>,
    json: JsonConverter,
}

/// What becomes of a row.
#[derive(Debug, PartialEq)]
pub(super) enum Formed {
    /// It is written.
    Row(Row),
    /// Its shelf life has ended.
    Expired,
}

impl<'t> RowForm<'t> {
    /// Every key column there is here, or computed.
    pub(super) fn new(here: &TableSchema, there: &'t TableSchema) -> Result<Self, CarryError> {
        let places: Vec<_> = there
            .columns
            .iter()
            .map(|column| here.column(&column.name))
            .collect();
        for index in there.key_columns() {
            let computed = there
                .time_bucket
                .is_some_and(|bucket| bucket.column == index);
            let is_here = places.get(index).is_some_and(Option::is_some);
            if let (false, false, Some(column)) = (computed, is_here, there.columns.get(index)) {
                return Err(CarryError::Key {
                    table: there.name.clone(),
                    column: column.name.clone(),
                });
            }
        }
        Ok(Self {
            there,
            places,
            json: JsonConverter::new(false),
        })
    }

    /// The row there, at `now` in ms since 1970; or why there can be none.
    pub(super) fn form(&self, row: &DumpedRow, now: i64) -> Result<Formed, String> {
        // A row without an end stays for ever, whatever the table's default.
        let mut ttl_seconds = Some(0);
        if let Some(expires) = row.expires {
            if expires <= now {
                return Ok(Formed::Expired);
            }
            let left = (expires - now + 999).div_euclid(1000).clamp(1, LONGEST);
            ttl_seconds = u32::try_from(left).ok();
        }
        let mut values = Vec::with_capacity(self.places.len());
        for (column, place) in self.there.columns.iter().zip(&self.places) {
            let stored = place.and_then(|place| row.values.get(place));
            values.push(match stored {
                None | Some(QueryValue::Null) => CqlValue::Unset,
                Some(stored) => {
                    let value = self.value(stored, &column.cql_type);
                    let bound = value.and_then(|value| {
                        bind(&value, &column.cql_type).map_err(|error| error.to_string())
                    });
                    bound.map_err(|error| format!("column `{}`: {error}", column.name))?
                }
            });
        }
        self.fill_bucket(&mut values);
        Ok(Formed::Row(Row {
            values,
            write_timestamp: row.written,
            ttl_seconds,
        }))
    }

    fn value(&self, stored: &QueryValue, cql_type: &CqlType) -> Result<Value, String> {
        Ok(match stored {
            QueryValue::Null => Value::Null,
            QueryValue::Integer(number) if *cql_type == CqlType::Boolean => {
                Value::Bool(*number != 0)
            }
            QueryValue::Integer(number) => Value::I64(*number),
            QueryValue::Real(number) => Value::F64(*number),
            QueryValue::Blob(bytes) => Value::Bytes(bytes.clone()),
            QueryValue::Text(text) if is_json(cql_type) => {
                let read = self.json.read(text.as_bytes());
                let (_, value) = read.map_err(|error| error.to_string())?;
                shaped(value, cql_type)
            }
            QueryValue::Text(text) => Value::Str(text.as_str().into()),
        })
    }

    fn fill_bucket(&self, values: &mut [CqlValue]) {
        let Some(bucket) = self.there.time_bucket else {
            return;
        };
        if let Some(CqlValue::Timestamp(time)) = values.get(bucket.of) {
            let start = CqlValue::Timestamp(bucket.start(*time));
            if let Some(place) = values.get_mut(bucket.column) {
                *place = start;
            }
        }
    }
}

/// Whether the file has it as JSON.
fn is_json(cql_type: &CqlType) -> bool {
    matches!(
        cql_type,
        CqlType::List(_)
            | CqlType::Set(_)
            | CqlType::Map(..)
            | CqlType::Tuple(_)
            | CqlType::Vector(..)
            | CqlType::Udt(..)
    )
}

/// Maps with keys that are not text stand in the file as pairs.
fn shaped(value: Value, cql_type: &CqlType) -> Value {
    match (value, cql_type) {
        (Value::List(pairs), CqlType::Map(key, element)) => {
            let entries = pairs.into_iter().filter_map(|pair| {
                let Value::List(pair) = pair else { return None };
                let mut pair = pair.into_iter();
                Some((shaped(pair.next()?, key), shaped(pair.next()?, element)))
            });
            Value::Map(ValueMap::from_entries(entries.collect()))
        }
        (
            Value::List(values),
            CqlType::List(element) | CqlType::Set(element) | CqlType::Vector(element, _),
        ) => Value::List(
            values
                .into_iter()
                .map(|value| shaped(value, element))
                .collect(),
        ),
        (value, _) => value,
    }
}
