//! Topics, records and dead letters in Kafka, the same through a process and without one.

use serde_json::json;

use crate::house::House;
use crate::kcat::{self, SERVERS};

/// A configuration with `[kafka]` whose names all begin with `name`.
pub(crate) fn configuration(name: &str) -> String {
    format!(
        r##"
[kafka]
bootstrap_servers = "{SERVERS}"
gateway_id = "{name}"
gateway_group = "{name}"
topics = {{ create = true, partitions = 3, replication = 1 }}

[[route]]
name = "all"
filter = "#"
topic = "{name}"
key = "$topic"

[[topic]]
name = "{name}"

[[topic]]
name = "{name}_dead"

[[table]]
name = "readings"
partition_key = ["topic", "field"]
clustering_key = ["ts desc", "seq"]
[table.columns]
topic = "text"
field = "text"
ts = "timestamp"
seq = "bigint"
number = "double"
text = "text"

[[sink]]
name = "{name}"
"topics" = "{name}"
"connect.cassandra.kcql" = "INSERT INTO readings SELECT * FROM {name}"
"value.converter" = "Json"
"value.converter.schemas.enable" = false
"transforms" = "readings"
"transforms.readings.type" = "messina.Readings$Value"
"errors.tolerance" = "all"
"errors.deadletterqueue.topic.name" = "{name}_dead"
"errors.deadletterqueue.context.headers.enable" = true
"##
    )
}

/// A name that no other test, and no other run, has.
pub(crate) fn name(test: &str) -> String {
    format!("tools_{test}_{}", std::process::id())
}

fn topics(house: &House, name: &str) {
    let made = format!("{name}_made");
    let create = ["topics", "create", &made, "-p", "2", "--retention", "1h"];
    assert_eq!(house.ok(&create), format!("created `{made}`\n"));
    assert_eq!(kcat::partitions(&made), Some(2));
    let again = house.refused(&create);
    assert!(
        again.starts_with("1 ") && again.contains("already"),
        "{again}"
    );

    let described = house.json(&["topics", "describe", &made, "--json"]);
    assert_eq!(described["cleanup"], "delete");
    assert_eq!(described["retention_ms"], 3_600_000);
    let empty = json!([
        { "partition": 0, "start": 0, "end": 0 },
        { "partition": 1, "start": 0, "end": 0 },
    ]);
    assert_eq!(described["partitions"], empty);
    let listed = house.ok(&["topics", "list"]);
    let line = listed.lines().find(|line| line.starts_with(&made));
    let words: Vec<&str> = line.expect("it is listed").split_whitespace().collect();
    assert_eq!(words, [made.as_str(), "2", "0", "1h"]);

    assert_eq!(
        house.ok(&["topics", "delete", &made]),
        format!("deleted `{made}`\n")
    );
    assert_eq!(kcat::partitions(&made), None);
    for arguments in [
        ["topics", "delete", &made],
        ["topics", "describe", &made],
        ["consume", "-t", &made],
        ["produce", "-t", &made],
    ] {
        let refused = house.refused(&arguments);
        let told = format!("there is no topic `{made}`");
        assert!(
            refused.starts_with("1 ") && refused.contains(&told),
            "{refused}"
        );
    }
}

fn records(house: &House, name: &str) {
    let topic = format!("{name}_records");
    house.ok(&["topics", "create", &topic, "--compact"]);
    assert_eq!(kcat::partitions(&topic), Some(3));
    let keys: Vec<String> = (0..20).map(|n| format!("device/{n}:own {n}\n")).collect();
    let keys = keys.concat();
    let places = house.ok_with(&["produce", "-t", &topic, "-K", ":", "--json"], &keys);
    // The same keys from a client that is not ours go to the same partitions.
    kcat::write(&topic, &keys.replace("own", "other"), &[]);
    let read = kcat::read(&topic);
    assert_eq!(read.len(), 40, "{read:?}");
    for (n, place) in places.lines().enumerate() {
        let place: serde_json::Value = serde_json::from_str(place).expect("JSON");
        let (partition, offset) = (&place["partition"], &place["offset"]);
        let own = format!("{partition} {offset} device/{n} own {n}");
        assert!(read.contains(&own), "{own} in {read:?}");
        let other = format!("device/{n} other {n}");
        let there = read
            .iter()
            .any(|line| line.starts_with(&format!("{partition} ")) && line.ends_with(&other));
        assert!(there, "{other} in partition {partition} of {read:?}");
    }

    let format = "%p %o %k %s\\n";
    let consume = ["consume", "-t", &topic, "-e", "-f", format];
    let consumed = house.ok(&consume);
    assert_eq!(consumed.lines().collect::<Vec<_>>(), read);
    // The last of each partition, and then of one partition from an offset on.
    let last = house.ok(&[&consume[..], &["-o", "-1"]].concat());
    let partition = |line: &str| line.split(' ').next().map(str::to_owned);
    let expected: Vec<&String> = read
        .iter()
        .enumerate()
        .filter(|(index, line)| {
            read.get(index + 1).and_then(|next| partition(next)) != partition(line)
        })
        .map(|(_, line)| line)
        .collect();
    assert_eq!(last.lines().collect::<Vec<_>>(), expected);
    let from = house.ok(&[&consume[..], &["-p", "1", "-o", "2", "-c", "2"]].concat());
    let of_one: Vec<&String> = read.iter().filter(|line| line.starts_with("1 ")).collect();
    assert_eq!(from.lines().collect::<Vec<_>>(), of_one[2..4]);

    // Headers, a null and bytes that are no text, both ways.
    kcat::write(&topic, "gone:\n", &["-Z", "-H", "a=1", "-H", "b=2"]);
    let shown = house.ok(&["consume", "-t", &topic, "-e", "-J"]);
    let gone = shown.lines().find(|line| line.contains("\"gone\""));
    let gone: serde_json::Value = serde_json::from_str(gone.expect("it is there")).expect("JSON");
    assert_eq!(gone["value"], serde_json::Value::Null);
    assert_eq!(gone["headers"], json!([["a", "1"], ["b", "2"]]));
    let refused = house.refused(&["produce", "-t", &topic, "-p", "7"]);
    assert!(refused.contains("the topic has 3 partitions"), "{refused}");
    house.ok(&["topics", "delete", &topic]);
}

fn dead_letters(house: &House, name: &str) {
    assert_eq!(house.ok(&["dlq", "list"]), "no dead letters\n");
    let dead = format!("{name}_dead");
    for (partition, offset) in [("0", "5"), ("2", "6")] {
        let headers = [
            format!("topic={name}"),
            format!("partition={partition}"),
            format!("offset={offset}"),
            format!("connector.name={name}"),
            "stage=VALUE_CONVERTER".to_owned(),
            "exception.message=not JSON".to_owned(),
        ]
        .map(|header| format!("__connect.errors.{header}"));
        let mut more = vec!["-p", partition, "-H", "own=header"];
        more.extend(headers.iter().flat_map(|header| ["-H", header]));
        kcat::write(
            &dead,
            &format!("k{partition}:nonsense {partition}\n"),
            &more,
        );
    }
    let list = house.json(&["dlq", "list", "--json"]);
    let letters = list["dead_letters"].as_array().expect("a list");
    let mut places: Vec<&str> = letters
        .iter()
        .map(|letter| letter["place"].as_str().expect("a place"))
        .collect();
    places.sort_unstable();
    let expected = [format!("{dead}:0:0"), format!("{dead}:2:0")];
    assert_eq!(places, expected);
    let listed = house.ok(&["dlq", "list"]);
    assert!(listed.contains(&format!("{name}[2]@6")), "{listed}");
    let shown = house.ok(&["dlq", "show", &expected[1]]);
    for part in [
        "reason     not JSON",
        "header     own: header",
        "value      nonsense 2",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let refused = house.refused(&["dlq", "show", &format!("{dead}:1:0")]);
    assert!(refused.contains("there is no dead letter"), "{refused}");

    let before = kcat::read(name).len();
    assert_eq!(house.ok(&["dlq", "replay", &expected[1]]), "1 put back\n");
    let back = kcat::read(name);
    assert_eq!(back.len(), before + 1, "{back:?}");
    assert!(
        back.iter()
            .any(|line| line.starts_with("2 ") && line.ends_with("k2 nonsense 2"))
    );
    assert_eq!(house.ok(&["dlq", "replay", "--all"]), "2 put back\n");
    assert_eq!(kcat::read(name).len(), before + 3);
}

fn all_tools(house: &House, name: &str) {
    topics(house, name);
    records(house, name);
    dead_letters(house, name);
}

#[test]
fn topics_records_and_dead_letters_are_kafkas_through_a_running_gateway() {
    if !kcat::found("the tools on Kafka through a gateway") {
        return;
    }
    let name = name("through");
    let house = House::new(&configuration(&name));
    let running = house.start("gateway");
    all_tools(&house, &name);
    drop(running);
}

#[test]
fn topics_records_and_dead_letters_are_kafkas_where_no_process_answers() {
    if !kcat::found("the tools on Kafka itself") {
        return;
    }
    let name = name("direct");
    let house = House::new(&configuration(&name));
    for topic in [name.clone(), format!("{name}_dead")] {
        house.ok(&["topics", "create", &topic]);
    }
    all_tools(&house, &name);
}

#[test]
fn a_process_beside_that_has_another_log_is_not_asked() {
    if !kcat::found("an embedded log beside Kafka") {
        return;
    }
    let name = name("beside");
    let house = House::new(&configuration(&name));
    let embedded = House::new("");
    let _up = embedded.start("up");
    let admin = format!("admin.listen=\"{}\"", embedded.admin());
    let beside = ["--set", &admin];
    house.ok(&[&["topics", "create", &name][..], &beside].concat());
    let described = house.ok(&["topics", "describe", &name]);
    assert!(described.contains(&name), "{described}");
}

#[test]
fn a_kafka_that_is_away_is_named_with_what_to_do() {
    let house = House::new("[kafka]\nbootstrap_servers = \"127.0.0.1:1\"\n");
    let refused = house.refused(&["topics", "list"]);
    assert!(
        refused.starts_with("1 ") && refused.contains("127.0.0.1:1 is away"),
        "{refused}"
    );
    assert!(refused.contains("kafka.bootstrap_servers"), "{refused}");
}
