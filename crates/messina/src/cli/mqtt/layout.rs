//! `-F`: how a message is printed, in `mosquitto_sub`'s letters.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use messina_mqtt::packet::{PacketId, Publish, PublishProperties};
use serde_json::{Map, Value};

/// The letters that stand for something of a message.
const LETTERS: &str = "ACDEFIjJlmpPqRrStUxX";

/// The ISO 8601 time of `%I` and of JSON.
const SECONDS: &str = "%Y-%m-%dT%H:%M:%S%z";
const MICROSECONDS: &str = "%Y-%m-%dT%H:%M:%S%.6f%z";

/// Widest field; what is printed is no way to fill a disk.
const WIDEST: usize = 10_000;

/// A layout, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Layout {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// Something of the message, and how wide it is.
    Field(char, Width),
    /// Something of the time, for `strftime`.
    Time(String),
}

/// At least so wide; blanks before it, behind it, or zeros before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Width {
    least: usize,
    left: bool,
    zeros: bool,
}

/// A message and when it came.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Received<'a> {
    /// The message.
    pub(in super::super) publish: &'a Publish,
    /// Milliseconds since 1970-01-01 UTC.
    pub(in super::super) millis: i64,
}

impl Layout {
    /// Reads a layout: text, `%` and `@` with letters, `\` with letters.
    pub(in super::super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text.chars();
        while let Some(next) = rest.next() {
            let piece = match next {
                '%' => field(&mut rest)?,
                '@' => time(rest.next())?,
                '\\' => Piece::Text(escaped(rest.next())?.to_string()),
                other => Piece::Text(other.to_string()),
            };
            if let Piece::Text(more) = piece {
                plain.push_str(&more);
                continue;
            }
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(piece);
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self { pieces })
    }

    /// The message in this layout.
    pub(in super::super) fn print(&self, received: Received<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Time(format) => {
                    out.extend_from_slice(local(received.millis, format).as_bytes());
                }
                Piece::Field(letter, width) => {
                    width.pad(&value(*letter, received), &mut out);
                }
            }
        }
        out
    }
}

fn field(rest: &mut std::str::Chars<'_>) -> Result<Piece, String> {
    let mut width = Width::default();
    for next in rest.by_ref() {
        match next {
            '%' => return Ok(Piece::Text("%".to_owned())),
            '-' if width.least == 0 => width.left = true,
            '0' if width.least == 0 => width.zeros = true,
            digit @ '0'..='9' => {
                let digit = digit.to_digit(10).unwrap_or(0) as usize;
                width.least = (width.least * 10 + digit).min(WIDEST);
            }
            letter if LETTERS.contains(letter) => return Ok(Piece::Field(letter, width)),
            other => {
                return Err(format!(
                    "`%{other}` stands for nothing; the letters are {LETTERS}"
                ));
            }
        }
    }
    Err("nothing follows `%`".to_owned())
}

fn time(letter: Option<char>) -> Result<Piece, String> {
    match letter {
        None => Err("nothing follows `@`".to_owned()),
        Some('@') => Ok(Piece::Text("@".to_owned())),
        Some('N') => Ok(Piece::Time("%9f".to_owned())),
        Some(letter) => {
            let format = format!("%{letter}");
            match Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC) {
                epoch if jiff::fmt::strtime::format(&format, &epoch).is_ok() => {
                    Ok(Piece::Time(format))
                }
                _ => Err(format!("`@{letter}` is nothing of a date or time")),
            }
        }
    }
}

fn escaped(letter: Option<char>) -> Result<char, String> {
    match letter {
        Some('\\') => Ok('\\'),
        Some('0') => Ok('\0'),
        Some('a') => Ok('\x07'),
        Some('e') => Ok('\x1b'),
        Some('n') => Ok('\n'),
        Some('r') => Ok('\r'),
        Some('t') => Ok('\t'),
        Some('v') => Ok('\x0b'),
        Some(other) => Err(format!("`\\{other}` stands for nothing")),
        None => Err("nothing follows `\\`".to_owned()),
    }
}

impl Width {
    fn pad(self, value: &[u8], out: &mut Vec<u8>) {
        let count = String::from_utf8_lossy(value).chars().count();
        let missing = self.least.saturating_sub(count);
        let fill = if self.zeros && !self.left { b'0' } else { b' ' };
        if !self.left {
            out.resize(out.len() + missing, fill);
        }
        out.extend_from_slice(value);
        if self.left {
            out.resize(out.len() + missing, fill);
        }
    }
}

fn value(letter: char, received: Received<'_>) -> Vec<u8> {
    let Received { publish, millis } = received;
    let none = PublishProperties::default();
    let own = publish.properties.as_deref().unwrap_or(&none);
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let text = match letter {
        'p' => return publish.payload.to_vec(),
        'D' => return own.correlation_data.as_deref().unwrap_or_default().to_vec(),
        'A' => number(own.topic_alias.map(|alias| alias.get().into())),
        'C' => own
            .content_type
            .as_ref()
            .map_or("", |own| own.as_str())
            .to_owned(),
        'E' => number(own.message_expiry_interval),
        'F' => number(own.payload_format_indicator.map(|own| own as u32)),
        'I' => local(millis, SECONDS),
        'j' => described(received, String::from_utf8_lossy(&publish.payload).into()),
        'J' => described(received, as_json(publish)),
        'l' => publish.payload.len().to_string(),
        'm' => publish.packet_id.map_or(0, PacketId::get).to_string(),
        'P' => user_properties(own),
        'q' => publish.qos.as_u8().to_string(),
        'R' => own
            .response_topic
            .as_ref()
            .map_or("", |own| own.as_str())
            .to_owned(),
        'r' => u8::from(publish.retain).to_string(),
        'S' => {
            let all = own.subscription_identifiers.iter();
            let all: Vec<String> = all.map(|id| id.get().to_string()).collect();
            all.join(" ")
        }
        't' => publish.topic.as_str().to_owned(),
        'U' => format!(
            "{}.{:03}000000",
            millis.div_euclid(1000),
            millis.rem_euclid(1000)
        ),
        'x' => hexadecimal(&publish.payload),
        _ => hexadecimal(&publish.payload).to_uppercase(),
    };
    text.into_bytes()
}

fn user_properties(own: &PublishProperties) -> String {
    let all = own.user_properties.iter();
    let all: Vec<String> = all.map(|(name, value)| format!("{name}:{value}")).collect();
    all.join(" ")
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A string takes everything.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// A time in this machine's zone.
fn local(millis: i64, format: &str) -> String {
    let time = Timestamp::from_millisecond(millis).unwrap_or_default();
    time.to_zoned_datetime(TimeZone::system())
        .strftime(format)
        .to_string()
}

/// The payload as the JSON it is; a string if it is none.
fn as_json(publish: &Publish) -> Value {
    let parsed = serde_json::from_slice(&publish.payload);
    parsed.unwrap_or_else(|_not_json| String::from_utf8_lossy(&publish.payload).into())
}

fn described(received: Received<'_>, payload: Value) -> String {
    let Received { publish, millis } = received;
    let mut all = Map::new();
    all.insert("tst".into(), local(millis, MICROSECONDS).into());
    all.insert("topic".into(), publish.topic.as_str().into());
    all.insert("qos".into(), publish.qos.as_u8().into());
    all.insert("retain".into(), u8::from(publish.retain).into());
    all.insert("payloadlen".into(), publish.payload.len().into());
    if let Some(id) = publish.packet_id {
        all.insert("mid".into(), id.get().into());
    }
    if let Some(own) = &publish.properties {
        all.insert("properties".into(), properties(own).into());
    }
    all.insert("payload".into(), payload);
    Value::Object(all).to_string()
}

fn properties(own: &PublishProperties) -> Map<String, Value> {
    let mut all = Map::new();
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            all.insert(name.to_owned(), value);
        }
    };
    let format = own.payload_format_indicator;
    add(
        "payload-format-indicator",
        format.map(|own| (own as u8).into()),
    );
    add(
        "message-expiry-interval",
        own.message_expiry_interval.map(Value::from),
    );
    add("topic-alias", own.topic_alias.map(|own| own.get().into()));
    add(
        "content-type",
        own.content_type.as_ref().map(|own| own.as_str().into()),
    );
    add(
        "response-topic",
        own.response_topic.as_ref().map(|own| own.as_str().into()),
    );
    let data = own.correlation_data.as_ref();
    add(
        "correlation-data",
        data.map(|own| String::from_utf8_lossy(own).into()),
    );
    // An object, as mosquitto_sub has it: of properties of one name it shows the last.
    let users = own.user_properties.iter();
    let users: Map<String, Value> = users
        .map(|(name, value)| (name.as_str().to_owned(), value.as_str().into()))
        .collect();
    add(
        "user-properties",
        (!users.is_empty()).then_some(users.into()),
    );
    let ids = own.subscription_identifiers.iter();
    let ids: Vec<Value> = ids.map(|id| id.get().into()).collect();
    add(
        "subscription-identifiers",
        (!ids.is_empty()).then_some(ids.into()),
    );
    all
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use messina_mqtt::packet::QoS;
    use messina_mqtt::topic::Topic;
    use serde_json::json;

    use super::*;

    fn printed(layout: &str, publish: &Publish) -> String {
        let received = Received {
            publish,
            millis: 1_700_000_000_123,
        };
        let bytes = Layout::parse(layout).unwrap().print(received);
        String::from_utf8(bytes).unwrap()
    }

    fn reading() -> Publish {
        let mut reading = Publish::new(Topic::new("room/1").unwrap(), "{\"c\":2}");
        reading.qos = QoS::AtLeastOnce;
        reading.packet_id = PacketId::new(7);
        reading.retain = true;
        let name = |text: &str| messina_mqtt::packet::MqttString::new(text).unwrap();
        reading.properties = Some(Box::new(PublishProperties {
            content_type: Some(name("a/json")),
            topic_alias: NonZeroU16::new(3),
            user_properties: vec![(name("a"), name("1")), (name("b"), name("2"))],
            ..PublishProperties::default()
        }));
        reading
    }

    #[test]
    fn every_letter_stands_for_something() {
        let reading = reading();
        assert_eq!(
            printed(
                "%t %p %q %r %l %m\\t%x %X %C %A %P|%R%D%E%F%S|%% @@ %U",
                &reading
            ),
            "room/1 {\"c\":2} 1 1 7 7\t7b2263223a327d 7B2263223A327D a/json 3 a:1 b:2||% @ 1700000000.123000000"
        );
        assert_eq!(
            printed("%8l|%-8l|%08l|%2t", &reading),
            "       7|7       |00000007|room/1"
        );
        assert_eq!(printed("@Y", &reading), "2023");
        assert!(printed("%I", &reading).starts_with("2023-11-1"));
    }

    #[test]
    fn json_has_everything_and_the_payload_as_text_or_as_json() {
        let reading = reading();
        let text: Value = serde_json::from_str(&printed("%j", &reading)).unwrap();
        assert_eq!(text["payload"], "{\"c\":2}");
        assert_eq!(
            text["properties"]["user-properties"],
            json!({"a": "1", "b": "2"})
        );
        let json: Value = serde_json::from_str(&printed("%J", &reading)).unwrap();
        assert_eq!(json["payload"]["c"], 2);
        assert_eq!((&json["mid"], &json["qos"]), (&json!(7), &json!(1)));
    }

    #[test]
    fn a_layout_that_means_nothing_is_refused() {
        for wrong in ["%", "%y", "%5", "@", "\\", "\\q", "@!"] {
            assert!(Layout::parse(wrong).is_err(), "{wrong}");
        }
    }
}
