//! Replays the golden vectors with one mutant on at a time: `messina-mutation-replay MUTANTS FIRST FOLDER...`.
//!
//! Started by `cargo xtask mutations` in an instrumented copy of the workspace; in the workspace itself there is no
//! mutant to reach. Says a line for each mutant from FIRST: `try ID`, then `caught ID CASE`, `missed ID CASES` or
//! `unreached ID`.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use messina_mutation_switch as switch;

#[path = "../../../crates/connect/tests/golden/vectors.rs"]
mod vectors;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number =
        || -> Result<u32> { Ok(arguments.next().context("too few arguments")?.parse()?) };
    let (mutants, first) = (number()?, number()?);
    let mut cases = Vec::new();
    for folder in arguments {
        cases.extend(vectors::read(Path::new(&folder)));
    }
    let mut reaching = vec![Vec::new(); usize::try_from(mutants)? + 1];
    for (index, case) in cases.iter().enumerate() {
        let (difference, ids) = switch::reached(mutants, || vectors::difference(case));
        if let Some(difference) = difference {
            bail!("without any mutant: {difference}");
        }
        for id in ids {
            if let Some(list) = reaching.get_mut(usize::try_from(id)?) {
                list.push(index);
            }
        }
    }
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = std::io::stdout();
    for id in first..=mutants {
        writeln!(out, "try {id}")?;
        out.flush()?;
        let list = reaching
            .get(usize::try_from(id)?)
            .map_or(&[][..], |list| list);
        let mut own = list.iter().filter_map(|index| cases.get(*index));
        // A panic of the mutant is a difference.
        let caught = own.find(|case| {
            let run = AssertUnwindSafe(|| switch::with(id, || vectors::difference(case)));
            catch_unwind(run).map_or(true, |difference| difference.is_some())
        });
        match caught {
            Some(case) => writeln!(out, "caught {id} {}", case["id"])?,
            None if list.is_empty() => writeln!(out, "unreached {id}")?,
            None => writeln!(out, "missed {id} {}", list.len())?,
        }
    }
    Ok(())
}
