//! Values with their schemas as the vectors write them; the other half is `Parts.java` of `tools/oracle`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use messina_connect::schema::{Field, Logical, Schema, SchemaKind};
use messina_connect::value::{Decimal, Struct, Value, ValueMap};
use num_bigint::BigInt;
use serde_json::{Map, Value as Json, json};

const DAY: i64 = 86_400_000;

/// An answer with each part in it decoded and encoded again: Java 17 writes some floats with a digit too many.
pub(crate) fn canonical(json: &Json) -> Json {
    match json {
        Json::Object(object)
            if object.len() == 2 && object.contains_key("s") && object.contains_key("p") =>
        {
            let (schema, value) = decode(json);
            encode(schema.as_deref(), &value)
        }
        Json::Object(object) => object
            .iter()
            .map(|(name, json)| (name.clone(), canonical(json)))
            .collect::<Map<_, _>>()
            .into(),
        Json::Array(elements) => elements.iter().map(canonical).collect(),
        scalar => scalar.clone(),
    }
}

/// Written bytes: equal, or JSON of the same members in another order, written with the same characters.
pub(crate) fn same_bytes(expect: &Json, own: &Json) -> bool {
    let parsed = |json: &Json| serde_json::from_str::<Json>(json["utf8"].as_str()?).ok();
    let characters = |json: &Json| {
        let mut bytes = json["utf8"]
            .as_str()
            .unwrap_or_default()
            .as_bytes()
            .to_vec();
        bytes.sort_unstable();
        bytes
    };
    expect == own
        || (parsed(expect).is_some_and(|expect| Some(expect) == parsed(own))
            && characters(expect) == characters(own))
}

pub(crate) fn bytes(json: &Json) -> Option<Bytes> {
    match json.get("utf8") {
        Some(text) => Some(Bytes::from(text.as_str().unwrap().to_owned())),
        None => json.get("b64").map(base64),
    }
}

pub(crate) fn text(bytes: Option<&[u8]>) -> Json {
    match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => Json::Null,
        Some((_, Ok(text))) => json!({"utf8": text}),
        Some((bytes, Err(_))) => json!({"b64": BASE64.encode(bytes)}),
    }
}

fn base64(json: &Json) -> Bytes {
    Bytes::from(BASE64.decode(json.as_str().unwrap()).unwrap())
}

pub(crate) fn decode(part: &Json) -> (Option<Arc<Schema>>, Value) {
    if part["s"].is_null() {
        return (None, untag(&part["p"]));
    }
    let schema = schema(&part["s"]);
    let value = value(&schema, &part["p"]);
    (Some(schema), value)
}

fn java_f64(text: &str) -> f64 {
    text.replace("Infinity", "inf").parse().unwrap()
}

fn decimal(text: &str) -> Value {
    let (mantissa, exponent) = text.split_once('E').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let scale = i32::try_from(fraction.len()).unwrap() - exponent.parse::<i32>().unwrap();
    Value::Decimal(Box::new(Decimal {
        unscaled: format!("{whole}{fraction}").parse().unwrap(),
        scale,
    }))
}

fn untag(json: &Json) -> Value {
    match json {
        Json::Null => return Value::Null,
        Json::Bool(value) => return Value::Bool(*value),
        Json::String(text) => return Value::text(text),
        Json::Array(elements) => return Value::List(elements.iter().map(untag).collect()),
        _ => {}
    }
    let (tag, json) = json.as_object().unwrap().iter().next().unwrap();
    let text = || json.as_str().unwrap();
    match tag.as_str() {
        "i8" => Value::I8(json.as_i64().unwrap().try_into().unwrap()),
        "i16" => Value::I16(json.as_i64().unwrap().try_into().unwrap()),
        "i32" => Value::I32(json.as_i64().unwrap().try_into().unwrap()),
        "i64" => Value::I64(json.as_i64().unwrap()),
        "f32" => Value::F32(text().replace("Infinity", "inf").parse().unwrap()),
        "f64" => Value::F64(java_f64(text())),
        "bytes" => Value::Bytes(base64(json)),
        "date" => Value::Timestamp(json.as_i64().unwrap()),
        "dec" => decimal(text()),
        "struct" => decode(json).1,
        "map" => {
            let pair = |pair: &Json| (untag(&pair[0]), untag(&pair[1]));
            Value::Map(ValueMap::from_entries(
                json.as_array().unwrap().iter().map(pair).collect(),
            ))
        }
        other => panic!("unknown tag {other}"),
    }
}

fn schema(json: &Json) -> Arc<Schema> {
    let below = |member: &str| schema(&json[member]);
    let kind = match json["type"].as_str().unwrap() {
        "boolean" => SchemaKind::Boolean,
        "int8" => SchemaKind::Int8,
        "int16" => SchemaKind::Int16,
        "int32" => SchemaKind::Int32,
        "int64" => SchemaKind::Int64,
        "float" => SchemaKind::Float32,
        "double" => SchemaKind::Float64,
        "bytes" => SchemaKind::Bytes,
        "string" => SchemaKind::String,
        "array" => SchemaKind::Array(below("items")),
        "map" => SchemaKind::Map(below("keys"), below("values")),
        _ => {
            let field = |json: &Json| Field {
                name: json["field"].as_str().unwrap().into(),
                schema: schema(json),
            };
            SchemaKind::Struct(
                json["fields"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(field)
                    .collect(),
            )
        }
    };
    let text = |member: &str| json[member].as_str().map(Arc::from);
    let parameters = json["parameters"].as_object().into_iter().flatten();
    let mut schema = Schema {
        kind,
        optional: json["optional"].as_bool().unwrap(),
        default: None,
        name: text("name"),
        version: json["version"]
            .as_i64()
            .map(|version| version.try_into().unwrap()),
        doc: text("doc"),
        parameters: parameters
            .map(|(name, value)| (Arc::from(name.as_str()), Arc::from(value.as_str().unwrap())))
            .collect(),
    };
    if let Some(default) = json.get("default") {
        schema.default = Some(value(&Arc::new(schema.clone()), default));
    }
    Arc::new(schema)
}

#[expect(clippy::cast_possible_truncation, reason = "the text was a float's")]
fn value(schema: &Arc<Schema>, json: &Json) -> Value {
    if json.is_null() {
        return Value::Null;
    }
    if let Some(raw) = json.get("!raw") {
        return untag(raw);
    }
    let integer = || json.as_i64().unwrap();
    match schema.logical() {
        Some(Logical::Decimal) => {
            let scale = schema.parameter("scale").unwrap().parse().unwrap();
            return Value::Decimal(Box::new(Decimal {
                unscaled: BigInt::from_signed_bytes_be(&base64(json)),
                scale,
            }));
        }
        Some(Logical::Date) => return Value::Date(integer().try_into().unwrap()),
        Some(Logical::Time) => return Value::Time(integer().try_into().unwrap()),
        Some(Logical::Timestamp) => return Value::Timestamp(integer()),
        None => {}
    }
    let float = || {
        json.as_str()
            .map_or_else(|| json.as_f64().unwrap(), java_f64)
    };
    match &schema.kind {
        SchemaKind::Boolean => Value::Bool(json.as_bool().unwrap()),
        SchemaKind::Int8 => Value::I8(integer().try_into().unwrap()),
        SchemaKind::Int16 => Value::I16(integer().try_into().unwrap()),
        SchemaKind::Int32 => Value::I32(integer().try_into().unwrap()),
        SchemaKind::Int64 => Value::I64(integer()),
        SchemaKind::Float32 => Value::F32(float() as f32),
        SchemaKind::Float64 => Value::F64(float()),
        SchemaKind::String => Value::text(json.as_str().unwrap()),
        SchemaKind::Bytes => Value::Bytes(base64(json)),
        SchemaKind::Array(element) => Value::List(
            json.as_array()
                .unwrap()
                .iter()
                .map(|json| value(element, json))
                .collect(),
        ),
        SchemaKind::Map(key, own) => Value::Map(match json.as_object() {
            Some(object) => object
                .iter()
                .map(|(name, json)| (Arc::from(name.as_str()), value(own, json)))
                .collect(),
            None => ValueMap::from_entries(
                json.as_array()
                    .unwrap()
                    .iter()
                    .map(|pair| (value(key, &pair[0]), value(own, &pair[1])))
                    .collect(),
            ),
        }),
        SchemaKind::Struct(fields) => Value::Struct(Struct {
            schema: schema.clone(),
            values: fields
                .iter()
                .map(|field| value(&field.schema, &json[&*field.name]))
                .collect(),
        }),
    }
}

pub(crate) fn encode(schema: Option<&Schema>, value: &Value) -> Json {
    match schema {
        None => json!({"s": null, "p": tagged(value)}),
        Some(schema) => json!({"s": document(schema), "p": payload(schema, value)}),
    }
}

fn java_text(debug: &str) -> String {
    let (mantissa, exponent) = debug.split_once('e').unwrap_or((debug, ""));
    let plain = mantissa.replace("inf", "Infinity");
    let point = if plain.contains('.') || plain.contains('N') || plain.contains('I') {
        ""
    } else {
        ".0"
    };
    let exponent = if exponent.is_empty() {
        String::new()
    } else {
        format!("E{exponent}")
    };
    format!("{plain}{point}{exponent}")
}

fn java_double(value: f64) -> String {
    let plain = value == 0.0 || (1e-3..1e7).contains(&value.abs());
    if plain || !value.is_finite() {
        java_text(&format!("{value}"))
    } else {
        java_text(&format!("{value:e}"))
    }
}

fn java_float(value: f32) -> String {
    let plain = value == 0.0 || (1e-3..1e7).contains(&value.abs());
    if plain || !value.is_finite() {
        java_text(&format!("{value}"))
    } else {
        java_text(&format!("{value:e}"))
    }
}

fn key_text(value: &Value) -> String {
    match value {
        Value::Str(text) => text.to_string(),
        Value::Bool(value) => value.to_string(),
        other => tagged(other)
            .as_object()
            .and_then(|tag| tag.values().next().map(Json::to_string))
            .unwrap_or_default(),
    }
}

fn sorted(map: &ValueMap) -> Vec<&(Value, Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| key_text(key));
    entries
}

fn tagged(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Str(text) => json!(&**text),
        Value::I8(value) => json!({"i8": value}),
        Value::I16(value) => json!({"i16": value}),
        Value::I32(value) => json!({"i32": value}),
        Value::I64(value) => json!({"i64": value}),
        Value::F32(value) => json!({"f32": java_float(*value)}),
        Value::F64(value) => json!({"f64": java_double(*value)}),
        Value::Bytes(bytes) => json!({"bytes": BASE64.encode(bytes)}),
        Value::Date(days) => json!({"date": i64::from(*days) * DAY}),
        Value::Time(millis) => json!({"date": millis}),
        Value::Timestamp(millis) => json!({"date": millis}),
        Value::Decimal(decimal) => json!({"dec": decimal_text(decimal)}),
        Value::List(elements) => elements.iter().map(tagged).collect(),
        Value::Map(map) => {
            let pairs: Vec<_> = sorted(map)
                .into_iter()
                .map(|(key, value)| json!([tagged(key), tagged(value)]))
                .collect();
            json!({"map": pairs})
        }
        Value::Struct(value) => {
            json!({"struct": encode(Some(&value.schema), &Value::Struct(value.clone()))})
        }
    }
}

/// `BigDecimal.toString`.
fn decimal_text(decimal: &Decimal) -> String {
    let signed = decimal.unscaled.to_string();
    let (sign, digits) = signed
        .strip_prefix('-')
        .map_or(("", &*signed), |digits| ("-", digits));
    let exponent = i64::try_from(digits.len()).unwrap() - 1 - i64::from(decimal.scale);
    if decimal.scale < 0 || exponent < -6 {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{point}{rest}E{exponent:+}");
    }
    let scale = usize::try_from(decimal.scale).unwrap();
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    if scale == 0 {
        signed
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

fn document(schema: &Schema) -> Json {
    let mut out = Map::new();
    let kind = match &schema.kind {
        SchemaKind::Boolean => "boolean",
        SchemaKind::Int8 => "int8",
        SchemaKind::Int16 => "int16",
        SchemaKind::Int32 => "int32",
        SchemaKind::Int64 => "int64",
        SchemaKind::Float32 => "float",
        SchemaKind::Float64 => "double",
        SchemaKind::String => "string",
        SchemaKind::Bytes => "bytes",
        SchemaKind::Array(items) => {
            out.insert("items".into(), document(items));
            "array"
        }
        SchemaKind::Map(keys, values) => {
            out.insert("keys".into(), document(keys));
            out.insert("values".into(), document(values));
            "map"
        }
        SchemaKind::Struct(fields) => {
            let field = |field: &Field| {
                let mut own = document(&field.schema);
                own["field"] = json!(&*field.name);
                own
            };
            out.insert("fields".into(), fields.iter().map(field).collect());
            "struct"
        }
    };
    out.insert("type".into(), json!(kind));
    out.insert("optional".into(), json!(schema.optional));
    let texts = [("name", &schema.name), ("doc", &schema.doc)];
    for (member, text) in texts
        .into_iter()
        .filter_map(|(member, text)| Some((member, text.as_ref()?)))
    {
        out.insert(member.into(), json!(&**text));
    }
    if let Some(version) = schema.version {
        out.insert("version".into(), json!(version));
    }
    if !schema.parameters.is_empty() {
        out.insert(
            "parameters".into(),
            schema
                .parameters
                .iter()
                .map(|(name, value)| (name.to_string(), json!(&**value)))
                .collect(),
        );
    }
    if let Some(default) = &schema.default {
        out.insert("default".into(), payload(schema, default));
    }
    Json::Object(out)
}

/// A schema document but for its default, which may be of this schema itself.
fn without_default(schema: &Schema) -> Json {
    document(&Schema {
        default: None,
        ..schema.clone()
    })
}

fn float(value: f64, text: &str) -> Json {
    if value.is_finite() {
        json!(value)
    } else {
        json!(text)
    }
}

fn payload(schema: &Schema, value: &Value) -> Json {
    match (schema.logical(), &schema.kind, value) {
        (_, _, Value::Null) => Json::Null,
        (Some(Logical::Decimal), _, Value::Decimal(decimal))
            if schema.parameter("scale") == Some(&decimal.scale.to_string()) =>
        {
            json!(BASE64.encode(decimal.unscaled.to_signed_bytes_be()))
        }
        (Some(Logical::Date), _, Value::Date(days)) => json!(days),
        (Some(Logical::Date), _, Value::Timestamp(millis)) if millis % DAY == 0 => {
            json!(millis / DAY)
        }
        (Some(Logical::Time), _, Value::Time(millis)) => json!(millis),
        (Some(Logical::Time), _, Value::Timestamp(millis)) if (0..=DAY).contains(millis) => {
            json!(millis)
        }
        (Some(Logical::Timestamp), _, Value::Timestamp(millis)) => json!(millis),
        (Some(Logical::Timestamp), _, Value::Date(days)) => json!(i64::from(*days) * DAY),
        (Some(_), ..) => json!({"!raw": tagged(value)}),
        (_, SchemaKind::Boolean, Value::Bool(value)) => json!(value),
        (_, SchemaKind::Int8, Value::I8(value)) => json!(value),
        (_, SchemaKind::Int16, Value::I16(value)) => json!(value),
        (_, SchemaKind::Int32, Value::I32(value)) => json!(value),
        (_, SchemaKind::Int64, Value::I64(value)) => json!(value),
        (_, SchemaKind::Float32, Value::F32(value)) => float(
            java_float(*value).parse().unwrap_or(f64::NAN),
            &java_float(*value),
        ),
        (_, SchemaKind::Float64, Value::F64(value)) => float(*value, &java_double(*value)),
        (_, SchemaKind::String, Value::Str(text)) => json!(&**text),
        (_, SchemaKind::Bytes, Value::Bytes(bytes)) => json!(BASE64.encode(bytes)),
        (_, SchemaKind::Array(element), Value::List(elements)) => elements
            .iter()
            .map(|value| payload(element, value))
            .collect(),
        (_, SchemaKind::Map(key, own), Value::Map(map)) => {
            let named =
                key.kind == SchemaKind::String && map.iter().all(|(key, _)| key.as_str().is_some());
            let entries = sorted(map).into_iter();
            if named {
                return entries
                    .map(|(name, value)| (name.as_str().unwrap().to_owned(), payload(own, value)))
                    .collect::<Map<_, _>>()
                    .into();
            }
            entries
                .map(|(name, value)| json!([payload(key, name), payload(own, value)]))
                .collect()
        }
        (_, SchemaKind::Struct(fields), Value::Struct(own))
            if without_default(&own.schema) == without_default(schema) =>
        {
            let entries = fields.iter().zip(&own.values);
            entries
                .map(|(field, value)| (field.name.to_string(), payload(&field.schema, value)))
                .collect::<Map<_, _>>()
                .into()
        }
        _ => json!({"!raw": tagged(value)}),
    }
}
