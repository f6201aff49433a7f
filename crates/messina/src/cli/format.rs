//! kcat's `-f`: how `consume` prints a record.

use bytes::Bytes;

use crate::console::api::{ConsumedRecord, Octets};

use super::CommandError;

/// A format string, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Format {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Topic,
    Partition,
    Offset,
    Key,
    KeyLength,
    Value,
    ValueLength,
    Timestamp,
    Headers,
}

impl Format {
    /// Reads `%t %p %o %k %K %s %S %T %h %%` and `\n \r \t \\ \xHH`.
    pub(super) fn parse(text: &str) -> Result<Self, CommandError> {
        let mut pieces = Vec::new();
        let mut literal = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' => match chars.next() {
                    Some('%') => literal.push(b'%'),
                    other => {
                        push_text(&mut pieces, &mut literal);
                        pieces.push(directive(other)?);
                    }
                },
                '\\' => literal.push(escape(&mut chars)?),
                other => literal.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        push_text(&mut pieces, &mut literal);
        Ok(Self { pieces })
    }

    /// Key and delimiter before the value, if asked for, and a line end: what kcat prints without `-f`.
    pub(super) fn plain(key_delimiter: Option<&str>) -> Self {
        let mut pieces = Vec::new();
        if let Some(delimiter) = key_delimiter {
            pieces.push(Piece::Key);
            pieces.push(Piece::Text(delimiter.as_bytes().to_vec()));
        }
        pieces.push(Piece::Value);
        pieces.push(Piece::Text(b"\n".to_vec()));
        Self { pieces }
    }

    /// Writes one record.
    pub(super) fn write(&self, topic: &str, record: &ConsumedRecord, out: &mut Vec<u8>) {
        let key = octets(record.key.as_ref());
        let value = octets(record.value.as_ref());
        let length = |bytes: &Option<Bytes>| {
            bytes
                .as_ref()
                .map_or_else(|| "-1".to_owned(), |bytes| bytes.len().to_string())
        };
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Topic => out.extend_from_slice(topic.as_bytes()),
                Piece::Partition => out.extend_from_slice(record.partition.to_string().as_bytes()),
                Piece::Offset => out.extend_from_slice(record.offset.to_string().as_bytes()),
                Piece::Key => out.extend_from_slice(key.as_deref().unwrap_or_default()),
                Piece::KeyLength => out.extend_from_slice(length(&key).as_bytes()),
                Piece::Value => out.extend_from_slice(value.as_deref().unwrap_or_default()),
                Piece::ValueLength => out.extend_from_slice(length(&value).as_bytes()),
                Piece::Timestamp => out.extend_from_slice(record.timestamp.to_string().as_bytes()),
                Piece::Headers => headers(record, out),
            }
        }
    }
}

fn push_text(pieces: &mut Vec<Piece>, literal: &mut Vec<u8>) {
    if !literal.is_empty() {
        pieces.push(Piece::Text(std::mem::take(literal)));
    }
}

fn directive(letter: Option<char>) -> Result<Piece, CommandError> {
    Ok(match letter {
        Some('t') => Piece::Topic,
        Some('p') => Piece::Partition,
        Some('o') => Piece::Offset,
        Some('k') => Piece::Key,
        Some('K') => Piece::KeyLength,
        Some('s') => Piece::Value,
        Some('S') => Piece::ValueLength,
        Some('T') => Piece::Timestamp,
        Some('h') => Piece::Headers,
        other => {
            let letter = other.map(String::from).unwrap_or_default();
            return Err(CommandError::Usage(format!(
                "`%{letter}` in the format is none of %t topic, %p partition, %o offset, %k key, %K its length, \
                 %s value, %S its length, %T timestamp, %h headers"
            )));
        }
    })
}

fn escape(chars: &mut std::str::Chars<'_>) -> Result<u8, CommandError> {
    let wrong = |text: &str| {
        CommandError::Usage(format!("`\\{text}` is none of \\n \\r \\t \\0 \\\\ \\xHH"))
    };
    match chars.next() {
        Some('n') => Ok(b'\n'),
        Some('r') => Ok(b'\r'),
        Some('t') => Ok(b'\t'),
        Some('0') => Ok(0),
        Some('\\') => Ok(b'\\'),
        Some('x') => {
            let digits: String = chars.by_ref().take(2).collect();
            u8::from_str_radix(&digits, 16).map_err(|_not_hex| wrong(&format!("x{digits}")))
        }
        other => Err(wrong(&other.map(String::from).unwrap_or_default())),
    }
}

fn headers(record: &ConsumedRecord, out: &mut Vec<u8>) {
    for (index, (name, value)) in record.headers.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        match octets(value.as_ref()) {
            Some(value) => out.extend_from_slice(&value),
            None => out.extend_from_slice(b"NULL"),
        }
    }
}

/// The bytes; those of base64 that is none are nothing.
pub(super) fn octets(octets: Option<&Octets>) -> Option<Bytes> {
    octets.and_then(|octets| octets.clone().into_bytes().ok())
}

/// `0x` and hex, CQL's form of a blob.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("0x");
    for byte in bytes {
        // A String does not refuse to be written to.
        let _written = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> ConsumedRecord {
        ConsumedRecord {
            partition: 2,
            offset: 17,
            timestamp: 1000,
            key: Some(Octets::of(b"k")),
            value: None,
            headers: vec![("a".into(), Some(Octets::of(b"1"))), ("b".into(), None)],
        }
    }

    #[test]
    fn every_directive_and_escape_is_printed() {
        let format = Format::parse(r"%t[%p]@%o %k(%K)=%s(%S) %T %h %%\x41\n").unwrap();
        let mut out = Vec::new();
        format.write("topic", &record(), &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "topic[2]@17 k(1)=(-1) 1000 a=1,b=NULL %A\n"
        );
    }

    #[test]
    fn an_unknown_directive_says_which_there_are() {
        assert!(
            Format::parse("%q")
                .unwrap_err()
                .to_string()
                .contains("%t topic")
        );
        assert!(Format::parse(r"\q").is_err());
    }
}
