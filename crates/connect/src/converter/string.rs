//! `org.apache.kafka.connect.storage.StringConverter`: any bytes as text, any value as Java's `toString`.

use std::sync::LazyLock;

use crate::java_date::DateFormat;
use crate::java_text;
use crate::options::Options;
use crate::value::Value;

static DATE: LazyLock<DateFormat> =
    LazyLock::new(|| DateFormat::known("EEE MMM dd HH:mm:ss zzz yyyy"));

/// Refuses encodings other than UTF-8.
pub(super) fn check(options: &mut Options<'_, '_>) {
    let encoding = options.text("converter.encoding").unwrap_or("UTF-8");
    if !["utf-8", "utf8"].contains(&encoding.to_ascii_lowercase().as_str()) {
        let message = format!("encoding `{encoding}` is not available");
        options.refuse(
            "converter.encoding",
            message,
            Some("only UTF-8 is".to_owned()),
        );
    }
}

/// `toString` of `value`; dates in UTC where Java uses the process's zone.
pub(crate) fn write(value: &Value) -> String {
    let mut out = String::new();
    append(value, &mut out);
    out
}

fn append(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::I8(value) => out.push_str(&value.to_string()),
        Value::I16(value) => out.push_str(&value.to_string()),
        Value::I32(value) => out.push_str(&value.to_string()),
        Value::I64(value) => out.push_str(&value.to_string()),
        Value::F32(value) => java_text::float(*value, out),
        Value::F64(value) => java_text::double(*value, out),
        Value::Str(text) => out.push_str(text),
        // Java prints an address here, which is of no use to anyone.
        Value::Bytes(bytes) => out.extend(["[B@", &bytes.len().to_string()]),
        Value::List(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                append(element, out);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (index, (key, value)) in map.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                append(key, out);
                out.push('=');
                append(value, out);
            }
            out.push('}');
        }
        Value::Struct(value) => {
            out.push_str("Struct{");
            for (index, (name, value)) in value
                .iter()
                .filter(|(_, value)| !value.is_null())
                .enumerate()
            {
                out.push_str(if index == 0 { "" } else { "," });
                out.push_str(name);
                out.push('=');
                append(value, out);
            }
            out.push('}');
        }
        Value::Date(days) => date(i64::from(*days) * 86_400_000, out),
        Value::Time(millis) => date(i64::from(*millis), out),
        Value::Timestamp(millis) => date(*millis, out),
        Value::Decimal(decimal) => out.push_str(&java_text::decimal(decimal)),
    }
}

/// `java.util.Date.toString` in UTC.
fn date(millis: i64, out: &mut String) {
    out.push_str(&DATE.format(millis));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::converter::JsonConverter;

    #[test]
    fn values_read_as_in_java() {
        let json = JsonConverter::new(false);
        for (text, expected) in [
            (r#"{"a":1,"b":[1,2.0,null]}"#, "{a=1, b=[1, 2.0, null]}"),
            ("true", "true"),
            (r#""x""#, "x"),
        ] {
            assert_eq!(write(&json.read(text.as_bytes()).unwrap().1), expected);
        }
        assert_eq!(write(&Value::Timestamp(0)), "Thu Jan 01 00:00:00 UTC 1970");
    }
}
