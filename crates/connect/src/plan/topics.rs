//! Which topics a connector reads: `topics`, or `topics.regex`.

use regex::Regex;

use super::compile::Compiler;
use crate::transform::pattern;

/// The Kafka topics a connector reads.
#[derive(Debug, Clone)]
pub enum Topics {
    /// Those, sorted.
    Named(Vec<String>),
    /// All whose whole name matches.
    Matching {
        /// The expression, anchored at both ends.
        regex: Regex,
        /// It as a subscription: one name, an expression as its `^` says.
        subscription: [String; 1],
    },
}

impl Topics {
    /// Whether a topic is one of them.
    pub fn takes(&self, topic: &str) -> bool {
        match self {
            Self::Named(names) => names.iter().any(|own| own == topic),
            Self::Matching { regex, .. } => regex.is_match(topic),
        }
    }

    /// The topics by name; none where an expression says which.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Named(names) => names,
            Self::Matching { .. } => &[],
        }
    }

    /// What to subscribe to: names, or an expression that begins with `^` and must match whole names.
    pub fn subscription(&self) -> &[String] {
        match self {
            Self::Named(names) => names,
            Self::Matching { subscription, .. } => subscription,
        }
    }
}

const REGEX: &str = "topics.regex";

impl Compiler<'_> {
    pub(super) fn topics(&mut self) -> Topics {
        let written = self
            .config
            .text(REGEX)
            .filter(|written| !written.is_empty());
        let Some(written) = written else {
            return Topics::Named(self.named_topics());
        };
        if self
            .config
            .text("topics")
            .is_some_and(|topics| !topics.is_empty())
        {
            let message = "`topics` and `topics.regex` are both set";
            self.refuse(REGEX, message, "keep one of them");
        }
        match pattern(&mut self.options(), REGEX, written) {
            Some((regex, _)) => Topics::Matching {
                // As `regex`, in what POSIX's expressions have too: Kafka's client library reads it as one.
                subscription: [regex.as_str().replacen("^(?:", "^(", 1)],
                regex,
            },
            None => Topics::Named(Vec::new()),
        }
    }

    fn named_topics(&mut self) -> Vec<String> {
        let mut options = self.options();
        let topics = options.required_list("topics").unwrap_or_default();
        let empty = topics.iter().any(|topic| topic.is_empty());
        let mut topics: Vec<String> = topics.into_iter().map(str::to_owned).collect();
        topics.retain(|topic| !topic.is_empty());
        if empty {
            let message = "an empty topic between the commas";
            self.refuse("topics", message, "remove the comma");
        }
        let all = topics.len();
        topics.sort();
        topics.dedup();
        if topics.len() < all {
            self.warn("topics", "a topic is named twice");
        }
        topics
    }
}
