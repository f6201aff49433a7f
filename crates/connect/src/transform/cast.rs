//! `Cast`: a part, or fields of it, as another type (CONNECT-SPEC 2.3).

use std::sync::Arc;

use super::fields::put;
use super::{Part, cast_value::cast, no_fields};
use crate::data_error::DataError;
use crate::options::Options;
use crate::record::ConnectRecord;
use crate::schema::{Field, Schema, SchemaKind};
use crate::schema_cache::SchemaCache;
use crate::value::{Struct, Value};

const TYPES: &str = "int8, int16, int32, int64, float32, float64, boolean, string";

#[derive(Debug)]
pub(super) struct Cast {
    spec: Spec,
    null_to_default: bool,
    layouts: SchemaCache<Arc<Schema>, Arc<Layout>>,
}

#[derive(Debug)]
enum Spec {
    Whole(SchemaKind),
    Fields(Vec<(Arc<str>, SchemaKind)>),
}

/// The schema of the result; for each field its type if it is cast.
#[derive(Debug)]
struct Layout {
    schema: Arc<Schema>,
    casts: Vec<Option<SchemaKind>>,
}

impl Cast {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        let items = options.required_list("spec")?;
        match spec(&items) {
            Ok(spec) => Some(Self {
                spec,
                null_to_default: options.boolean("replace.null.with.default", true),
                layouts: SchemaCache::default(),
            }),
            Err(message) => {
                let help = format!("write `field:type,...` or one type; types are {TYPES}");
                options.refuse("spec", message, Some(help));
                None
            }
        }
    }

    pub(super) fn apply(
        &self,
        record: &mut ConnectRecord<'_>,
        part: Part,
    ) -> Result<(), DataError> {
        let (schema, value) = part.of(record);
        if value.is_null() {
            return Ok(());
        }
        match &self.spec {
            Spec::Whole(kind) => {
                let own = std::mem::take(value);
                *value = cast(schema.as_deref(), own, kind)?;
                if let Some(own) = schema {
                    let layout = self.layouts.of(own, || whole(own, kind))?;
                    *own = layout.schema.clone();
                }
                Ok(())
            }
            Spec::Fields(fields) => match std::mem::take(value) {
                Value::Map(mut map) if schema.is_none() => {
                    for (name, kind) in fields {
                        let own = map.get_mut(name).map(std::mem::take).unwrap_or_default();
                        map.insert(name.clone(), cast(None, own, kind)?);
                    }
                    *value = Value::Map(map);
                    Ok(())
                }
                Value::Struct(own) => {
                    let layout = self
                        .layouts
                        .of(&own.schema, || layout(&own.schema, fields))?;
                    *schema = Some(layout.schema.clone());
                    *value = self.structure(own, &layout)?;
                    Ok(())
                }
                other => Err(no_fields(&other, schema.as_ref(), "cast types")),
            },
        }
    }

    fn structure(&self, own: Struct, layout: &Layout) -> Result<Value, DataError> {
        let fields = own.schema.fields().iter().zip(layout.schema.fields());
        let mut values = Vec::with_capacity(own.values.len());
        for ((value, (before, after)), kind) in
            own.values.into_iter().zip(fields).zip(&layout.casts)
        {
            let value = super::fields::or_default(value, &before.schema, self.null_to_default);
            let value = match kind {
                Some(kind) => cast(Some(&before.schema), value, kind)?,
                None => value,
            };
            values.push(put(value, after, false)?);
        }
        Ok(Value::Struct(Struct {
            schema: layout.schema.clone(),
            values,
        }))
    }
}

fn spec(items: &[&str]) -> Result<Spec, String> {
    let mut fields: Vec<(Arc<str>, SchemaKind)> = Vec::new();
    let mut whole = None;
    for item in items {
        match item.split(':').collect::<Vec<_>>()[..] {
            [kind] if items.len() == 1 => whole = Some(target(kind)?),
            [_] => return Err(format!("`{item}` stands beside others and names no field")),
            [field, kind] => {
                let field = field.trim();
                fields.retain(|(known, _)| **known != *field);
                fields.push((Arc::from(field), target(kind)?));
            }
            _ => return Err(format!("`{item}` is not `field:type`")),
        }
    }
    Ok(whole.map_or(Spec::Fields(fields), Spec::Whole))
}

fn target(name: &str) -> Result<SchemaKind, String> {
    Ok(match name.trim().to_ascii_lowercase().as_str() {
        "int8" => SchemaKind::Int8,
        "int16" => SchemaKind::Int16,
        "int32" => SchemaKind::Int32,
        "int64" => SchemaKind::Int64,
        "float32" => SchemaKind::Float32,
        "float64" => SchemaKind::Float64,
        "boolean" => SchemaKind::Boolean,
        "string" => SchemaKind::String,
        _ => return Err(format!("`{name}` is not a type to cast to")),
    })
}

/// The schema of a part cast as a whole keeps its metadata, even a logical type's name.
fn whole(own: &Schema, kind: &SchemaKind) -> Result<Arc<Layout>, DataError> {
    let default = own.default.clone();
    let default = default
        .map(|default| cast(Some(own), default, kind))
        .transpose()?;
    let schema = Arc::new(Schema {
        kind: kind.clone(),
        default,
        ..own.clone()
    });
    Ok(Arc::new(Layout {
        schema,
        casts: Vec::new(),
    }))
}

fn layout(own: &Schema, specs: &[(Arc<str>, SchemaKind)]) -> Result<Arc<Layout>, DataError> {
    let (mut fields, mut casts) = (Vec::new(), Vec::new());
    for field in own.fields() {
        let kind = specs.iter().find(|(name, _)| *name == field.name);
        let kind = kind.map(|(_, kind)| kind.clone());
        fields.push(match &kind {
            None => field.clone(),
            Some(kind) => {
                let default = field.schema.default.clone();
                let default = default.map(|default| cast(Some(&field.schema), default, kind));
                Field {
                    name: field.name.clone(),
                    schema: Arc::new(Schema {
                        optional: field.schema.optional,
                        default: default.transpose()?,
                        ..Schema::new(kind.clone())
                    }),
                }
            }
        });
        casts.push(kind);
    }
    let schema = Arc::new(Schema {
        kind: SchemaKind::Struct(fields),
        ..own.clone()
    });
    Ok(Arc::new(Layout { schema, casts }))
}
