//! What a connector's clients have of their own, as Kafka sees it; and levels of loggers for all workers.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::groups::GroupInfo;
use serde_json::json;

use super::place::{Place, until};
use super::worker::{Worker, properties};

/// What the members of a group call themselves.
fn members(place: &Place, group: &str) -> Vec<String> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &place.kafka)
        .create()
        .unwrap();
    let listed = consumer.fetch_group_list(Some(group), Duration::from_secs(20));
    let listed = listed.unwrap();
    let members = listed.groups().iter().flat_map(GroupInfo::members);
    members.map(|own| own.client_id().to_owned()).collect()
}

#[test]
fn a_connectors_own_settings_reach_its_clients_and_its_own_group_has_its_offsets() {
    let Some(place) = Place::new("overrides") else {
        return;
    };
    place.create_topic(&place.topic("readings"), 1, "delete");
    place.produce(0..50, 1.0);
    let providers = "config.providers=file\n\
                     config.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider\n";
    let file = format!("{}{providers}", properties(&place));
    let worker = Worker::start_with(&place, "a", &file);
    let path = |rest: &str| place.connector_path("meters", rest);
    let mut config = place.connector(1);
    let groups = place.path().join("groups");
    let named = |group: &str| std::fs::write(&groups, format!("group={group}\n")).unwrap();
    named(&place.topic("connect"));
    let group = format!("${{file:{}:group}}", groups.display());
    config["consumer.override.group.id"] = json!(group);
    let (status, refused) = worker.ask("PUT", &path("/config"), Some(&config));
    assert_eq!(status, 400, "{refused}");
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.contains("conflicts with Connect worker group"),
        "{message}"
    );
    let mine = place.topic("mine");
    named(&mine);
    config["consumer.override.client.id"] = json!("reads-meters");
    config["consumer.override.auto.offset.reset"] = json!("latest");
    let (status, made) = worker.ask("PUT", &path("/config"), Some(&config));
    assert_eq!(status, 201, "{made}");
    // It begins with what comes once it is there.
    let mut next = 1000;
    until("a record that came later is read", || {
        place.produce(next..next + 1, 2.0);
        next += 1;
        place.rows_with(2.0) > 0
    });
    assert_eq!(place.rows_with(1.0), 0, "it began with the first record");
    assert_eq!(members(&place, &mine), ["reads-meters"]);
    until("its offsets are those of its group", || {
        let offsets = worker.get(&path("/offsets"));
        let offset = offsets["offsets"][0]["offset"]["kafka_offset"].as_i64();
        offset.is_some_and(|offset| offset > 50)
    });
    assert_eq!(worker.ask("PUT", &path("/stop"), None).0, 204);
    // Which group it is cannot be told: another one's offsets are not touched instead.
    std::fs::remove_file(&groups).unwrap();
    for method in ["GET", "DELETE"] {
        let (status, refused) = worker.ask(method, &path("/offsets"), None);
        assert_eq!(status, 400, "{refused}");
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains("consumer.override.group.id"), "{message}");
    }
    named(&mine);
    until("its offsets can be reset", || {
        worker.ask("DELETE", &path("/offsets"), None).0 == 200
    });
    assert_eq!(worker.get(&path("/offsets")), json!({ "offsets": [] }));
    worker.stop();
}

#[test]
fn a_topic_of_dead_letters_has_the_replicas_that_are_asked_for_or_the_task_says_why_not() {
    let Some(place) = Place::new("replicas") else {
        return;
    };
    place.create_topic(&place.topic("readings"), 1, "delete");
    // What stands below `admin.` is for such topics, not for the worker's own.
    let own = format!("{}admin.client.id=letters\n", properties(&place));
    let worker = Worker::start_with(&place, "a", &own);
    let name = place.topic("meters");
    let path = place.connector_path("meters", "/config");
    let letters = place.topic("letters");
    let mut config = place.connector(1);
    config["errors.tolerance"] = json!("all");
    config["errors.deadletterqueue.topic.name"] = json!(letters);
    config["errors.deadletterqueue.topic.replication.factor"] = json!("99");
    assert_eq!(worker.ask("PUT", &path, Some(&config)).0, 201);
    place.spoil(0);
    until("the task has failed", || {
        worker.states(&name) == "RUNNING FAILED"
    });
    let status = worker.get(&place.connector_path("meters", "/status"));
    let trace = status["tasks"][0]["trace"].as_str().unwrap().to_owned();
    assert!(trace.contains(&letters), "{trace}");
    assert!(trace.contains("eplication"), "{trace}");
    config["errors.deadletterqueue.topic.replication.factor"] = json!("1");
    config["producer.override.client.id"] = json!("writes-letters");
    assert_eq!(worker.ask("PUT", &path, Some(&config)).0, 200);
    place.produce(0..10, 1.0);
    until("the others are rows", || place.rows() == 10);
    let stages = place.headers(&letters, "__connect.errors.stage");
    assert_eq!(stages.into_iter().collect::<Vec<_>>(), ["VALUE_CONVERTER"]);
    worker.stop();
}

#[test]
fn a_level_for_the_cluster_is_every_workers_and_not_that_of_one_that_comes_later() {
    let Some(place) = Place::new("levels") else {
        return;
    };
    let (a, b) = (Worker::start(&place, "a"), Worker::start(&place, "b"));
    let path = "/admin/loggers/messina.gateway";
    let level = json!({ "level": "debug" });
    let asked = b.ask("PUT", &format!("{path}?scope=cluster"), Some(&level));
    assert_eq!(asked.0, 204, "{asked:?}");
    for worker in [&a, &b] {
        until("every worker has the level", || {
            worker.get(path)["level"] == "DEBUG"
        });
    }
    let other = json!({ "level": "WARN" });
    assert_eq!(a.ask("PUT", path, Some(&other)).0, 200);
    assert_eq!(a.get(path)["level"], "WARN");
    assert_eq!(b.get(path)["level"], "DEBUG");
    let late = Worker::start(&place, "c");
    assert_eq!(late.ask("GET", path, None).0, 404);
    for worker in [a, b, late] {
        worker.stop();
    }
    let records = place.records(&format!("{}-configs", place.topic("connect")), 1);
    let key = "logger-cluster-messina.gateway".to_owned();
    assert!(
        records.contains(&(key, Some(json!({ "level": "DEBUG" })))),
        "{records:?}"
    );
}
