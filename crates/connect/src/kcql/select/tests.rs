use bytes::Bytes;

use super::*;
use crate::kcql::{Mode, parse};
use crate::schema::{Field, Schema, SchemaKind};
use crate::value::ValueMap;

/// JSON to a value, integers to INT64, as the converter without schemas does.
fn json(text: &str) -> Value {
    fn convert(value: &serde_json::Value) -> Value {
        match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(own) => Value::Bool(*own),
            serde_json::Value::Number(own) => own
                .as_i64()
                .map_or_else(|| Value::F64(own.as_f64().unwrap()), Value::I64),
            serde_json::Value::String(own) => Value::text(own),
            serde_json::Value::Array(own) => Value::List(own.iter().map(convert).collect()),
            serde_json::Value::Object(own) => Value::Map(
                own.iter()
                    .map(|(name, value)| (Arc::from(name.as_str()), convert(value)))
                    .collect(),
            ),
        }
    }
    convert(&serde_json::from_str(text).unwrap())
}

/// A struct made after a JSON object: every field optional, `null` a string, maps where a name ends in `_map`.
fn structure(text: &str) -> Value {
    fn convert(name: &str, value: Value) -> (Arc<Schema>, Value) {
        let (kind, value) = match value {
            Value::Map(map) if name.ends_with("_map") => {
                let text = Arc::new(Schema::new(SchemaKind::String));
                let inner = map
                    .entries()
                    .first()
                    .map_or(text.clone(), |(_, value)| convert("", value.clone()).0);
                let entries = map
                    .into_iter()
                    .map(|(key, value)| (key, convert("", value).1))
                    .collect();
                (
                    SchemaKind::Map(text, inner),
                    Value::Map(ValueMap::from_entries(entries)),
                )
            }
            Value::Map(map) => {
                let (fields, values): (Vec<_>, Vec<_>) = map
                    .into_iter()
                    .map(|(key, value)| {
                        let name: Arc<str> = Arc::from(key.as_str().unwrap());
                        let (schema, value) = convert(&name, value);
                        (Field { name, schema }, value)
                    })
                    .unzip();
                let schema = Arc::new(Schema::new(SchemaKind::Struct(fields)).optional());
                return (schema.clone(), Value::Struct(Struct { schema, values }));
            }
            Value::List(list) => {
                let parts: Vec<_> = list.into_iter().map(|value| convert("", value)).collect();
                let element = parts
                    .first()
                    .map_or(Arc::new(Schema::new(SchemaKind::String)), |(schema, _)| {
                        schema.clone()
                    });
                (
                    SchemaKind::Array(element),
                    Value::List(parts.into_iter().map(|(_, value)| value).collect()),
                )
            }
            Value::I64(_) => (SchemaKind::Int64, value),
            _ => (SchemaKind::String, value),
        };
        (Arc::new(Schema::new(kind).optional()), value)
    }
    convert("", json(text)).1
}

fn compile(select: &str) -> Projection {
    let (statements, _) = parse(&format!("INSERT INTO t SELECT {select}"), Mode::Strict)
        .unwrap_or_else(|errors| panic!("{errors:?}"));
    Projection::compile(&statements[0], AliasQuotes::Keep).unwrap()
}

fn run(select: &str, key: &Value, value: &Value) -> Result<Vec<(String, Value)>, SelectError> {
    let projection = compile(select);
    let mut found: Vec<(String, Value)> = Vec::new();
    let headers = json(r#"{"h":"v"}"#);
    projection.project(
        RecordParts {
            key,
            value,
            headers: &headers,
        },
        |name, value| {
            let name = match name {
                OutputName::Slot(slot) => projection.names()[slot].to_string(),
                OutputName::Dynamic(name) => name.into_owned(),
            };
            found.push((name, value.into_owned()));
        },
    )?;
    Ok(found)
}

/// Members as JSON text, in order of output; structs as objects.
fn text(outputs: &[(String, Value)]) -> String {
    let members: Vec<String> = outputs
        .iter()
        .map(|(name, value)| format!("{name}:{}", show(value)))
        .collect();
    members.join(" ")
}

fn show(value: &Value) -> String {
    let members = |list: Vec<(String, &Value)>| {
        let members: Vec<String> = list
            .into_iter()
            .map(|(name, value)| format!("{name}:{}", show(value)))
            .collect();
        format!("{{{}}}", members.join(","))
    };
    match value {
        Value::Null => "null".to_owned(),
        Value::I64(own) => own.to_string(),
        Value::Str(own) => own.to_string(),
        Value::List(own) => format!("[{}]", own.iter().map(show).collect::<Vec<_>>().join(",")),
        Value::Map(own) => members(
            own.iter()
                .map(|(key, value)| (key.as_str().unwrap().to_owned(), value))
                .collect(),
        ),
        Value::Struct(own) => members(
            own.iter()
                .map(|(name, value)| (name.to_string(), value))
                .collect(),
        ),
        other => format!("{other:?}"),
    }
}

fn j(select: &str, value: &str) -> Result<String, SelectError> {
    run(&format!("{select} FROM x"), &Value::Null, &json(value)).map(|outputs| text(&outputs))
}

fn s(select: &str, value: &str) -> Result<String, SelectError> {
    run(&format!("{select} FROM x"), &Value::Null, &structure(value)).map(|outputs| text(&outputs))
}

fn nested(select: &str, value: &Value) -> Result<String, SelectError> {
    run(
        &format!("{select} FROM x WITHSTRUCTURE"),
        &Value::Null,
        value,
    )
    .map(|outputs| text(&outputs))
}

#[test]
fn a_lone_star_leaves_the_record_as_it_is() {
    let document = r#"{"a":1,"b":{"c":[1,2]},"d":null}"#;
    assert_eq!(j("*", document).unwrap(), "a:1 b:{c:[1,2]} d:null");
    assert_eq!(s("*", document).unwrap(), "a:1 b:{c:[1,2]} d:null");
}

#[test]
fn no_value_columns_give_all_of_json_and_nothing_of_a_struct() {
    assert_eq!(j("f(a)", r#"{"a":1}"#).unwrap(), "a:1");
    assert_eq!(s("f(a)", r#"{"a":1}"#).unwrap(), "");
}

#[test]
fn scalars_and_objects_are_copied_under_their_alias() {
    let document = r#"{"a":1,"o":{"p":"q"},"o_map":{"p":"q"}}"#;
    assert_eq!(j("a AS x, o", document).unwrap(), "x:1 o:{p:q}");
    assert_eq!(s("a AS x, o", document).unwrap(), "x:1 o:{p:q}");
    assert_eq!(j("o_map", document).unwrap(), "o_map:{p:q}");
    assert!(
        s("o_map", document)
            .unwrap_err()
            .to_string()
            .starts_with("Can't flatten from schema")
    );
    assert_eq!(j("a AS 'b c'", document).unwrap(), "'b c':1");
}

#[test]
fn arrays_cannot_be_selected_while_flattening() {
    assert!(
        j("a", r#"{"a":[1]}"#)
            .unwrap_err()
            .to_string()
            .starts_with("Invalid path")
    );
    assert!(matches!(
        s("a", r#"{"a":[1]}"#),
        Err(SelectError::NotFlat { .. })
    ));
}

#[test]
fn nulls_are_left_out_of_json_and_explicit_in_structs() {
    assert_eq!(j("a, b", r#"{"a":null,"b":1}"#).unwrap(), "b:1");
    assert_eq!(s("a, b", r#"{"a":null,"b":1}"#).unwrap(), "a:null b:1");
}

#[test]
fn a_null_field_of_a_struct_reads_as_its_default() {
    let mut schema = Schema::new(SchemaKind::Int64).optional();
    schema.default = Some(Value::I64(7));
    let field = Field {
        name: Arc::from("a"),
        schema: Arc::new(schema),
    };
    let schema = Arc::new(Schema::new(SchemaKind::Struct(vec![field])));
    let value = Value::Struct(Struct {
        schema,
        values: vec![Value::Null],
    });
    for select in [
        "a FROM x",
        "* FROM x",
        "*, _key AS k FROM x",
        "a FROM x WITHSTRUCTURE",
    ] {
        assert!(
            text(&run(select, &Value::Null, &value).unwrap()).starts_with("a:7"),
            "{select}"
        );
    }
}

#[test]
fn missing_fields_are_left_out_of_json_and_wrong_for_structs() {
    assert_eq!(j("z, a.b, a", r#"{"a":{}}"#).unwrap(), "a:{}");
    assert_eq!(j("z.b, a", r#"{"a":1}"#).unwrap(), "a:1");
    assert!(
        s("z", r#"{"a":1}"#)
            .unwrap_err()
            .to_string()
            .starts_with("Can't find field")
    );
    assert!(matches!(
        s("z.b", r#"{"a":1}"#),
        Err(SelectError::Missing { .. })
    ));
}

#[test]
fn selecting_below_what_is_no_object_is_wrong() {
    for document in [r#"{"a":1}"#, r#"{"a":null}"#, r#"{"a":[1]}"#] {
        assert!(
            j("a.b", document)
                .unwrap_err()
                .to_string()
                .starts_with("Invalid field selection"),
            "{document}"
        );
        assert!(j("a.*", document).is_err(), "{document}");
    }
    assert!(s("a.b", r#"{"a":1}"#).is_err());
}

#[test]
fn below_a_null_struct_everything_is_null() {
    let Value::Struct(mut own) = structure(r#"{"a":{"b":1,"c":2}}"#) else {
        panic!("a struct")
    };
    own.values = vec![Value::Null];
    let value = Value::Struct(own);
    assert_eq!(
        text(&run("a.b, a.* FROM x", &Value::Null, &value).unwrap()),
        "b:null c:null"
    );
}

#[test]
fn a_star_beside_names_takes_the_others() {
    let document = r#"{"a":1,"ts":2,"b":3}"#;
    for run in [j, s] {
        assert_eq!(
            run("*, ts AS event_time", document).unwrap(),
            "a:1 b:3 event_time:2"
        );
        assert_eq!(
            run("ts AS event_time, *", document).unwrap(),
            "event_time:2 a:1 b:3"
        );
        assert_eq!(
            run("p.*, p.x AS y", r#"{"p":{"w":1,"x":2},"q":3}"#).unwrap(),
            "w:1 y:2"
        );
        assert_eq!(
            run("*, p.x", r#"{"p":{"x":2},"q":3}"#).unwrap(),
            "p:{x:2} q:3 x:2"
        );
        assert_eq!(
            run("p.*", r#"{"p":{"w":1,"x":2},"q":3}"#).unwrap(),
            "w:1 x:2"
        );
    }
    assert_eq!(j("*, a AS z", r#"{"a":1,"b":null}"#).unwrap(), "z:1");
}

#[test]
fn a_star_beside_names_meets_an_array() {
    let document = r#"{"a":1,"l":[1],"o_map":{}}"#;
    assert!(j("*, a AS b", document).is_err());
    assert!(s("*, a AS b", document).is_err());
    assert_eq!(
        j("*, a AS b", r#"{"a":1,"o_map":{}}"#).unwrap(),
        "o_map:{} b:1"
    );
    assert!(s("*, a AS b", r#"{"a":1,"o_map":{}}"#).is_err());
    assert!(j("p.*", r#"{"p":{"l":[1]}}"#).is_err());
}

#[test]
fn the_root_must_be_an_object() {
    for value in [
        Value::I64(1),
        Value::Null,
        Value::List(vec![]),
        Value::text("x"),
        Value::Bytes(Bytes::new()),
    ] {
        for select in [
            "* FROM x",
            "a FROM x",
            "*, a AS b FROM x",
            "a FROM x WITHSTRUCTURE",
        ] {
            assert!(
                matches!(
                    run(select, &Value::Null, &value),
                    Err(SelectError::NotAnObject { .. })
                ),
                "{select}"
            );
        }
    }
}

#[test]
fn a_name_already_used_gets_a_number() {
    let document = r#"{"a":{"x":1},"b":{"x":2},"c":{"x":3},"x":4}"#;
    for run in [j, s] {
        assert_eq!(run("a.x, b.x, c.x", document).unwrap(), "x:1 x_1:2 x_2:3");
        assert_eq!(run("a.x, b.*, c.x", document).unwrap(), "x:1 x_1:2 x_2:3");
        assert_eq!(run("a.*, x, b.*", document).unwrap(), "x:1 x_1:4 x_2:2");
    }
    assert_eq!(j("z.x, b.x", document).unwrap(), "x:2");
    assert_eq!(
        j("a.x, b.x", r#"{"a":{"x":null},"b":{"x":2}}"#).unwrap(),
        "x_1:2"
    );
}

#[test]
fn the_same_path_twice_is_numbered_in_json_and_wrong_for_structs() {
    let document = r#"{"a":{"x":1}}"#;
    assert_eq!(j("a.x, a.x", document).unwrap(), "x:1 x_1:1");
    assert!(
        s("a.x, a.x", document)
            .unwrap_err()
            .to_string()
            .contains("more than once")
    );
}

#[test]
fn structure_is_kept_and_aliases_rename_the_leaf() {
    for make in [json, structure] {
        let value = make(r#"{"id":1,"loc":{"lat":2,"lon":3},"z":4}"#);
        assert_eq!(nested("id, loc.lat", &value).unwrap(), "id:1 loc:{lat:2}");
        assert_eq!(
            nested("loc.lat AS y, loc.lon", &value).unwrap(),
            "loc:{y:2,lon:3}"
        );
        assert_eq!(nested("loc.*", &value).unwrap(), "loc:{lat:2,lon:3}");
        assert_eq!(
            nested("*, id AS i", &value).unwrap(),
            "loc:{lat:2,lon:3} z:4 i:1"
        );
        assert_eq!(nested("loc AS l", &value).unwrap(), "l:{lat:2,lon:3}");
    }
}

#[test]
fn structure_traverses_lists() {
    for make in [json, structure] {
        let value = make(r#"{"l":[{"a":1,"b":2},{"a":3,"b":4}],"n":[[{"a":5}]],"e":[]}"#);
        assert_eq!(nested("l.a", &value).unwrap(), "l:[{a:1},{a:3}]");
        assert_eq!(nested("n.a AS z", &value).unwrap(), "n:[[{z:5}]]");
        assert_eq!(nested("l", &value).unwrap(), "l:[{a:1,b:2},{a:3,b:4}]");
        assert_eq!(nested("e.a", &value).unwrap(), "e:[]");
    }
    let maps = structure(r#"{"o_map":{"k":{"a":1,"b":2}}}"#);
    assert_eq!(nested("o_map.a", &maps).unwrap(), "o_map:{k:{a:1}}");
}

#[test]
fn structure_refuses_a_deeper_selection_of_a_scalar() {
    for make in [json, structure] {
        let error = nested("a.b", &make(r#"{"a":"x"}"#)).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("You can't select a field from")
        );
    }
}

#[test]
fn structure_leaves_missing_fields_out_of_json_and_refuses_them_in_structs() {
    let document = r#"{"a":{"b":1}}"#;
    assert_eq!(nested("a.z, q, a.b", &json(document)).unwrap(), "a:{b:1}");
    assert!(nested("a.z", &structure(document)).is_err());
    assert!(nested("q, a", &structure(document)).is_err());
}

#[test]
fn deep_paths_do_not_leak_siblings() {
    let value = json(r#"{"a":{"b":{"c":{"d":1,"e":2},"f":3},"g":4}}"#);
    assert_eq!(nested("a.b.c.d", &value).unwrap(), "a:{b:{c:{d:1}}}");
}

#[test]
fn key_and_headers_are_selected_by_prefix() {
    let select = "a, _key.id, _header.h AS x FROM t";
    let projection = compile(select);
    assert!(
        projection.reads(Source::Key)
            && projection.reads(Source::Header)
            && !projection.has_wildcard()
    );
    let found = run(select, &json(r#"{"id":5}"#), &json(r#"{"a":1}"#)).unwrap();
    assert_eq!(text(&found), "a:1 id:5 x:v");
    let found = run(
        "a, _key AS k FROM t",
        &Value::text("d1"),
        &json(r#"{"a":1}"#),
    )
    .unwrap();
    assert_eq!(text(&found), "a:1 k:d1");
    assert!(!compile("a FROM t").reads(Source::Key));
}

#[test]
fn named_columns_are_slots_and_borrow_their_values() {
    let projection = compile("a.b AS x, c FROM t");
    assert_eq!(
        projection
            .names()
            .iter()
            .map(|name| &**name)
            .collect::<Vec<_>>(),
        ["x", "c"]
    );
    let value = json(r#"{"a":{"b":"text"},"c":1}"#);
    let mut slots = Vec::new();
    let parts = RecordParts {
        key: &NULL,
        value: &value,
        headers: &NULL,
    };
    projection
        .project(parts, |name, value| {
            assert!(matches!(value, Cow::Borrowed(_)));
            slots.push(name);
        })
        .unwrap();
    assert_eq!(slots, [OutputName::Slot(0), OutputName::Slot(1)]);
}

#[test]
fn a_renamed_star_is_refused() {
    let (statements, _) = parse("INSERT INTO t SELECT a.* AS b FROM x", Mode::Strict).unwrap();
    assert_eq!(
        Projection::compile(&statements[0], AliasQuotes::Strip)
            .unwrap_err()
            .len(),
        1
    );
}
