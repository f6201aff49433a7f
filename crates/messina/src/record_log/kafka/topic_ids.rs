//! Which topic a name stands for: one that was deleted and made again is another topic, whatever offsets it has.
//!
//! Kafka gives each topic an identifier (KIP-516). A commit carries it behind the committer's note,
//! `{"w":3,"s":0}@LVkbLsOiTDKJ7Ws5N1dHrQ`: an offset of another topic of that name says nothing about this one.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString, c_char};
use std::fmt;
use std::ptr;
use std::sync::Arc;

use rdkafka::bindings as native;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{IsError as _, KafkaError, KafkaResult, RDKafkaErrorCode};

use super::positions::Client;

/// A cluster that says nothing for this long is away.
const PATIENCE_MILLIS: i32 = 10_000;
/// Stands between a note and the identifier.
const MARK: char = '@';
/// 128 bits in base64 without padding.
const LENGTH: usize = 22;

/// A topic's identifier, as Kafka's own tools print it: in the alphabet of base64 that URLs take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopicId(Arc<str>);

impl TopicId {
    /// From base64 without padding, in either alphabet: librdkafka prints the other.
    fn new(base64: &str) -> Self {
        Self(base64.replace('+', "-").replace('/', "_").into())
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A committer's note with the topic it is about.
pub(super) fn sign(note: &str, id: Option<&TopicId>) -> String {
    id.map_or_else(|| note.to_owned(), |id| format!("{note}{MARK}{id}"))
}

/// The note, and the topic it is about if it says so.
pub(super) fn signed(text: &str) -> (&str, Option<TopicId>) {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte);
    match text.rsplit_once(MARK) {
        Some((note, id)) if id.len() == LENGTH && id.bytes().all(letter) => {
            (note, Some(TopicId::new(id)))
        }
        _ => (text, None),
    }
}

/// The identifiers that topics of these names have now. Those that are not there, and all of a cluster that gives none,
/// are left out. Blocks.
pub(super) fn topic_ids(
    client: &Client,
    names: &BTreeSet<Arc<str>>,
) -> KafkaResult<BTreeMap<Arc<str>, TopicId>> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    match describe(client, names) {
        Err(RDKafkaErrorCode::UnsupportedFeature) => Ok(BTreeMap::new()),
        described => described.map_err(KafkaError::AdminOp),
    }
}

#[expect(
    unsafe_code,
    reason = "the bindings' own call; rdkafka has none for it"
)]
fn describe(
    client: &Client,
    names: &BTreeSet<Arc<str>>,
) -> Result<BTreeMap<Arc<str>, TopicId>, RDKafkaErrorCode> {
    let texts = names.iter().map(|name| CString::new(name.as_bytes()));
    let texts: Result<Vec<CString>, _> = texts.collect();
    let texts = texts.map_err(|_zero| RDKafkaErrorCode::InvalidTopic)?;
    let mut pointers: Vec<*const c_char> = texts.iter().map(|text| text.as_ptr()).collect();
    let handle = client.client().native_ptr();
    // SAFETY: the client and the names live until the call returns. The collection copies the names, and is destroyed
    // here, as are the queue and the event that was polled from it, which may be null: librdkafka's functions on events
    // allow that.
    unsafe {
        let queue = native::rd_kafka_queue_new(handle);
        let topics =
            native::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        native::rd_kafka_DescribeTopics(handle, topics, ptr::null(), queue);
        let event = native::rd_kafka_queue_poll(queue, PATIENCE_MILLIS);
        let answer = answer_of(event, names);
        native::rd_kafka_event_destroy(event);
        native::rd_kafka_TopicCollection_destroy(topics);
        native::rd_kafka_queue_destroy(queue);
        answer
    }
}

/// What an answer says of topics of these names.
#[expect(unsafe_code, reason = "reads librdkafka's event")]
unsafe fn answer_of(
    event: *mut native::rd_kafka_event_t,
    names: &BTreeSet<Arc<str>>,
) -> Result<BTreeMap<Arc<str>, TopicId>, RDKafkaErrorCode> {
    if event.is_null() {
        return Err(RDKafkaErrorCode::OperationTimedOut);
    }
    let mut ids = BTreeMap::new();
    // SAFETY: the event is not null, and nobody destroys it before the caller does; what it holds lives as long, and
    // names and identifiers are texts that end in zero.
    unsafe {
        let code = native::rd_kafka_event_error(event);
        if code.is_error() {
            return Err(code.into());
        }
        let result = native::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return Err(RDKafkaErrorCode::BadMessage);
        }
        let mut count = 0;
        let topics = native::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        for number in 0..count {
            let topic = *topics.add(number);
            let name = CStr::from_ptr(native::rd_kafka_TopicDescription_name(topic));
            let name = name.to_str().ok().and_then(|name| names.get(name));
            let id = native::rd_kafka_TopicDescription_topic_id(topic);
            let is_known = native::rd_kafka_TopicDescription_error(topic).is_null()
                && !id.is_null()
                && (native::rd_kafka_Uuid_most_significant_bits(id) != 0
                    || native::rd_kafka_Uuid_least_significant_bits(id) != 0);
            let Some(name) = name.filter(|_| is_known) else {
                continue;
            };
            let text = native::rd_kafka_Uuid_base64str(id);
            if !text.is_null() {
                let text = CStr::from_ptr(text).to_string_lossy();
                ids.insert(Arc::clone(name), TopicId::new(&text));
            }
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_which_topic_it_is_about_and_others_notes_stay_as_they_are() {
        let id = TopicId::new("LVkbLsOiTDKJ7Ws5N1dHrQ");
        let note = r#"{"w":3,"s":7}"#;
        let text = sign(note, Some(&id));
        assert_eq!(signed(&text), (note, Some(id)));
        assert_eq!(sign(note, None), note);
        for other in [
            note,
            "",
            "somebody@example.com",
            "@",
            "a@LVkbLsOiTDKJ7Ws5N1dH Q",
        ] {
            assert_eq!(signed(other), (other, None));
        }
    }

    #[test]
    fn an_identifier_is_the_same_in_either_alphabet_of_base64_and_is_written_as_kafkas_tools_print_it()
     {
        let printed = "_-kbLsOiTDKJ7Ws5N1dHrQ";
        let earlier = "{}@/+kbLsOiTDKJ7Ws5N1dHrQ";
        let (note, id) = signed(earlier);
        assert_eq!((note, id.as_ref()), ("{}", Some(&TopicId::new(printed))));
        assert_eq!(sign(note, id.as_ref()), format!("{{}}@{printed}"));
    }
}
