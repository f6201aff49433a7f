//! One line of an access control file, and whether it speaks of a topic or filter.

use std::borrow::Cow;

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
    /// Whether `%c` and `%u` in it stand for the client.
    pub(super) pattern: bool,
    /// Where the filter stands in the file, bytes.
    pub(super) at: std::ops::Range<usize>,
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
    /// Whether the rule can be asked about a client.
    pub(super) fn speaks_of(&self, client: Client<'_>) -> Speaks<'_> {
        if !self.pattern {
            return Speaks::Plainly(Cow::Borrowed(self));
        }
        let names_user = self.filter.contains("%u");
        let Some(user) = client.user().or((!names_user).then_some("")) else {
            return Speaks::Not;
        };
        let named = [
            names_user.then_some(user),
            self.filter.contains("%c").then_some(client.client_id),
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
            let (value, used) = placeholder(after, client);
            filter.extend([before, value]);
            rest = after.get(used..).unwrap_or_default();
        }
        filter.push_str(rest);
        Self {
            filter: filter.into(),
            pattern: false,
            ..self.clone()
        }
    }

    /// Whether a topic matches. It is what [`Rule::speaks_of`] gave.
    pub(super) fn matches(&self, client: Client<'_>, topic: &str) -> bool {
        if topic.starts_with('$') && !self.filter.starts_with('$') {
            return false; // as mosquitto: not even a pattern may stand for `$SYS`
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
        if !self.pattern || !level.contains('%') {
            return level == name;
        }
        let (mut level, mut name) = (level, name);
        while let Some(at) = level.find('%') {
            let (before, after) = level.split_at(at);
            let (value, used) = placeholder(after, client);
            let rest = name.strip_prefix(before);
            let Some(rest) = rest.and_then(|rest| rest.strip_prefix(value)) else {
                return false;
            };
            name = rest;
            level = after.get(used..).unwrap_or_default();
        }
        level == name
    }
}

/// What a `%` at the front stands for, and how many bytes of the text that is.
fn placeholder<'c>(text: &str, client: Client<'c>) -> (&'c str, usize) {
    match text.get(..2) {
        Some("%c") => (client.client_id, 2),
        Some("%u") => (client.user().unwrap_or_default(), 2),
        _ => ("%", 1),
    }
}
