//! A cluster that does not take a connector's log-in, and takes it later.

use messina_e2e::between::{Between, Refusal, Request};
use serde_json::json;

use crate::place::Place;
use crate::worker::{Worker, classic};

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_that_is_refused_while_the_cluster_does_not_know_its_users_yet_is_tried_again() {
    let Some(mut place) = Place::new("log_in").await else {
        return;
    };
    place.run("CREATE TABLE KS.t (id int PRIMARY KEY)").await;
    let between = Between::before(&format!("{}:{}", place.host, place.port));
    place.port = between.address.port().to_string();
    between.refuse(&[(Request::Startup, Refusal::LogIn)]);
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::up(dir.path());
    let options = [
        ("topics", "p"),
        ("connect.cassandra.kcql", "INSERT INTO t SELECT * FROM p"),
        ("connect.cassandra.username", "messina"),
        ("connect.cassandra.password", "not-to-be-seen"),
    ];
    worker.make("early", &classic(&place, &options));
    worker.produce("p", &json!([{ "value": "{\"id\": 1}" }]));
    worker
        .until_sink("early", |sink| sink["state"] == "RETRYING")
        .await;
    let health = worker.health().to_string();
    assert!(
        health.contains(
            "does not let us in: as the test wants it; \
             change `connect.cassandra.username` and `connect.cassandra.password`"
        ),
        "{health}"
    );
    between.refuse(&[]);
    worker
        .until_sink("early", |sink| sink["written"] == 1)
        .await;
    assert!(!worker.log().contains("not-to-be-seen"));
}
