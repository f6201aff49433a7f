//! The statements there are: `testdata/mqtt/statements.txt`.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, Result, bail};

use crate::command::root;

const FILE: &str = "testdata/mqtt/statements.txt";

/// A statement's number, which sorts as its parts do: first 5.0's, then 3.1.1's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number {
    is_3: bool,
    parts: [u32; 4],
}

impl Number {
    /// Reads `MQTT-3.3.1-4`, 5.0's, or `MQTT3-3.3.1-4`, 3.1.1's.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (is_3, text) = match text.strip_prefix("MQTT-") {
            Some(text) => (false, text),
            None => (true, text.strip_prefix("MQTT3-")?),
        };
        let parts: Option<Vec<u32>> = text
            .split(['.', '-'])
            .map(|part| part.parse().ok())
            .collect();
        let parts = parts?.try_into().ok()?;
        Some(Self { is_3, parts })
    }

    /// This number and those after it, up to the one that ends with `last`.
    pub(crate) fn up_to(self, last: u32) -> impl Iterator<Item = Self> {
        let [section, chapter, paragraph, number] = self.parts;
        (number..=last).map(move |number| Self {
            parts: [section, chapter, paragraph, number],
            ..self
        })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = if self.is_3 { "3" } else { "" };
        let [section, chapter, paragraph, number] = self.parts;
        write!(f, "MQTT{version}-{section}.{chapter}.{paragraph}-{number}")
    }
}

/// Whom a statement binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Server,
    Client,
    Both,
}

impl Bound {
    fn read(text: &str) -> Option<Self> {
        match text {
            "server" => Some(Self::Server),
            "client" => Some(Self::Client),
            "both" => Some(Self::Both),
            _ => None,
        }
    }

    /// As the file writes it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Both => "both",
        }
    }

    /// Whether a server must keep it.
    pub(crate) fn is_servers(self) -> bool {
        self != Self::Client
    }
}

/// A statement: whom it binds and, in our words, to what.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) bound: Bound,
    pub(crate) words: String,
}

/// All statements, and under which number each is listed.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    pub(crate) all: BTreeMap<Number, Statement>,
    same: BTreeMap<Number, Number>,
}

impl Statements {
    /// Reads the file.
    pub(crate) fn load() -> Result<Self> {
        let text = std::fs::read_to_string(root().join(FILE))
            .with_context(|| format!("cannot read `{FILE}`"))?;
        Self::read(&text)
    }

    fn read(text: &str) -> Result<Self> {
        let mut statements = Self::default();
        let lines = text.lines().enumerate();
        for (index, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with("//")) {
            statements
                .line(line)
                .with_context(|| format!("{FILE}:{}", index + 1))?;
        }
        Ok(statements)
    }

    fn line(&mut self, line: &str) -> Result<()> {
        let fields: Vec<_> = line.split(" | ").collect();
        let [number, bound, same, words] = fields.as_slice() else {
            bail!("a line is `number | server, client or both | 3.1.1's numbers or - | words`");
        };
        let number = Number::read(number).with_context(|| format!("`{number}` is no number"))?;
        let bound = Bound::read(bound).with_context(|| format!("nobody is called `{bound}`"))?;
        for same in same.split(' ').filter(|same| *same != "-") {
            let other = Number::read(same).with_context(|| format!("`{same}` is no number"))?;
            if self.same.insert(other, number).is_some() {
                bail!("`{other}` comes twice");
            }
        }
        let words = (*words).to_owned();
        let statement = Statement { bound, words };
        if self.all.insert(number, statement).is_some() {
            bail!("`{number}` comes twice");
        }
        Ok(())
    }

    /// The number this one is listed under: 5.0's where both versions say the same.
    pub(crate) fn listed(&self, number: Number) -> Option<Number> {
        if self.all.contains_key(&number) {
            return Some(number);
        }
        self.same.get(&number).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_3_1_1_leads_to_the_same_rule_of_5() {
        let text = "// words\n\nMQTT-1.5.4-1 | both | MQTT3-1.5.3-1 | UTF-8\nMQTT3-3.1.2-22 | server | - | no";
        let statements = Statements::read(text).unwrap();
        let listed = |text| Some(statements.listed(Number::read(text)?)?.to_string());
        assert_eq!(listed("MQTT3-1.5.3-1").as_deref(), Some("MQTT-1.5.4-1"));
        assert_eq!(listed("MQTT3-3.1.2-22").as_deref(), Some("MQTT3-3.1.2-22"));
        assert_eq!(listed("MQTT-3.1.2-22"), None);
    }

    #[test]
    fn a_number_twice_or_a_missing_field_is_an_error() {
        for text in [
            "MQTT-1.5.4-1 | both | - | a\nMQTT-1.5.4-1 | both | - | b",
            "MQTT-1.5.4-1 | both | MQTT3-1.5.3-1 | a\nMQTT-1.5.4-2 | both | MQTT3-1.5.3-1 | b",
            "MQTT-1.5.4-1 | both | a",
            "MQTT-1.5.4-1 | everybody | - | a",
            "MQTT-1.5-1 | both | - | a",
        ] {
            assert!(Statements::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_file_has_every_statement_of_both_versions() {
        let statements = Statements::load().unwrap();
        let own = statements.all.keys().filter(|number| number.is_3).count();
        assert_eq!(statements.all.len() - own, 251, "of 5.0");
        assert_eq!(statements.same.len() + own, 141, "of 3.1.1");
    }
}
