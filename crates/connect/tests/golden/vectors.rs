//! Golden vectors, one JSON object a line, and what our transforms and converters answer to them.
//!
//! Compared are outcome, stage and result, and of exceptions the class where ours carries one: a null pointer or a
//! wrong cast of the original is a `DataException` here.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test harness over files we wrote"
)]

use std::path::Path;

use messina_connect::config::{ConnectorConfig, Property};
use messina_connect::converter::HeaderConverter;
use messina_connect::record::{ConnectHeader, ConnectRecord, SinkRecord};
use messina_connect::transform::Chain;
use serde_json::{Value as Json, json};

mod parts;

/// The cases of every `.jsonl` file of a folder, in the order of their names.
pub(crate) fn read(directory: &Path) -> Vec<Json> {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jsonl")
        })
        .collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        cases.extend(
            text.lines()
                .map(|line| serde_json::from_str::<Json>(line).unwrap()),
        );
    }
    cases
}

/// What differs between the original's answer to a case and ours.
pub(crate) fn difference(case: &Json) -> Option<String> {
    let expect = &case["expect"];
    let own = match case["kind"].as_str().unwrap() {
        "converter" | "header" => converted(case),
        _ => transformed(case),
    };
    (!agree(expect, &own)).then(|| {
        format!(
            "{}: {}\n    original {}\n    ours     {own}",
            case["id"],
            case["config"],
            shown(expect)
        )
    })
}

fn shown(expect: &Json) -> String {
    let mut text = expect.to_string();
    text.truncate(
        text.char_indices()
            .nth(2000)
            .map_or(text.len(), |(at, _)| at),
    );
    text
}

/// What is compared of an answer; the original's texts have no say.
fn agree(expect: &Json, own: &Json) -> bool {
    let same = |member: &str| parts::canonical(&expect[member]) == own[member];
    let class = |answer: &Json| match answer["class"].as_str().unwrap_or_default() {
        "java.lang.NullPointerException"
        | "java.lang.ClassCastException"
        | "org.apache.kafka.connect.errors.SchemaProjectorException" => {
            "org.apache.kafka.connect.errors.DataException".to_owned()
        }
        class => class.to_owned(),
    };
    let address = expect["address"] == json!(true);
    // What is unordered is a text; a map that was read is a set of entries anyway.
    let unordered = expect["unordered"] == json!(true);
    let text = address || (unordered && expect["value"]["p"].is_string());
    let bytes = address || unordered || parts::same_bytes(&expect["bytes"], &own["bytes"]);
    same("outcome")
        && match expect["outcome"].as_str().unwrap() {
            "config_error" => true,
            "record" => same("record") && same("result") && (text || same("value")) && bytes,
            "error" => same("stage") && class(expect) == class(own) && same("value") && bytes,
            _ => same("stage"),
        }
}

fn options(case: &Json, prefix: &str) -> ConnectorConfig {
    let mut config = ConnectorConfig::new("golden");
    for (name, value) in case["config"].as_object().unwrap() {
        config.set(
            format!("{prefix}{name}"),
            Property::from(value.as_str().unwrap()),
        );
    }
    config
}

fn transformed(case: &Json) -> Json {
    let class = case["class"].as_str().unwrap();
    let package = "org.apache.kafka.connect.transforms.";
    let kind = case["kind"].as_str().unwrap();
    let mut config = options(
        case,
        match kind {
            "smt" => "transforms.x.",
            "predicate" => "predicates.p.",
            _ => "",
        },
    );
    let mut set = |name: &str, value: &str| config.set(name, Property::from(value));
    match kind {
        "smt" => {
            set("transforms", "x");
            set("transforms.x.type", &format!("{package}{class}"));
        }
        // What the predicate holds for is dropped.
        "predicate" => {
            set("transforms", "x");
            set("transforms.x.type", &format!("{package}Filter"));
            set("transforms.x.predicate", "p");
            set("predicates", "p");
            set("predicates.p.type", &format!("{package}predicates.{class}"));
        }
        _ => {}
    }
    let Ok(chain) = Chain::compile(&config) else {
        return json!({"outcome": "config_error"});
    };
    let mut own = applied(&chain, &case["record"], kind);
    if kind == "predicate" {
        return json!({"outcome": "record", "result": own["outcome"] == "dropped"});
    }
    if kind == "chain" && own["outcome"] == "dropped" {
        let all = config.text("transforms").unwrap().to_owned();
        let aliases: Vec<_> = all.split(',').collect();
        // The first beginning of the chain that drops the record ends with the transform that did.
        let drops = |length: &usize| {
            config.set(
                "transforms",
                Property::from(aliases[..*length].join(",").as_str()),
            );
            let begin = Chain::compile(&config).unwrap();
            applied(&begin, &case["record"], kind)["outcome"] == "dropped"
        };
        let length = (1..=aliases.len()).find(drops).unwrap();
        own["stage"] = json!((length - 1).to_string());
    }
    own
}

fn applied(chain: &Chain, record: &Json, kind: &str) -> Json {
    let source = SinkRecord {
        topic: record["topic"].as_str().unwrap(),
        partition: i32::try_from(record["partition"].as_i64().unwrap()).unwrap(),
        offset: record["offset"].as_i64().unwrap(),
        timestamp: record["ts"].as_i64(),
        key: None,
        value: None,
        headers: &[],
    };
    let (key_schema, key) = parts::decode(&record["key"]);
    let (value_schema, value) = parts::decode(&record["value"]);
    let header = |header: &Json| {
        let (schema, value) = parts::decode(&header[1]);
        ConnectHeader {
            name: header[0].as_str().unwrap().into(),
            schema,
            value,
        }
    };
    let decoded = ConnectRecord {
        source: &source,
        topic: source.topic.into(),
        timestamp: source.timestamp,
        key_schema,
        key,
        value_schema,
        value,
        headers: Some(
            record["headers"]
                .as_array()
                .unwrap()
                .iter()
                .map(header)
                .collect(),
        ),
    };
    let stage = |index: usize| {
        if kind == "chain" {
            json!(index.to_string())
        } else {
            Json::Null
        }
    };
    match chain.apply(decoded) {
        Err((index, error)) => {
            json!({"outcome": "error", "stage": stage(index), "class": error.exception.class(), "message": error.message})
        }
        Ok(records) => match records.into_iter().next() {
            None => json!({"outcome": "dropped"}),
            Some(record) => json!({"outcome": "record", "record": {
                "topic": record.topic, "partition": record.source.partition, "offset": record.source.offset, "ts": record.timestamp,
                "key": parts::encode(record.key_schema.as_deref(), &record.key),
                "value": parts::encode(record.value_schema.as_deref(), &record.value),
                "headers": record.headers.unwrap().iter()
                    .map(|header| json!([&*header.name, parts::encode(header.schema.as_deref(), &header.value)])).collect::<Vec<_>>(),
            }}),
        },
    }
}

fn converted(case: &Json) -> Json {
    let option = if case["kind"] == "header" {
        "header.converter"
    } else {
        "value.converter"
    };
    let mut config = options(case, &format!("{option}."));
    config.set(option, Property::from(case["class"].as_str().unwrap()));
    // Every converter of values converts headers too.
    let Ok(converter) = HeaderConverter::from_config(&config, option) else {
        return json!({"outcome": "config_error"});
    };
    let input = &case["input"];
    let reads = input.get("bytes").is_some();
    let mut own = json!({"outcome": "record"});
    let mut value = (!reads).then(|| parts::decode(&input["value"]));
    let mut bytes = reads.then(|| parts::bytes(&input["bytes"])).flatten();
    for stage in if reads {
        ["read", "write"]
    } else {
        ["write", "read"]
    } {
        let done = if stage == "read" {
            converter.read(bytes.as_ref()).map(|read| {
                own["value"] = parts::encode(read.0.as_deref(), &read.1);
                value = Some(read);
            })
        } else {
            let (schema, value) = value.as_ref().unwrap();
            converter.write(schema.as_deref(), value).map(|written| {
                bytes = written.map(bytes::Bytes::from);
                own["bytes"] = parts::text(bytes.as_deref());
            })
        };
        if let Err(error) = done {
            own["outcome"] = json!("error");
            own["stage"] = json!(stage);
            own["class"] = json!(error.exception.class());
            own["message"] = json!(error.message);
            break;
        }
    }
    own
}
