//! Dead letters of a stopped log: what the headers say about why a record could not become a row.

use crate::console::api::{ConsumedRecord, DeadLetterEntry};

use super::format::octets;

/// The names of Kafka Connect's context headers begin with this (CONNECT-SPEC 3.8).
const PREFIX: &str = "__connect.errors.";

/// Reads the context headers of a dead letter.
pub(super) fn entry(record: ConsumedRecord) -> DeadLetterEntry {
    let text = |name: &str| {
        let header = record
            .headers
            .iter()
            .rfind(|(own, _)| own.strip_prefix(PREFIX) == Some(name));
        let value = header.and_then(|(_, value)| octets(value.as_ref()));
        value.map(|value| String::from_utf8_lossy(&value).into_owned())
    };
    DeadLetterEntry {
        offset: record.offset,
        topic: text("topic").unwrap_or_default(),
        partition: text("partition").and_then(|number| number.parse().ok()),
        record_offset: text("offset").and_then(|number| number.parse().ok()),
        connector: text("connector.name").unwrap_or_default(),
        stage: text("stage").unwrap_or_default(),
        reason: text("exception.message").unwrap_or_default(),
        record,
    }
}
