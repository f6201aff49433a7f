//! CQL's types, read from and written as CQL text. How a value becomes one is in [`crate::bind`].

use std::fmt;

/// A CQL data type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are CQL's own type names")]
pub enum CqlType {
    Ascii,
    Bigint,
    Blob,
    Boolean,
    Counter,
    Date,
    Decimal,
    Double,
    Duration,
    Float,
    Inet,
    Int,
    Smallint,
    Text,
    Time,
    Timestamp,
    Timeuuid,
    Tinyint,
    Uuid,
    Varint,
    List(Box<CqlType>),
    Set(Box<CqlType>),
    Map(Box<CqlType>, Box<CqlType>),
    Tuple(Vec<CqlType>),
    /// A vector of `n` elements.
    Vector(Box<CqlType>, u16),
    /// A user-defined type: its name, and its fields in order.
    Udt(String, UdtFields),
}

/// The fields of a user-defined type: names as stored and types, in order.
pub type UdtFields = Vec<(String, CqlType)>;

/// The types without parameters under their names; `varchar` reads as `text`.
const NATIVE: [(&str, CqlType); 21] = [
    ("ascii", CqlType::Ascii),
    ("bigint", CqlType::Bigint),
    ("blob", CqlType::Blob),
    ("boolean", CqlType::Boolean),
    ("counter", CqlType::Counter),
    ("date", CqlType::Date),
    ("decimal", CqlType::Decimal),
    ("double", CqlType::Double),
    ("duration", CqlType::Duration),
    ("float", CqlType::Float),
    ("inet", CqlType::Inet),
    ("int", CqlType::Int),
    ("smallint", CqlType::Smallint),
    ("text", CqlType::Text),
    ("time", CqlType::Time),
    ("timestamp", CqlType::Timestamp),
    ("timeuuid", CqlType::Timeuuid),
    ("tinyint", CqlType::Tinyint),
    ("uuid", CqlType::Uuid),
    ("varint", CqlType::Varint),
    ("varchar", CqlType::Text),
];

/// Nesting beyond this is refused.
const MAX_DEPTH: usize = 16;

/// Text that is not a CQL type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a CQL type: {reason}")]
pub struct CqlTypeError {
    /// The whole text.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl CqlType {
    /// Reads a type as CQL writes it: `map<text, frozen<list<int>>>`, in any case.
    pub fn parse(text: &str) -> Result<Self, CqlTypeError> {
        Self::parse_with(text, &|_name| None)
    }

    /// As [`Self::parse`], with the user-defined types `udt` knows the fields of.
    pub fn parse_with(
        text: &str,
        udt: &dyn Fn(&str) -> Option<UdtFields>,
    ) -> Result<Self, CqlTypeError> {
        let mut reader = Reader { rest: text, udt };
        let parsed = reader
            .cql_type(0)
            .and_then(|parsed| match reader.rest.trim() {
                "" => Ok(parsed),
                rest => Err(format!("nothing may follow, found `{rest}`")),
            });
        parsed.map_err(|reason| CqlTypeError {
            text: text.to_owned(),
            reason,
        })
    }

    /// Whether values are made of other values: what JSON writes as an array or an object.
    pub(crate) const fn holds_values(&self) -> bool {
        self.is_composite() || matches!(self, Self::Tuple(_) | Self::Vector(..))
    }

    /// Whether values are collections or structures, which CQL freezes inside others.
    const fn is_composite(&self) -> bool {
        matches!(
            self,
            Self::List(_) | Self::Set(_) | Self::Map(..) | Self::Udt(..)
        )
    }
}

struct Reader<'a> {
    rest: &'a str,
    udt: &'a dyn Fn(&str) -> Option<UdtFields>,
}

impl<'a> Reader<'a> {
    fn cql_type(&mut self, depth: usize) -> Result<CqlType, String> {
        if depth == MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        let written = self.word();
        let name = written.to_ascii_lowercase();
        let inner = depth + 1;
        let parsed = match name.as_str() {
            "frozen" => self.one(inner)?,
            "list" => CqlType::List(Box::new(self.one(inner)?)),
            "set" => CqlType::Set(Box::new(self.one(inner)?)),
            "map" => {
                self.expect('<')?;
                let key = self.cql_type(inner)?;
                self.expect(',')?;
                let value = self.cql_type(inner)?;
                self.expect('>')?;
                CqlType::Map(Box::new(key), Box::new(value))
            }
            "tuple" => self.tuple(inner)?,
            "vector" => {
                self.expect('<')?;
                let element = self.cql_type(inner)?;
                self.expect(',')?;
                let count = self.word();
                let count = count
                    .parse()
                    .map_err(|_error| format!("`{count}` is not a vector's length"))?;
                self.expect('>')?;
                CqlType::Vector(Box::new(element), count)
            }
            "" => return Err("a type's name is missing".to_owned()),
            _ => return self.named(written, &name),
        };
        Ok(parsed)
    }

    fn named(&self, written: &str, name: &str) -> Result<CqlType, String> {
        if let Some((_, native)) = NATIVE.iter().find(|(own, _)| *own == name) {
            return Ok(native.clone());
        }
        let own = written
            .strip_prefix('"')
            .and_then(|own| own.strip_suffix('"'))
            .unwrap_or(name);
        let fields = (self.udt)(own);
        fields.map(|fields| CqlType::Udt(own.to_owned(), fields)).ok_or_else(|| {
            let known: Vec<_> = NATIVE.iter().map(|(name, _)| *name).collect();
            format!(
                "`{written}` is unknown; there are {}, list<>, set<>, map<,>, tuple<>, vector<,n>",
                known.join(", ")
            )
        })
    }

    fn one(&mut self, depth: usize) -> Result<CqlType, String> {
        self.expect('<')?;
        let element = self.cql_type(depth)?;
        self.expect('>')?;
        Ok(element)
    }

    fn tuple(&mut self, depth: usize) -> Result<CqlType, String> {
        self.expect('<')?;
        let mut elements = vec![self.cql_type(depth)?];
        while self.expect(',').is_ok() {
            elements.push(self.cql_type(depth)?);
        }
        self.expect('>')?;
        Ok(CqlType::Tuple(elements))
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest.trim_start();
        let end = rest.find(|next: char| !(next.is_alphanumeric() || "_\".".contains(next)));
        let (word, rest) = rest
            .split_at_checked(end.unwrap_or(rest.len()))
            .unwrap_or((rest, ""));
        self.rest = rest;
        word
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        let rest = self.rest.trim_start();
        self.rest = rest
            .strip_prefix(wanted)
            .ok_or_else(|| match rest.chars().next() {
                Some(found) => format!("expected `{wanted}`, found `{found}`"),
                None => format!("`{wanted}` is missing at the end"),
            })?;
        Ok(())
    }
}

impl fmt::Display for CqlType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(element) => write!(formatter, "list<{}>", Inner(element)),
            Self::Set(element) => write!(formatter, "set<{}>", Inner(element)),
            Self::Map(key, value) => write!(formatter, "map<{}, {}>", Inner(key), Inner(value)),
            Self::Vector(element, count) => {
                write!(formatter, "vector<{}, {count}>", Inner(element))
            }
            Self::Tuple(elements) => {
                formatter.write_str("tuple<")?;
                for (index, element) in elements.iter().enumerate() {
                    write!(
                        formatter,
                        "{}{}",
                        if index == 0 { "" } else { ", " },
                        Inner(element)
                    )?;
                }
                formatter.write_str(">")
            }
            Self::Udt(name, _)
                if name
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')) =>
            {
                formatter.write_str(name)
            }
            Self::Udt(name, _) => write!(formatter, "\"{name}\""),
            native => {
                let name = NATIVE
                    .iter()
                    .find(|(_, own)| own == native)
                    .map_or("", |(name, _)| *name);
                formatter.write_str(name)
            }
        }
    }
}

/// A type inside another, frozen where CQL demands it.
struct Inner<'a>(&'a CqlType);

impl fmt::Display for Inner<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_composite() {
            write!(formatter, "frozen<{}>", self.0)
        } else {
            self.0.fmt(formatter)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_print_as_they_are_read() {
        for (text, printed) in [
            ("bigint", "bigint"),
            ("VARCHAR", "text"),
            ("list<int>", "list<int>"),
            ("frozen<list<int>>", "list<int>"),
            (
                "map<text,frozen<set<uuid>>>",
                "map<text, frozen<set<uuid>>>",
            ),
            ("tuple<int, text>", "tuple<int, text>"),
            (
                "list<tuple<int,list<int>>>",
                "list<tuple<int, frozen<list<int>>>>",
            ),
            ("vector<float, 3>", "vector<float, 3>"),
        ] {
            let parsed = CqlType::parse(text).unwrap();
            assert_eq!(parsed.to_string(), printed);
            assert_eq!(CqlType::parse(printed).unwrap(), parsed);
        }
    }

    #[test]
    fn every_native_type_round_trips() {
        for (_, native) in &NATIVE {
            assert_eq!(CqlType::parse(&native.to_string()).as_ref(), Ok(native));
        }
    }

    #[test]
    fn user_defined_types_come_from_the_caller() {
        let fields = vec![("lat".to_owned(), CqlType::Double)];
        let parsed = CqlType::parse_with("frozen<place>", &|name| {
            (name == "place").then(|| fields.clone())
        });
        assert_eq!(
            parsed.unwrap(),
            CqlType::Udt("place".to_owned(), fields.clone())
        );
    }

    #[test]
    fn wrong_types_say_why() {
        for (text, reason) in [
            ("strin", "`strin` is unknown"),
            ("list<int", "`>` is missing"),
            ("list", "`<` is missing"),
            ("map<int>", "expected `,`"),
            ("int int", "nothing may follow"),
            ("vector<float, x>", "not a vector's length"),
            ("", "name is missing"),
            (&"list<".repeat(50), "nested deeper"),
        ] {
            let error = CqlType::parse(text).unwrap_err();
            assert!(error.reason.contains(reason), "{error}");
        }
    }
}
