//! Text to tokens, by CONNECT-SPEC 3.1: the longest match wins, and of equally long ones keyword, number,
//! field, topic name in this order. Characters no rule knows are dropped, loudly.

use super::problem::{Problems, Span};

macro_rules! keywords {
    ($($name:ident $lower:literal $upper:literal,)+) => {
        /// A word KCQL reserves, all in lower or all in upper case. `Insert` is a name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the variants are KCQL's own words")]
        pub enum Keyword { $($name,)+ }

        impl Keyword {
            fn from_text(text: &str) -> Option<Self> {
                match text {
                    $($lower | $upper => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// The keyword in upper case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $upper,)+ }
            }
        }
    };
}

keywords! {
    Insert "insert" "INSERT",
    Upsert "upsert" "UPSERT",
    Into "into" "INTO",
    Select "select" "SELECT",
    From "from" "FROM",
    Ignore "ignore" "IGNORE",
    As "as" "AS",
    Autocreate "autocreate" "AUTOCREATE",
    Autoevolve "autoevolve" "AUTOEVOLVE",
    Batch "batch" "BATCH",
    PartitionBy "partitionby" "PARTITIONBY",
    NoPartition "nopartition" "NOPARTITION",
    WithTimestamp "withtimestamp" "WITHTIMESTAMP",
    WithTag "withtag" "WITHTAG",
    WithKey "withkey" "WITHKEY",
    KeyDelimiter "keydelimiter" "KEYDELIMITER",
    WithStructure "withstructure" "WITHSTRUCTURE",
    WithType "withtype" "WITHTYPE",
    Pk "pk" "PK",
    WithFormat "withformat" "WITHFORMAT",
    WithUnwrap "withunwrap" "WITHUNWRAP",
    StoreAs "storeas" "STOREAS",
    Limit "limit" "LIMIT",
    IncrementalMode "incrementalmode" "INCREMENTALMODE",
    WithDocType "withdoctype" "WITHDOCTYPE",
    WithIndexSuffix "withindexsuffix" "WITHINDEXSUFFIX",
    WithConverter "withconverter" "WITHCONVERTER",
    WithJmsSelector "withjmsselector" "WITHJMSSELECTOR",
    WithTarget "withtarget" "WITHTARGET",
    WithSubscription "withsubscription" "WITHSUBSCRIPTION",
    TimestampUnit "timestampunit" "TIMESTAMPUNIT",
    WithPipeline "withpipeline" "WITHPIPELINE",
    WithRegex "withregex" "WITHREGEX",
    Ttl "ttl" "TTL",
    Properties "properties" "PROPERTIES",
}

impl Keyword {
    /// The keyword `text` would be if it were written all in one case.
    pub(super) fn in_any_case(text: &str) -> Option<Self> {
        Self::from_text(&text.to_ascii_uppercase())
    }
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Keyword(Keyword),
    Int,
    Field,
    TopicName,
    /// `` `...` ``: a topic name that may hold any character.
    Escaped,
    /// `'...'` but not of one character.
    Text,
    /// `'x'`
    Delimiter,
    SysTime,
    Dot,
    Comma,
    Asterisk,
    Equal,
    Open,
    Close,
}

/// A token and where it stands in the whole script.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) span: Span,
    /// As written, quotes and backticks included.
    pub(super) text: &'a str,
}

impl<'a> Token<'a> {
    /// The name or value meant: without quotes and backticks.
    pub(super) fn meaning(&self) -> &'a str {
        match self.kind {
            Kind::Escaped | Kind::Text | Kind::Delimiter => self
                .text
                .get(1..self.text.len().saturating_sub(1))
                .unwrap_or_default(),
            _ => self.text,
        }
    }
}

/// Cuts one statement, which starts at byte `base` of the script, into tokens.
pub(super) fn tokens<'a>(
    statement: &'a str,
    base: usize,
    problems: &mut Problems,
) -> Vec<Token<'a>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = statement.get(at..).filter(|rest| !rest.is_empty()) {
        let start = base + at;
        if let Some((kind, length)) = token(rest) {
            found.push(Token {
                kind,
                span: Span {
                    start,
                    end: start + length,
                },
                text: rest.get(..length).unwrap_or_default(),
            });
            at += length;
            continue;
        }
        let character = rest.chars().next().unwrap_or(' ');
        at += character.len_utf8();
        if !matches!(character, ' ' | '\t' | '\r' | '\n') {
            let span = Span {
                start,
                end: base + at,
            };
            dropped(span, character, problems);
        }
    }
    found
}

fn dropped(span: Span, character: char, problems: &mut Problems) {
    let help = match character {
        '\'' => "close the quote on the same line; a script is cut at every `;`, even a quoted one",
        '`' => "close the backtick; a script is cut at every `;`, even a quoted one",
        '"' => "put names in backticks and texts in single quotes",
        '>' | '<' | '!' => "KCQL has no conditions: filter with a transform and a predicate",
        _ => "put a name that holds it in backticks",
    };
    problems.lost(
        span,
        format!("KCQL does not know the character `{character}` and would drop it"),
        Some(help.to_owned()),
    );
}

/// The kind and length of the token `rest` begins with.
fn token(rest: &str) -> Option<(Kind, usize)> {
    let kind = match rest.as_bytes().first()? {
        b'.' => Kind::Dot,
        b',' => Kind::Comma,
        b'*' => Kind::Asterisk,
        b'=' => Kind::Equal,
        b'(' => Kind::Open,
        b')' => Kind::Close,
        b'`' => return escaped(rest),
        b'\'' => return quoted(rest),
        _ => return word(rest),
    };
    Some((kind, 1))
}

fn escaped(rest: &str) -> Option<(Kind, usize)> {
    let length = rest.get(1..)?.find('`')?;
    (length > 0).then_some((Kind::Escaped, length + 2))
}

fn quoted(rest: &str) -> Option<(Kind, usize)> {
    let inside = rest.get(1..)?;
    let length = inside.find(['\'', '\r', '\n'])?;
    if !inside.get(length..)?.starts_with('\'') {
        return None;
    }
    let kind = match inside.get(..length)?.chars().count() {
        1 => Kind::Delimiter,
        _ => Kind::Text,
    };
    Some((kind, length + 2))
}

fn word(rest: &str) -> Option<(Kind, usize)> {
    if matches!(rest.get(..10), Some("sys_time()" | "SYS_TIME()")) {
        return Some((Kind::SysTime, 10));
    }
    let field = run(rest, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'@')
    });
    let topic = run(rest, |byte| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'{' | b'}' | b':')
    });
    if topic > field {
        return Some((Kind::TopicName, topic));
    }
    let text = rest.get(..field).filter(|text| !text.is_empty())?;
    let kind = if let Some(keyword) = Keyword::from_text(text) {
        Kind::Keyword(keyword)
    } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
        Kind::Int
    } else {
        Kind::Field
    };
    Some((kind, field))
}

fn run(text: &str, fits: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| fits(*byte)).count()
}
