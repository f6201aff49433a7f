//! Reads an access control file: all of it, with everything that is wrong with it.

use std::sync::Arc;

use messina_mqtt::topic::TopicFilter;

use super::decide::Acl;
use super::rule::{Permission, Rule};
use crate::config::{Problem, Problems, Source, Span};

/// A stretch of a line and where in the file it starts.
#[derive(Clone, Copy)]
struct Word<'s> {
    text: &'s str,
    start: usize,
}

impl Word<'_> {
    fn trimmed(self) -> Self {
        let text = self.text.trim_start();
        Self {
            text: text.trim_end(),
            start: self.start + self.text.len() - text.len(),
        }
    }

    /// The text up to the first blank, and what follows it.
    fn split(self) -> (Self, Self) {
        let this = self.trimmed();
        let end = this.text.find([' ', '\t']).unwrap_or(this.text.len());
        let (first, rest) = this.text.split_at(end);
        let rest = Self {
            text: rest,
            start: this.start + end,
        };
        let first = Self {
            text: first,
            start: this.start,
        };
        (first, rest.trimmed())
    }
}

struct Parser<'s> {
    source: &'s Arc<Source>,
    acl: Acl,
    /// Whose rules the next `topic` lines are; `None` for anonymous clients.
    owner: Option<Arc<str>>,
    problems: Vec<Problem>,
}

/// Parses a file; `deny_by_default` says what happens to topics that no rule speaks of.
pub(super) fn parse(source: &Arc<Source>, deny_by_default: bool) -> Result<Acl, Problems> {
    let mut parser = Parser {
        source,
        acl: Acl::empty(deny_by_default),
        owner: None,
        problems: Vec::new(),
    };
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        parser.line(Word { text: line, start });
        start += line.len();
    }
    if parser.problems.is_empty() {
        parser.acl.sort();
        Ok(parser.acl)
    } else {
        Err(Problems::new(parser.problems))
    }
}

impl Parser<'_> {
    fn line(&mut self, line: Word<'_>) {
        let (keyword, rest) = line.split();
        match keyword.text {
            "" => {}
            comment if comment.starts_with('#') => {}
            "user" => self.user(keyword, rest),
            "topic" | "pattern" => self.rule(keyword, rest),
            other => {
                let message = format!("`{other}` is none of `user`, `topic`, `pattern`");
                self.wrong(keyword, message, "a comment starts with `#`");
            }
        }
    }

    fn user(&mut self, keyword: Word<'_>, name: Word<'_>) {
        if name.text.is_empty() {
            let help =
                "write `user NAME`; rules before the first `user` line are for anonymous clients";
            self.wrong(keyword, "a user needs a name".to_owned(), help);
            return;
        }
        self.owner = Some(name.text.into());
        // A user without rules is known all the same, and is denied like everybody else.
        self.acl.user_mut(name.text);
    }

    fn rule(&mut self, keyword: Word<'_>, rest: Word<'_>) {
        let (first, filter) = rest.split();
        // `topic read` is read and write on a topic called `read`: as mosquitto, the filter is what comes last.
        let (permission, filter) = if filter.text.is_empty() {
            (Some(Permission::ReadWrite), rest)
        } else {
            (permission(first.text), filter)
        };
        let Some(permission) = permission else {
            let message = format!(
                "`{}` is none of `read`, `write`, `readwrite`, `deny`",
                first.text
            );
            let help = "a filter with a blank in it needs the permission in front";
            self.wrong(first, message, help);
            return;
        };
        if filter.text.is_empty() {
            let help = "write `topic [read|write|readwrite|deny] FILTER`";
            let message = format!("`{}` needs a topic filter", keyword.text);
            self.wrong(keyword, message, help);
            return;
        }
        if let Err(error) = check(filter.text) {
            self.wrong(filter, error, "wildcards are whole levels: `a/+/c`, `a/#`");
            return;
        }
        let pattern = keyword.text == "pattern";
        let at = filter.start..filter.start + filter.text.len();
        let rule = Rule::new(permission, filter.text, pattern, at);
        if pattern {
            self.acl.patterns.push(rule);
            return;
        }
        match &self.owner {
            None => self.acl.anonymous.push(rule),
            Some(name) => self.acl.user_mut(name).push(rule),
        }
    }

    fn wrong(&mut self, word: Word<'_>, message: String, help: &str) {
        let span = Span {
            source: self.source.clone(),
            range: word.start..word.start + word.text.len(),
        };
        self.problems
            .push(Problem::error(&span, message).help(help));
    }
}

fn permission(word: &str) -> Option<Permission> {
    match word {
        "read" => Some(Permission::Read),
        "write" => Some(Permission::Write),
        "readwrite" => Some(Permission::ReadWrite),
        "deny" => Some(Permission::Deny),
        _ => None,
    }
}

fn check(filter: &str) -> Result<(), String> {
    match TopicFilter::new(filter) {
        Ok(filter) if filter.is_shared() => {
            Err("a rule is about topics, without `$share/GROUP/`".to_owned())
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
