//! A connector's configuration, one type whichever way it was written: a `[[sink]]` block, Kafka Connect's
//! `.properties` file, or the REST API's JSON.

use std::fmt;
use std::sync::Arc;

/// Where a value was typed. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The file, or what stands for it (`environment MESSINA__...`, `--set`, `request body`).
    pub file: Arc<str>,
    /// Line of the value's first character.
    pub line: u32,
    /// Column of the value's first character.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The value of an option, with the place it was typed at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// The text, as written.
    pub value: String,
    /// Where it was typed; `None` for values no person typed.
    pub position: Option<Position>,
}

impl From<&str> for Property {
    fn from(value: &str) -> Self {
        Self {
            value: value.to_owned(),
            position: None,
        }
    }
}

/// A connector: its name and its options under Kafka Connect's names, in the order they were written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectorConfig {
    /// The connector's name; its consumer group is `connect-<name>`.
    pub name: String,
    properties: Vec<(String, Property)>,
}

impl ConnectorConfig {
    /// A connector without options.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            properties: Vec::new(),
        }
    }

    /// A connector with options no person typed, for built-in defaults and tests.
    pub fn of(name: &str, properties: &[(&str, &str)]) -> Self {
        let mut config = Self::new(name);
        for (option, value) in properties {
            config.set(*option, Property::from(*value));
        }
        config
    }

    /// Sets an option; an old value keeps its place and is returned.
    pub fn set(&mut self, option: impl Into<String>, property: Property) -> Option<Property> {
        let option = option.into();
        if let Some((_, own)) = self.properties.iter_mut().find(|(name, _)| *name == option) {
            return Some(std::mem::replace(own, property));
        }
        self.properties.push((option, property));
        None
    }

    /// The option called `option`.
    pub fn get(&self, option: &str) -> Option<&Property> {
        self.properties
            .iter()
            .find(|(name, _)| name == option)
            .map(|(_, property)| property)
    }

    /// The trimmed text of the option called `option`.
    pub fn text(&self, option: &str) -> Option<&str> {
        self.get(option).map(|property| property.value.trim())
    }

    /// Where the option was typed.
    pub fn position(&self, option: &str) -> Option<Position> {
        self.get(option)
            .and_then(|property| property.position.clone())
    }

    /// All options in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Property)> {
        self.properties
            .iter()
            .map(|(name, property)| (name.as_str(), property))
    }
}

/// Something wrong (or, as a warning, surprising) in a configuration, in words for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it was typed, as exactly as known.
    pub position: Option<Position>,
    /// The option it is about; empty when it is about the connector as a whole.
    pub option: String,
    /// What is wrong, on which thing.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// A problem of one option of `config`.
    pub fn new(config: &ConnectorConfig, option: &str, message: impl Into<String>) -> Self {
        Self {
            position: config.position(option),
            option: option.to_owned(),
            message: message.into(),
            help: None,
        }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = &self.position {
            write!(formatter, "{position}: ")?;
        }
        if !self.option.is_empty() {
            write!(formatter, "`{}`: ", self.option)?;
        }
        formatter.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(formatter, "; {help}"),
            None => Ok(()),
        }
    }
}
