//! A file of passwords in the clear, as Jetty's `PropertyFileLoginModule` reads it: `user: password` lines, after the
//! password perhaps a comma and roles.

use std::sync::Arc;

use super::file::Entry;
use super::hash::Hash;
use super::{PasswordFile, Stored};
use crate::config::{Problem, Problems, Source, Span, properties};

/// Forms of Jetty's that are no passwords in the clear.
const FORMS: [&str; 3] = ["OBF:", "MD5:", "CRYPT:"];

impl PasswordFile {
    /// Parses a file of passwords in the clear. What is kept of them is hashed.
    pub fn parse_clear(source: &Arc<Source>) -> Result<Self, Problems> {
        let blotted = Source::new(source.name.clone(), blotted(&source.text));
        let mut file = Self::empty(&blotted, true);
        let mut problems = Vec::new();
        let mut refuse = |span: &Span, message: String| {
            let help = "a line is `USER: PASSWORD`";
            problems.push(Problem::error(span, message).help(help));
        };
        let entries = properties::parse(&source.text, &source.name);
        for wrong in entries.as_ref().err().into_iter().flatten() {
            if let Some(position) = &wrong.position {
                refuse(&line_of(&blotted, position.line), wrong.message.clone());
            }
        }
        for entry in entries.unwrap_or_default() {
            let span = line_of(&blotted, entry.key_position.line);
            let password = entry.value.split(',').next().unwrap_or_default().trim();
            if password.is_empty() {
                refuse(&span, format!("`{}` has no password", entry.key));
                continue;
            }
            if let Some(form) = FORMS.iter().find(|form| password.starts_with(*form)) {
                refuse(&span, format!("passwords as `{form}` are not read"));
                continue;
            }
            let Some(hash) = Hash::quick(password.as_bytes()) else {
                refuse(&span, "the system gives no random numbers".to_owned());
                continue;
            };
            // Written twice, the last counts: so it is in a file of properties.
            let user = entry.key.into();
            let line = span.range;
            file.insert(Entry { user, line }, Stored::from(hash));
        }
        if problems.is_empty() {
            Ok(file)
        } else {
            Err(Problems::new(problems))
        }
    }
}

/// The text without anything that may be a password, line by line.
fn blotted(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let shown = line.trim_start();
        let is_comment = shown.is_empty() || shown.starts_with(['#', '!']);
        let user = shown.split([':', '=', ' ', '\t']).next();
        match user.filter(|user| !is_comment && user.len() < shown.len()) {
            Some(user) => out.extend([user, ": ***"]),
            None if is_comment => {}
            None => out.push_str("***"),
        }
        out.push('\n');
    }
    out
}

fn line_of(source: &Arc<Source>, line: u32) -> Span {
    let position = messina_connect::config::Position {
        file: source.name.clone(),
        line,
        column: 1,
    };
    Span::at(source, &position)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PasswordFile, Problems> {
        PasswordFile::parse_clear(&Source::new("proxy.passwords", text))
    }

    #[test]
    fn users_passwords_and_roles_are_read_as_properties() {
        let text = "# devices\nada: correct horse , user,admin\ngrace=b\\u00e4ttery\nold staple\nold: battery\n";
        let file = parse(text).unwrap();
        let right =
            |user: &str, password: &str| file.get(user).unwrap().verify(password.as_bytes());
        assert!(
            right("ada", "correct horse") && right("grace", "bättery") && right("old", "battery")
        );
        assert!(!right("ada", "correct horse , user,admin") && !right("old", "staple"));
        assert_eq!(file.len(), 3);
        let warnings = file.warnings();
        assert_eq!(warnings.len(), 1);
        assert!(!format!("{file:?} {warnings:?}").contains("horse"));
    }

    #[test]
    fn what_is_wrong_is_shown_without_the_password() {
        let text =
            "ada: OBF:1v2j1uum1xtv\ngrace:\n: hunter2\nold: x\\uzz hunter3\n  hunter4\\\n  hunter5";
        let shown = parse(text).unwrap_err().to_string();
        for expected in [
            "passwords as `OBF:` are not read",
            "`grace` has no password",
        ] {
            let alone = parse("ada: OBF:1v2j1uum1xtv\ngrace:\n")
                .unwrap_err()
                .to_string();
            assert!(alone.contains(expected), "{alone}");
        }
        for secret in ["1v2j", "hunter"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("proxy.passwords:4:1"), "{shown}");
    }
}
