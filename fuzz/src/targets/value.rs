//! Record bytes to values and back.

use std::sync::Arc;

use bytes::Bytes;
use messina_connect::config::ConnectorConfig;
use messina_connect::converter::{DelimitedConverter, HeaderConverter, JsonConverter};
use messina_connect::schema::SchemaKind;

use super::Target;

/// JSON, with and without schemas.
pub(super) const JSON: Target = Target {
    name: "json",
    seeds: &[
        br#"{"device":"d1","temp":21.5,"ok":true,"none":null,"list":[1,-2.5e3,"\u00e4\n"],"nested":{"a":{"b":12345678901234567890}}}"#,
        br#"{"schema":{"type":"struct","fields":[{"type":"int32","field":"id"},{"type":"double","optional":true,"field":"t","default":1.5},{"type":"array","items":{"type":"string"},"field":"l","optional":true},{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"},"field":"d","optional":true}]},"payload":{"id":1,"t":2.5,"l":["x"],"d":"AQ=="}}"#,
        br#"{"schema":{"type":"map","keys":{"type":"int8"},"values":{"type":"int64","name":"org.apache.kafka.connect.data.Timestamp"}},"payload":[[1,1700000000000]]}"#,
    ],
    run: json,
};

/// Delimited lines.
pub(super) const DELIMITED: Target = Target {
    name: "delimited",
    seeds: &[b"99999,4.32# 4.55# 4.61# ", b"1,\"a,\"\"b\"", b",\n"],
    run: delimited,
};

/// A header's text, as Connect's `SimpleHeaderConverter` reads it.
pub(super) const HEADER: Target = Target {
    name: "header",
    seeds: &[
        b"{\"a\":[1,2.5,null,true],\"b\":{\"c\":\"d\\\"e\"}}",
        b"2024-01-31T12:34:56.789Z",
        b"[12:30:00.000Z, \"x\", -1e400]",
        b"{1:2,true:[[[]]]}",
    ],
    run: header,
};

fn header(bytes: &[u8]) {
    let converter = HeaderConverter::from_config(&ConnectorConfig::new("fuzz"), "header.converter");
    let Ok(converter) = converter else {
        panic!("the default is a converter");
    };
    let bytes = Bytes::copy_from_slice(bytes);
    if let Ok((schema, value)) = converter.read(Some(&bytes)) {
        drop(converter.write(schema.as_deref(), &value));
    }
}

fn json(bytes: &[u8]) {
    for with_schemas in [false, true] {
        let converter = JsonConverter::new(with_schemas);
        let Ok((schema, value)) = converter.read(bytes) else {
            continue;
        };
        // What was read may have no JSON form; what has one is read and written the same again.
        let Ok(Some(written)) = converter.write(schema.as_deref(), &value) else {
            continue;
        };
        let (schema, again) = converter
            .read(&written)
            .unwrap_or_else(|error| panic!("what was written is not read: {error}"));
        let rewritten = converter.write(schema.as_deref(), &again);
        assert_eq!(rewritten, Ok(Some(written)), "written twice, two texts");
    }
}

fn delimited(bytes: &[u8]) {
    let columns = vec![
        (Arc::from("event_id"), SchemaKind::Int64),
        (Arc::from("readings"), SchemaKind::String),
    ];
    let converter = DelimitedConverter::new(',', columns);
    if let Ok((_, value)) = converter.read(bytes)
        && let Ok(line) = converter.write(&value)
    {
        let again = converter.read(&line).map(|(_, value)| value);
        assert_eq!(again, Ok(value), "another line comes back");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_right() {
        let read = |schemas: bool, seed: &[u8]| {
            JsonConverter::new(schemas)
                .read(seed)
                .map(|(schema, _)| schema.is_some())
        };
        let found: Vec<_> = [false, true, true]
            .into_iter()
            .zip(JSON.seeds)
            .map(|(schemas, seed)| read(schemas, seed))
            .collect();
        assert_eq!(found, [Ok(false), Ok(true), Ok(true)]);
    }
}
