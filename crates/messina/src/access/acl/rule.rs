//! One line of an access control file, and whether it speaks of a topic or filter.

use std::borrow::Cow;
use std::ops::Range;

use super::super::identity::Client;

/// What a rule allows, or that it forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    /// Deliveries.
    Read,
    /// Publishes.
    Write,
    /// Both.
    ReadWrite,
    /// Neither, whatever comes after.
    Deny,
}

/// The two things rules distinguish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the gateway to the client.
    Read,
    /// From the client to the gateway.
    Write,
}

impl Permission {
    pub(super) fn allows(self, direction: Direction) -> bool {
        match self {
            Self::ReadWrite => true,
            Self::Read => direction == Direction::Read,
            Self::Write => direction == Direction::Write,
            Self::Deny => false,
        }
    }
}

/// One line: a permission and the filter it holds for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) permission: Permission,
    /// The filter; in a pattern with `%c` and `%u`.
    pub(super) filter: Box<str>,
    /// Whether `%u` in it stands for the user.
    names_user: bool,
    /// Whether `%c` in it stands for the client identifier.
    names_client: bool,
    /// What every topic that matches begins with, and how many bytes of the filter that is.
    literal: usize,
    /// Where the filter stands in the file, bytes.
    pub(super) at: Range<usize>,
}

/// Whether a rule can be asked about a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Speaks<'r> {
    /// Yes; this is what to ask.
    Plainly(Cow<'r, Rule>),
    /// It names the user, and the client has none.
    Not,
    /// It needs a user name or client identifier that must not be put in a filter: empty, or with a wildcard in it
    /// (CVE-2017-7650). Such a rule allows nothing, and denies everything.
    Dangerously,
}

/// How the topics of a filter and of a rule relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// No topic matches both.
    Apart,
    /// Some topics of the filter match the rule.
    Some,
    /// All topics of the filter match the rule.
    All,
}

impl Rule {
    /// A rule on a filter, which in a `pattern` may name the client.
    pub(super) fn new(
        permission: Permission,
        filter: &str,
        pattern: bool,
        at: Range<usize>,
    ) -> Self {
        Self {
            permission,
            filter: filter.into(),
            literal: literal(filter),
            names_user: pattern && filter.contains("%u"),
            names_client: pattern && filter.contains("%c"),
            at,
        }
    }

    /// Whether the rule is another one for each client.
    pub(super) fn names_somebody(&self) -> bool {
        self.names_user || self.names_client
    }

    /// Whether a topic begins as every topic does that matches: a quick no for most rules.
    pub(super) fn begins(&self, topic: &str) -> bool {
        let literal = self.filter.as_bytes().get(..self.literal);
        literal.is_some_and(|literal| topic.as_bytes().starts_with(literal))
    }

    /// Whether the rule can be asked about a client.
    pub(super) fn speaks_of(&self, client: Client<'_>) -> Speaks<'_> {
        if self.names_user && client.user().is_none() {
            return Speaks::Not;
        }
        let named = [
            client.user().filter(|_| self.names_user),
            self.names_client.then_some(client.client_id),
        ];
        let named = || named.iter().flatten();
        if named().any(|name| name.is_empty() || name.contains(['+', '#'])) {
            return Speaks::Dangerously;
        }
        if !named().any(|name| name.contains('/')) {
            return Speaks::Plainly(Cow::Borrowed(self));
        }
        // A name of several levels would widen what is allowed, but denies only what it says.
        match self.permission {
            Permission::Deny => Speaks::Plainly(Cow::Owned(self.written_out(client))),
            Permission::Read | Permission::Write | Permission::ReadWrite => Speaks::Not,
        }
    }

    /// The rule with the client's names in it.
    fn written_out(&self, client: Client<'_>) -> Self {
        let mut filter = String::new();
        let mut rest = &*self.filter;
        while let Some(at) = rest.find('%') {
            let (before, after) = rest.split_at(at);
            let (value, used) = self.placeholder(after, client);
            filter.extend([before, value]);
            rest = after.get(used..).unwrap_or_default();
        }
        filter.push_str(rest);
        Self::new(self.permission, &filter, false, self.at.clone())
    }

    /// Whether a topic matches. It is what [`Rule::speaks_of`] gave.
    pub(super) fn matches(&self, client: Client<'_>, topic: &str) -> bool {
        if topic.starts_with('$') && !self.filter.starts_with('$') {
            return false; // as mosquitto: not even a pattern may stand for `$SYS`
        }
        if !self.names_somebody() {
            return matches(self.filter.as_bytes(), topic.as_bytes());
        }
        let mut names = topic.split('/');
        for level in self.filter.split('/') {
            if level == "#" {
                return true;
            }
            match names.next() {
                Some(name) if level == "+" || self.level_is(level, client, name) => {}
                _ => return false,
            }
        }
        names.next().is_none()
    }

    /// How the topics of a subscription's filter relate to the rule's.
    pub(super) fn relation(&self, client: Client<'_>, filter: &str) -> Relation {
        let mut ours = self.filter.split('/');
        let mut theirs = filter.split('/');
        if self.reserved_apart(filter) {
            return Relation::Apart;
        }
        let mut relation = Relation::All;
        loop {
            match (ours.next(), theirs.next()) {
                // `a/#` matches `a` as well, so an ended filter is within it.
                (Some("#"), _) | (None, None) => return relation,
                (_, Some("#")) => return Relation::Some,
                (Some("+"), Some(_)) => {}
                (Some(_), Some("+")) => relation = Relation::Some,
                (Some(level), Some(name)) if self.level_is(level, client, name) => {}
                _ => return Relation::Apart,
            }
        }
    }

    /// A leading wildcard does not match a topic that begins with `$` [MQTT-4.7.2-1].
    fn reserved_apart(&self, filter: &str) -> bool {
        self.filter.starts_with('$') != filter.starts_with('$')
    }

    /// Whether a name is what a level without wildcards stands for.
    fn level_is(&self, level: &str, client: Client<'_>, name: &str) -> bool {
        if !self.names_somebody() || !level.as_bytes().contains(&b'%') {
            return level == name;
        }
        let (mut level, mut name) = (level, name);
        while let Some(at) = level.find('%') {
            let (before, after) = level.split_at(at);
            let (value, used) = self.placeholder(after, client);
            let rest = name.strip_prefix(before);
            let Some(rest) = rest.and_then(|rest| rest.strip_prefix(value)) else {
                return false;
            };
            name = rest;
            level = after.get(used..).unwrap_or_default();
        }
        level == name
    }

    /// What a `%` at the front stands for, and how many bytes of the text that is.
    fn placeholder<'c>(&self, text: &str, client: Client<'c>) -> (&'c str, usize) {
        match text.get(..2) {
            Some("%c") if self.names_client => (client.client_id, 2),
            Some("%u") if self.names_user => (client.user().unwrap_or_default(), 2),
            _ => ("%", 1),
        }
    }
}

/// The bytes before anything that stands for something else, without the slash that `a/#` does not need.
fn literal(filter: &str) -> usize {
    let end = filter.find(['+', '#', '%']).unwrap_or(filter.len());
    let before = filter.get(..end).unwrap_or_default();
    before.strip_suffix('/').unwrap_or(before).len()
}

/// Whether a topic matches a filter without names. Most rules end at the first byte that differs.
fn matches(mut filter: &[u8], mut topic: &[u8]) -> bool {
    loop {
        match (filter, topic) {
            // `a/#` matches `a` as well.
            ([] | [b'/', b'#'], []) | ([b'#'], _) => return true,
            ([b'+', rest @ ..], _) => {
                let end = topic.iter().position(|byte| *byte == b'/');
                topic = topic.get(end.unwrap_or(topic.len())..).unwrap_or_default();
                filter = rest;
            }
            ([ours, filter_rest @ ..], [theirs, topic_rest @ ..]) if ours == theirs => {
                filter = filter_rest;
                topic = topic_rest;
            }
            _ => return false,
        }
    }
}
