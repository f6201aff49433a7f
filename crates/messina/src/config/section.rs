//! Reads one table of the tree: every value by name, with its type, and at the end what nobody asked for.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::problem::{Problem, Span};
use super::tree::{Entry, Node, NodeValue};
use super::units::{parse_duration, parse_size};

/// Where problems are collected while sections borrow the tree.
pub(super) type Collected = RefCell<Vec<Problem>>;

/// One table of the tree. Wrong values are reported and replaced by something harmless: a configuration with
/// problems is never used.
pub(super) struct Section<'t> {
    path: String,
    span: Span,
    entries: &'t [Entry],
    asked: RefCell<Vec<&'static str>>,
    problems: &'t Collected,
}

impl<'t> Section<'t> {
    /// The whole tree.
    pub(super) fn root(node: &'t Node, problems: &'t Collected) -> Self {
        Self::of(String::new(), node, problems)
    }

    fn of(path: String, node: &'t Node, problems: &'t Collected) -> Self {
        let entries: &[Entry] = match &node.value {
            NodeValue::Table(entries) => entries,
            other => {
                let message = format!("`{path}` must be a table, not {}", other.kind());
                problems
                    .borrow_mut()
                    .push(Problem::error(&node.span, message));
                &[]
            }
        };
        Self {
            path,
            span: node.span.clone(),
            entries,
            asked: RefCell::default(),
            problems,
        }
    }

    /// Where the section was typed.
    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// A problem at a place.
    pub(super) fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// The name of a field as the operator writes it.
    pub(super) fn name_of(&self, field: &str) -> String {
        if self.path.is_empty() {
            field.to_owned()
        } else {
            format!("{}.{field}", self.path)
        }
    }

    /// The node of a field, if it was written.
    pub(super) fn get(&self, field: &'static str) -> Option<&'t Node> {
        self.asked.borrow_mut().push(field);
        let found = self.entries.iter().find(|entry| entry.key == field);
        found.map(|entry| &entry.node)
    }

    /// Fields that exist although an error elsewhere keeps them from being read.
    pub(super) fn known(&self, fields: &[&'static str]) {
        self.asked.borrow_mut().extend(fields);
    }

    /// Every entry, for tables whose keys the operator chooses.
    pub(super) fn all(&self) -> &'t [Entry] {
        self.entries
    }

    /// A table within; `None` when it is absent.
    pub(super) fn section(&self, field: &'static str) -> Option<Self> {
        let node = self.get(field)?;
        Some(Self::of(self.name_of(field), node, self.problems))
    }

    /// The tables of `[[field]]`.
    pub(super) fn sections(&self, field: &'static str) -> Vec<Self> {
        let Some(node) = self.get(field) else {
            return Vec::new();
        };
        let NodeValue::Array(nodes) = &node.value else {
            let name = self.name_of(field);
            self.wrong(
                field,
                node,
                &format!("a list: write `[[{name}]]`, not `[{name}]`"),
            );
            return Vec::new();
        };
        let each = |(index, node)| {
            Self::of(
                format!("{}.{index}", self.name_of(field)),
                node,
                self.problems,
            )
        };
        nodes.iter().enumerate().map(each).collect()
    }

    /// Reports that a field is not what it must be.
    pub(super) fn wrong(&self, field: &str, node: &Node, must: &str) {
        let name = self.name_of(field);
        let message = match &node.value {
            NodeValue::Text(text)
                if must.starts_with("a duration") || must.starts_with("a size") =>
            {
                format!("`{name}` must be {must}, not `{text}`")
            }
            other if must.starts_with(other.kind()) => format!("`{name}` must be {must}"),
            other => format!("`{name}` must be {must}, not {}", other.kind()),
        };
        self.report(Problem::error(&node.span, message));
    }

    /// A field that has to be there.
    pub(super) fn required(&self, field: &'static str) -> Option<&'t Node> {
        let node = self.get(field);
        if node.is_none() {
            let message = format!("`{}` is missing", self.name_of(field));
            self.report(Problem::error(&self.span, message));
        }
        node
    }

    /// A text, if it is there.
    pub(super) fn text(&self, field: &'static str) -> Option<(&'t str, &'t Span)> {
        let node = self.get(field)?;
        self.as_text(field, node)
    }

    /// A text that has to be there.
    pub(super) fn required_text(&self, field: &'static str) -> Option<(&'t str, &'t Span)> {
        let node = self.required(field)?;
        self.as_text(field, node)
    }

    fn as_text(&self, field: &str, node: &'t Node) -> Option<(&'t str, &'t Span)> {
        if let NodeValue::Text(text) = &node.value {
            return Some((text, &node.span));
        }
        self.wrong(field, node, "a text");
        None
    }

    /// Texts, each with its place: a list, or one text alone.
    pub(super) fn texts(&self, field: &'static str) -> Option<Vec<(&'t str, &'t Span)>> {
        let node = self.get(field)?;
        match &node.value {
            NodeValue::Text(text) => Some(vec![(text, &node.span)]),
            NodeValue::Array(nodes) => Some(
                nodes
                    .iter()
                    .filter_map(|node| self.as_text(field, node))
                    .collect(),
            ),
            _ => {
                self.wrong(field, node, "a list of texts");
                None
            }
        }
    }

    /// An integer within `range`, if it is there.
    pub(super) fn integer<T>(&self, field: &'static str, range: RangeInclusive<i64>) -> Option<T>
    where
        T: TryFrom<i64>,
    {
        let node = self.get(field)?;
        let NodeValue::Integer(number) = node.value else {
            self.wrong(field, node, "an integer");
            return None;
        };
        let problem = if number < *range.start() {
            format!("must be at least {}", range.start())
        } else if number > *range.end() {
            format!("must be at most {}", range.end())
        } else {
            return T::try_from(number).ok();
        };
        self.report(Problem::error(
            &node.span,
            format!("`{}` {problem}", self.name_of(field)),
        ));
        None
    }

    /// An integer above zero, or `word` for none, which is also what an absent one means.
    pub(super) fn integer_or(&self, field: &'static str, word: &str) -> Option<u32> {
        match self.get(field) {
            Some(node) if !is_word(node, word) => self.integer(field, 1..=i64::from(u32::MAX)),
            _ => None,
        }
    }

    /// `true` or `false`, if it is there.
    pub(super) fn boolean(&self, field: &'static str) -> Option<bool> {
        let node = self.get(field)?;
        if let NodeValue::Boolean(boolean) = node.value {
            return Some(boolean);
        }
        self.wrong(field, node, "a boolean");
        None
    }

    /// A duration such as `"5s"`, if it is there.
    pub(super) fn duration(&self, field: &'static str) -> Option<Duration> {
        let node = self.get(field)?;
        self.as_duration(field, node)
    }

    fn as_duration(&self, field: &str, node: &Node) -> Option<Duration> {
        let duration = match &node.value {
            NodeValue::Text(text) => parse_duration(text),
            _ => None,
        };
        if duration.is_none() {
            self.wrong(
                field,
                node,
                "a duration such as \"500ms\", \"5s\" or \"7d\"",
            );
        }
        duration
    }

    /// A duration, or `word` for none; `otherwise` when it is absent.
    pub(super) fn duration_or(
        &self,
        field: &'static str,
        word: &str,
        otherwise: Option<Duration>,
    ) -> Option<Duration> {
        match self.get(field) {
            None => otherwise,
            Some(node) if is_word(node, word) => None,
            Some(node) => self.as_duration(field, node),
        }
    }

    /// A size such as `"1MiB"` within `range`, if it is there.
    pub(super) fn size(&self, field: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let node = self.get(field)?;
        self.as_size(field, node, range)
    }

    fn as_size(&self, field: &str, node: &Node, range: RangeInclusive<u64>) -> Option<u64> {
        let size = match &node.value {
            NodeValue::Text(text) => parse_size(text),
            NodeValue::Integer(number) => u64::try_from(*number).ok(),
            _ => None,
        };
        let Some(size) = size else {
            self.wrong(field, node, "a size such as \"64KiB\" or \"1MiB\"");
            return None;
        };
        if range.contains(&size) {
            return Some(size);
        }
        let (least, most) = (range.start(), range.end());
        let bounds = format!(
            "`{}` must be between {least} and {most} bytes",
            self.name_of(field)
        );
        self.report(Problem::error(&node.span, bounds));
        None
    }

    /// A size, or `word` for none; `otherwise` when it is absent.
    pub(super) fn size_or(
        &self,
        field: &'static str,
        word: &str,
        otherwise: Option<u64>,
    ) -> Option<u64> {
        match self.get(field) {
            None => otherwise,
            Some(node) if is_word(node, word) => None,
            Some(node) => self.as_size(field, node, 1..=u64::MAX),
        }
    }

    /// One of some words, if it is there.
    pub(super) fn choice<T: Copy>(&self, field: &'static str, words: &[(&str, T)]) -> Option<T> {
        let (text, span) = self.text(field)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let all: Vec<String> = words
                .iter()
                .map(|(word, _)| format!("\"{word}\""))
                .collect();
            let message = format!(
                "`{}` must be one of {}",
                self.name_of(field),
                all.join(", ")
            );
            self.report(Problem::error(span, message));
        }
        found.map(|(_, value)| *value)
    }

    /// Socket addresses: `host:port` with a literal address or `localhost`. Nothing is looked up.
    pub(super) fn addresses(&self, field: &'static str) -> Option<Vec<SocketAddr>> {
        let mut addresses = Vec::new();
        for (text, span) in self.texts(field)? {
            if let Ok(address) = text.replace("localhost", "127.0.0.1").parse() {
                addresses.push(address);
                continue;
            }
            let message = format!("`{}` must be an address and a port", self.name_of(field));
            let help =
                "write for example \"127.0.0.1:1883\", or \"0.0.0.0:1883\" for every interface";
            self.report(Problem::error(span, message).help(help));
        }
        Some(addresses)
    }

    /// Reports every field that was written and never asked for.
    pub(super) fn finish(&self) {
        let asked = self.asked.borrow();
        for entry in self.entries {
            if asked.contains(&entry.key.as_str()) {
                continue;
            }
            let message = format!("there is no setting `{}`", self.name_of(&entry.key));
            let mut problem = Problem::error(&entry.key_span, message);
            if let Some(near) = nearest(&entry.key, &asked) {
                problem = problem.help(format!("did you mean `{near}`?"));
            }
            self.report(problem);
        }
    }
}

fn is_word(node: &Node, word: &str) -> bool {
    matches!(&node.value, NodeValue::Text(text) if text == word)
}

/// The known name that differs least, if it differs little.
pub(super) fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    let limit = (name.len() / 3).max(1);
    let best = known
        .iter()
        .map(|other| (distance(name, other), *other))
        .min()?;
    (best.0 <= limit).then_some(best.1)
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (index, a) in left.chars().enumerate() {
        let mut diagonal = index;
        let mut previous = index + 1;
        if let Some(first) = row.first_mut() {
            *first = previous;
        }
        for (cell, b) in row.iter_mut().skip(1).zip(right.chars()) {
            let substituted = diagonal + usize::from(a != b);
            diagonal = *cell;
            previous = substituted.min(*cell + 1).min(previous + 1);
            *cell = previous;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_recognised_and_a_strange_one_is_not() {
        assert_eq!(nearest("listn", &["limits", "listen"]), Some("listen"));
        assert_eq!(nearest("colour", &["limits", "listen"]), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
