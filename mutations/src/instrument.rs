//! Writes a file's mutants into it, each behind a switch, so that one build holds them all.
//!
//! An expression with mutants becomes `(if on(7) { mutant } else { itself })`; the text of a mutant is plain, for only
//! one is on at a time. What does not compile is found by the compiler, and left out the next time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use anyhow::{Context as _, Result};
use syn::visit::Visit as _;

use crate::mutant::{Mutant, number};
use crate::places::{Change, Places, Shape};
use crate::rules::Rule;

/// A file with its mutants in it.
#[derive(Debug, Default)]
pub(crate) struct Instrumented {
    /// The source with switches.
    pub(crate) text: String,
    /// What the switches are, in their order, with the number each has and where in the text it stands.
    pub(crate) mutants: Vec<(u32, Mutant, Vec<Range<usize>>)>,
}

/// Instruments `text`, the file `file`, with its `rules` broken as well; mutants are numbered from `next`, but for
/// those whose names are `dropped`.
pub(crate) fn instrument(
    file: &str,
    text: &str,
    next: &mut u32,
    rules: &[Rule],
    dropped: &HashSet<String>,
) -> Result<Instrumented> {
    let parsed = syn::parse_file(text).with_context(|| format!("cannot parse `{file}`"))?;
    let mut places = Places::of(file, text);
    places.visit_file(&parsed);
    for rule in rules.iter().filter(|rule| rule.file == file) {
        places.rule(rule.place(text)?, &rule.words, &rule.after);
    }
    let (mut mutants, changes): (Vec<_>, Vec<_>) = places.into_changes().into_iter().unzip();
    number(&mut mutants);
    let mut kept = Vec::new();
    for (mutant, change) in mutants.into_iter().zip(changes) {
        if !dropped.contains(&mutant.to_string()) {
            kept.push((*next, mutant, change));
            *next += 1;
        }
    }
    Ok(write(text, kept))
}

/// A piece to be put into the source at a place: what it is, and whose.
#[derive(Debug)]
struct Piece {
    text: String,
    /// The mutant whose own text this is.
    owner: Option<u32>,
}

/// Pieces by where they stand; at one place ends come before beginnings, inner ends and outer beginnings first.
type Pieces = BTreeMap<(usize, bool, Reverse<usize>, usize), Vec<Piece>>;

fn write(text: &str, kept: Vec<(u32, Mutant, Change)>) -> Instrumented {
    let mut pieces = Pieces::new();
    let mut wrapped = BTreeMap::<(usize, usize), Vec<(u32, String)>>::new();
    for (id, _, change) in &kept {
        let (begin, end) = (change.place.start, change.place.end);
        match &change.shape {
            Shape::Instead(other) => {
                wrapped
                    .entry((begin, end))
                    .or_default()
                    .push((*id, other.clone()));
            }
            Shape::Around(before, after) => {
                let before = before.replace("ON", &on(*id));
                begins(&mut pieces, begin, end, vec![piece(&before, Some(*id))]);
                ends(&mut pieces, begin, end, vec![piece(after, Some(*id))]);
            }
        }
    }
    for ((begin, end), list) in wrapped {
        let mut before = vec![piece("(", None)];
        for (id, other) in list {
            before.push(piece(
                &format!("if {} {{ {other} }} else ", on(id)),
                Some(id),
            ));
        }
        before.push(piece("{ ", None));
        begins(&mut pieces, begin, end, before);
        ends(&mut pieces, begin, end, vec![piece(" })", None)]);
    }
    put(text, kept, pieces)
}

fn on(id: u32) -> String {
    format!("::messina_mutation_switch::on({id})")
}

fn piece(text: &str, owner: Option<u32>) -> Piece {
    Piece {
        text: text.to_owned(),
        owner,
    }
}

fn begins(pieces: &mut Pieces, begin: usize, end: usize, own: Vec<Piece>) {
    let place = (begin, true, Reverse(end - begin), 0);
    pieces.entry(place).or_default().extend(own);
}

fn ends(pieces: &mut Pieces, begin: usize, end: usize, own: Vec<Piece>) {
    let list = pieces
        .entry((end, false, Reverse(0), end - begin))
        .or_default();
    let behind = std::mem::replace(list, own);
    list.extend(behind);
}

fn put(text: &str, kept: Vec<(u32, Mutant, Change)>, pieces: Pieces) -> Instrumented {
    let mut out = String::with_capacity(text.len() * 3);
    let mut ranges = BTreeMap::<u32, Vec<Range<usize>>>::new();
    let mut copied = 0;
    for ((at, ..), list) in pieces {
        out.push_str(text.get(copied..at).unwrap_or_default());
        copied = at;
        for piece in list {
            let start = out.len();
            out.push_str(&piece.text);
            if let Some(id) = piece.owner {
                ranges.entry(id).or_default().push(start..out.len());
            }
        }
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    let mutants = kept
        .into_iter()
        .map(|(id, mutant, _)| (id, mutant, ranges.remove(&id).unwrap_or_default()));
    Instrumented {
        mutants: mutants.collect(),
        text: out,
    }
}
