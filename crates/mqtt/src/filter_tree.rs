//! The subscription index: which subscribers' filters match a topic.
//!
//! The tree is persistent: a clone shares everything and costs nothing, and an insert copies only the nodes
//! on its way. A writer changes its own copy and publishes it; readers never wait for it.

use std::sync::Arc;

use imbl::OrdMap;

use crate::topic::{Topic, TopicFilter};

/// Subscribers by filter. `K` names a subscriber's subscription, `V` is what belongs to it.
///
/// Filters are kept by their [`path`](TopicFilter::path): a key that subscribes to `a` and to
/// `$share/g/a` needs two keys, so put the group into the key.
#[derive(Clone)]
pub struct FilterTree<K, V> {
    root: Arc<Node<K, V>>,
    len: usize,
}

/// A level of the tree: the subscribers whose filter ends here, and the levels below.
#[derive(Clone)]
struct Node<K, V> {
    /// Filters that end at this level.
    here: Branch<K, V>,
    /// Filters that end with `#` below this level.
    below: Branch<K, V>,
    /// The next level `+`.
    any: Option<Arc<Self>>,
    /// The next level by its name.
    named: Branch<Arc<str>, Arc<Self>>,
}

/// A persistent map that is small while it holds little: most nodes have one entry, and the nodes of an
/// `OrdMap` have room for many.
#[derive(Clone)]
enum Branch<K, V> {
    Few(Option<Arc<Vec<(K, V)>>>),
    Many(OrdMap<K, V>),
}

/// How many entries are searched one after the other.
const FEW: usize = 8;

impl<K, V> Default for FilterTree<K, V> {
    fn default() -> Self {
        Self {
            root: Arc::default(),
            len: 0,
        }
    }
}

impl<K, V> std::fmt::Debug for FilterTree<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FilterTree")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl<K, V> Default for Node<K, V> {
    fn default() -> Self {
        Self {
            here: Branch::Few(None),
            below: Branch::Few(None),
            any: None,
            named: Branch::Few(None),
        }
    }
}

impl<K: Ord + Clone, V: Clone> FilterTree<K, V> {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many subscriptions there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a subscription, and gives back what the same key had on the same filter.
    pub fn insert(&mut self, filter: &TopicFilter, key: K, value: V) -> Option<V> {
        let mut node = Arc::make_mut(&mut self.root);
        for level in filter.levels() {
            if level == "#" {
                let old = node.below.insert(key, value);
                self.len += usize::from(old.is_none());
                return old;
            }
            node = node.child_mut(level);
        }
        let old = node.here.insert(key, value);
        self.len += usize::from(old.is_none());
        old
    }

    /// Removes a subscription, and gives back what it had.
    pub fn remove(&mut self, filter: &TopicFilter, key: &K) -> Option<V> {
        // A look first: removing nothing copies nothing.
        self.get(filter, key)?;
        let old = Arc::make_mut(&mut self.root).remove(&mut filter.levels(), key);
        self.len -= usize::from(old.is_some());
        old
    }

    /// What a key has on a filter.
    pub fn get(&self, filter: &TopicFilter, key: &K) -> Option<&V> {
        self.root.get(&mut filter.levels(), key)
    }

    /// Calls back for every subscription whose filter matches; a key with two matching filters comes twice.
    pub fn matches<'a>(&'a self, topic: &Topic, mut each: impl FnMut(&'a K, &'a V)) {
        let name = topic.as_str();
        if topic.is_reserved() {
            // A leading wildcard does not match it [MQTT-4.7.2-1].
            let (first, rest) = split_level(name);
            if let Some(child) = self.root.named.get(first) {
                child.matches(rest, &mut each);
            }
        } else {
            self.root.matches(Some(name), &mut each);
        }
    }
}

/// The first level, and what follows its slash.
fn split_level(name: &str) -> (&str, Option<&str>) {
    match name.split_once('/') {
        Some((first, rest)) => (first, Some(rest)),
        None => (name, None),
    }
}

impl<K: Ord + Clone, V: Clone> Node<K, V> {
    fn is_empty(&self) -> bool {
        self.here.is_empty() && self.below.is_empty() && self.any.is_none() && self.named.is_empty()
    }

    fn child_mut(&mut self, level: &str) -> &mut Self {
        if level == "+" {
            Arc::make_mut(self.any.get_or_insert_default())
        } else {
            Arc::make_mut(self.named.get_or_insert_with(level, || Arc::from(level)))
        }
    }

    fn get<'t>(&self, levels: &mut impl Iterator<Item = &'t str>, key: &K) -> Option<&V> {
        let mut node = self;
        for level in levels {
            node = match level {
                "#" => return node.below.get(key),
                "+" => node.any.as_deref()?,
                _ => node.named.get(level)?,
            };
        }
        node.here.get(key)
    }

    /// Removes on the way down, and on the way up the nodes this leaves empty. As deep as the filter has
    /// levels, which [`TopicFilter`] bounds.
    fn remove<'t>(&mut self, levels: &mut impl Iterator<Item = &'t str>, key: &K) -> Option<V> {
        match levels.next() {
            None => self.here.remove(key),
            Some("#") => self.below.remove(key),
            Some("+") => {
                let child = Arc::make_mut(self.any.as_mut()?);
                let old = child.remove(levels, key);
                if child.is_empty() {
                    self.any = None;
                }
                old
            }
            Some(level) => {
                let child = Arc::make_mut(self.named.get_mut(level)?);
                let old = child.remove(levels, key);
                if child.is_empty() {
                    self.named.remove(level);
                }
                old
            }
        }
    }

    /// Reports what matches from here on; `rest` is the levels that are left.
    fn matches<'a>(&'a self, rest: Option<&str>, each: &mut impl FnMut(&'a K, &'a V)) {
        self.below.each(each); // the parent level included [MQTT-4.7.1-1]
        let Some(rest) = rest else {
            self.here.each(each);
            return;
        };
        let (level, rest) = split_level(rest);
        if let Some(child) = self.named.get(level) {
            child.matches(rest, each);
        }
        if let Some(child) = &self.any {
            child.matches(rest, each);
        }
    }
}

impl<K: Ord + Clone, V: Clone> Branch<K, V> {
    fn is_empty(&self) -> bool {
        match self {
            Self::Few(few) => few.is_none(),
            Self::Many(many) => many.is_empty(),
        }
    }

    fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        match self {
            Self::Few(few) => few
                .as_ref()?
                .iter()
                .find(|(k, _)| k.borrow() == key)
                .map(|(_, value)| value),
            Self::Many(many) => many.get(key),
        }
    }

    fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: std::borrow::Borrow<Q>,
    {
        match self {
            Self::Few(few) => Arc::make_mut(few.as_mut()?)
                .iter_mut()
                .find(|(k, _)| k.borrow() == key)
                .map(|(_, value)| value),
            Self::Many(many) => many.get_mut(key),
        }
    }

    fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(old) = self.get_mut(&key) {
            return Some(std::mem::replace(old, value));
        }
        match self {
            Self::Few(few) => {
                let entries = Arc::make_mut(few.get_or_insert_default());
                if entries.len() < FEW {
                    entries.reserve_exact(1);
                    entries.push((key, value));
                } else {
                    let mut many: OrdMap<K, V> = entries.drain(..).collect();
                    many.insert(key, value);
                    *self = Self::Many(many);
                }
                None
            }
            Self::Many(many) => many.insert(key, value),
        }
    }

    fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        match self {
            Self::Few(few) => {
                let entries = Arc::make_mut(few.as_mut()?);
                let index = entries.iter().position(|(k, _)| k.borrow() == key)?;
                let (_, old) = entries.remove(index);
                if entries.is_empty() {
                    *few = None;
                }
                Some(old)
            }
            Self::Many(many) => {
                let old = many.remove(key);
                // Half of the limit, so that one subscriber who comes and goes does not convert each time.
                if many.len() <= FEW / 2 {
                    let entries = many.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
                    *self = Self::Few(Some(Arc::new(entries)));
                }
                old
            }
        }
    }

    fn each<'a>(&'a self, each: &mut impl FnMut(&'a K, &'a V)) {
        match self {
            Self::Few(few) => few
                .iter()
                .flat_map(|few| few.iter())
                .for_each(|(k, v)| each(k, v)),
            Self::Many(many) => many.iter().for_each(|(k, v)| each(k, v)),
        }
    }
}

impl<K: Ord + Clone, V: Clone + Default> Branch<K, V> {
    /// The entry of a key, made if it is missing.
    fn get_or_insert_with<Q: Ord + ?Sized>(&mut self, key: &Q, make: impl FnOnce() -> K) -> &mut V
    where
        K: std::borrow::Borrow<Q>,
    {
        if self.get(key).is_none() {
            self.insert(make(), V::default());
        }
        #[expect(
            clippy::expect_used,
            reason = "the entry was inserted one line above if it was missing"
        )]
        self.get_mut(key)
            .expect("an entry that was just looked up or inserted")
    }
}
