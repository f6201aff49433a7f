//! `HoistField`: a part becomes the only field of a map or struct; a tombstone too (CONNECT-SPEC 2.3).

use std::sync::Arc;

use super::Part;
use super::fields::with_fields;
use crate::data_error::DataError;
use crate::options::Options;
use crate::record::ConnectRecord;
use crate::schema::{Field, Schema, SchemaKind};
use crate::schema_cache::SchemaCache;
use crate::value::{Struct, Value, ValueMap};

#[derive(Debug)]
pub(super) struct HoistField {
    field: Arc<str>,
    schemas: SchemaCache<Arc<Schema>>,
}

impl HoistField {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        let field = match options.raw("field") {
            Some(field) => field.trim(),
            None => options.required("field")?,
        };
        Some(Self {
            field: Arc::from(field),
            schemas: SchemaCache::default(),
        })
    }

    pub(super) fn apply(
        &self,
        record: &mut ConnectRecord<'_>,
        part: Part,
    ) -> Result<(), DataError> {
        let (schema, value) = part.of(record);
        let own = std::mem::take(value);
        let Some(inner) = schema else {
            *value = Value::Map(ValueMap::from_iter([(self.field.clone(), own)]));
            return Ok(());
        };
        let hoisted = self.schemas.of(inner, || {
            let field = Field {
                name: self.field.clone(),
                schema: inner.clone(),
            };
            let empty = Schema::new(SchemaKind::Struct(Vec::new()));
            Ok(Arc::new(with_fields(&empty, Vec::new(), &[field])?))
        })?;
        *schema = Some(hoisted.clone());
        *value = Value::Struct(Struct {
            schema: hoisted,
            values: vec![own],
        });
        Ok(())
    }
}
