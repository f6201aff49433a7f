//! The subscription index answers as a list of filters would.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[expect(
    dead_code,
    reason = "the strategies for packets are for the other tests"
)]
mod support;

use std::collections::BTreeMap;

use messina_mqtt::filter_tree::FilterTree;
use messina_mqtt::topic::{Topic, TopicFilter};
use proptest::prelude::*;
use support::{filter, topic};

/// A subscriber, and the group its subscription is shared in.
type Key = (u8, Option<String>);

#[derive(Debug, Clone)]
enum Step {
    Insert(TopicFilter, u8, u16),
    Remove(TopicFilter, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (filter(), 0_u8..20, any::<u16>()).prop_map(|(f, key, value)| Step::Insert(f, key, value)),
        1 => (filter(), 0_u8..20).prop_map(|(f, key)| Step::Remove(f, key)),
    ]
}

fn key(filter: &TopicFilter, subscriber: u8) -> Key {
    (subscriber, filter.share_group().map(str::to_owned))
}

fn matching(tree: &FilterTree<Key, u16>, topic: &Topic) -> Vec<(Key, u16)> {
    let mut found = Vec::new();
    tree.matches(topic, |key, value| found.push((key.clone(), *value)));
    found.sort();
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_tree_equals_a_list(
        steps in prop::collection::vec(step(), 1..120), topics in prop::collection::vec(topic(), 1..20),
    ) {
        let mut tree = FilterTree::new();
        let mut model: BTreeMap<(TopicFilter, u8), u16> = BTreeMap::new();
        let mut old = None;
        for (index, step) in steps.iter().enumerate() {
            if index == steps.len() / 2 {
                old = Some((tree.clone(), topics.iter().map(|t| matching(&tree, t)).collect::<Vec<_>>()));
            }
            match step {
                Step::Insert(filter, who, value) => {
                    let before = tree.insert(filter, key(filter, *who), *value);
                    prop_assert_eq!(before, model.insert((filter.clone(), *who), *value));
                    prop_assert_eq!(tree.get(filter, &key(filter, *who)), Some(value));
                }
                Step::Remove(filter, who) => {
                    let before = tree.remove(filter, &key(filter, *who));
                    prop_assert_eq!(before, model.remove(&(filter.clone(), *who)));
                }
            }
            prop_assert_eq!(tree.len(), model.len());
        }
        for topic in &topics {
            let mut expected: Vec<_> = model
                .iter()
                .filter(|((filter, _), _)| filter.matches(topic))
                .map(|((filter, who), value)| (key(filter, *who), *value))
                .collect();
            expected.sort();
            prop_assert_eq!(matching(&tree, topic), expected, "{}", topic);
        }
        // A reader's copy does not see what happened after it was taken.
        let (old, answers) = old.unwrap();
        for (topic, answer) in topics.iter().zip(answers) {
            prop_assert_eq!(matching(&old, topic), answer);
        }
    }
}

#[test]
fn many_subscribers_of_one_filter_come_and_go() {
    let filter = TopicFilter::new("a/+").unwrap();
    let topic = Topic::new("a/b").unwrap();
    let mut tree = FilterTree::new();
    for who in 0..100 {
        assert_eq!(tree.insert(&filter, who, who * 2), None);
    }
    let mut found = Vec::new();
    tree.matches(&topic, |key, value| found.push((*key, *value)));
    found.sort_unstable();
    assert_eq!(
        found,
        (0..100).map(|who| (who, who * 2)).collect::<Vec<_>>()
    );
    for who in 0..100 {
        assert_eq!(tree.remove(&filter, &who), Some(who * 2));
        assert_eq!(tree.remove(&filter, &who), None);
    }
    assert!(tree.is_empty());
    tree.matches(&topic, |key, _| panic!("{key} is left"));
}

#[test]
fn a_leading_wildcard_does_not_see_reserved_topics() {
    let mut tree = FilterTree::new();
    for (key, filter) in ["#", "+/a", "$SYS/#", "$SYS/+", "$share/g/#"]
        .iter()
        .enumerate()
    {
        tree.insert(&TopicFilter::new(filter).unwrap(), key, ());
    }
    let mut found = Vec::new();
    tree.matches(&Topic::new("$SYS/a").unwrap(), |key, ()| found.push(*key));
    found.sort_unstable();
    assert_eq!(found, [2, 3]);
}

#[test]
fn the_deepest_filter_fits_the_stack() {
    let deepest = TopicFilter::new(&["+"; 128].join("/")).unwrap();
    let mut tree = FilterTree::new();
    tree.insert(&deepest, 1, ());
    let mut count = 0;
    tree.matches(&Topic::new(&"a/".repeat(127)).unwrap(), |_, ()| count += 1);
    assert_eq!(count, 1);
    assert_eq!(tree.remove(&deepest, &1), Some(()));
}
