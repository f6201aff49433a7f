//! A mutant: one small change of the product's source, and the name it keeps while lines move around it.

use std::collections::HashMap;
use std::fmt;

/// What stands for the function in a rule that is broken in words.
pub(crate) const RULE: &str = "the rule";

/// Longest text of a place in a mutant's name.
const SHOWN: usize = 72;

/// One change.
#[derive(Debug, Clone)]
pub(crate) struct Mutant {
    /// Path below the crate's `src`.
    pub(crate) file: String,
    /// Line of the place, from 1.
    pub(crate) line: usize,
    /// The function it is in, with its type.
    pub(crate) function: String,
    /// What stands there.
    pub(crate) before: String,
    /// What stands there instead.
    pub(crate) after: String,
    /// Which of several of the same name in one function, from 1.
    pub(crate) repeat: usize,
}

impl fmt::Display for Mutant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, function) = (&self.file, &self.function);
        let (before, after) = (shown(&self.before), shown(&self.after));
        write!(formatter, "{file} {function}: {before} => {after}")?;
        if self.repeat > 1 {
            write!(formatter, " #{}", self.repeat)?;
        }
        Ok(())
    }
}

/// A text on one line, cut in its middle where it is long.
fn shown(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let count = line.chars().count();
    if count <= SHOWN {
        return line;
    }
    let (begin, end) = (
        line.chars().take(SHOWN / 2),
        line.chars().skip(count - SHOWN / 2),
    );
    begin.chain("...".chars()).chain(end).collect()
}

/// Numbers mutants that would have the same name.
pub(crate) fn number(mutants: &mut [Mutant]) {
    let mut names = HashMap::<String, usize>::new();
    for mutant in mutants {
        mutant.repeat = 1;
        let count = names.entry(mutant.to_string()).or_default();
        *count += 1;
        mutant.repeat = *count;
    }
}
