//! Every decision both ways, and the parser against anything.

use std::sync::Arc;

use messina_mqtt::topic::{Topic, TopicFilter};
use proptest::prelude::*;

use super::*;
use crate::access::identity::{Client, Grants, Identity, Method};
use crate::config::Source;

const FILE: &str = "\
# anonymous
topic read news/#
topic write hello

user ada
topic sensors/ada/#
topic read commands/+
topic deny sensors/ada/secret/#
topic write with a blank/x

user grace
topic readwrite #
topic deny plans/#
topic read $SYS/#

user nobody

pattern readwrite clients/%c/#
pattern write users/%u/up
pattern read dev-%c/state
pattern deny users/%u/locked
";

fn acl(text: &str) -> Acl {
    Acl::parse(&Source::new("acl", text), true).unwrap()
}

fn identity(user: &str) -> Identity {
    match user {
        "" => Identity::ANONYMOUS,
        user => Identity::user(user, Method::Password),
    }
}

/// What a user (empty for nobody) with client identifier `c1` may do with a topic: `rw`, `r`, `w` or nothing.
fn rights(acl: &Acl, user: &str, client_id: &str, topic: &str) -> &'static str {
    let identity = identity(user);
    let client = Client {
        identity: &identity,
        client_id,
    };
    let topic = Topic::new(topic).unwrap();
    match (acl.may_read(client, &topic), acl.may_write(client, &topic)) {
        (true, true) => "rw",
        (true, false) => "r",
        (false, true) => "w",
        (false, false) => "",
    }
}

fn subscription(acl: &Acl, user: &str, filter: &str) -> Subscription {
    let identity = identity(user);
    let client = Client {
        identity: &identity,
        client_id: "c1",
    };
    acl.subscription(client, &TopicFilter::new(filter).unwrap())
}

#[test]
fn every_line_allows_what_it_says_and_nothing_else() {
    let acl = acl(FILE);
    let cases = [
        ("", "news/today", "r"),
        ("", "news", "r"),
        ("", "hello", "w"),
        ("", "hello/you", ""),
        ("", "sensors/ada/1", ""),
        ("", "clients/c1/x", "rw"),
        ("", "clients/c2/x", ""),
        ("", "users//up", ""),
        ("ada", "news/today", ""),
        ("ada", "sensors/ada/1", "rw"),
        ("ada", "sensors/ada/secret", ""),
        ("ada", "sensors/ada/secret/1", ""),
        ("ada", "sensors/grace/1", ""),
        ("ada", "commands/go", "r"),
        ("ada", "commands/go/now", ""),
        ("ada", "with a blank/x", "w"),
        ("ada", "users/ada/up", "w"),
        ("ada", "users/grace/up", ""),
        ("ada", "dev-c1/state", "r"),
        ("ada", "dev-c2/state", ""),
        ("ada", "dev-/state", ""),
        ("ada", "$SYS/uptime", ""),
        ("grace", "anything/at/all", "rw"),
        ("grace", "plans/b", ""),
        ("grace", "$SYS/uptime", "r"),
        ("grace", "$other/x", ""),
        // The user's own lines come first, so that this allows what a pattern denies, as with mosquitto.
        ("grace", "users/grace/locked", "rw"),
        ("nobody", "news/today", ""),
        ("nobody", "clients/c1/x", "rw"),
        ("stranger", "clients/c1/x", "rw"),
        ("stranger", "sensors/ada/1", ""),
    ];
    for (user, topic, expected) in cases {
        assert_eq!(
            rights(&acl, user, "c1", topic),
            expected,
            "{user:?} {topic}"
        );
    }
}

#[test]
fn a_subscription_is_refused_when_it_could_deliver_nothing_and_checked_when_it_could_deliver_some()
{
    use Subscription::{Checked, Covered, Denied};
    let acl = acl(FILE);
    let cases = [
        ("", "news/#", Covered),
        ("", "news/+/x", Covered),
        ("", "news", Covered),
        ("", "#", Checked),
        ("", "+/today", Checked),
        ("", "hello", Denied),
        ("", "hello/#", Denied),
        ("", "clients/c1/+", Covered),
        ("", "clients/c2/+", Denied),
        ("", "clients/+/x", Checked),
        ("", "$SYS/#", Denied),
        ("ada", "sensors/ada/+", Checked),
        ("ada", "sensors/ada/1", Covered),
        ("ada", "sensors/ada/secret/#", Denied),
        ("ada", "sensors/ada/secret", Denied),
        ("ada", "commands/#", Checked),
        ("ada", "commands/+", Covered),
        ("ada", "users/ada/up", Denied),
        ("ada", "news/#", Denied),
        ("ada", "dev-c1/state", Covered),
        ("ada", "dev-c2/state", Denied),
        ("grace", "#", Checked),
        ("grace", "other/#", Covered),
        ("grace", "plans/#", Denied),
        ("grace", "plans", Denied),
        ("grace", "$SYS/#", Covered),
        ("grace", "$SYS/broker/uptime", Covered),
        ("grace", "$other/#", Denied),
        ("nobody", "#", Checked),
        ("nobody", "news/#", Denied),
        // A shared subscription is judged by what is behind the group's name.
        ("grace", "$share/g/other/#", Covered),
        ("grace", "$share/g/plans/#", Denied),
        ("", "$share/g/#", Checked),
        ("", "$share/news/hello", Denied),
    ];
    for (user, filter, expected) in cases {
        assert_eq!(
            subscription(&acl, user, filter),
            expected,
            "{user:?} {filter}"
        );
    }
}

#[test]
fn a_name_with_a_wildcard_or_slash_widens_no_pattern() {
    let acl = acl("pattern readwrite clients/%c/#\npattern readwrite users/%u/#\n");
    for name in ["+", "#", "a/b", "+/x", "", "a+"] {
        for topic in [
            "clients/c1/x",
            "users/ada/x",
            "clients/a/b/x",
            "users/a/b/x",
            "clients//x",
        ] {
            assert_eq!(rights(&acl, name, name, topic), "", "{name:?} {topic}");
        }
        let identity = Identity::user(name, Method::Password);
        let client = Client {
            identity: &identity,
            client_id: name,
        };
        for filter in ["#", "clients/+/x", "users/#", "clients/a/b/#"] {
            let filter = TopicFilter::new(filter).unwrap();
            assert_eq!(acl.subscription(client, &filter), Subscription::Denied);
        }
    }
    // A dangerous client identifier does not spoil rules that do not need it.
    assert_eq!(rights(&acl, "ada", "a/b", "users/ada/x"), "rw");
}

#[test]
fn a_denial_that_needs_a_dangerous_name_denies_everything() {
    let acl = acl("pattern deny secret/%u\npattern readwrite open/#\npattern readwrite secret/#\n");
    assert_eq!(rights(&acl, "ada", "c1", "open/x"), "rw");
    assert_eq!(rights(&acl, "a+b", "c1", "open/x"), "");
    assert_eq!(subscription(&acl, "a+b", "open/#"), Subscription::Denied);
    // With a name of several levels it denies what it says.
    assert_eq!(rights(&acl, "a/b", "c1", "open/x"), "rw");
    assert_eq!(subscription(&acl, "a/b", "open/#"), Subscription::Covered);
    assert_eq!(rights(&acl, "a/b", "c1", "secret/a/b"), "");
    assert_eq!(rights(&acl, "a/b", "c1", "secret/a/c"), "rw");
    // Who has no user name is not spoken of.
    assert_eq!(rights(&acl, "", "c1", "open/x"), "rw");
}

#[test]
fn what_no_line_speaks_of_is_as_the_configuration_says() {
    let text = "topic deny secret/#\nuser ada\ntopic read x\n";
    let open = Acl::parse(&Source::new("acl", text), false).unwrap();
    assert_eq!(rights(&open, "", "c1", "anything"), "rw");
    assert_eq!(rights(&open, "", "c1", "secret/x"), "");
    assert_eq!(subscription(&open, "", "#"), Subscription::Checked);
    assert_eq!(subscription(&open, "", "open/#"), Subscription::Covered);
    assert_eq!(subscription(&open, "", "secret/#"), Subscription::Denied);
    assert_eq!(rights(&Acl::empty(true), "ada", "c1", "x"), "");
    assert_eq!(
        subscription(&Acl::empty(true), "ada", "#"),
        Subscription::Denied
    );
    assert_eq!(rights(&Acl::empty(false), "", "c1", "x"), "rw");
    assert_eq!(
        subscription(&Acl::empty(false), "", "#"),
        Subscription::Covered
    );
}

#[test]
fn a_tokens_claims_stand_for_the_files_grants_and_its_denials_hold() {
    let filters = |texts: &[&str]| {
        let parsed = texts.iter().map(|text| TopicFilter::new(text).unwrap());
        Some(parsed.collect())
    };
    let identity = Identity {
        grants: Some(Arc::new(Grants {
            publish: filters(&["up/#", "sensors/ada/#"]),
            subscribe: filters(&["down/+"]),
        })),
        ..identity("ada")
    };
    let client = Client {
        identity: &identity,
        client_id: "c1",
    };
    let acl = acl(FILE);
    let write = |topic| acl.may_write(client, &Topic::new(topic).unwrap());
    let read = |topic| acl.may_read(client, &Topic::new(topic).unwrap());
    assert!(write("up/1") && write("sensors/ada/1"));
    assert!(!write("sensors/ada/secret/1") && !write("users/ada/up") && !write("down/1"));
    assert!(read("down/1") && !read("down/1/2") && !read("commands/go"));
    let subscribe = |filter| acl.subscription(client, &TopicFilter::new(filter).unwrap());
    assert_eq!(subscribe("down/1"), Subscription::Covered);
    assert_eq!(subscribe("down/#"), Subscription::Checked);
    assert_eq!(subscribe("commands/go"), Subscription::Denied);
    assert_eq!(subscribe("$share/g/down/+"), Subscription::Covered);
}

/// `mosquitto.rights` is what mosquitto itself let clients with identifier `c1` do under `mosquitto.acl`.
#[test]
fn decisions_are_mosquittos_but_for_names_of_several_levels() {
    let acl = acl(include_str!("../../../../../testdata/access/mosquitto.acl"));
    let lines = include_str!("../../../../../testdata/access/mosquitto.rights");
    for line in lines.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [user, topic, theirs] = *fields.as_slice() else {
            panic!("{line}");
        };
        // Mosquitto lets `pattern write users/%u/up` stand for two levels.
        let widened = (user, topic) == ("a/b", "users/a/b/up");
        let expected = if widened { "" } else { theirs };
        assert_eq!(
            rights(&acl, user, "c1", topic),
            expected,
            "{user:?} {topic}"
        );
    }
}

#[test]
fn everything_wrong_is_said_with_line_and_column() {
    let text =
        "topic red x\nuser\n  pattern read a/#/b\ntopics x\ntopic\ntopic read $share/g/x\r\n";
    let problems = Acl::parse(&Source::new("acl", text), true).unwrap_err();
    let said: Vec<String> = problems
        .iter()
        .map(|problem| {
            let at = problem.span.as_ref().unwrap().position();
            format!("{}:{}: {}", at.line, at.column, problem.message)
        })
        .collect();
    let expected = [
        "1:7: `red` is none of `read`, `write`, `readwrite`, `deny`",
        "2:1: a user needs a name",
        "3:16: `#` is the last level of a topic filter",
        "4:1: `topics` is none of `user`, `topic`, `pattern`",
        "5:1: `topic` needs a topic filter",
        "6:12: a rule is about topics, without `$share/GROUP/`",
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_topic_may_be_called_like_a_permission() {
    let acl = acl("topic read\r\ntopic  write   write \n");
    assert_eq!(rights(&acl, "", "c1", "read"), "rw");
    assert_eq!(rights(&acl, "", "c1", "write"), "w");
}

proptest! {
    #[test]
    fn parsing_never_panics_and_spans_lie_in_the_text(text in "(?s).{0,200}") {
        if let Err(problems) = Acl::parse(&Source::new("acl", text.as_str()), true) {
            for problem in problems.iter() {
                let span = problem.span.as_ref().unwrap();
                prop_assert!(text.get(span.range.clone()).is_some());
            }
        }
    }

    #[test]
    fn lines_of_the_right_words_never_panic(
        lines in prop::collection::vec(
            "(user|topic|pattern)? ?(read|write|deny)? ?([a$%cu+#/]{0,6})", 0..12),
    ) {
        drop(Acl::parse(&Source::new("acl", lines.join("\n")), true));
    }

    /// A rule without names is the same as a subscription's filter.
    #[test]
    fn a_rule_matches_what_its_filter_matches(filter in "[ab+]?(/[ab+]?){0,3}(/#)?") {
        if let Ok(parsed) = TopicFilter::new(&filter) {
            let acl = acl(&format!("topic read {filter}\n"));
            for topic in topics() {
                let theirs = if parsed.matches(&topic) { "r" } else { "" };
                prop_assert_eq!(rights(&acl, "", "c1", topic.as_str()), theirs, "{} {}", filter, topic);
            }
        }
    }

    /// What a subscription is told agrees with what its topics are told one by one.
    #[test]
    fn a_subscription_is_covered_or_denied_only_if_every_topic_agrees(
        rules in prop::collection::vec(
            ("(topic|pattern)", "(read|write|deny)", "([ab+]|%c)(/[ab+]){0,2}(/#)?"), 0..6),
        filter in "[ab+](/[ab+]){0,2}(/#)?",
        deny_by_default: bool,
    ) {
        let text: Vec<String> =
            rules.iter().map(|(kind, permission, filter)| format!("{kind} {permission} {filter}")).collect();
        let acl = Acl::parse(&Source::new("acl", text.join("\n")), deny_by_default).unwrap();
        let client = Client { identity: &Identity::ANONYMOUS, client_id: "a" };
        let filter = TopicFilter::new(&filter).unwrap();
        let decision = acl.subscription(client, &filter);
        for topic in topics() {
            if filter.matches(&topic) {
                match decision {
                    Subscription::Covered => prop_assert!(acl.may_read(client, &topic), "{topic}"),
                    Subscription::Denied => prop_assert!(!acl.may_read(client, &topic), "{topic}"),
                    Subscription::Checked => {}
                }
            }
        }
    }
}

/// Every topic of up to four levels of `a`, `b` and nothing.
fn topics() -> Vec<Topic> {
    let levels = ["a", "b", ""];
    let mut all: Vec<String> = levels.map(str::to_owned).to_vec();
    let mut longest = all.clone();
    for _ in 0..3 {
        let longer = |text: &String| levels.map(|level| format!("{text}/{level}"));
        longest = longest.iter().flat_map(longer).collect();
        all.extend(longest.clone());
    }
    all.iter()
        .filter_map(|text| Topic::new(text).ok())
        .collect()
}
