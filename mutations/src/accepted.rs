//! `mutations/accepted.txt`: the mutants that may survive, each group below the reason why.
//!
//! A line that begins with `#` is a reason; an indented line is a mutant's name, for all mutants of the reason above it.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Result, bail};

use crate::mutant::{Mutant, RULE};
use crate::replay::Verdict;
use crate::{say, tree};

/// Fails where a mutant survives that is not in the list, or, if all were run, the list names one that does not.
pub(crate) fn compare(root: &Path, judged: &[(&Mutant, Verdict)], all: bool) -> Result<()> {
    let text = tree::read(&root.join("mutations/accepted.txt"))?;
    let accepted = names(&text);
    let (mut survivors, mut unknown) = (HashSet::new(), 0);
    for (mutant, verdict) in judged {
        if matches!(verdict, Verdict::Caught(_)) {
            continue;
        }
        let name = mutant.to_string();
        if mutant.function == RULE || !accepted.contains(name.as_str()) {
            unknown += 1;
            say(&format!("{verdict}: {name}  (line {})", mutant.line));
        }
        survivors.insert(name);
    }
    let mut stale = 0;
    for name in accepted
        .iter()
        .filter(|name| all && !survivors.contains(**name))
    {
        stale += 1;
        say(&format!("accepted, but it does not survive: {name}"));
    }
    let rules = judged.iter().filter(|(own, _)| own.function == RULE);
    say(&format!(
        "{} are rules of mutations/rules.txt",
        rules.count()
    ));
    say(&format!(
        "{} survive, {unknown} of them not accepted",
        survivors.len()
    ));
    if unknown + stale > 0 {
        bail!("give them vectors (tools/oracle), or mutations/accepted.txt a reason");
    }
    Ok(())
}

/// The names in the list.
fn names(text: &str) -> HashSet<&str> {
    text.lines()
        .filter(|line| line.starts_with(' '))
        .map(str::trim)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn only_indented_lines_are_names() {
        let text = "# Only faster.\n  a.rs f: a => b\n\n# Other.\n  c.rs g: 1 => 2 #2\n";
        let names = names(text);
        assert_eq!(names.len(), 2);
        assert!(names.contains("c.rs g: 1 => 2 #2"));
    }
}
