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
                let written = options.required("pattern")?;
                pattern(options, "pattern", written).map(|(whole, _)| Self::TopicNameMatches(whole))
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
            Self::HasHeaderKey(name) => match &record.headers {
                Some(headers) => headers.iter().any(|header| *header.name == **name),
                None => record
                    .source
                    .headers
                    .iter()
                    .any(|header| *header.name == *name.as_bytes()),
            },
            Self::RecordIsTombstone => record.value.is_null(),
        }
    }
}

/// A regular expression of the original's syntax: one that must match the whole of a text, and itself.
pub(crate) fn pattern(
    options: &mut Options<'_, '_>,
    name: &str,
    written: &str,
) -> Option<(Regex, Regex)> {
    let own = unquoted(written);
    // The text is compiled alone first: what closes our group early is refused.
    let compiled =
        Regex::new(&own).and_then(|first| Ok((Regex::new(&format!("^(?:{own})$"))?, first)));
    match compiled {
        Ok(pair) => Some(pair),
        Err(error) => {
            let message = format!("not a usable regular expression: {error}");
            options.refuse(name, message, None);
            None
        }
    }
}

/// Java's quotation `\Q...\E` escaped.
fn unquoted(written: &str) -> String {
    let (mut out, mut rest) = (String::new(), written);
    while let Some((before, quoted)) = rest.split_once("\\Q") {
        let (literal, behind) = quoted.split_once("\\E").unwrap_or((quoted, ""));
        out.push_str(before);
        out.push_str(&regex::escape(literal));
        rest = behind;
    }
    out.push_str(rest);
    out
}
