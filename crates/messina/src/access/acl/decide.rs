//! The decisions.
//!
//! The order is mosquitto's: the user's own `topic` lines (an anonymous client's are those before the first
//! `user` line), denials first; then the `pattern` lines, denials first; the first line that speaks decides. A
//! line that allows therefore beats a pattern that denies.
//!
//! One thing differs. Mosquitto grants every SUBSCRIBE and filters deliveries. We filter deliveries too, and
//! refuse a subscription that could never deliver anything, so that its owner learns of it.

use std::collections::HashMap;
use std::sync::Arc;

use messina_mqtt::topic::{Topic, TopicFilter};

use super::super::identity::Client;
use super::parse::parse;
use super::rule::{Direction, Permission, Relation, Rule, Speaks};
use crate::config::{Problems, Source};

/// What clients may do. See the module's documentation for the order of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl {
    pub(super) anonymous: Vec<Rule>,
    pub(super) users: HashMap<Arc<str>, Vec<Rule>>,
    pub(super) patterns: Vec<Rule>,
    deny_by_default: bool,
}

/// What becomes of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscription {
    /// Nothing it matches may be read: refuse it with 0x87.
    Denied,
    /// Some of what it matches may be read, perhaps: ask [`Acl::may_read`] for each delivery.
    Checked,
    /// All of what it matches may be read.
    Covered,
}

impl Acl {
    /// No rules: everybody may do everything, or nothing.
    pub fn empty(deny_by_default: bool) -> Self {
        Self {
            anonymous: Vec::new(),
            users: HashMap::new(),
            patterns: Vec::new(),
            deny_by_default,
        }
    }

    /// Parses a file in mosquitto's syntax. `deny_by_default` decides on topics that no line speaks of; mosquitto
    /// denies them.
    pub fn parse(source: &Arc<Source>, deny_by_default: bool) -> Result<Self, Problems> {
        parse(source, deny_by_default)
    }

    /// Whether a client may publish to a topic: PUBLISH, retained or not, and its will.
    pub fn may_write(&self, client: Client<'_>, topic: &Topic) -> bool {
        let granted = client.identity.grants.as_deref();
        let granted = granted.and_then(|grants| grants.publish.as_deref());
        self.decide(client, Direction::Write, topic, granted)
    }

    /// Whether a publish to a topic, fresh or retained, may be delivered to a client.
    pub fn may_read(&self, client: Client<'_>, topic: &Topic) -> bool {
        let granted = client.identity.grants.as_deref();
        let granted = granted.and_then(|grants| grants.subscribe.as_deref());
        self.decide(client, Direction::Read, topic, granted)
    }

    /// What becomes of a subscription; of a shared one, the filter behind the group's name counts.
    pub fn subscription(&self, client: Client<'_>, filter: &TopicFilter) -> Subscription {
        let filter = filter.path();
        let mut whole = true;
        let mut readable = false;
        let granted = client.identity.grants.as_deref();
        let granted = granted.and_then(|grants| grants.subscribe.as_deref());
        for rule in self.rules(client) {
            match (rule.permission, relation(rule, client, filter)) {
                (_, Relation::Apart) => {}
                (Permission::Deny, Relation::All) => return partly(readable),
                (Permission::Deny, Relation::Some) => whole = false,
                _ if granted.is_some() => {}
                (permission, _) if !permission.allows(Direction::Read) => {}
                (_, Relation::All) if whole => return Subscription::Covered,
                (_, Relation::All) => return Subscription::Checked,
                (_, Relation::Some) => readable = true,
            }
        }
        match granted {
            Some(grants) => within(grants, client, filter, whole),
            None if self.deny_by_default => partly(readable),
            None if whole => Subscription::Covered,
            None => Subscription::Checked,
        }
    }

    fn decide(
        &self,
        client: Client<'_>,
        direction: Direction,
        topic: &Topic,
        granted: Option<&[TopicFilter]>,
    ) -> bool {
        for rule in self.rules(client) {
            let denies = rule.permission == Permission::Deny;
            let allows = granted.is_none() && rule.permission.allows(direction);
            let asked = denies || allows && rule.begins(topic.as_str());
            if !asked {
                continue;
            }
            match rule.speaks_of(client) {
                Speaks::Dangerously if denies => return false,
                Speaks::Plainly(rule) if rule.matches(client, topic.as_str()) => return !denies,
                Speaks::Plainly(_) | Speaks::Not | Speaks::Dangerously => {}
            }
        }
        match granted {
            Some(filters) => filters.iter().any(|filter| filter.matches(topic)),
            None => !self.deny_by_default,
        }
    }

    /// The rules that hold for a client, in the order they are asked.
    fn rules<'s>(&'s self, client: Client<'_>) -> impl Iterator<Item = &'s Rule> {
        let own = match client.user() {
            Some(user) => self.users.get(user).map_or(&[][..], Vec::as_slice),
            None => &self.anonymous,
        };
        own.iter().chain(&self.patterns)
    }

    pub(super) fn user_mut(&mut self, name: &str) -> &mut Vec<Rule> {
        self.users.entry(name.into()).or_default()
    }

    /// Puts denials first, and otherwise keeps the order.
    pub(super) fn sort(&mut self) {
        let denials_first = |rules: &mut Vec<Rule>| {
            rules.sort_by_key(|rule| rule.permission != Permission::Deny);
        };
        denials_first(&mut self.anonymous);
        denials_first(&mut self.patterns);
        self.users.values_mut().for_each(denials_first);
    }

    /// Where in the file an anonymous client is allowed everything, for `messina check`.
    pub(in super::super) fn anonymous_free_for_all(&self) -> Option<std::ops::Range<usize>> {
        let own = self.anonymous.iter().chain(&self.patterns);
        let everything =
            |rule: &&Rule| &*rule.filter == "#" && rule.permission.allows(Direction::Write);
        own.clone().find(everything).map(|rule| rule.at.clone())
    }

    /// Where in the file patterns stand that no client identifier or user name changes.
    pub(in super::super) fn constant_patterns(
        &self,
    ) -> impl Iterator<Item = std::ops::Range<usize>> {
        let constant = |rule: &&Rule| !rule.names_somebody();
        self.patterns
            .iter()
            .filter(constant)
            .map(|rule| rule.at.clone())
    }
}

fn relation(rule: &Rule, client: Client<'_>, filter: &str) -> Relation {
    match rule.speaks_of(client) {
        Speaks::Plainly(rule) => rule.relation(client, filter),
        Speaks::Dangerously if rule.permission == Permission::Deny => Relation::All,
        Speaks::Not | Speaks::Dangerously => Relation::Apart,
    }
}

fn partly(readable: bool) -> Subscription {
    if readable {
        Subscription::Checked
    } else {
        Subscription::Denied
    }
}

/// What a token's `subs` make of a filter.
fn within(grants: &[TopicFilter], client: Client<'_>, filter: &str, whole: bool) -> Subscription {
    let mut readable = false;
    for grant in grants {
        let rule = Rule::new(Permission::Read, grant.path(), false, 0..0);
        match rule.relation(client, filter) {
            Relation::All if whole => return Subscription::Covered,
            Relation::Apart => {}
            Relation::All | Relation::Some => readable = true,
        }
    }
    partly(readable)
}
