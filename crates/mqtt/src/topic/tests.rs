use super::*;

fn matches(filter: &str, topic: &str) -> bool {
    TopicFilter::new(filter)
        .unwrap()
        .matches(&Topic::new(topic).unwrap())
}

#[test]
fn filters_match_as_in_the_specification() {
    let yes = [
        ("sport/tennis/player1/#", "sport/tennis/player1"),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking"),
        (
            "sport/tennis/player1/#",
            "sport/tennis/player1/score/wimbledon",
        ),
        ("sport/#", "sport"),
        ("#", "sport"),
        ("#", "/"),
        ("sport/tennis/+", "sport/tennis/player1"),
        ("sport/+", "sport/"),
        ("+/+", "/finance"),
        ("/+", "/finance"),
        ("$SYS/#", "$SYS/monitor/Clients"),
        ("$SYS/monitor/+", "$SYS/monitor/Clients"),
        ("a//b", "a//b"),
        ("a/+/b", "a//b"),
        ("$share/group/a/+", "a/b"),
    ];
    for (filter, topic) in yes {
        assert!(matches(filter, topic), "{filter} {topic}");
    }
    let no = [
        ("sport/tennis/+", "sport/tennis/player1/ranking"),
        ("sport/+", "sport"),
        ("+", "/finance"),
        ("#", "$SYS/monitor"),
        ("+/monitor/Clients", "$SYS/monitor/Clients"),
        ("ACCOUNTS", "Accounts"),
        ("a", "a/"),
        ("a", "/a"),
        ("$share/group/#", "$SYS/a"),
        ("sport/tennis/#", "sport/tenni"),
    ];
    for (filter, topic) in no {
        assert!(!matches(filter, topic), "{filter} {topic}");
    }
}

#[test]
fn malformed_filters_are_refused() {
    let bad = [
        ("", FilterError::Empty),
        ("sport/tennis#", FilterError::WildcardInLevel),
        ("sport/tennis/#/ranking", FilterError::NotLast),
        ("#/", FilterError::NotLast),
        ("sport+", FilterError::WildcardInLevel),
        ("++", FilterError::WildcardInLevel),
        ("$share/", FilterError::Share),
        ("$share/group", FilterError::Share),
        ("$share//a", FilterError::Share),
        ("$share/gr+oup/a", FilterError::Share),
        ("$share/#/a", FilterError::Share),
        ("$share/group/", FilterError::Empty),
        ("a\0", FilterError::String(StringError::Null)),
    ];
    for (text, error) in bad {
        assert_eq!(TopicFilter::new(text), Err(error), "{text}");
    }
    let deep = "a/".repeat(MAX_FILTER_LEVELS);
    assert_eq!(TopicFilter::new(&deep), Err(FilterError::TooManyLevels));
    assert_eq!(
        FilterError::TooManyLevels.reason(),
        ReasonCode::TopicFilterInvalid
    );
    assert!(TopicFilter::new(&deep[..deep.len() - 1]).is_ok());
}

#[test]
fn topics_have_no_wildcards_and_are_not_empty() {
    assert_eq!(Topic::new(""), Err(TopicError::Empty));
    assert_eq!(Topic::new("a/+"), Err(TopicError::Wildcard));
    assert_eq!(Topic::new("a#"), Err(TopicError::Wildcard));
    assert!(Topic::new("/").is_ok());
    assert!(Topic::EMPTY.is_empty());
}

#[test]
fn a_shared_subscription_is_taken_apart() {
    let filter = TopicFilter::new("$share/consumers/sport/+").unwrap();
    assert_eq!(filter.share_group(), Some("consumers"));
    assert_eq!(filter.path(), "sport/+");
    assert_eq!(filter.as_str(), "$share/consumers/sport/+");
    let plain = TopicFilter::new("$shared/a").unwrap();
    assert_eq!((plain.share_group(), plain.path()), (None, "$shared/a"));
}

#[test]
fn limits_count_levels_and_bytes() {
    let limits = TopicLimits {
        max_length: 5,
        max_levels: 2,
    };
    assert!(limits.allow_topic(&Topic::new("a/b").unwrap()));
    assert!(!limits.allow_topic(&Topic::new("a/b/").unwrap()));
    assert!(!limits.allow_filter(&TopicFilter::new("abc/de").unwrap()));
}
