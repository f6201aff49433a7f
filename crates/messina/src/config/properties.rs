//! Java's `.properties` format, as Kafka's own tools read it, with the place of every key and value.
//!
//! The text is taken as UTF-8, where Java's tools assume Latin-1: what is ASCII, or written `\u00e4`, is the
//! same in both.

use std::collections::HashMap;
use std::iter::Peekable;
use std::str::Chars;
use std::sync::Arc;

use messina_connect::config::{ConnectorConfig, Position, Problem, Property};

/// One `key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key, escapes resolved.
    pub key: String,
    /// Where the key begins.
    pub key_position: Position,
    /// The value, escapes resolved and continued lines joined; blanks at its end belong to it.
    pub value: String,
    /// Where the value begins; for an empty one, where it would.
    pub value_position: Position,
}

/// The entries of `text` in the order written. A key may repeat: the last one counts.
pub fn parse(text: &str, file: &str) -> Result<Vec<Entry>, Vec<Problem>> {
    let mut reader = Reader::new(text, file);
    let mut entries = Vec::new();
    while reader.skip_to_entry() {
        entries.push(reader.entry());
    }
    if reader.problems.is_empty() {
        Ok(entries)
    } else {
        Err(reader.problems)
    }
}

/// Reads a connector's file: its `name`, its options, and warnings about keys written twice.
pub fn connector(text: &str, file: &str) -> Result<(ConnectorConfig, Vec<Problem>), Vec<Problem>> {
    let mut config = ConnectorConfig::default();
    let mut warnings = Vec::new();
    let mut places: HashMap<String, Position> = HashMap::new();
    for entry in parse(text, file)? {
        if let Some(earlier) = places.insert(entry.key.clone(), entry.key_position.clone()) {
            warnings.push(Problem {
                position: Some(entry.key_position),
                option: entry.key.clone(),
                message: format!("it is set a second time; the first, at {earlier}, has no effect"),
                help: Some("remove one of them".to_owned()),
            });
        }
        let property = Property {
            value: entry.value,
            position: Some(entry.value_position),
        };
        config.set(entry.key, property);
    }
    let name = config.text("name").unwrap_or_default().to_owned();
    config.name = name;
    if config.name.is_empty() {
        return Err(vec![Problem {
            position: config.position("name").or_else(|| Some(start(file))),
            option: "name".to_owned(),
            message: "a connector needs a name".to_owned(),
            help: Some("add a line such as `name=cassandra-sink`".to_owned()),
        }]);
    }
    Ok((config, warnings))
}

fn start(file: &str) -> Position {
    Position {
        file: Arc::from(file),
        line: 1,
        column: 1,
    }
}

/// A character of a logical line: continued lines joined, escapes resolved.
#[derive(Debug, Clone, Copy)]
struct Unit {
    character: char,
    /// Written with a backslash, and so never a separator.
    escaped: bool,
    line: u32,
    column: u32,
}

impl Unit {
    const fn is_blank(self) -> bool {
        !self.escaped && is_blank(self.character)
    }

    const fn is_separator(self) -> bool {
        !self.escaped && matches!(self.character, '=' | ':')
    }
}

const fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{c}')
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    file: Arc<str>,
    line: u32,
    column: u32,
    next: Option<Unit>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, file: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            rest: text.chars().peekable(),
            file: Arc::from(file),
            line: 1,
            column: 1,
            next: None,
            problems: Vec::new(),
        }
    }

    /// Steps over blank lines and comments; false at the end of the text. A comment cannot be continued.
    fn skip_to_entry(&mut self) -> bool {
        loop {
            match self.rest.peek() {
                None => return false,
                Some('#' | '!') => while !self.at_line_end() && self.advance().is_some() {},
                Some(' ' | '\t' | '\u{c}' | '\r' | '\n') => {
                    self.advance();
                }
                Some(_) => return true,
            }
        }
    }

    fn entry(&mut self) -> Entry {
        let key_position = self.position();
        self.step();
        let key = self.collect(|unit| unit.is_blank() || unit.is_separator());
        self.skip_blanks();
        if self.next.is_some_and(Unit::is_separator) {
            self.step();
            self.skip_blanks();
        }
        let value_position = match self.next {
            Some(unit) => self.position_at(unit.line, unit.column),
            None => self.position(),
        };
        let value = self.collect(|_| false);
        if key.is_empty() {
            self.problem(
                key_position.clone(),
                "a line begins with its separator: the key is missing",
            );
        }
        Entry {
            key,
            key_position,
            value,
            value_position,
        }
    }

    fn collect(&mut self, ends: impl Fn(Unit) -> bool) -> String {
        let mut text = String::new();
        while let Some(unit) = self.next.filter(|unit| !ends(*unit)) {
            text.push(unit.character);
            self.step();
        }
        text
    }

    fn skip_blanks(&mut self) {
        while self.next.is_some_and(Unit::is_blank) {
            self.step();
        }
    }

    /// Reads the next unit of the logical line; `None` at its end.
    fn step(&mut self) {
        self.next = None;
        while !self.at_line_end() {
            let (line, column) = (self.line, self.column);
            let Some(character) = self.advance() else {
                return;
            };
            let found = match character {
                '\\' if self.at_line_end() => {
                    self.continue_line();
                    continue;
                }
                '\\' => self.escape(line, column),
                _ => Some((character, false)),
            };
            let Some((character, escaped)) = found else {
                continue;
            };
            self.next = Some(Unit {
                character,
                escaped,
                line,
                column,
            });
            return;
        }
    }

    /// Goes on in the next line, at its first character that is not blank.
    fn continue_line(&mut self) {
        self.advance();
        while self.rest.peek().copied().is_some_and(is_blank) {
            self.advance();
        }
    }

    fn escape(&mut self, line: u32, column: u32) -> Option<(char, bool)> {
        let character = match self.advance()? {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\u{c}',
            'u' => return self.unicode(line, column),
            other => other,
        };
        Some((character, true))
    }

    /// `\uXXXX`, and the second half where it is the first of a surrogate pair.
    fn unicode(&mut self, line: u32, column: u32) -> Option<(char, bool)> {
        let first = self.hex();
        let units = match first {
            Some(high @ 0xD800..=0xDBFF) if self.accept('\\') && self.accept('u') => {
                vec![high, self.hex().unwrap_or(0)]
            }
            Some(unit) => vec![unit],
            None => Vec::new(),
        };
        let mut decoded = char::decode_utf16(units);
        if let (Some(Ok(character)), None) = (decoded.next(), decoded.next()) {
            return Some((character, true));
        }
        let position = self.position_at(line, column);
        self.problem(
            position,
            "`\\u` must be followed by four hexadecimal digits that are a character",
        );
        None
    }

    fn hex(&mut self) -> Option<u16> {
        let mut number = 0;
        for _ in 0..4 {
            let digit = self.rest.peek()?.to_digit(16)?;
            self.advance();
            number = number << 4 | u16::try_from(digit).ok()?;
        }
        Some(number)
    }

    fn accept(&mut self, character: char) -> bool {
        let fits = self.rest.peek() == Some(&character);
        if fits {
            self.advance();
        }
        fits
    }

    fn at_line_end(&mut self) -> bool {
        matches!(self.rest.peek(), None | Some('\r' | '\n'))
    }

    /// Takes one character; `\r\n` is one.
    fn advance(&mut self) -> Option<char> {
        let character = self.rest.next()?;
        if character == '\r' && self.rest.peek() == Some(&'\n') {
            self.rest.next();
        }
        if matches!(character, '\r' | '\n') {
            self.line = self.line.saturating_add(1);
            self.column = 1;
        } else {
            self.column = self.column.saturating_add(1);
        }
        Some(character)
    }

    fn position(&self) -> Position {
        self.position_at(self.line, self.column)
    }

    fn position_at(&self, line: u32, column: u32) -> Position {
        Position {
            file: self.file.clone(),
            line,
            column,
        }
    }

    fn problem(&mut self, position: Position, message: &str) {
        self.problems.push(Problem {
            position: Some(position),
            option: String::new(),
            message: message.to_owned(),
            help: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text, "f")
            .unwrap()
            .into_iter()
            .map(|entry| (entry.key, entry.value))
            .collect()
    }

    fn one(text: &str) -> (String, String) {
        let mut found = pairs(text);
        assert_eq!(found.len(), 1, "{text:?}: {found:?}");
        found.remove(0)
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn every_separator_is_understood() {
        for text in [
            "a=b",
            "a:b",
            "a b",
            "a = b",
            "  a\t:\u{c}b",
            "a\t b",
            "a=b\r",
            "\u{feff}a=b",
        ] {
            assert_eq!(one(text), pair("a", "b"), "{text:?}");
        }
        assert_eq!(one("a = = b "), pair("a", "= b "));
        assert_eq!(one("a:=b"), pair("a", "=b"));
        assert_eq!(one("a"), pair("a", ""));
        assert_eq!(one("a="), pair("a", ""));
        assert_eq!(one("a==b"), pair("a", "=b"));
    }

    #[test]
    fn comments_and_blank_lines_are_skipped() {
        assert_eq!(
            pairs("# a=b \\\n! c=d\n\n  \t\n  # e\r\nf=g # h\r\n"),
            [pair("f", "g # h")]
        );
        assert_eq!(pairs(""), []);
    }

    #[test]
    fn lines_are_continued_after_an_odd_number_of_backslashes() {
        assert_eq!(
            one("kcql=INSERT INTO t \\\n   SELECT * \\\r\n\t# FROM x"),
            pair("kcql", "INSERT INTO t SELECT * # FROM x")
        );
        assert_eq!(pairs("a=b\\\\\nc=d"), [pair("a", "b\\"), pair("c", "d")]);
        assert_eq!(one("a\\\n  b = \\\n c"), pair("ab", "c"));
        assert_eq!(pairs("a=b\\\n\nc=d"), [pair("a", "b"), pair("c", "d")]);
        assert_eq!(one("a=b\\"), pair("a", "b"));
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(
            one(r"a\=\:\ b=\t\n\r\f\\\q\"),
            pair("a=: b", "\t\n\r\u{c}\\q")
        );
        assert_eq!(one(r"a=\u00e4\u20AC\ud83d\ude00"), pair("a", "ä€😀"));
        assert_eq!(one(r"a=\ b"), pair("a", " b"));
        assert_eq!(one(r"a\u003d=b"), pair("a=", "b"));
        assert_eq!(one("grüße=ß"), pair("grüße", "ß"));
    }

    #[test]
    fn malformed_escapes_are_shown_where_they_were_typed() {
        let problems = parse(
            "a=b\nc = x\\u12 \nd=\\ud83d\ne=\\ude00\\u0041\n=f",
            "sink.properties",
        )
        .unwrap_err();
        let places: Vec<String> = problems
            .iter()
            .map(|problem| problem.position.as_ref().unwrap().to_string())
            .collect();
        assert_eq!(
            places,
            [
                "sink.properties:2:6",
                "sink.properties:3:3",
                "sink.properties:4:3",
                "sink.properties:5:1"
            ]
        );
    }

    #[test]
    fn keys_and_values_know_their_place() {
        let entries = parse("\n  a = b\r\nc=\\\n   d\ne=\r\n", "f").unwrap();
        let place = |position: &Position| (position.line, position.column);
        let places: Vec<_> = entries
            .iter()
            .map(|entry| (place(&entry.key_position), place(&entry.value_position)))
            .collect();
        assert_eq!(
            places,
            [((2, 3), (2, 7)), ((3, 1), (4, 4)), ((5, 1), (5, 3))]
        );
    }

    #[test]
    fn the_blogs_connector_file_is_a_configuration() {
        let text = "name=cassandra-sink\nconnector.class=com.datamountaineer.streamreactor.connect.cassandra.sink.CassandraSinkConnector\n\
                    tasks.max=1\ntopics=temperature,brightness\n\
                    connect.cassandra.kcql=INSERT INTO temperature SELECT * FROM temperature;INSERT INTO brightness SELECT * FROM brightness\n\
                    connect.cassandra.port=9042\n";
        let (config, warnings) = connector(text, "cassandra-sink.properties").unwrap();
        assert_eq!(config.name, "cassandra-sink");
        assert_eq!(config.text("connect.cassandra.port"), Some("9042"));
        assert_eq!(
            config.position("topics").unwrap().to_string(),
            "cassandra-sink.properties:4:8"
        );
        assert!(warnings.is_empty());
    }

    #[test]
    fn a_key_written_twice_is_warned_about_and_the_last_counts() {
        let (config, warnings) = connector("name=a\nx=1\nx=2\n", "f").unwrap();
        assert_eq!(config.text("x"), Some("2"));
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].to_string().starts_with("f:3:1"));
        assert!(warnings[0].message.contains("f:2:1"));
    }

    #[test]
    fn a_connector_needs_a_name() {
        assert_eq!(connector("x=1", "f").unwrap_err()[0].option, "name");
        assert_eq!(
            connector("name= ", "f").unwrap_err()[0]
                .position
                .as_ref()
                .unwrap()
                .line,
            1
        );
    }

    /// Writes `text` the way any reader must read back.
    fn escaped(text: &str) -> String {
        let mut escaped = String::new();
        for unit in text.encode_utf16() {
            write!(escaped, "\\u{unit:04x}").unwrap();
        }
        escaped
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[ -~\\n\\r\\t\\\\=:#!ué😀]{0,80}") {
            if let Err(problems) = parse(&text, "f") {
                prop_assert!(!problems.is_empty());
            }
        }

        #[test]
        fn what_is_escaped_comes_back(key in "\\PC{1,10}", value in any::<String>()) {
            prop_assert_eq!(pairs(&format!("{}={}\n", escaped(&key), escaped(&value))), [(key, value)]);
        }
    }
}
