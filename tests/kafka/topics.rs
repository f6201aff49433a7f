//! Topics that are missing, deleted and made again, or do not take what they are sent.

use messina_e2e::kafka::{self, produce, produce_readings};

use crate::worker::{all_there, number, numbers, says, settled, sink, unique, worker};

#[test]
fn a_topic_that_is_deleted_and_made_again_is_read_from_its_new_beginning() {
    let Some(servers) = kafka::shared("a topic is made again") else {
        return;
    };
    let topic = unique("anew");
    let create = || {
        let partitions = ["--partitions", "6"];
        kafka::topics(
            servers,
            &[&["--create", "--topic", &topic][..], &partitions].concat(),
        );
    };
    create();
    // Else the worker would be the one who makes it again.
    let site = worker(servers, &topic).set("kafka.topics={ create = false, partitions = 6 }");
    let _server = site.start();
    produce_readings(servers, &topic, 0..2_000);
    settled(&site, 2_000, 0);
    kafka::topics(servers, &["--delete", "--topic", &topic]);
    create();
    produce_readings(servers, &topic, 2_000..3_000);
    messina_e2e::patience::until_within(crate::worker::CATCH_UP, "3000 rows", || {
        (site.admin().count("SELECT COUNT(*) FROM readings") == 3_000).then_some(())
    });
    all_there(&numbers(&site), 3_000);
    messina_e2e::patience::until("nothing is left to do", || {
        (number(&sink(&site), "lag") == 0).then_some(())
    });
}

#[test]
fn a_topic_that_is_made_again_with_more_records_than_were_read_is_read_from_its_beginning_too() {
    let Some(servers) = kafka::shared("a topic is made again and has more records") else {
        return;
    };
    let topic = unique("more");
    let create = || {
        kafka::topics(
            servers,
            &["--create", "--topic", &topic, "--partitions", "3"],
        );
    };
    create();
    let site = worker(servers, &topic)
        .set("kafka.topics={ create = false, partitions = 3 }")
        // It must not be taken for dead while it sees nothing of what happens.
        .set("kafka.consumer={ \"session.timeout.ms\" = 300000 }");
    let mut server = site.start();
    produce_readings(servers, &topic, 0..500);
    settled(&site, 500, 0);
    server.freeze();
    kafka::topics(servers, &["--delete", "--topic", &topic]);
    create();
    // In every partition more than the group has committed: its offsets are all there.
    produce_readings(servers, &topic, 500..5_000);
    server.thaw();
    messina_e2e::patience::until_within(crate::worker::CATCH_UP, "5000 rows", || {
        (site.admin().count("SELECT COUNT(*) FROM readings") == 5_000).then_some(())
    });
    all_there(&numbers(&site), 5_000);
    let done = messina_e2e::patience::until("nothing is left to do", || {
        let sink = sink(&site);
        (number(&sink, "lag") == 0).then_some(sink)
    });
    // Those at the old offsets may have been read twice.
    assert!(number(&done, "written") >= 5_000, "{done}");
    // The next worker does not begin it anew again.
    server.terminate();
    server.wait_within(crate::worker::CATCH_UP);
    let _next = site.start();
    produce_readings(servers, &topic, 5_000..5_100);
    messina_e2e::patience::until_within(crate::worker::CATCH_UP, "5100 rows", || {
        (site.admin().count("SELECT COUNT(*) FROM readings") == 5_100).then_some(())
    });
    let started = site.admin().status();
    assert_eq!(number(&started["sinks"][0], "rows"), 100, "{started}");
}

#[test]
fn a_topic_that_is_missing_is_named_with_the_command_that_creates_it() {
    let Some(servers) = kafka::shared("a topic is missing") else {
        return;
    };
    let topic = unique("missing");
    let site = worker(servers, &topic).set("kafka.topics={ create = false, partitions = 3 }");
    let command = format!(
        "kafka-topics.sh --bootstrap-server {servers} --create --topic {topic} --partitions 3"
    );
    let (status, said) = site.refused();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains(&command) && said.contains("`kafka.topics.create = true`"),
        "{said}"
    );
    // Where only the sink names it, the worker waits for it and says so.
    let site = site.set("topic=[]");
    let _server = site.start();
    says(&site, "RETRYING", &command);
    kafka::topics(
        servers,
        &["--create", "--topic", &topic, "--partitions", "3"],
    );
    produce_readings(servers, &topic, 0..100);
    settled(&site, 100, 0);
}

#[test]
fn another_number_of_partitions_than_stated_is_refused_with_the_command_that_adds_them() {
    let Some(servers) = kafka::shared("another number of partitions") else {
        return;
    };
    let topic = unique("partitions");
    kafka::topics(
        servers,
        &["--create", "--topic", &topic, "--partitions", "2"],
    );
    let stated = format!("topic=[{{ name = \"{topic}\", partitions = 5 }}]");
    let (_, said) = worker(servers, &topic).set(stated).refused();
    assert!(
        said.contains("has 2 partitions, the configuration says 5") && said.contains("--alter"),
        "{said}"
    );
    // Partitions cannot be taken away.
    let stated = format!("topic=[{{ name = \"{topic}\", partitions = 1 }}]");
    let (_, said) = worker(servers, &topic).set(stated).refused();
    assert!(
        said.contains("has 2 partitions, the configuration says 1") && !said.contains("--alter"),
        "{said}"
    );
}

#[test]
fn a_dead_letter_that_its_topic_does_not_take_fails_the_task_and_says_what_to_raise() {
    let Some(servers) = kafka::shared("a dead letter is too large") else {
        return;
    };
    let topic = unique("large");
    let dead = format!("{topic}.dead");
    let small = ["--create", "--topic", &dead, "--partitions", "1"];
    let limit = ["--config", "max.message.bytes=1000"];
    kafka::topics(servers, &[&small[..], &limit[..]].concat());
    let site = worker(servers, &topic);
    let _server = site.start_unwatched();
    produce(
        servers,
        &topic,
        &format!("poison:{{{}\n", "x".repeat(5_000)),
    );
    says(&site, "FAILED", "max.message.bytes");
    let sink = sink(&site);
    assert_eq!(
        (number(&sink, "dead_lettered"), number(&sink, "lag")),
        (0, 1),
        "{sink}"
    );
}
