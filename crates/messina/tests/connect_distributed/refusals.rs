//! What a worker refuses, and how it says so.

use serde_json::json;

use super::place::{Place, until};
use super::worker::{Worker, command, properties};

/// Runs a worker to its end; it must not start.
fn refused(place: &Place, properties: &str, code: i32) -> String {
    let output = command(place, "refused", properties).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

#[test]
fn topics_that_would_lose_connectors_and_files_without_a_group_are_refused_with_the_way_out() {
    let Some(place) = Place::new("refusals") else {
        return;
    };
    let good = properties(&place);
    let said = refused(&place, "key.converter=String\nvalue.converter=Json\n", 3);
    for option in ["bootstrap.servers", "group.id", "config.storage.topic"] {
        let expected = format!("`{option}`: is missing, and a worker of several needs it");
        assert!(said.contains(&expected) || said.contains(option), "{said}");
    }
    let (wide, short) = (place.topic("wide"), place.topic("short"));
    place.create_topic(&wide, 2, "compact");
    place.create_topic(&short, 1, "delete");
    let name = place.topic("connect");
    let with = |topic: &str| {
        let own = format!("config.storage.topic={name}-configs");
        good.replace(&own, &format!("config.storage.topic={topic}"))
    };
    let said = refused(&place, &with(&wide), 1);
    let expected = format!(
        "topic `{wide}` supplied via the `config.storage.topic` property is required to have a single partition"
    );
    assert!(said.contains(&expected), "{said}");
    let said = refused(&place, &with(&short), 1);
    assert!(
        said.contains("is required to have `cleanup.policy=compact`"),
        "{said}"
    );
    assert!(said.contains("kafka-configs.sh"), "{said}");
}

#[test]
fn the_demos_worker_file_runs_and_only_connectors_that_would_need_a_registry_are_refused() {
    let Some(place) = Place::new("avro") else {
        return;
    };
    place.create_topic(&place.topic("readings"), 1, "delete");
    let original = include_str!("../../src/config/testdata/connect-avro-distributed.properties");
    let name = place.topic("connect");
    // Its own topics, group and server; everything else as it is.
    let text = original
        .replace("localhost:9092", &place.kafka)
        .replace("connect-", &format!("{name}-"))
        + "\nlisteners=http://127.0.0.1:0\n";
    let worker = Worker::start_with(&place, "a", &text);
    assert!(
        worker
            .said()
            .contains("needs a Schema Registry, which is not available yet")
    );
    let mut config = place.connector(1);
    let post = json!({ "name": place.topic("avro"), "config": config });
    let (status, said) = worker.ask("POST", "/connectors", Some(&post));
    assert_eq!(status, 400);
    let reason = "needs a Schema Registry, which is not available yet";
    assert!(said["message"].as_str().unwrap().contains(reason), "{said}");
    config["key.converter"] = json!("org.apache.kafka.connect.storage.StringConverter");
    config["value.converter"] = json!("org.apache.kafka.connect.json.JsonConverter");
    config["value.converter.schemas.enable"] = json!("false");
    let post = json!({ "name": place.topic("json"), "config": config });
    let (status, said) = worker.ask("POST", "/connectors", Some(&post));
    assert_eq!(status, 201, "{said}");
    place.produce(0..10, 1.0);
    until("its rows are there", || place.rows() == 10);
    worker.stop();
}
