//! The life of a connector over one worker, and what is in Kafka of it.

use serde_json::{Value, json};

use super::place::{Place, until};
use super::worker::Worker;

#[test]
fn a_connector_lives_over_one_worker_and_is_in_kafka_in_kafka_connects_format() {
    let Some(place) = Place::new("life") else {
        return;
    };
    let readings = place.topic("readings");
    place.create_topic(&readings, 4, "delete");
    let worker = Worker::start(&place, "a");
    assert_ne!(worker.get("/")["kafka_cluster_id"], "embedded");
    assert_eq!(worker.get("/connectors"), json!([]));
    made(&place, &worker);
    place.produce(0..500, 1.0);
    until("all rows are there", || place.rows() == 500);
    until("the topic is noted", || {
        worker.get(&place.connector_path("meters", "/topics"))[&place.topic("meters")]["topics"]
            == json!([readings])
    });
    paused_and_restarted(&place, &worker);
    offsets(&place, &worker);
    assert_eq!(
        worker
            .ask("DELETE", &place.connector_path("meters", ""), None)
            .0,
        204
    );
    assert_eq!(
        worker
            .ask("GET", &place.connector_path("meters", ""), None)
            .0,
        404
    );
    assert_eq!(
        worker
            .ask("GET", &place.connector_path("meters", "/status"), None)
            .0,
        404
    );
    worker.stop();
    in_kafka(&place);
}

fn made(place: &Place, worker: &Worker) {
    let config = place.connector(2);
    let post = json!({ "name": place.topic("meters"), "config": config });
    let (status, info) = worker.ask("POST", "/connectors", Some(&post));
    assert_eq!(
        (status, &info["tasks"], &info["type"]),
        (201, &json!([]), &json!("sink")),
        "{info}"
    );
    assert_eq!(worker.ask("POST", "/connectors", Some(&post)).0, 409);
    until("both tasks run", || {
        worker.states(&place.topic("meters")) == "RUNNING RUNNING,RUNNING"
    });
    assert_eq!(
        worker.holders(&place.topic("meters")),
        [worker.id(), worker.id()]
    );
    let tasks = worker.get(&place.connector_path("meters", "/tasks"));
    assert_eq!(
        tasks[1]["id"],
        json!({ "connector": place.topic("meters"), "task": 1 })
    );
    assert_eq!(tasks[1]["config"]["topics"], place.topic("readings"));
}

fn paused_and_restarted(place: &Place, worker: &Worker) {
    assert_eq!(
        worker
            .ask("PUT", &place.connector_path("meters", "/pause"), None)
            .0,
        202
    );
    until("it is paused", || {
        worker.states(&place.topic("meters")) == "PAUSED PAUSED,PAUSED"
    });
    place.produce(500..600, 1.0);
    assert_eq!(place.rows(), 500);
    assert_eq!(
        worker
            .ask("PUT", &place.connector_path("meters", "/resume"), None)
            .0,
        202
    );
    until("it has gone on", || place.rows() == 600);
    assert_eq!(
        worker
            .ask(
                "POST",
                &place.connector_path("meters", "/tasks/1/restart"),
                None
            )
            .0,
        204
    );
    assert_eq!(
        worker
            .ask(
                "POST",
                &place.connector_path("meters", "/tasks/2/restart"),
                None
            )
            .0,
        404
    );
    let (status, told) = worker.ask(
        "POST",
        &place.connector_path("meters", "/restart?includeTasks=true"),
        None,
    );
    assert_eq!(
        (status, &told["tasks"][0]["state"]),
        (202, &json!("RESTARTING"))
    );
    until("both tasks run again", || {
        worker.states(&place.topic("meters")) == "RUNNING RUNNING,RUNNING"
    });
    let patch = json!({ "tasks.max": "1" });
    assert_eq!(
        worker
            .ask(
                "PATCH",
                &place.connector_path("meters", "/config"),
                Some(&patch)
            )
            .0,
        200
    );
    until("one task runs", || {
        worker.states(&place.topic("meters")) == "RUNNING RUNNING"
    });
    place.produce(600..700, 1.0);
    until("it reads everything", || place.rows() == 700);
}

fn offsets(place: &Place, worker: &Worker) {
    let path = &place.connector_path("meters", "/offsets");
    let total = || -> i64 {
        let offsets = worker.get(path)["offsets"].as_array().unwrap().clone();
        let offset = |own: &Value| own["offset"]["kafka_offset"].as_i64().unwrap();
        offsets.iter().map(offset).sum()
    };
    until("everything is committed", || total() == 700);
    let rewind = |offset: Value| {
        let partition = json!({ "kafka_topic": place.topic("readings"), "kafka_partition": 0 });
        json!({ "offsets": [{ "partition": partition, "offset": offset }] })
    };
    let (status, refused) = worker.ask("PATCH", path, Some(&rewind(json!({ "kafka_offset": 0 }))));
    assert_eq!(status, 400, "{refused}");
    assert_eq!(
        worker
            .ask("PUT", &place.connector_path("meters", "/stop"), None)
            .0,
        204
    );
    until("it is stopped", || {
        worker.states(&place.topic("meters")) == "STOPPED "
    });
    until("its offsets can be moved", || {
        worker
            .ask("PATCH", path, Some(&rewind(json!({ "kafka_offset": 3 }))))
            .0
            == 200
    });
    let first = |worker: &Worker| worker.get(path)["offsets"][0]["offset"]["kafka_offset"].clone();
    assert_eq!(first(worker), 3);
    assert_eq!(worker.ask("PATCH", path, Some(&rewind(Value::Null))).0, 200);
    assert_eq!(worker.get(path)["offsets"].as_array().unwrap().len(), 3);
    let mut nowhere = rewind(json!({ "kafka_offset": "3" }));
    nowhere["offsets"][0]["partition"]["kafka_partition"] = json!(99);
    let (status, refused) = worker.ask("PATCH", path, Some(&nowhere));
    assert_eq!(status, 400, "{refused}");
    assert_eq!(worker.ask("DELETE", path, None).0, 200);
    assert_eq!(worker.get(path), json!({ "offsets": [] }));
    place.produce(700..701, 1.0);
    assert_eq!(
        worker
            .ask("PUT", &place.connector_path("meters", "/resume"), None)
            .0,
        202
    );
    until("it has read everything anew", || total() == 701);
    assert_eq!(place.rows(), 701);
}

/// What a worker of Java's would find.
fn in_kafka(place: &Place) {
    let (name, meters) = (place.topic("connect"), place.topic("meters"));
    let records = place.records(&format!("{name}-configs"), 1);
    let all = |key: &str| -> Vec<Option<Value>> {
        let own = records.iter().filter(|(own, _)| own == key);
        own.map(|(_, value)| value.clone()).collect()
    };
    let connectors = all(&format!("connector-{meters}"));
    assert_eq!(
        connectors.len(),
        3,
        "made, changed, deleted: {connectors:?}"
    );
    let made = connectors[0].as_ref().unwrap();
    assert_eq!(made["properties"]["tasks.max"], "2");
    assert_eq!(made["properties"]["name"], meters.as_str());
    assert_eq!(connectors[2], None);
    let target = |state: &str, new: &str| Some(json!({ "state": state, "state.v2": new }));
    let expected = [
        target("STARTED", "STARTED"),
        target("PAUSED", "PAUSED"),
        target("STARTED", "STARTED"),
        target("PAUSED", "STOPPED"),
        target("STARTED", "STARTED"),
        None,
    ];
    assert_eq!(all(&format!("target-state-{meters}")), expected);
    let commits: Vec<Value> = all(&format!("commit-{meters}"))
        .into_iter()
        .flatten()
        .collect();
    let tasks = |count: usize| json!({ "tasks": count });
    assert_eq!(commits, [tasks(2), tasks(1), tasks(0), tasks(1)]);
    let restarts = all(&format!("restart-connector-{meters}"));
    assert_eq!(
        restarts,
        [Some(json!({ "include-tasks": true, "only-failed": false }))]
    );
    let task = all(&format!("task-{meters}-1"))[0].clone().unwrap();
    assert_eq!(task["properties"]["task.class"], "messina.TableSinkTask");
    // Tasks stand before the commit that makes them count.
    let place_of = |key: &str| records.iter().position(|(own, _)| own == key);
    assert!(place_of(&format!("task-{meters}-1")) < place_of(&format!("commit-{meters}")));
    let statuses = place.records(&format!("{name}-status"), 5);
    let last = |key: &str| {
        statuses
            .iter()
            .rfind(|(own, _)| own == key)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(last(&format!("status-connector-{meters}")), None);
    assert_eq!(last(&format!("status-task-{meters}-0")), None);
    let first = statuses
        .iter()
        .find(|(key, _)| *key == format!("status-task-{meters}-0"))
        .unwrap();
    let fields: Vec<&String> = first
        .1
        .as_ref()
        .unwrap()
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(
        fields,
        ["generation", "state", "trace", "version", "worker_id"]
    );
}

#[test]
fn a_dead_letter_says_which_task_refused_the_record() {
    let Some(place) = Place::new("letters") else {
        return;
    };
    place.create_topic(&place.topic("readings"), 2, "delete");
    let letters = place.topic("letters");
    place.create_topic(&letters, 1, "delete");
    let worker = Worker::start(&place, "a");
    let mut config = place.connector(2);
    config["errors.tolerance"] = json!("all");
    config["errors.deadletterqueue.topic.name"] = json!(letters);
    let post = json!({ "name": place.topic("meters"), "config": config });
    assert_eq!(worker.ask("POST", "/connectors", Some(&post)).0, 201);
    // As soon as each task has a partition, both refuse one.
    until("both tasks refuse records", || {
        place.spoil(0);
        place.spoil(1);
        place.headers(&letters, "__connect.errors.task.id").len() == 2
    });
    worker.stop();
}
