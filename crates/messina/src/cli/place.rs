//! Where a dead letter is, as `messina dlq` prints it and takes it again.

use std::fmt;
use std::str::FromStr;

use crate::sink::dead_letter::DEAD_LETTER_TOPIC;

/// A dead letter's place: `OFFSET`, `PARTITION:OFFSET` or `TOPIC:PARTITION:OFFSET`; what is left out is partition 0,
/// and the topic of connectors that name none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The topic it is in.
    pub(super) topic: String,
    /// The partition of that topic.
    pub(super) partition: i32,
    /// The offset in it.
    pub(super) offset: i64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            topic,
            partition,
            offset,
        } = self;
        match (topic == DEAD_LETTER_TOPIC, partition) {
            (true, 0) => write!(f, "{offset}"),
            (true, _) => write!(f, "{partition}:{offset}"),
            (false, _) => write!(f, "{topic}:{partition}:{offset}"),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.rsplitn(3, ':');
        let wrong = || "OFFSET, PARTITION:OFFSET or TOPIC:PARTITION:OFFSET is needed".to_owned();
        let offset = parts.next().and_then(|part| part.parse().ok());
        let offset = offset.filter(|offset| *offset >= 0).ok_or_else(wrong)?;
        let partition = parts.next().unwrap_or("0").parse().ok();
        let partition = partition.filter(|number| *number >= 0).ok_or_else(wrong)?;
        let topic = parts.next().unwrap_or(DEAD_LETTER_TOPIC);
        if topic.is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            topic: topic.to_owned(),
            partition,
            offset,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_typed() {
        for text in ["17", "2:17", "dead:0:17"] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
        let long = "messina.dead-letters:0:3".parse::<Place>().unwrap();
        assert_eq!(long.to_string(), "3");
        for text in ["", "x", "-1", "a:1", ":0:1", "1:", "t:-1:0"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
