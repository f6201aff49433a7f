//! Several workers: they share tasks, send requests to whom they are for, and take over from each other.

use std::collections::BTreeSet;

use serde_json::json;

use super::place::{Place, until};
use super::worker::{Worker, properties};

const ALL_RUN: &str = "RUNNING RUNNING,RUNNING,RUNNING,RUNNING";

/// The workers that have a connector's four tasks.
fn sharers(place: &Place, worker: &Worker) -> BTreeSet<String> {
    worker.holders(&place.topic("meters")).into_iter().collect()
}

fn ids(workers: &[&Worker]) -> BTreeSet<String> {
    workers
        .iter()
        .map(|worker| worker.id().to_owned())
        .collect()
}

fn make(place: &Place, worker: &Worker, name: &str, tasks: usize) {
    let post = json!({ "name": place.topic(name), "config": place.connector(tasks) });
    let (status, info) = worker.ask("POST", "/connectors", Some(&post));
    assert_eq!(status, 201, "{info}\n{}", worker.said());
}

#[test]
fn a_listener_for_admin_alone_changes_no_connector_on_the_leader_or_any_other_worker() {
    let Some(place) = Place::new("admin_alone") else {
        return;
    };
    place.create_topic(&place.topic("readings"), 4, "delete");
    let file = format!("{}admin.listeners=http://127.0.0.1:0\n", properties(&place));
    let workers = ["a", "b"].map(|name| Worker::start_with(&place, name, &file));
    make(&place, &workers[0], "meters", 4);
    // Nothing moves in the group then: one of them leads, and the other one does not.
    until("tasks are shared", || {
        sharers(&place, &workers[0]) == ids(&[&workers[0], &workers[1]])
            && workers[0].states(&place.topic("meters")) == ALL_RUN
    });
    let post = json!({ "name": place.topic("others"), "config": place.connector(1) });
    let path = place.connector_path("meters", "");
    for worker in &workers {
        let loggers = worker.loggers.as_deref().unwrap();
        let asked = |method: &str, path: &str| Worker::ask_at(loggers, method, path, Some(&post)).0;
        assert_eq!(asked("GET", "/admin/loggers"), 200);
        assert_eq!(asked("POST", "/connectors"), 404);
        assert_eq!(asked("DELETE", &path), 404);
        let config = place.connector_path("meters", "/config");
        assert_eq!(asked("PUT", &config), 404);
        // What is nobody's is not sent on either.
        let nowhere = place.connector_path("meters", "/nowhere");
        assert_eq!(worker.ask("POST", &nowhere, None).0, 404);
        assert_eq!(worker.ask("DELETE", "/connectors", None).0, 405);
    }
    for worker in workers {
        assert_eq!(worker.get("/connectors"), json!([place.topic("meters")]));
        worker.stop();
    }
}

#[test]
fn workers_share_tasks_and_lose_no_row_when_one_is_killed_and_all_are_restarted() {
    let Some(place) = Place::new("sharing") else {
        return;
    };
    place.create_topic(&place.topic("readings"), 8, "delete");
    let first = Worker::start(&place, "a");
    make(&place, &first, "meters", 4);
    until("all tasks run", || {
        first.states(&place.topic("meters")) == ALL_RUN
    });
    place.produce(0..2_000, 1.0);
    let second = Worker::start(&place, "b");
    until("the second has some of the tasks", || {
        sharers(&place, &first) == ids(&[&first, &second])
    });
    until("all tasks run again", || {
        second.states(&place.topic("meters")) == ALL_RUN
    });
    assert_eq!(
        first.get(&place.connector_path("meters", "/status")),
        second.get(&place.connector_path("meters", "/status"))
    );
    place.produce(2_000..4_000, 1.0);
    until("rows come", || place.rows() > 2_000);
    // While it writes.
    place.produce(4_000..8_000, 1.0);
    first.kill();
    until("the second has all tasks", || {
        sharers(&place, &second) == ids(&[&second])
    });
    until("no row is missing", || place.rows() == 8_000);
    until("all tasks run on the second", || {
        second.states(&place.topic("meters")) == ALL_RUN
    });
    // A change through the worker that is left, which leads now.
    let patch = json!({ "errors.tolerance": "all" });
    assert_eq!(
        second
            .ask(
                "PATCH",
                &place.connector_path("meters", "/config"),
                Some(&patch)
            )
            .0,
        200
    );
    second.stop();
    place.produce(8_000..9_000, 1.0);
    let third = Worker::start(&place, "a");
    until("connectors are there again", || {
        third.states(&place.topic("meters")) == ALL_RUN
    });
    until("and have gone on", || place.rows() == 9_000);
    assert_eq!(
        third.get(&place.connector_path("meters", "/config"))["errors.tolerance"],
        "all"
    );
    third.stop();
}

#[test]
fn a_request_reaches_the_leader_or_the_tasks_worker_whoever_is_asked() {
    let Some(place) = Place::new("forwarding") else {
        return;
    };
    place.create_topic(&place.topic("readings"), 4, "delete");
    let (first, second) = (Worker::start(&place, "a"), Worker::start(&place, "b"));
    make(&place, &first, "meters", 4);
    until("tasks are shared", || {
        sharers(&place, &first) == ids(&[&first, &second])
            && first.states(&place.topic("meters")) == ALL_RUN
    });
    // Nothing moves in the group now: one of them leads, and makes them all.
    let made = |worker: &Worker| worker.said().matches("a connector was made").count();
    let before = [made(&first), made(&second)];
    make(&place, &first, "more", 1);
    make(&place, &second, "others", 1);
    let after = [made(&first), made(&second)];
    let made: BTreeSet<usize> = (0..2)
        .map(|worker| after[worker] - before[worker])
        .collect();
    assert_eq!(made, BTreeSet::from([0, 2]));
    for worker in [&first, &second] {
        until("all are known", || {
            worker.get("/connectors")
                == json!(["meters", "more", "others"].map(|name| place.topic(name)))
        });
    }
    tasks_are_restarted_where_they_are(&place, [&first, &second]);
    anybody_changes_and_deletes(&place, [&first, &second]);
    // Sent on twice already: the workers do not agree.
    let follower = if after[0] > before[0] {
        &second
    } else {
        &first
    };
    assert_eq!(
        follower
            .ask(
                "DELETE",
                &place.connector_path("meters", "?forward=false"),
                None
            )
            .0,
        409
    );
    first.stop();
    second.stop();
}

fn tasks_are_restarted_where_they_are(place: &Place, [first, second]: [&Worker; 2]) {
    let started = |worker: &Worker| worker.said().matches("a task starts here").count();
    for task in 0..4 {
        let before = started(first) + started(second);
        let path = place.connector_path("meters", &format!("/tasks/{task}/restart"));
        assert_eq!(second.ask("POST", &path, None).0, 204);
        until("the task is started again", || {
            started(first) + started(second) > before
        });
    }
}

fn anybody_changes_and_deletes(place: &Place, [first, second]: [&Worker; 2]) {
    let config = place.connector(2);
    for worker in [first, second] {
        assert_eq!(
            worker
                .ask(
                    "PUT",
                    &place.connector_path("others", "/config"),
                    Some(&config)
                )
                .0,
            200
        );
    }
    let offsets = &place.connector_path("others", "/offsets");
    for worker in [first, second] {
        assert_eq!(
            worker.ask("DELETE", offsets, None).0,
            400,
            "it is not stopped"
        );
    }
    assert_eq!(
        second
            .ask("DELETE", &place.connector_path("others", ""), None)
            .0,
        204
    );
    until("nobody knows it any more", || {
        first
            .ask("GET", &place.connector_path("others", ""), None)
            .0
            == 404
    });
    let (status, refused) = first.ask("DELETE", &place.connector_path("others", ""), None);
    assert_eq!(status, 404, "{refused}");
}

#[test]
fn a_leader_that_was_away_writes_nothing_and_its_tasks_commit_nothing_when_it_is_back() {
    let Some(place) = Place::new("fencing") else {
        return;
    };
    place.create_topic(&place.topic("readings"), 8, "delete");
    let first = Worker::start(&place, "a");
    make(&place, &first, "meters", 4);
    until("all tasks run", || {
        first.states(&place.topic("meters")) == ALL_RUN
    });
    let second = Worker::start(&place, "b");
    until("tasks are shared", || {
        sharers(&place, &first) == ids(&[&first, &second])
    });
    place.produce(0..1_000, 1.0);
    until("rows come", || place.rows() == 1_000);
    let leads = |worker: &Worker| worker.said().matches("this worker leads the group").count();
    let (leader, other) = if leads(&first) > leads(&second) {
        (&first, &second)
    } else {
        (&second, &first)
    };
    let before = leads(other);
    leader.signal("-STOP");
    until("the other leads", || leads(other) > before);
    until("the other has all tasks", || {
        sharers(&place, other) == ids(&[other])
    });
    make(&place, other, "news", 1);
    place.produce(0..1_000, 2.0);
    until("the other goes on", || place.rows_with(2.0) == 1_000);
    // Back: what it believes to be its own it finds out not to be before it changes anything.
    leader.signal("-CONT");
    let post = json!({ "name": place.topic("news"), "config": place.connector(1) });
    let (status, refused) = leader.ask("POST", "/connectors", Some(&post));
    assert_eq!(status, 409, "{refused}");
    until("it has joined again and has tasks", || {
        sharers(&place, other) == ids(&[leader, other])
    });
    until("all tasks run", || {
        leader.states(&place.topic("meters")) == ALL_RUN
    });
    place.produce(0..1_000, 3.0);
    until("nothing is lost", || place.rows_with(3.0) == 1_000);
    let configs = place.records(&format!("{}-configs", place.topic("connect")), 1);
    let made = configs
        .iter()
        .filter(|(key, _)| *key == format!("connector-{}", place.topic("news")));
    assert_eq!(made.count(), 1);
    assert_eq!(
        leader.get("/connectors"),
        json!(["meters", "news"].map(|name| place.topic(name)))
    );
}
