//! Topic names, topic filters, and the rules by which one matches the other.

use bytes::Bytes;

use crate::packet::{MqttString, StringError};
use crate::reason::ReasonCode;

/// The most levels a [`TopicFilter`] may have, so that walking a filter needs a bounded stack.
pub const MAX_FILTER_LEVELS: usize = 128;

const SHARE_PREFIX: &str = "$share/";

/// A topic name: not empty, no wildcards.
///
/// The one empty topic is [`Topic::EMPTY`], in a PUBLISH whose topic alias stands for the name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(MqttString);

/// Why text is not a [`Topic`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// It is not a string of the protocol.
    #[error(transparent)]
    String(#[from] StringError),
    /// It has no characters [MQTT-4.7.3-1].
    #[error("a topic has at least one character")]
    Empty,
    /// It contains `+` or `#` [MQTT-3.3.2-2].
    #[error("a topic to publish to contains no wildcard")]
    Wildcard,
}

/// A topic filter, with or without the `$share/GROUP/` of a shared subscription.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicFilter {
    text: MqttString,
    /// Where the group's name ends and the path starts: 0 if the subscription is not shared.
    path_start: u16,
}

/// Why text is not a [`TopicFilter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// It is not a string of the protocol.
    #[error(transparent)]
    String(#[from] StringError),
    /// It, or what follows the group of a shared subscription, has no characters [MQTT-4.7.3-1].
    #[error("a topic filter has at least one character")]
    Empty,
    /// A wildcard shares its level with other characters [MQTT-4.7.1-2].
    #[error("a wildcard stands alone in its level of a topic filter")]
    WildcardInLevel,
    /// `#` is not the last level [MQTT-4.7.1-1].
    #[error("`#` is the last level of a topic filter")]
    NotLast,
    /// The group of a shared subscription is empty or contains a wildcard [MQTT-4.8.2-1] [MQTT-4.8.2-2].
    #[error("a shared subscription is `$share/GROUP/FILTER`, its group without `+`, `#` and `/`")]
    Share,
    /// It has more than [`MAX_FILTER_LEVELS`] levels.
    #[error("a topic filter has at most {MAX_FILTER_LEVELS} levels")]
    TooManyLevels,
}

impl FilterError {
    /// The reason code of the refusal: malformed, or well formed and not accepted.
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::TooManyLevels => ReasonCode::TopicFilterInvalid,
            Self::String(_) | Self::Empty | Self::WildcardInLevel | Self::NotLast | Self::Share => {
                ReasonCode::MalformedPacket
            }
        }
    }
}

/// Limits an operator sets on topics and filters, within those of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicLimits {
    /// The longest topic or filter, in bytes.
    pub max_length: usize,
    /// The most levels.
    pub max_levels: usize,
}

impl Default for TopicLimits {
    /// What the protocol and [`MAX_FILTER_LEVELS`] allow.
    fn default() -> Self {
        Self {
            max_length: usize::from(u16::MAX),
            max_levels: MAX_FILTER_LEVELS,
        }
    }
}

impl TopicLimits {
    /// Whether a topic stays within the limits.
    pub fn allow_topic(&self, topic: &Topic) -> bool {
        self.allow(topic.as_str())
    }

    /// Whether a filter stays within the limits.
    pub fn allow_filter(&self, filter: &TopicFilter) -> bool {
        self.allow(filter.as_str())
    }

    fn allow(&self, text: &str) -> bool {
        text.len() <= self.max_length && text.split('/').nth(self.max_levels).is_none()
    }
}

impl Topic {
    /// No topic: in a PUBLISH whose topic alias stands for the name.
    pub const EMPTY: Self = Self(MqttString::EMPTY);

    /// Checks text and copies it.
    pub fn new(text: &str) -> Result<Self, TopicError> {
        Self::try_from(MqttString::new(text)?)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name as a string of the protocol.
    pub fn as_mqtt_string(&self) -> &MqttString {
        &self.0
    }

    /// The shared bytes of the name.
    pub fn as_bytes(&self) -> &Bytes {
        self.0.as_bytes()
    }

    /// Whether this is [`Topic::EMPTY`].
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The levels between the slashes; an empty level is a level.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.as_str().split('/')
    }

    /// Whether it starts with `$`, so that a leading wildcard does not match it.
    pub fn is_reserved(&self) -> bool {
        self.as_str().starts_with('$')
    }

    /// The same name in an allocation of its own, for what outlives the read buffer.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(self.0.detached())
    }
}

impl TryFrom<MqttString> for Topic {
    type Error = TopicError;

    fn try_from(text: MqttString) -> Result<Self, TopicError> {
        if text.is_empty() {
            return Err(TopicError::Empty); // [MQTT-4.7.3-1]
        }
        if text
            .as_bytes()
            .iter()
            .any(|byte| matches!(byte, b'+' | b'#'))
        {
            return Err(TopicError::Wildcard); // [MQTT-3.3.2-2] [MQTT-4.7.0-1]
        }
        Ok(Self(text))
    }
}

impl TryFrom<&str> for Topic {
    type Error = TopicError;

    fn try_from(text: &str) -> Result<Self, TopicError> {
        Self::new(text)
    }
}

impl TopicFilter {
    /// Checks text and copies it.
    pub fn new(text: &str) -> Result<Self, FilterError> {
        Self::try_from(MqttString::new(text)?)
    }

    /// The whole filter, as subscribed to.
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// The whole filter as a string of the protocol.
    pub fn as_mqtt_string(&self) -> &MqttString {
        &self.text
    }

    /// What topics are matched against: the filter without `$share/GROUP/`.
    pub fn path(&self) -> &str {
        self.text
            .get(usize::from(self.path_start)..)
            .unwrap_or_default()
    }

    /// The group, if this is a shared subscription.
    pub fn share_group(&self) -> Option<&str> {
        let end = usize::from(self.path_start).checked_sub(1)?;
        self.text.get(SHARE_PREFIX.len()..end)
    }

    /// Whether this is a shared subscription.
    pub fn is_shared(&self) -> bool {
        self.path_start != 0
    }

    /// Whether the path contains a wildcard.
    pub fn has_wildcard(&self) -> bool {
        self.path().contains(['+', '#'])
    }

    /// The levels of the path.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.path().split('/')
    }

    /// Whether a topic matches the path.
    pub fn matches(&self, topic: &Topic) -> bool {
        if topic.is_reserved() && self.path().starts_with(['+', '#']) {
            return false; // [MQTT-4.7.2-1]
        }
        let mut names = topic.levels();
        for level in self.levels() {
            if level == "#" {
                return true; // the parent level included [MQTT-4.7.1-1]
            }
            match names.next() {
                Some(name) if level == "+" || level == name => {} // [MQTT-4.7.3-4]
                _ => return false,
            }
        }
        names.next().is_none()
    }

    /// The same filter in an allocation of its own, for what outlives the read buffer.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            text: self.text.detached(),
            path_start: self.path_start,
        }
    }
}

impl TryFrom<MqttString> for TopicFilter {
    type Error = FilterError;

    fn try_from(text: MqttString) -> Result<Self, FilterError> {
        let path_start = path_start(&text)?;
        check_path(text.get(usize::from(path_start)..).unwrap_or_default())?;
        Ok(Self { text, path_start })
    }
}

impl TryFrom<&str> for TopicFilter {
    type Error = FilterError;

    fn try_from(text: &str) -> Result<Self, FilterError> {
        Self::new(text)
    }
}

fn path_start(text: &str) -> Result<u16, FilterError> {
    let Some(rest) = text.strip_prefix(SHARE_PREFIX) else {
        return Ok(0);
    };
    let Some((group, _)) = rest.split_once('/') else {
        return Err(FilterError::Share); // [MQTT-4.8.2-2]
    };
    if group.is_empty() || group.contains(['+', '#']) {
        return Err(FilterError::Share); // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
    }
    let start = SHARE_PREFIX.len() + group.len() + 1;
    u16::try_from(start).map_err(|_overflow| FilterError::String(StringError::TooLong(text.len())))
}

fn check_path(path: &str) -> Result<(), FilterError> {
    if path.is_empty() {
        return Err(FilterError::Empty); // [MQTT-4.7.3-1]
    }
    let mut after_hash = false;
    for (index, level) in path.split('/').enumerate() {
        if index >= MAX_FILTER_LEVELS {
            return Err(FilterError::TooManyLevels);
        }
        if after_hash {
            return Err(FilterError::NotLast); // [MQTT-4.7.1-1]
        }
        after_hash = level == "#";
        if level.len() > 1 && level.contains(['+', '#']) {
            return Err(FilterError::WildcardInLevel); // [MQTT-4.7.1-1] [MQTT-4.7.1-2]
        }
    }
    Ok(())
}

macro_rules! text_traits {
    ($($name:ty),+) => {$(
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }
    )+};
}

text_traits!(Topic, TopicFilter);

#[cfg(test)]
mod tests;
