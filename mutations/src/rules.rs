//! `mutations/rules.txt`: the rules of Kafka Connect that surprise, and a change of the source that breaks each.
//!
//! A rule is a line of words, then three indented ones: the file, `-` with an expression that stands there once, whatever
//! its white space, and `+` with what breaks the rule in its place.

use std::ops::Range;

use anyhow::{Context as _, Result, bail};

/// A rule, and how to break it.
#[derive(Debug, PartialEq)]
pub(crate) struct Rule {
    /// The rule in words.
    pub(crate) words: String,
    /// Path below the crate's `src`.
    pub(crate) file: String,
    before: String,
    /// What stands there instead.
    pub(crate) after: String,
}

/// The rules of the list.
pub(crate) fn read(text: &str) -> Result<Vec<Rule>> {
    let mut rules = Vec::new();
    let mut lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    while let Some(words) = lines.next() {
        let mut part = |mark: &str| {
            let line = lines.next().map(str::trim);
            let part = line.and_then(|line| line.strip_prefix(mark));
            part.map(str::to_owned)
                .with_context(|| format!("rule `{words}`: no line with `{mark}`"))
        };
        rules.push(Rule {
            words: words.to_owned(),
            file: part("")?,
            before: part("- ")?,
            after: part("+ ")?,
        });
    }
    Ok(rules)
}

impl Rule {
    /// Where the expression stands in the file's text: once, or it is an error.
    pub(crate) fn place(&self, text: &str) -> Result<Range<usize>> {
        let solid = |text: &str| -> Vec<(usize, char)> {
            text.char_indices()
                .filter(|(_, own)| !own.is_whitespace())
                .collect()
        };
        let (all, wanted) = (solid(text), solid(&self.before));
        let same = |window: &&[(usize, char)]| {
            let mut pairs = window.iter().zip(&wanted);
            pairs.all(|((_, own), (_, wanted))| own == wanted)
        };
        let mut found = all.windows(wanted.len().max(1)).filter(same);
        let (Some(first), None) = (found.next(), found.next()) else {
            bail!(
                "rule `{}`: `{}` does not stand once in `{}`",
                self.words,
                self.before,
                self.file
            );
        };
        match (first.first(), first.last()) {
            (Some((start, _)), Some((end, last))) => Ok(*start..end + last.len_utf8()),
            _ => bail!("rule `{}`: nothing to break", self.words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_found_whatever_the_white_space_but_only_once() {
        let text = "# Words.\n\nLess is more\n  a.rs\n  - a < b\n  + a > b\n";
        let rules = read(text).unwrap();
        assert_eq!(rules.len(), 1);
        assert_eq!(rules[0].place("if a\n    < b {}").unwrap(), 3..12);
        assert!(rules[0].place("a < b || a < b").is_err());
        assert!(rules[0].place("b < a").is_err());
    }

    #[test]
    fn a_rule_that_lacks_a_line_is_named() {
        let error = read("Less is more\n  a.rs\n  + a\n").unwrap_err();
        assert!(error.to_string().contains("Less is more"));
    }
}
