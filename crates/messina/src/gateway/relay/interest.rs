//! Who wants what: the filters of other gateways, and which of our own they have to know.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use messina_mqtt::filter_tree::FilterTree;
use messina_mqtt::topic::{Topic, TopicFilter};
use parking_lot::Mutex;
use tokio::sync::Notify;

type Tree = FilterTree<Arc<str>, ()>;

/// The filters of other gateways. Read without a lock.
#[derive(Debug, Default)]
pub(super) struct Others {
    tree: ArcSwap<Tree>,
    writer: Mutex<()>,
}

impl Others {
    /// Another gateway has the filter, or has it no more.
    pub(super) fn set(&self, gateway: &str, filter: &TopicFilter, wanted: bool) {
        let _one_writer = self.writer.lock();
        let mut tree = Tree::clone(&self.tree.load());
        if wanted {
            tree.insert(filter, gateway.into(), ());
        } else {
            tree.remove(filter, &gateway.into());
        }
        self.tree.store(Arc::new(tree));
    }

    /// Whether another gateway wants a publish of the topic.
    pub(super) fn want(&self, topic: &Topic) -> bool {
        let tree = self.tree.load();
        let mut wanted = false;
        if !tree.is_empty() {
            tree.matches(topic, |_, ()| wanted = true);
        }
        wanted
    }
}

/// Our own filters: how many subscriptions have each, and which of them the others have not heard about.
#[derive(Debug, Default)]
pub(super) struct Own {
    state: Mutex<OwnState>,
    news: Notify,
}

#[derive(Debug, Default)]
struct OwnState {
    counts: HashMap<String, usize>,
    /// What is to be told, the last word of each filter.
    untold: BTreeMap<String, bool>,
}

impl Own {
    /// A subscription has come.
    pub(super) fn add(&self, filter: &TopicFilter) {
        let mut state = self.state.lock();
        let path = filter.path();
        let count = state.counts.entry(path.to_owned()).or_default();
        *count += 1;
        if *count == 1 {
            state.untold.insert(path.to_owned(), true);
            self.news.notify_one();
        }
    }

    /// One has gone.
    pub(super) fn remove(&self, filter: &TopicFilter) {
        let mut state = self.state.lock();
        let path = filter.path();
        let Some(count) = state.counts.get_mut(path) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            state.counts.remove(path);
            state.untold.insert(path.to_owned(), false);
            self.news.notify_one();
        }
    }

    /// The others have heard of this filter from a process before this one.
    pub(super) fn was_told(&self, path: &str) {
        let mut state = self.state.lock();
        if state.counts.contains_key(path) {
            state.untold.remove(path);
        } else {
            state.untold.insert(path.to_owned(), false);
            self.news.notify_one();
        }
    }

    /// The others have been told that we have not this filter: by us before it was wanted again, or by an operator who
    /// believed us gone. They are told what is so.
    pub(super) fn was_withdrawn(&self, path: &str) {
        let mut state = self.state.lock();
        if state.counts.contains_key(path) {
            state.untold.entry(path.to_owned()).or_insert(true);
            self.news.notify_one();
        }
    }

    /// Waits until there is something to tell, and takes all of it.
    pub(super) async fn untold(&self) -> BTreeMap<String, bool> {
        loop {
            let untold = std::mem::take(&mut self.state.lock().untold);
            if !untold.is_empty() {
                return untold;
            }
            self.news.notified().await;
        }
    }

    /// What could not be told is told later, unless there is a later word.
    pub(super) fn tell_later(&self, untold: BTreeMap<String, bool>) {
        let mut state = self.state.lock();
        for (path, wanted) in untold {
            state.untold.entry(path).or_insert(wanted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> TopicFilter {
        TopicFilter::new(text).unwrap()
    }

    #[test]
    fn a_publish_is_wanted_while_another_gateway_has_a_filter_for_it() {
        let others = Others::default();
        let topic = Topic::new("room/1").unwrap();
        assert!(!others.want(&topic));
        others.set("b", &filter("room/+"), true);
        others.set("c", &filter("#"), true);
        assert!(others.want(&topic));
        others.set("c", &filter("#"), false);
        assert!(others.want(&topic));
        others.set("b", &filter("room/+"), false);
        assert!(!others.want(&topic));
    }

    #[tokio::test]
    async fn the_others_are_told_of_the_first_and_the_last_subscription_of_a_filter() {
        let own = Own::default();
        own.add(&filter("a"));
        own.add(&filter("$share/g/a"));
        assert_eq!(own.untold().await, BTreeMap::from([("a".to_owned(), true)]));
        own.remove(&filter("a"));
        own.remove(&filter("a"));
        own.add(&filter("b"));
        own.was_told("old");
        own.was_told("b");
        let untold = own.untold().await;
        let expected = [("a".to_owned(), false), ("old".to_owned(), false)];
        assert_eq!(untold, BTreeMap::from(expected));
        own.add(&filter("a"));
        own.tell_later(untold);
        assert!(own.untold().await["a"]);
        own.was_withdrawn("nobody's");
        own.was_withdrawn("a");
        assert_eq!(own.untold().await, BTreeMap::from([("a".to_owned(), true)]));
    }
}
