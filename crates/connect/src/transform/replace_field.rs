//! `ReplaceField`: fields left out, kept, renamed (CONNECT-SPEC 2.3).

use std::sync::Arc;

use super::fields::{put, with_fields};
use super::{Part, no_fields};
use crate::data_error::DataError;
use crate::options::Options;
use crate::record::ConnectRecord;
use crate::schema::{Field, Schema};
use crate::schema_cache::SchemaCache;
use crate::value::{Struct, Value, ValueMap};

#[derive(Debug)]
pub(super) struct ReplaceField {
    exclude: Vec<String>,
    include: Vec<String>,
    renames: Vec<(String, Arc<str>)>,
    null_to_default: bool,
    layouts: SchemaCache<Arc<Schema>, Arc<Layout>>,
}

/// The schema of the result, and which field of the source each of its fields comes from.
#[derive(Debug)]
struct Layout {
    schema: Arc<Schema>,
    sources: Vec<usize>,
}

impl ReplaceField {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        let owned = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
        let mut renames: Vec<(String, Arc<str>)> = Vec::new();
        for pair in options.list("renames") {
            match pair.split(':').collect::<Vec<_>>()[..] {
                [old, new] if !new.is_empty() => {
                    renames.retain(|(known, _)| known != old);
                    renames.push((old.to_owned(), Arc::from(new)));
                }
                _ => {
                    let message = format!("`{pair}` is not `old:new`");
                    options.refuse("renames", message, None);
                    return None;
                }
            }
        }
        Some(Self {
            exclude: owned(options.list("exclude")),
            include: owned(options.list("include")),
            renames,
            null_to_default: options.boolean("replace.null.with.default", true),
            layouts: SchemaCache::default(),
        })
    }

    pub(super) fn apply(
        &self,
        record: &mut ConnectRecord<'_>,
        part: Part,
    ) -> Result<(), DataError> {
        let (schema, value) = part.of(record);
        match std::mem::take(value) {
            Value::Null => {}
            Value::Map(map) if schema.is_none() => *value = Value::Map(self.map(map)?),
            Value::Struct(own) => {
                let layout = self.layouts.of(&own.schema, || self.layout(&own.schema))?;
                *schema = Some(layout.schema.clone());
                *value = Value::Struct(self.structure(own, &layout)?);
            }
            other => return Err(no_fields(&other, schema.as_ref(), "field replacement")),
        }
        Ok(())
    }

    fn keeps(&self, name: &str) -> bool {
        let listed = |list: &[String]| list.iter().any(|own| own == name);
        !listed(&self.exclude) && (self.include.is_empty() || listed(&self.include))
    }

    fn renamed(&self, name: &Arc<str>) -> Arc<str> {
        let new = self.renames.iter().find(|(old, _)| **old == **name);
        new.map_or(name, |(_, new)| new).clone()
    }

    fn map(&self, map: ValueMap) -> Result<ValueMap, DataError> {
        let mut entries = Vec::with_capacity(map.len());
        for (key, value) in map {
            let Value::Str(name) = key else {
                let kind = key.kind();
                return Err(DataError::new(format!("{kind} is no name of a field")));
            };
            if self.keeps(&name) {
                entries.push((Value::Str(self.renamed(&name)), value));
            }
        }
        Ok(ValueMap::from_entries(entries))
    }

    fn layout(&self, own: &Schema) -> Result<Arc<Layout>, DataError> {
        let (mut sources, mut fields) = (Vec::new(), Vec::new());
        for (index, field) in own.fields().iter().enumerate() {
            if self.keeps(&field.name) {
                sources.push(index);
                fields.push(Field {
                    name: self.renamed(&field.name),
                    schema: field.schema.clone(),
                });
            }
        }
        let schema = Arc::new(with_fields(own, Vec::new(), &fields)?);
        Ok(Arc::new(Layout { schema, sources }))
    }

    fn structure(&self, mut own: Struct, layout: &Layout) -> Result<Struct, DataError> {
        let fields = layout.schema.fields().iter();
        let take = |(index, field): (&usize, &Field)| {
            let value = own.values.get_mut(*index).map(std::mem::take);
            put(value.unwrap_or_default(), field, self.null_to_default)
        };
        let values = layout.sources.iter().zip(fields).map(take);
        Ok(Struct {
            schema: layout.schema.clone(),
            values: values.collect::<Result<_, _>>()?,
        })
    }
}
