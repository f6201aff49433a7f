//! A password file: `user:hash` lines, as mosquitto's.
//!
//! A third part after another colon, ours, holds the keys for SCRAM in the form PostgreSQL keeps. Problems never show
//! what stands after the user's name: the source they point into has it blotted out.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::stored::Stored;
use crate::access::scram::ScramKeys;
use crate::config::{Problem, Problems, Source, Span};

/// A password file that has been read. `Debug` shows no hash.
#[derive(Debug, Clone)]
pub struct PasswordFile {
    users: HashMap<Arc<str>, Stored>,
    /// The same entries in the order of the file, to stand in for users that do not exist.
    order: Vec<Entry>,
    /// Chooses the stand-in; random, so that nobody outside can tell which user it is.
    chooser: RandomState,
    blotted: Arc<Source>,
    /// Whether passwords stand in it as they are.
    in_the_clear: bool,
}

/// A user, and where in the blotted text.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) user: Arc<str>,
    pub(super) line: std::ops::Range<usize>,
}

impl PasswordFile {
    /// Parses a file.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Problems> {
        let blotted = Source::new(source.name.clone(), blotted(&source.text));
        let mut file = Self::empty(&blotted, false);
        let mut problems = Vec::new();
        let mut start = 0;
        for (line, shown) in source.text.lines().zip(blotted.text.lines()) {
            let range = start..start + shown.len();
            start += shown.len() + 1;
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Err(message) = file.line(line, range.clone()) {
                problems.push(Problem::error(&file.span(&range), message));
            }
        }
        if problems.is_empty() {
            Ok(file)
        } else {
            Err(Problems::new(problems))
        }
    }

    pub(super) fn empty(blotted: &Arc<Source>, in_the_clear: bool) -> Self {
        Self {
            users: HashMap::new(),
            order: Vec::new(),
            chooser: RandomState::new(),
            blotted: Arc::clone(blotted),
            in_the_clear,
        }
    }

    /// Adds a user; one that is there is replaced.
    pub(super) fn insert(&mut self, entry: Entry, stored: Stored) {
        if self.users.insert(entry.user.clone(), stored).is_none() {
            self.order.push(entry);
        }
    }

    fn line(&mut self, line: &str, range: std::ops::Range<usize>) -> Result<(), String> {
        let Some((user, stored)) = line.split_once(':') else {
            return Err("a line of a password file is `USER:HASH`".to_owned());
        };
        let user: Arc<str> = user.trim().into();
        if user.is_empty() {
            return Err("the user has no name".to_owned());
        }
        if self.users.contains_key(&user) {
            return Err(format!("`{user}` is there twice"));
        }
        let stored = Stored::parse(stored.trim()).map_err(|error| error.to_string())?;
        self.insert(Entry { user, line: range }, stored);
        Ok(())
    }

    /// What is kept of a user.
    pub fn get(&self, user: &str) -> Option<&Stored> {
        self.users.get(user)
    }

    /// How many users there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// What to verify a password against when the user does not exist: always the same real user's, so that the
    /// answer takes as long as some user's would.
    pub fn stand_in(&self, user: &str) -> Option<&Stored> {
        let count = u64::try_from(self.order.len()).ok()?;
        let index = self.chooser.hash_one(user).checked_rem(count)?;
        let entry = self.order.get(usize::try_from(index).ok()?)?;
        self.users.get(&entry.user)
    }

    /// The keys for SCRAM of the first user that has some.
    pub(in super::super) fn first_scram(&self) -> Option<&ScramKeys> {
        let mut keys = self
            .order
            .iter()
            .map(|entry| self.users.get(&entry.user)?.scram());
        keys.find_map(|keys| keys)
    }

    /// Weak hashes, each with its line.
    pub(in super::super) fn warnings(&self) -> Vec<Problem> {
        let mut warnings = Vec::new();
        if self.in_the_clear {
            let first = self.order.first();
            let span = self.span(&first.map_or(0..0, |entry| entry.line.clone()));
            let message = "passwords stand in this file as they are";
            let help = "set them with `messina passwd FILE USER`, and name that FILE in `mqtt.access.password_file`";
            return vec![Problem::warning(&span, message).help(help)];
        }
        for entry in &self.order {
            let Some(stored) = self.users.get(&entry.user) else {
                continue;
            };
            for weakness in stored.weaknesses() {
                let message = format!("the password of `{}` is kept badly: {weakness}", entry.user);
                let help = format!(
                    "set it again with `messina passwd {} {}`",
                    self.blotted.name, entry.user
                );
                warnings.push(Problem::warning(&self.span(&entry.line), message).help(help));
            }
        }
        warnings
    }

    fn span(&self, range: &std::ops::Range<usize>) -> Span {
        Span {
            source: self.blotted.clone(),
            range: range.clone(),
        }
    }
}

/// The text with `***` for everything behind the first colon of a line. A line without one may be a password
/// that somebody pasted.
fn blotted(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        match line.split_once(':') {
            Some((user, _)) => out.extend([user, ":***"]),
            None if line.trim_start().starts_with('#') || line.trim().is_empty() => {
                out.push_str(line);
            }
            None => out.push_str("***"),
        }
        out.push('\n');
    }
    out
}

/// The line of a password file for a user and a new password. `None` if the name cannot stand there, or the
/// system has no randomness.
pub fn entry_for(
    user: &str,
    password: &[u8],
    scram_iterations: Option<NonZeroU32>,
) -> Option<String> {
    let fits = !user.is_empty() && user.trim() == user && !user.starts_with('#');
    if !fits || user.contains([':', '\n', '\r']) {
        return None;
    }
    let stored = Stored::new(password, scram_iterations)?;
    Some(format!("{user}:{}", stored.to_text()))
}
