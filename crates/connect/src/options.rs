//! Reading a component's options out of a connector's configuration, collecting what is wrong.

use crate::config::{ConnectorConfig, Problem};

/// The options below a prefix (`value.converter.`), and the problems found so far.
#[derive(Debug)]
pub(crate) struct Options<'a, 'p> {
    config: &'a ConnectorConfig,
    prefix: String,
    /// The option that named the component (`value.converter`, `transforms.a.type`).
    own: String,
    problems: &'p mut Vec<Problem>,
}

impl<'a, 'p> Options<'a, 'p> {
    pub(crate) fn new(
        config: &'a ConnectorConfig,
        own: impl Into<String>,
        prefix: impl Into<String>,
        problems: &'p mut Vec<Problem>,
    ) -> Self {
        Self {
            config,
            own: own.into(),
            prefix: prefix.into(),
            problems,
        }
    }

    /// The option's text as written.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a str> {
        self.config
            .get(&self.full(name))
            .map(|property| property.value.as_str())
    }

    /// The option's trimmed text; an empty one counts as absent.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.raw(name)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }

    /// The option's text, which must be there.
    pub(crate) fn required(&mut self, name: &str) -> Option<&'a str> {
        let text = self.text(name);
        if text.is_none() {
            self.missing(name);
        }
        text
    }

    /// The option's items, trimmed; empty where it is absent.
    pub(crate) fn list(&self, name: &str) -> Vec<&'a str> {
        self.text(name)
            .map(|text| text.split(',').map(str::trim).collect())
            .unwrap_or_default()
    }

    /// The option's items, of which there must be some.
    pub(crate) fn required_list(&mut self, name: &str) -> Option<Vec<&'a str>> {
        self.required(name)?;
        Some(self.list(name))
    }

    /// `true` or `false` in any case; an empty text is neither.
    pub(crate) fn boolean(&mut self, name: &str, default: bool) -> bool {
        let Some(text) = self.raw(name).map(str::trim) else {
            return default;
        };
        if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
            return text.eq_ignore_ascii_case("true");
        }
        self.refuse(name, format!("`{text}` is neither true nor false"), None);
        default
    }

    /// A positive whole number.
    pub(crate) fn count(&mut self, name: &str, default: usize) -> usize {
        let Some(text) = self.text(name) else {
            return default;
        };
        match text.parse() {
            Ok(count) if count > 0 => count,
            _ => {
                self.refuse(
                    name,
                    format!("`{text}` is not a positive whole number"),
                    None,
                );
                default
            }
        }
    }

    /// Notes what is wrong with an option.
    pub(crate) fn refuse(&mut self, name: &str, message: impl Into<String>, help: Option<String>) {
        let problem = Problem {
            help,
            ..Problem::new(self.config, &self.full(name), message)
        };
        self.problems.push(problem);
    }

    /// Notes what is wrong with the component as a whole.
    pub(crate) fn refuse_self(&mut self, message: impl Into<String>, help: impl Into<String>) {
        let problem = Problem::new(self.config, &self.own, message).help(help);
        self.problems.push(problem);
    }

    fn missing(&mut self, name: &str) {
        let mut problem = Problem::new(self.config, &self.full(name), "is required");
        // An absent option has no position; the one that asked for it has.
        problem.position = problem.position.or_else(|| self.config.position(&self.own));
        self.problems.push(problem);
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}
