//! The statements that are not shown by code and test, with the reason: `docs/reference/conformance.md`.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use super::statements::Number;
use crate::command::root;

/// The page that has them.
pub(crate) const PAGE: &str = "docs/reference/conformance.md";

/// The reason of each statement the page's tables name.
pub(crate) fn load() -> Result<BTreeMap<Number, String>> {
    let text = std::fs::read_to_string(root().join(PAGE))
        .with_context(|| format!("cannot read `{PAGE}`"))?;
    Ok(read(&text))
}

/// A reason is a table's line, `| MQTT-3.2.2-9 | why |`; several statements may share one.
fn read(text: &str) -> BTreeMap<Number, String> {
    let mut reasons = BTreeMap::new();
    for line in text.lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let ["", names, reason, ""] = *cells.as_slice() else {
            continue;
        };
        if reason.is_empty() {
            continue;
        }
        for number in names.split([' ', ',']).filter_map(Number::read) {
            reasons.insert(number, reason.to_owned());
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_may_stand_for_several_and_must_not_be_empty() {
        let page = "words MQTT-1.1.1-1\n\n| statement | reason |\n|---|---|\n\
                    | MQTT-3.2.2-9, MQTT-3.2.2-10 | why |\n| MQTT-3.2.2-11 | |\n";
        let reasons = read(page);
        let names: Vec<_> = reasons.keys().map(ToString::to_string).collect();
        assert_eq!(names, ["MQTT-3.2.2-9", "MQTT-3.2.2-10"]);
    }
}
