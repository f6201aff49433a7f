//! `DropHeaders`, `HeaderFrom` and `InsertHeader`: the record's headers (CONNECT-SPEC 2.3).

use std::sync::Arc;

use super::fields::{or_default, put, with_fields};
use super::{Part, no_fields};
use crate::data_error::DataError;
use crate::options::Options;
use crate::record::{ConnectHeader, ConnectRecord};
use crate::schema::{Field, Schema};
use crate::schema_cache::SchemaCache;
use crate::value::{Struct, Value};

#[derive(Debug)]
pub(super) struct DropHeaders(Vec<String>);

impl DropHeaders {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        let names = options.required_list("headers")?;
        Some(Self(names.into_iter().map(str::to_owned).collect()))
    }

    pub(super) fn apply(&self, record: &mut ConnectRecord<'_>) {
        if let Some(headers) = &mut record.headers {
            headers.retain(|header| !self.0.iter().any(|name| **name == *header.name));
        }
    }
}

/// A header whose text is read once, as a header of a record would be.
#[derive(Debug)]
pub(super) struct InsertHeader(ConnectHeader);

impl InsertHeader {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        let Some(name) = options.raw("header").map(str::trim) else {
            options.required("header")?;
            return None;
        };
        let Some(literal) = options.raw("value.literal").map(str::trim) else {
            options.required("value.literal")?;
            return None;
        };
        let (schema, value) = crate::converter::header::parse(literal);
        Some(Self(ConnectHeader {
            name: Arc::from(name),
            schema,
            value,
        }))
    }

    pub(super) fn apply(&self, record: &mut ConnectRecord<'_>) {
        record.headers.get_or_insert_default().push(self.0.clone());
    }
}

#[derive(Debug)]
pub(super) struct HeaderFrom {
    /// Field and header.
    pairs: Vec<(Arc<str>, Arc<str>)>,
    moves: bool,
    null_to_default: bool,
    layouts: SchemaCache<Arc<Schema>, Arc<Layout>>,
}

/// Index and schema of each pair's field; what is left after a move, and where it comes from.
#[derive(Debug)]
struct Layout {
    taken: Vec<(usize, Arc<Schema>)>,
    left: Arc<Schema>,
    sources: Vec<usize>,
}

impl HeaderFrom {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        let (Some(_), Some(_)) = (options.raw("fields"), options.raw("headers")) else {
            options.refuse_self("lacks its fields or headers", "set `fields` and `headers`");
            return None;
        };
        let (fields, headers) = (options.list("fields"), options.list("headers"));
        if fields.len() != headers.len() || fields.is_empty() {
            options.refuse(
                "headers",
                "needs as many names as `fields`, at least one",
                None,
            );
            return None;
        }
        let moves = match options.required("operation")? {
            "move" => true,
            "copy" => false,
            other => {
                let message = format!("`{other}` is neither `move` nor `copy`");
                options.refuse("operation", message, None);
                return None;
            }
        };
        let pairs = fields.into_iter().zip(headers);
        Some(Self {
            pairs: pairs
                .map(|(field, header)| (field.into(), header.into()))
                .collect(),
            moves,
            null_to_default: options.boolean("replace.null.with.default", true),
            layouts: SchemaCache::default(),
        })
    }

    pub(super) fn apply(
        &self,
        record: &mut ConnectRecord<'_>,
        part: Part,
    ) -> Result<(), DataError> {
        let mut headers = record.headers.take().unwrap_or_default();
        let (schema, value) = part.of(record);
        match value {
            Value::Map(map) if schema.is_none() => {
                for (field, name) in &self.pairs {
                    headers.push(ConnectHeader {
                        name: name.clone(),
                        schema: None,
                        value: map.get(field).cloned().unwrap_or_default(),
                    });
                }
                if self.moves {
                    for (field, _) in &self.pairs {
                        map.remove(field);
                    }
                }
            }
            Value::Struct(own) => {
                let layout = self.layouts.of(&own.schema, || self.layout(&own.schema))?;
                for ((index, field), (_, name)) in layout.taken.iter().zip(&self.pairs) {
                    let value = own.values.get(*index).cloned().unwrap_or_default();
                    let value = or_default(value, field, self.null_to_default);
                    if value.is_null() && !field.optional {
                        return Err(DataError::new(format!(
                            "null for the header `{name}`, whose schema is required"
                        )));
                    }
                    headers.push(ConnectHeader {
                        name: name.clone(),
                        schema: Some(field.clone()),
                        value,
                    });
                }
                if self.moves {
                    let taken = std::mem::take(&mut own.values);
                    *own = self.left(taken, &layout)?;
                    *schema = Some(layout.left.clone());
                }
            }
            other => return Err(no_fields(other, schema.as_ref(), "header from")),
        }
        record.headers = Some(headers);
        Ok(())
    }

    fn left(&self, mut values: Vec<Value>, layout: &Layout) -> Result<Struct, DataError> {
        let fields = layout.sources.iter().zip(layout.left.fields());
        let take = |(index, field): (&usize, &Field)| {
            let value = values
                .get_mut(*index)
                .map(std::mem::take)
                .unwrap_or_default();
            put(value, field, self.null_to_default)
        };
        Ok(Struct {
            schema: layout.left.clone(),
            values: fields.map(take).collect::<Result<_, _>>()?,
        })
    }

    fn layout(&self, own: &Schema) -> Result<Arc<Layout>, DataError> {
        let mut taken = Vec::new();
        for (name, _) in &self.pairs {
            let index = own.field_index(name);
            let field = index.and_then(|index| Some((index, own.fields().get(index)?)));
            let (index, field) =
                field.ok_or_else(|| DataError::new(format!("there is no field `{name}`")))?;
            taken.push((index, field.schema.clone()));
        }
        let kept = |(index, _): &(usize, &Field)| taken.iter().all(|(own, _)| own != index);
        let (sources, fields): (Vec<_>, Vec<_>) =
            own.fields().iter().enumerate().filter(kept).unzip();
        let fields: Vec<Field> = fields.into_iter().cloned().collect();
        Ok(Arc::new(Layout {
            left: Arc::new(with_fields(own, Vec::new(), &fields)?),
            taken,
            sources,
        }))
    }
}
