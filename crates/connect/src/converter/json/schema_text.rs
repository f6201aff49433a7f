//! Schema documents: the `schema` half of the `JsonConverter`'s envelope (CONNECT-SPEC 1.4).

use std::sync::Arc;

use super::coerce::{Reader, type_name};
use super::parser::{Parser, Token};
use super::writer::Writer;
use crate::data_error::{DataError, Exception};
use crate::schema::{Field, Schema, SchemaKind};
use crate::value::Value;

/// Parameters of a schema: names and values in order.
type Parameters = Vec<(Arc<str>, Arc<str>)>;

/// The members of a schema document as they were found, before they are put together.
#[derive(Debug, Default)]
struct Document<'a> {
    type_name: Option<String>,
    items: Option<Arc<Schema>>,
    keys: Option<Arc<Schema>>,
    values: Option<Arc<Schema>>,
    fields: Option<Vec<Field>>,
    field: Option<Arc<str>>,
    optional: bool,
    name: Option<Arc<str>>,
    version: Option<i32>,
    doc: Option<Arc<str>>,
    parameters: Parameters,
    default: Option<&'a str>,
}

/// Reads a schema document; JSON null is no schema.
pub(super) fn parse(parser: &mut Parser<'_>) -> Result<Option<Arc<Schema>>, DataError> {
    match parser.token()? {
        Token::Null => Ok(None),
        Token::Object => Ok(Some(document(parser)?.0)),
        _ => Err(DataError::new("a schema is a JSON object")),
    }
}

fn required(parser: &mut Parser<'_>) -> Result<(Arc<Schema>, Option<Arc<str>>), DataError> {
    match parser.token()? {
        Token::Object => document(parser),
        _ => Err(DataError::new("a schema is a JSON object")),
    }
}

/// The members of an object whose brace was consumed: the schema, and its name as a struct's field.
fn document(parser: &mut Parser<'_>) -> Result<(Arc<Schema>, Option<Arc<str>>), DataError> {
    let mut document = Document::default();
    let mut first = true;
    while let Some(member) = parser.member(std::mem::take(&mut first))? {
        match &*member {
            "type" => document.type_name = text(parser)?.map(|text| text.to_string()),
            "items" => document.items = Some(required(parser)?.0),
            "keys" => document.keys = Some(required(parser)?.0),
            "values" => document.values = Some(required(parser)?.0),
            "fields" => document.fields = Some(fields(parser)?),
            "field" => document.field = text(parser)?,
            "optional" => document.optional = matches!(scalar(parser)?, Token::Bool(true)),
            "name" => document.name = text(parser)?,
            "version" => document.version = version(parser)?,
            "doc" => document.doc = text(parser)?,
            "parameters" => document.parameters = parameters(parser)?,
            "default" => document.default = Some(parser.skip()?),
            _ => {
                parser.skip()?;
            }
        }
    }
    let field = document.field.take();
    Ok((document.schema()?, field))
}

impl Document<'_> {
    fn schema(self) -> Result<Arc<Schema>, DataError> {
        let missing =
            |member: &str| DataError::new(format!("the schema lacks its member `{member}`"));
        let kind = match self.type_name.as_deref().ok_or_else(|| missing("type"))? {
            "boolean" => SchemaKind::Boolean,
            "int8" => SchemaKind::Int8,
            "int16" => SchemaKind::Int16,
            "int32" => SchemaKind::Int32,
            "int64" => SchemaKind::Int64,
            "float" => SchemaKind::Float32,
            "double" => SchemaKind::Float64,
            "bytes" => SchemaKind::Bytes,
            "string" => SchemaKind::String,
            "array" => SchemaKind::Array(self.items.ok_or_else(|| missing("items"))?),
            "map" => SchemaKind::Map(
                self.keys.ok_or_else(|| missing("keys"))?,
                self.values.ok_or_else(|| missing("values"))?,
            ),
            "struct" => SchemaKind::Struct(self.fields.ok_or_else(|| missing("fields"))?),
            other => return Err(DataError::new(format!("unknown schema type `{other}`"))),
        };
        let mut schema = Arc::new(Schema {
            kind,
            optional: self.optional,
            default: None,
            name: self.name,
            version: self.version,
            doc: self.doc,
            parameters: self.parameters,
        });
        let Some(text) = self.default else {
            return Ok(schema);
        };
        let reader = Reader {
            null_to_default: true,
        };
        let default = reader.read(&mut Parser::of(text), &schema)?;
        // A struct's schema is not yet the one it is to be the default of: the original refuses it.
        if matches!(default, Value::Struct(_)) || (default.is_null() && !schema.optional) {
            let message = "the schema's `default` is not one of its values";
            return Err(DataError::of(Exception::SchemaBuilder, message));
        }
        if !default.is_null() {
            Arc::make_mut(&mut schema).default = Some(default);
        }
        Ok(schema)
    }
}

fn fields(parser: &mut Parser<'_>) -> Result<Vec<Field>, DataError> {
    let mut fields: Vec<Field> = Vec::new();
    if !matches!(parser.token()?, Token::Array) {
        return Err(DataError::new("a struct schema's `fields` is an array"));
    }
    while parser.element(fields.is_empty())? {
        let (schema, name) = required(parser)?;
        let name = name
            .ok_or_else(|| DataError::new("a struct's field lacks its name, the member `field`"))?;
        if fields.iter().any(|field| field.name == name) {
            let message = format!("the struct has two fields called `{name}`");
            return Err(DataError::of(Exception::SchemaBuilder, message));
        }
        fields.push(Field { name, schema });
    }
    Ok(fields)
}

fn parameters(parser: &mut Parser<'_>) -> Result<Parameters, DataError> {
    let mut parameters = Vec::new();
    let token = parser.token()?;
    if !matches!(token, Token::Object) {
        parser.skip_rest(&token)?;
        return Ok(parameters);
    }
    while let Some(name) = parser.member(parameters.is_empty())? {
        match parser.token()? {
            Token::Text(value) => parameters.push((Arc::from(name), Arc::from(value))),
            _ => {
                return Err(DataError::new(format!(
                    "the schema's parameter `{name}` is not a string"
                )));
            }
        }
    }
    Ok(parameters)
}

/// A value of which only text, numbers and booleans matter.
fn scalar<'a>(parser: &mut Parser<'a>) -> Result<Token<'a>, DataError> {
    let token = parser.token()?;
    parser.skip_rest(&token)?;
    Ok(token)
}

fn text(parser: &mut Parser<'_>) -> Result<Option<Arc<str>>, DataError> {
    Ok(match scalar(parser)? {
        Token::Text(text) => Some(Arc::from(text)),
        _ => None,
    })
}

/// What is no whole number is no version.
fn version(parser: &mut Parser<'_>) -> Result<Option<i32>, DataError> {
    #[expect(clippy::cast_possible_truncation, reason = "wraps, as the original")]
    Ok(match scalar(parser)? {
        Token::Number(number) if number.integral => Some(number.wrapping_i64() as i32),
        _ => None,
    })
}

/// Writes a schema document: type, (items | keys, values | fields), optional, name, version, doc, parameters,
/// default, field.
pub(super) fn write(
    writer: &mut Writer,
    schema: &Schema,
    field: Option<&str>,
) -> Result<(), DataError> {
    writer.raw("{\"type\":");
    writer.text(type_name(&schema.kind));
    match &schema.kind {
        SchemaKind::Array(items) => member(writer, "items", items)?,
        SchemaKind::Map(keys, values) => {
            member(writer, "keys", keys)?;
            member(writer, "values", values)?;
        }
        SchemaKind::Struct(fields) => {
            writer.raw(",\"fields\":[");
            for (index, field) in fields.iter().enumerate() {
                writer.raw(if index == 0 { "" } else { "," });
                write(writer, &field.schema, Some(&field.name))?;
            }
            writer.raw("]");
        }
        _ => {}
    }
    writer.raw(if schema.optional {
        ",\"optional\":true"
    } else {
        ",\"optional\":false"
    });
    text_member(writer, "name", schema.name.as_deref());
    if let Some(version) = schema.version {
        writer.raw(&format!(",\"version\":{version}"));
    }
    text_member(writer, "doc", schema.doc.as_deref());
    write_parameters(writer, &schema.parameters);
    if let Some(default) = &schema.default {
        writer.raw(",\"default\":");
        writer.value(Some(schema), default)?;
    }
    text_member(writer, "field", field);
    writer.raw("}");
    Ok(())
}

fn member(writer: &mut Writer, name: &str, schema: &Schema) -> Result<(), DataError> {
    writer.raw(&format!(",\"{name}\":"));
    write(writer, schema, None)
}

fn text_member(writer: &mut Writer, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        writer.raw(&format!(",\"{name}\":"));
        writer.text(value);
    }
}

fn write_parameters(writer: &mut Writer, parameters: &[(Arc<str>, Arc<str>)]) {
    if parameters.is_empty() {
        return;
    }
    writer.raw(",\"parameters\":{");
    for (index, (name, value)) in parameters.iter().enumerate() {
        writer.raw(if index == 0 { "" } else { "," });
        writer.text(name);
        writer.raw(":");
        writer.text(value);
    }
    writer.raw("}");
}
