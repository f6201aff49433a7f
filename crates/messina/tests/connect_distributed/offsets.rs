//! Offsets that an operator sets, in a topic that was made again.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::json;

use super::place::{Place, until};
use super::worker::{Worker, properties};

/// A connector's group, seen from outside: what it has committed in the first partition of the topic of readings.
struct Committed {
    consumer: BaseConsumer,
    partition: TopicPartitionList,
}

impl Committed {
    fn of(place: &Place, group: &str) -> Self {
        let mut partition = TopicPartitionList::new();
        partition.add_partition(&place.topic("readings"), 0);
        Self {
            consumer: ClientConfig::new()
                .set("bootstrap.servers", &place.kafka)
                .set("group.id", group)
                .create()
                .unwrap(),
            partition,
        }
    }

    fn note(&self) -> String {
        let asked = self.partition.clone();
        let committed = self
            .consumer
            .committed_offsets(asked, Duration::from_secs(20));
        committed.unwrap().elements()[0].metadata().to_owned()
    }

    /// Commits an offset with this note; false while the group has members.
    fn commit(&self, offset: i64, note: &str) -> bool {
        let list = self.partition.clone();
        let mut element = list.elements_for_topic(list.elements()[0].topic());
        element[0].set_offset(Offset::Offset(offset)).unwrap();
        element[0].set_metadata(note);
        drop(element);
        self.consumer.commit(&list, CommitMode::Sync).is_ok()
    }
}

#[test]
fn an_offset_that_is_set_holds_also_if_the_last_commit_was_about_another_topic_of_the_name() {
    let Some(place) = Place::new("set_offset") else {
        return;
    };
    let topic = place.topic("readings");
    place.create_topic(&topic, 1, "delete");
    let file = place.path().join("sink.json");
    let name = place.topic("meters");
    let connector = json!({ "name": name, "config": place.connector(1) });
    std::fs::write(&file, connector.to_string()).unwrap();
    let mut command = Worker::standalone(&place, &properties(&place), &file);
    let worker = Worker::run(&place, "standalone", &mut command);
    place.produce(0..50, 1.0);
    let path = |rest: &str| place.connector_path("meters", rest);
    let committed =
        || worker.get(&path("/offsets"))["offsets"][0]["offset"]["kafka_offset"].clone();
    until("everything is committed", || committed() == 50);
    assert_eq!(worker.ask("PUT", &path("/stop"), None).0, 204);
    // What was committed while the topic was deleted and made again.
    let group = Committed::of(&place, &format!("connect-{name}"));
    let note = group.note();
    let (books, signature) = note.rsplit_once('@').unwrap();
    let other = "A".repeat(signature.len());
    until("the group has no members", || {
        group.commit(50, &format!("{books}@{other}"))
    });
    place.forget_rows();
    let offset = json!({ "offsets": [{
        "partition": { "kafka_topic": topic, "kafka_partition": 0 },
        "offset": { "kafka_offset": 45 },
    }] });
    let (status, said) = worker.ask("PATCH", &path("/offsets"), Some(&offset));
    assert_eq!(status, 200, "{said}");
    assert_eq!(committed(), 45);
    assert_eq!(group.note(), books, "the books stay");
    assert_eq!(worker.ask("PUT", &path("/resume"), None).0, 202);
    until("everything is committed again", || committed() == 50);
    assert_eq!(place.rows(), 5);
    // What is committed from here on is about the topic there is.
    assert!(group.note().ends_with(&format!("@{signature}")));
    worker.stop();
}
