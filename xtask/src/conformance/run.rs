//! The list, and what is wrong with it.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::gaps::{self, PAGE};
use super::places::{self, Found, Places};
use super::statements::{Number, Statements};
use crate::command::say;

type Reasons = BTreeMap<Number, String>;

/// Prints the list, with `--missing` only what code or test lacks; `--check` says what must not be.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    let statements = Statements::load()?;
    let found = places::find(&statements)?;
    let reasons = gaps::load()?;
    if has("--check") {
        let faults = faults(&statements, &found, &reasons);
        for fault in &faults {
            say(fault);
        }
        say(&summary(&statements, &found, &reasons));
        if !faults.is_empty() {
            bail!(
                "{} faults in what names the statements of MQTT",
                faults.len()
            );
        }
        return Ok(());
    }
    for (number, statement) in &statements.all {
        let places = found.places.get(number);
        if has("--missing") && places.is_some_and(Places::are_both) {
            continue;
        }
        let list = |files: Option<&Vec<String>>| match files {
            Some(files) if !files.is_empty() => files.join(", "),
            _ => "-".to_owned(),
        };
        say(&format!(
            "{:16} {:6} code {:40} tests {:40} {}{}",
            number.to_string(),
            statement.bound.word(),
            list(places.map(|places| &places.code)),
            list(places.map(|places| &places.tests)),
            statement.words,
            reasons
                .get(number)
                .map(|reason| format!(" ({reason})"))
                .unwrap_or_default(),
        ));
    }
    say(&summary(&statements, &found, &reasons));
    Ok(())
}

fn faults(statements: &Statements, found: &Found, reasons: &Reasons) -> Vec<String> {
    let unknown = found
        .unknown
        .iter()
        .map(|name| format!("{name} is no statement; 3.1.1's own numbers are written [MQTT3-...]"));
    let bare = statements.all.iter().filter_map(|(number, statement)| {
        let is_shown = found.places.get(number).is_some_and(Places::are_both);
        let is_reasoned = reasons.contains_key(number);
        let words = &statement.words;
        match (is_shown, is_reasoned) {
            (true, true) => Some(format!("{number} has code and test: take its reason out of {PAGE}")),
            (false, false) if statement.bound.is_servers() => Some(format!(
                "{number} ({words}) is not named in both code and test; name it, or give the reason in {PAGE}"
            )),
            _ => None,
        }
    });
    let strangers = reasons
        .keys()
        .filter(|number| !statements.all.contains_key(number))
        .map(|number| format!("{PAGE} has a reason for {number}, which is not listed"));
    unknown.chain(bare).chain(strangers).collect()
}

fn summary(statements: &Statements, found: &Found, reasons: &Reasons) -> String {
    let servers = statements
        .all
        .iter()
        .filter(|(_, statement)| statement.bound.is_servers());
    let (mut all, mut shown, mut reasoned) = (0, 0, 0);
    for (number, _) in servers {
        all += 1;
        shown += usize::from(found.places.get(number).is_some_and(Places::are_both));
        reasoned += usize::from(reasons.contains_key(number));
    }
    format!(
        "{} statements, {all} of them bind a server: {shown} are named in code and test, {reasoned} have a reason why not.",
        statements.all.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_is_shown_or_reasoned_and_every_name_is_a_statement() {
        run(&["--check".to_owned()]).unwrap();
    }
}
