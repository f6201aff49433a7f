//! From the places configuration is written in to a [`Config`].

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::Config;
use super::check::check;
use super::problem::{Problem, Problems, Source};
use super::tree::{Node, NodeValue};

/// The built-in configuration, as text.
pub const DEFAULT: &str = include_str!("default.toml");

/// The lists that a file replaces together: half a pipeline of ours and half of the operator's is nobody's.
const PIPELINE: [&str; 4] = ["route", "topic", "table", "sink"];

/// The prefix of environment variables that are configuration.
const PREFIX: &str = "MESSINA__";

/// The places configuration is written in, weakest first.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// Environment variables; those that start with `MESSINA__` count.
    pub environment: Vec<(String, String)>,
    /// What `--set` said, each `a.b=c`.
    pub set: Vec<String>,
    /// What `--data` said.
    pub data: Option<PathBuf>,
}

/// A configuration that can be used, and what is surprising about it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings only.
    pub warnings: Problems,
}

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read configuration file `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is wrong; all problems at once.
    #[error("{0}")]
    Wrong(Problems),
}

/// Loads and checks. Opens nothing but the file.
pub fn load(inputs: &Inputs) -> Result<Loaded, LoadError> {
    let file = match &inputs.file {
        Some(path) => Some(read(path)?),
        None => None,
    };
    load_text(file.as_ref(), inputs)
}

/// Loads and checks with the file's text already read; `inputs.file` is not opened.
pub fn load_text(file: Option<&Arc<Source>>, inputs: &Inputs) -> Result<Loaded, LoadError> {
    let mut problems = Vec::new();
    let mut tree = Node::parse(
        &Source::new("built-in configuration", DEFAULT),
        &mut problems,
    );
    if let Some(source) = file {
        let written = Node::parse(source, &mut problems);
        lay_file(&mut tree, written);
    }
    for source in overrides(inputs) {
        let written = Node::parse(&source, &mut problems);
        tree.merge(written);
    }
    let config = check(&tree, &mut problems);
    let problems = Problems::new(problems);
    match config {
        Some(config) if !problems.has_errors() => Ok(Loaded {
            config,
            warnings: problems,
        }),
        _ => Err(LoadError::Wrong(problems)),
    }
}

/// Reads a file as a source.
pub fn read(path: &Path) -> Result<Arc<Source>, LoadError> {
    let text = std::fs::read_to_string(path).map_err(|source| LoadError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(Source::new(path.display().to_string(), text))
}

fn lay_file(tree: &mut Node, written: Node) {
    let list = |name: &str| {
        let node = written.get(name);
        node.is_some_and(|node| matches!(node.value, NodeValue::Array(_)))
    };
    if PIPELINE.iter().any(|name| list(name)) {
        for name in PIPELINE {
            tree.remove(name);
        }
    }
    tree.merge(written);
}

/// Environment and command line as TOML lines, so that an error can show what was typed.
fn overrides(inputs: &Inputs) -> Vec<Arc<Source>> {
    let mut sources = Vec::new();
    let mut environment: Vec<_> = inputs.environment.iter().collect();
    environment.sort();
    for (name, value) in environment {
        if let Some(path) = name.strip_prefix(PREFIX) {
            let path = path.to_lowercase().replace("__", ".");
            let line = assignment(&path, value);
            sources.push(Source::new(format!("environment {name}"), line));
        }
    }
    for text in &inputs.set {
        let line = match text.split_once('=') {
            Some((path, value)) => assignment(path.trim(), value.trim()),
            None => text.clone(),
        };
        sources.push(Source::new("--set", line));
    }
    if let Some(data) = &inputs.data {
        let line = assignment("data", &quoted(&data.display().to_string()));
        sources.push(Source::new("--data", line));
    }
    sources
}

/// `path = value`, with the quotes a shell has eaten put back.
fn assignment(path: &str, value: &str) -> String {
    let line = format!("{path} = {value}");
    let mut problems: Vec<Problem> = Vec::new();
    Node::parse(&Source::new("", line.as_str()), &mut problems);
    // A value with a letter or a second dot in it is a text that lost its quotes; `[1,` is a list with an error.
    let begins_toml = value.starts_with(['[', '{', '"', '\'']);
    if problems.is_empty() || begins_toml {
        line
    } else {
        format!("{path} = {}", quoted(value))
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
