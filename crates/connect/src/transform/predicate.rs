//! Predicates: when a transform runs (CONNECT-SPEC 2.1).

use regex::Regex;

use crate::options::Options;
use crate::record::ConnectRecord;

/// A condition on a record.
#[derive(Debug, Clone)]
pub(crate) enum Predicate {
    /// The whole topic matches.
    TopicNameMatches(Regex),
    /// There is a header of this name.
    HasHeaderKey(String),
    /// The value is null.
    RecordIsTombstone,
}

const PACKAGE: &str = "org.apache.kafka.connect.transforms.predicates.";

impl Predicate {
    /// The predicate `class` with the options below its prefix; what is wrong goes into `options`.
    pub(crate) fn compile(class: &str, options: &mut Options<'_, '_>) -> Option<Self> {
        match class.strip_prefix(PACKAGE).unwrap_or(class) {
            "TopicNameMatches" => {
                let pattern = options.required("pattern")?;
                match Regex::new(&format!("^(?:{pattern})$")) {
                    Ok(regex) => Some(Self::TopicNameMatches(regex)),
                    Err(error) => {
                        options.refuse(
                            "pattern",
                            format!("not a usable regular expression: {error}"),
                            None,
                        );
                        None
                    }
                }
            }
            "HasHeaderKey" => Some(Self::HasHeaderKey(options.required("name")?.to_owned())),
            "RecordIsTombstone" => Some(Self::RecordIsTombstone),
            _ => {
                options.refuse_self(
                    format!("unknown predicate `{class}`"),
                    "available are TopicNameMatches, HasHeaderKey, RecordIsTombstone",
                );
                None
            }
        }
    }

    pub(super) fn holds(&self, record: &ConnectRecord<'_>) -> bool {
        match self {
            Self::TopicNameMatches(regex) => regex.is_match(&record.topic),
            Self::HasHeaderKey(name) => record
                .source
                .headers
                .iter()
                .any(|header| *header.name == *name.as_bytes()),
            Self::RecordIsTombstone => record.value.is_null(),
        }
    }
}
