//! JSON text as Kafka Connect's `JsonConverter` reads it, pulled token by token, so that the caller decides what
//! a number becomes and nothing is built that is not wanted.
//!
//! Differs from strict JSON where Jackson as configured by the original does (CONNECT-SPEC 1.4, 2.5.6):
//! leading zeros are accepted, text after the first value is ignored unless that value is a number without
//! white space behind it, integers may be of any size, and `1e400` is infinite. That, and reading straight
//! into a schema's fields, is why this is not `serde_json`.

use std::borrow::Cow;
use std::sync::Arc;

use super::number::Number;
use crate::data_error::DataError;
use crate::value::{Value, ValueMap};

/// Nesting beyond this is refused, so that a record cannot exhaust the stack.
const MAX_DEPTH: usize = 128;

/// What may stand before the text.
pub(super) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What stands at a place in the text. Of containers only the opening bracket is consumed.
#[derive(Debug)]
pub(crate) enum Token<'a> {
    Null,
    Bool(bool),
    Number(Number<'a>),
    Text(Cow<'a, str>),
    Object,
    Array,
}

/// A position in JSON text.
#[derive(Debug)]
pub(crate) struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Whether integers beyond 64 bits are kept as decimals instead of wrapped.
    exact: bool,
}

impl<'a> Parser<'a> {
    /// Starts at the first character, behind a byte order mark if there is one.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, DataError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            DataError::new(format!(
                "invalid JSON: not UTF-8 at byte {}",
                error.valid_up_to()
            ))
        })?;
        Ok(Self::of(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)))
    }

    /// Starts at the first character of `text`.
    pub(crate) fn of(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            exact: false,
        }
    }

    /// The same, keeping integers beyond 64 bits as what they are if `exact`.
    pub(crate) fn exact(mut self, exact: bool) -> Self {
        self.exact = exact;
        self
    }

    /// Whether only white space is left.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// The next value's token.
    pub(crate) fn token(&mut self) -> Result<Token<'a>, DataError> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string().map(Token::Text)
            }
            Some(b'{') => self.enter().map(|()| Token::Object),
            Some(b'[') => self.enter().map(|()| Token::Array),
            Some(b'-' | b'0'..=b'9') => self.number().map(Token::Number),
            Some(b't') => self.literal("true", Token::Bool(true)),
            Some(b'f') => self.literal("false", Token::Bool(false)),
            Some(b'n') => self.literal("null", Token::Null),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// The next member's name inside an object, with the colon consumed; `None` behind the closing brace.
    pub(crate) fn member(&mut self, first: bool) -> Result<Option<Cow<'a, str>>, DataError> {
        if !self.another(first, b'}')? {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a member's name in quotes"));
        }
        self.at += 1;
        let name = self.string()?;
        if self.peek() != Some(b':') {
            return Err(self.unexpected("`:`"));
        }
        self.at += 1;
        Ok(Some(name))
    }

    /// Whether another element follows inside an array; if not, the closing bracket is consumed.
    pub(crate) fn element(&mut self, first: bool) -> Result<bool, DataError> {
        self.another(first, b']')
    }

    /// The next value without a schema: integers become `I64` (low 64 bits), other numbers `F64`.
    pub(crate) fn value(&mut self) -> Result<Value, DataError> {
        Ok(match self.token()? {
            Token::Null => Value::Null,
            Token::Bool(value) => Value::Bool(value),
            Token::Number(number) if number.integral => self.integer(number),
            Token::Number(number) => Value::F64(number.as_f64()),
            Token::Text(text) => Value::Str(Arc::from(text)),
            Token::Array => Value::List(self.list()?),
            Token::Object => Value::Map(self.map()?),
        })
    }

    fn integer(&self, number: Number<'_>) -> Value {
        let beyond = || {
            number
                .decimal()
                .filter(|_| number.text.parse::<i64>().is_err())
        };
        match self.exact.then(beyond).flatten() {
            Some(decimal) => Value::Decimal(Box::new(decimal)),
            None => Value::I64(number.wrapping_i64()),
        }
    }

    /// The value at the top of the text: as [`Self::value`], and a number must end at white space.
    pub(crate) fn root<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DataError>,
    ) -> Result<T, DataError> {
        let number = matches!(self.peek(), Some(b'-' | b'0'..=b'9'));
        let value = read(self)?;
        match self.byte() {
            Some(byte) if number && !byte.is_ascii_whitespace() => {
                Err(self.unexpected("white space or the end"))
            }
            _ => Ok(value),
        }
    }

    /// Checks the next value's syntax and returns its text.
    pub(crate) fn skip(&mut self) -> Result<&'a str, DataError> {
        self.peek();
        let start = self.at;
        let token = self.token()?;
        self.skip_rest(&token)?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// Skips what is left of the value whose token was just read.
    pub(crate) fn skip_rest(&mut self, token: &Token<'_>) -> Result<(), DataError> {
        let mut first = true;
        match token {
            Token::Array => {
                while self.element(std::mem::take(&mut first))? {
                    self.skip()?;
                }
            }
            Token::Object => {
                while self.member(std::mem::take(&mut first))?.is_some() {
                    self.skip()?;
                }
            }
            Token::Null | Token::Bool(_) | Token::Number(_) | Token::Text(_) => {}
        }
        Ok(())
    }

    fn list(&mut self) -> Result<Vec<Value>, DataError> {
        let mut elements = Vec::new();
        while self.element(elements.is_empty())? {
            elements.push(self.value()?);
        }
        Ok(elements)
    }

    fn map(&mut self) -> Result<ValueMap, DataError> {
        let mut entries = Vec::with_capacity(8);
        while let Some(name) = self.member(entries.is_empty())? {
            entries.push((Value::Str(Arc::from(name)), self.value()?));
        }
        Ok(ValueMap::from_entries(entries))
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.byte() {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    fn enter(&mut self) -> Result<(), DataError> {
        if self.depth == MAX_DEPTH {
            return Err(DataError::new(format!(
                "invalid JSON: nested deeper than {MAX_DEPTH} levels"
            )));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn another(&mut self, first: bool, close: u8) -> Result<bool, DataError> {
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            Some(b',') if !first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if first => Ok(true),
            _ => Err(self.unexpected(if close == b'}' {
                "`,` or `}`"
            } else {
                "`,` or `]`"
            })),
        }
    }

    fn literal(&mut self, word: &str, token: Token<'a>) -> Result<Token<'a>, DataError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        match rest.strip_prefix(word) {
            Some(after)
                if !after.starts_with(|next: char| next.is_alphanumeric() || next == '_') =>
            {
                self.at += word.len();
                Ok(token)
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    fn number(&mut self) -> Result<Number<'a>, DataError> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        self.digits()?;
        let mut integral = true;
        if self.byte() == Some(b'.') {
            integral = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            integral = false;
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Number::of(self.text.get(start..self.at).unwrap_or_default(), integral)
    }

    fn digits(&mut self) -> Result<(), DataError> {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            Err(self.unexpected("a digit"))
        } else {
            Ok(())
        }
    }

    /// The text up to the closing quote; borrowed where nothing is escaped.
    fn string(&mut self) -> Result<Cow<'a, str>, DataError> {
        let plain = self.run()?;
        if self.byte() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        while self.byte() == Some(b'\\') {
            self.at += 1;
            text.push(self.escape()?);
            text.push_str(self.run()?);
        }
        self.at += 1;
        Ok(Cow::Owned(text))
    }

    /// The characters up to the next quote or backslash.
    fn run(&mut self) -> Result<&'a str, DataError> {
        let start = self.at;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
        self.at = start + length.unwrap_or(rest.len());
        match self.byte() {
            Some(b'"' | b'\\') => Ok(self.text.get(start..self.at).unwrap_or_default()),
            _ => Err(self.unexpected("the end of a string")),
        }
    }

    fn escape(&mut self) -> Result<char, DataError> {
        let byte = self.byte();
        self.at += 1;
        Ok(match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => {
                self.at -= 1;
                return Err(self.unexpected("an escape"));
            }
        })
    }

    /// A `\uXXXX` escape, or two that form a pair. Java keeps half a pair; UTF-8 cannot, it becomes U+FFFD.
    fn unicode(&mut self) -> Result<char, DataError> {
        let high = self.hex()?;
        let is_high = (0xd800..0xdc00).contains(&high);
        let follows = self
            .text
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with("\\u"));
        if is_high && follows {
            let back = self.at;
            self.at += 2;
            let low = self.hex()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32, DataError> {
        let digits = self.text.get(self.at..self.at + 4);
        let valid = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = valid.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.unexpected("four hexadecimal digits"))?;
        self.at += 4;
        Ok(code)
    }

    fn unexpected(&self, wanted: &str) -> DataError {
        let found = self
            .text
            .get(self.at..)
            .and_then(|rest| rest.chars().next());
        let found = found.map_or_else(
            || "the end".to_owned(),
            |found| format!("`{}`", found.escape_debug()),
        );
        DataError::new(format!(
            "invalid JSON: expected {wanted} at byte {}, found {found}",
            self.at
        ))
    }
}
