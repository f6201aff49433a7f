//! Builds the instrumented copy, leaving out what does not compile.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value as Json;

use crate::instrument::instrument;
use crate::mutant::{Mutant, RULE};
use crate::other::METHODS;
use crate::{rules, say, tree};

/// Builds before it is given up: each leaves out what the compiler complained of.
const ROUNDS: usize = 12;

/// The replay with every mutant in it.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) program: PathBuf,
    /// In the order of their numbers, from 1.
    pub(crate) mutants: Vec<Mutant>,
    /// How many do not compile.
    pub(crate) unviable: usize,
}

/// A mutant's name, and where its own text stands in an instrumented file.
type Owned = Vec<(String, Vec<Range<usize>>)>;

/// Instruments and builds until it compiles; only files with one of `parts` in their paths, if there are any.
pub(crate) fn build(root: &Path, parts: &[String]) -> Result<Built> {
    let copy = root.join("target/mutations");
    tree::lay_out(root, &copy)?;
    let files = tree::files(root, parts)?;
    if files.is_empty() {
        bail!("no file with rules has one of {parts:?} in its path");
    }
    let texts = files
        .iter()
        .map(|file| tree::read(&tree::source(root, file)))
        .collect::<Result<Vec<_>>>()?;
    let list = tree::read(&root.join("mutations/rules.txt"))?;
    let rules = rules::read(&list)?;
    let known = copy.join("unviable.txt");
    let mut dropped = remembered(&known, &texts);
    for _ in 0..ROUNDS {
        let (mut mutants, mut owned, mut next) = (Vec::new(), HashMap::<String, Owned>::new(), 1);
        for (file, text) in files.iter().zip(&texts) {
            let done = instrument(file, text, &mut next, &rules, &dropped)?;
            tree::write(&tree::source(&copy, file), &done.text)?;
            let mut own = Owned::new();
            for (_, mutant, ranges) in done.mutants {
                own.push((mutant.to_string(), ranges));
                mutants.push(mutant);
            }
            owned.insert(format!("crates/connect/src/{file}"), own);
        }
        say(&format!("building {} mutants", mutants.len()));
        let errors = errors(&copy)?;
        if errors.is_empty() {
            let program = copy.join("target/debug/messina-mutation-replay");
            let unviable = dropped.len();
            remember(&known, &texts, dropped)?;
            return Ok(Built {
                program,
                mutants,
                unviable,
            });
        }
        let before = dropped.len();
        for error in &errors {
            blame(error, &owned, &mut dropped);
        }
        let rule = format!(" {RULE}: ");
        if let Some(name) = dropped.iter().find(|name| name.contains(&rule)) {
            bail!("broken as it is in mutations/rules.txt it does not compile: {name}");
        }
        if dropped.len() == before {
            let texts = errors
                .iter()
                .filter_map(|error| error.pointer("/rendered")?.as_str());
            bail!(
                "what does not compile is no mutant:\n{}",
                texts.collect::<String>()
            );
        }
    }
    bail!("after {ROUNDS} builds there still are mutants that do not compile")
}

/// Builds the replay; hands back what the compiler complains of.
fn errors(copy: &Path) -> Result<Vec<Json>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--quiet", "--package", "messina-mutation-replay"])
        .args(["--message-format", "json", "--target-dir", "target"])
        .env("RUSTFLAGS", "--cap-lints allow")
        .current_dir(copy)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    let mut errors = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let own: Json = serde_json::from_str(line).context("cargo's messages are not JSON")?;
        let is = |pointer: &str, text: &str| own.pointer(pointer).is_some_and(|own| own == text);
        if is("/reason", "compiler-message")
            && is("/message/level", "error")
            && own.pointer("/message/spans/0").is_some()
        {
            errors.extend(own.get("message").cloned());
        }
    }
    if errors.is_empty() && !output.status.success() {
        bail!(
            "`cargo build` in `{}` ended with {}",
            copy.display(),
            output.status
        );
    }
    Ok(errors)
}

/// Drops the mutants an error is about: those in whose text it lies, or that it names beside; else, where a value is
/// used after it moved, the removed statements in between, or the removed return that was to come next.
fn blame(error: &Json, owned: &HashMap<String, Owned>, dropped: &mut HashSet<String>) {
    let none = Vec::new();
    let spans = |message: &Json| {
        message
            .get("spans")
            .and_then(Json::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let children = error
        .get("children")
        .and_then(Json::as_array)
        .unwrap_or(&none);
    let primary = spans(error);
    let beside: Vec<_> = children.iter().flat_map(spans).collect();
    for list in [&primary, &beside] {
        let before = dropped.len();
        for span in list {
            let (file, place) = place(span);
            let names = touching(owned.get(file), place).map(str::to_owned);
            dropped.extend(names);
        }
        if dropped.len() > before {
            return;
        }
    }
    let places: Vec<_> = primary.iter().map(place).collect();
    let Some((file, _)) = places.first() else {
        return;
    };
    let begin = places.iter().map(|(_, place)| place.start).min();
    let end = places.iter().map(|(_, place)| place.end).max().unwrap_or(0);
    let removed = |name: &&str| name.contains(" => nothing");
    let between = begin.unwrap_or(0)..end;
    let mut names: Vec<_> = touching(owned.get(*file), between)
        .filter(removed)
        .collect();
    if names.is_empty() {
        let behind = touching(owned.get(*file), end..usize::MAX).filter(removed);
        names.extend(behind.take(1));
    }
    dropped.extend(names.into_iter().map(str::to_owned));
}

/// The file and the bytes of a span.
fn place(span: &Json) -> (&str, Range<usize>) {
    let number = |member: &str| {
        let number = span.get(member).and_then(Json::as_u64).unwrap_or(0);
        usize::try_from(number).unwrap_or(0)
    };
    let file = span.get("file_name").and_then(Json::as_str);
    let file = file.unwrap_or_default();
    (file, number("byte_start")..number("byte_end"))
}

/// The mutants of a file whose text touches `place`, in order.
fn touching(owned: Option<&Owned>, place: Range<usize>) -> impl Iterator<Item = &str> {
    owned
        .into_iter()
        .flatten()
        .filter_map(move |(name, ranges)| {
            let touches = |range: &Range<usize>| range.start < place.end && place.start < range.end;
            ranges.iter().any(touches).then_some(name.as_str())
        })
}

/// What was found not to compile when the sources were the same.
fn remembered(known: &Path, texts: &[String]) -> HashSet<String> {
    let text = tree::read(known).unwrap_or_default();
    match text.split_once('\n') {
        Some((own, names)) if own == mark(texts) => names.lines().map(str::to_owned).collect(),
        _ => HashSet::new(),
    }
}

fn remember(known: &Path, texts: &[String], dropped: HashSet<String>) -> Result<()> {
    let mut names: Vec<_> = dropped.into_iter().collect();
    names.sort();
    tree::write(known, &format!("{}\n{}\n", mark(texts), names.join("\n")))
}

/// What tells these sources, and what is made of them, from others.
fn mark(texts: &[String]) -> String {
    let mut hasher = DefaultHasher::new();
    (texts, METHODS).hash(&mut hasher);
    format!("{:x}", hasher.finish())
}
