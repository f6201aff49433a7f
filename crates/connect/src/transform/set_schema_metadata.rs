//! `SetSchemaMetadata`: another name or version for a struct's schema (CONNECT-SPEC 2.3, 2.5.2).

use std::sync::Arc;

use super::Part;
use super::fields::put;
use crate::data_error::DataError;
use crate::options::Options;
use crate::record::ConnectRecord;
use crate::schema::{Schema, SchemaKind};
use crate::schema_cache::SchemaCache;
use crate::value::Value;

#[derive(Debug)]
pub(super) struct SetSchemaMetadata {
    name: Option<Arc<str>>,
    version: Option<i32>,
    null_to_default: bool,
    schemas: SchemaCache<Arc<Schema>>,
}

impl SetSchemaMetadata {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        let name = options
            .raw("schema.name")
            .map(|name| Arc::from(name.trim()));
        let version = match options
            .raw("schema.version")
            .map(str::trim)
            .map(|text| (text, text.parse()))
        {
            None => None,
            Some((_, Ok(version))) => Some(version),
            Some((text, Err(_))) => {
                let message = format!("`{text}` is not a whole number");
                options.refuse("schema.version", message, None);
                return None;
            }
        };
        if name.is_none() && version.is_none() {
            let help = "set `schema.name` or `schema.version`";
            options.refuse_self("neither schema name nor version configured", help);
            return None;
        }
        Some(Self {
            name,
            version,
            null_to_default: options.boolean("replace.null.with.default", true),
            schemas: SchemaCache::default(),
        })
    }

    pub(super) fn apply(
        &self,
        record: &mut ConnectRecord<'_>,
        part: Part,
    ) -> Result<(), DataError> {
        let (schema, value) = part.of(record);
        let Some(own) = schema else {
            if value.is_null() {
                return Ok(());
            }
            return Err(DataError::new("schema metadata needs a schema"));
        };
        let renamed = self.schemas.of(own, || {
            if !matches!(own.kind, SchemaKind::Struct(_)) {
                return Err(DataError::new(
                    "cannot list fields on a type that is no struct",
                ));
            }
            Ok(Arc::new(Schema {
                name: self.name.clone().or_else(|| own.name.clone()),
                version: self.version.or(own.version),
                ..(**own).clone()
            }))
        })?;
        if let Value::Struct(own) = value {
            for (value, field) in own.values.iter_mut().zip(renamed.fields()) {
                *value = put(std::mem::take(value), field, self.null_to_default)?;
            }
            own.schema = renamed.clone();
        }
        *schema = Some(renamed);
        Ok(())
    }
}
