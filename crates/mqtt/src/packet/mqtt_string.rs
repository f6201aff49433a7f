//! A UTF-8 string of the protocol: a checked slice of the bytes it arrived in.

use bytes::Bytes;
use bytestring::ByteString;

/// A string as MQTT has it: UTF-8, without U+0000, at most 65,535 bytes [MQTT-1.5.4-1] [MQTT-1.5.4-2].
///
/// Cloning shares the bytes. A slice of a read buffer keeps the whole buffer alive: what lives long
/// is [`detached`](Self::detached) first. A byte order mark stays where it is [MQTT-1.5.4-3].
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MqttString(ByteString);

/// Why bytes are not an [`MqttString`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StringError {
    /// Not well-formed UTF-8, which includes encoded surrogates.
    #[error("the string is not UTF-8")]
    NotUtf8,
    /// It contains U+0000.
    #[error("the string contains the character U+0000")]
    Null,
    /// Its length does not fit into two bytes.
    #[error("the string has {0} bytes, and 65535 is the limit")]
    TooLong(usize),
}

impl MqttString {
    /// The empty string.
    pub const EMPTY: Self = Self(ByteString::from_static(""));

    /// Checks text and copies it.
    pub fn new(text: &str) -> Result<Self, StringError> {
        Self::try_from(Bytes::copy_from_slice(text.as_bytes()))
    }

    /// Text that is known to be good while compiling.
    ///
    /// # Panics
    /// If the text contains U+0000 or is too long; in a `const` this is an error of the compiler.
    pub const fn from_static(text: &'static str) -> Self {
        assert!(
            text.len() <= u16::MAX as usize,
            "an MQTT string has at most 65535 bytes"
        );
        let mut rest = text.as_bytes();
        while let [first, tail @ ..] = rest {
            assert!(*first != 0, "an MQTT string has no U+0000");
            rest = tail;
        }
        Self(ByteString::from_static(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The shared bytes of the text.
    pub fn as_bytes(&self) -> &Bytes {
        self.0.as_bytes()
    }

    /// The shared bytes of the text, without another reference to them.
    pub fn into_bytes(self) -> Bytes {
        self.0.into_bytes()
    }

    /// The same text in an allocation of its own size.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(ByteString::from(self.as_str()))
    }
}

impl TryFrom<Bytes> for MqttString {
    type Error = StringError;

    fn try_from(bytes: Bytes) -> Result<Self, StringError> {
        if bytes.len() > usize::from(u16::MAX) {
            // [MQTT-4.7.3-3]
            return Err(StringError::TooLong(bytes.len()));
        }
        if bytes.contains(&0) {
            return Err(StringError::Null); // [MQTT-1.5.4-2] [MQTT-4.7.3-2]
        }
        // [MQTT-1.5.4-1]
        ByteString::try_from(bytes)
            .map(Self)
            .map_err(|_utf8_position| StringError::NotUtf8)
    }
}

impl TryFrom<&str> for MqttString {
    type Error = StringError;

    fn try_from(text: &str) -> Result<Self, StringError> {
        Self::new(text)
    }
}

impl TryFrom<String> for MqttString {
    type Error = StringError;

    fn try_from(text: String) -> Result<Self, StringError> {
        Self::try_from(Bytes::from(text))
    }
}

impl std::ops::Deref for MqttString {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for MqttString {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl std::borrow::Borrow<str> for MqttString {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl std::fmt::Display for MqttString {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self)
    }
}

impl std::fmt::Debug for MqttString {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq<str> for MqttString {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for MqttString {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogates_nulls_and_overlong_forms_are_refused() {
        let bad: [&'static [u8]; 4] = [b"\xED\xA0\x80", b"\xC0\x80", b"\xF4\x90\x80\x80", b"\xFF"];
        for bytes in bad {
            assert_eq!(
                MqttString::try_from(Bytes::from_static(bytes)),
                Err(StringError::NotUtf8)
            );
        }
        assert_eq!(MqttString::new("a\0b"), Err(StringError::Null));
        // [MQTT-4.7.3-3]
        assert_eq!(
            MqttString::new(&"x".repeat(65_536)),
            Err(StringError::TooLong(65_536))
        );
        assert!(MqttString::new(&"x".repeat(65_535)).is_ok());
    }

    #[test]
    fn a_byte_order_mark_is_kept() {
        let text = MqttString::try_from(Bytes::from_static(b"\xEF\xBB\xBFa")).unwrap();
        assert_eq!(text, "\u{FEFF}a");
    }
}
