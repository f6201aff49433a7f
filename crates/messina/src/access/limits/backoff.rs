//! Failed log-ins: whoever guesses waits, twice as long each time.
//!
//! Three counters are kept: for a user from one address, which stops a guesser early; for an address, which stops
//! one that tries many users; for a user, which slows down many addresses that try one. The last two allow ten
//! times as many failures, so that one wrongly configured device locks out neither its neighbours behind the same
//! address nor its namesakes elsewhere. While somebody waits, attempts are refused unseen and are not counted.
//!
//! The counter for a user does not hold where that user has logged in before: otherwise anybody who knows a name could
//! keep its owner out.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::network::Network;
use crate::config::AccessLimits;

/// The most entries. Beyond it the one whose wait ended first is forgotten.
const MOST_ENTRIES: usize = 30_000;

/// How many more failures an address or user may have than a user from an address.
const SHARED_ALLOWANCE: u32 = 10;

/// Users by their hash, so that a long name takes no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    UserFrom(u64, Network),
    Address(Network),
    User(u64),
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    failures: u32,
    /// When the next attempt is looked at, and forgetting begins.
    until: Instant,
}

/// The most homes that are remembered in each of two generations.
const MOST_HOMES: usize = 50_000;

/// From where users have logged in. When the young generation is full the old one is forgotten.
#[derive(Debug, Default)]
struct Homes {
    young: HashSet<Key>,
    old: HashSet<Key>,
}

impl Homes {
    fn has(&self, user_from: Key) -> bool {
        self.young.contains(&user_from) || self.old.contains(&user_from)
    }

    fn insert(&mut self, user_from: Key) {
        if self.young.len() >= MOST_HOMES {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(user_from);
    }
}

/// Who failed to log in, and how long they wait.
#[derive(Debug)]
pub struct Backoff {
    entries: Mutex<HashMap<Key, Entry>>,
    homes: Mutex<Homes>,
    hasher: RandomState,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            homes: Mutex::default(),
            hasher: RandomState::new(),
        }
    }
}

impl Backoff {
    /// How long until an attempt is looked at; zero for now.
    pub fn wait(&self, now: Instant, address: IpAddr, user: &str) -> Duration {
        let keys = self.keys(address, user);
        let [user_from, _, _] = keys;
        let home = self.homes.lock().has(user_from);
        let entries = self.entries.lock();
        let waits = keys.map(|key| {
            let holds = !(home && matches!(key, Key::User(_)));
            let entry = entries.get(&key).filter(|_| holds);
            entry.map_or(Duration::ZERO, |entry| {
                entry.until.saturating_duration_since(now)
            })
        });
        waits.into_iter().max().unwrap_or_default()
    }

    /// Counts a failure.
    pub fn failed(&self, now: Instant, address: IpAddr, user: &str, limits: &AccessLimits) {
        let mut entries = self.entries.lock();
        for key in self.keys(address, user) {
            if !entries.contains_key(&key) && entries.len() >= MOST_ENTRIES {
                forget_one(&mut entries);
            }
            let entry = entries.entry(key).or_insert(Entry {
                failures: 0,
                until: now,
            });
            entry.fail(now, allowance(key, limits), limits);
        }
    }

    /// Forgets the failures of a user from an address. Those of the address alone stay: whoever has one user's
    /// password could otherwise guess at the others for ever.
    pub fn succeeded(&self, address: IpAddr, user: &str) {
        let [user_from, _, _] = self.keys(address, user);
        self.entries.lock().remove(&user_from);
        self.homes.lock().insert(user_from);
    }

    fn keys(&self, address: IpAddr, user: &str) -> [Key; 3] {
        let user = self.hasher.hash_one(user);
        let network = Network::from(address);
        [
            Key::UserFrom(user, network),
            Key::Address(network),
            Key::User(user),
        ]
    }
}

impl Entry {
    fn fail(&mut self, now: Instant, allowance: u32, limits: &AccessLimits) {
        // One failure is forgotten for each share of the longest wait that has passed in peace.
        let share = limits
            .max_backoff
            .checked_div(allowance)
            .unwrap_or_default();
        let peace = now.saturating_duration_since(self.until);
        let forgotten = peace
            .as_nanos()
            .checked_div(share.as_nanos())
            .unwrap_or(u128::MAX);
        let forgotten = u32::try_from(forgotten).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_sub(forgotten).saturating_add(1);
        let beyond = self.failures.checked_sub(allowance);
        let wait = beyond.map_or(Duration::ZERO, |beyond| {
            let factor = 2_u32.checked_pow(beyond).unwrap_or(u32::MAX);
            limits
                .backoff
                .saturating_mul(factor)
                .min(limits.max_backoff)
        });
        self.until = now.checked_add(wait).unwrap_or(now);
    }
}

fn allowance(key: Key, limits: &AccessLimits) -> u32 {
    match key {
        Key::UserFrom(..) => limits.failed_logins.max(1),
        Key::Address(_) | Key::User(_) => {
            limits.failed_logins.max(1).saturating_mul(SHARED_ALLOWANCE)
        }
    }
}

fn forget_one(entries: &mut HashMap<Key, Entry>) {
    let first = entries.iter().min_by_key(|(_, entry)| entry.until);
    if let Some(key) = first.map(|(key, _)| *key) {
        entries.remove(&key);
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test needs some instant to start from"
)]
mod tests {
    use super::*;
    use crate::access::tests::limits;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    /// Guesses as fast as it is let for an hour.
    fn guesses(backoff: &Backoff, mut now: Instant, address: IpAddr, users: &[&str]) -> u32 {
        let end = now + Duration::from_hours(1);
        let mut guesses = 0;
        while now < end {
            for user in users {
                if backoff.wait(now, address, user).is_zero() {
                    backoff.failed(now, address, user, &limits());
                    guesses += 1;
                }
            }
            now += Duration::from_millis(100);
        }
        guesses
    }

    #[test]
    fn the_wait_doubles_with_each_failure_up_to_the_longest() {
        let backoff = Backoff::default();
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..14 {
            backoff.failed(now, HOME, "ada", &limits());
            let wait = backoff.wait(now, HOME, "ada");
            waits.push(wait.as_secs());
            now += wait;
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert!(backoff.wait(now, HOME, "ada").is_zero());
    }

    #[test]
    fn a_brute_force_is_slowed_down_from_one_address_and_over_many_users() {
        let start = Instant::now();
        let one = guesses(&Backoff::default(), start, HOME, &["ada"]);
        assert!(one < 30, "{one} guesses in an hour");
        let names: Vec<String> = (0..50).map(|index| format!("user{index}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let many = guesses(&Backoff::default(), start, HOME, &names);
        assert!(many < 300, "{many} guesses in an hour");
    }

    #[test]
    fn one_user_that_fails_locks_out_neither_neighbours_nor_namesakes() {
        let backoff = Backoff::default();
        let start = Instant::now();
        guesses(&backoff, start, HOME, &["broken"]);
        let end = start + Duration::from_hours(1);
        assert!(backoff.wait(end, HOME, "ada").is_zero());
        assert!(backoff.wait(end, AWAY, "broken").is_zero());
    }

    #[test]
    fn many_addresses_that_try_one_user_are_slowed_down_and_do_not_keep_it_out_at_home() {
        let backoff = Backoff::default();
        backoff.succeeded(HOME, "ada");
        let mut now = Instant::now();
        let mut guesses = 0;
        for index in 0..36_000 {
            let address = IpAddr::from(std::net::Ipv4Addr::from_bits(0x0a00_0000 + index));
            if backoff.wait(now, address, "ada").is_zero() {
                backoff.failed(now, address, "ada", &limits());
                guesses += 1;
            }
            now += Duration::from_millis(100);
        }
        assert!(guesses < 100, "{guesses} guesses in an hour");
        assert!(!backoff.wait(now, AWAY, "ada").is_zero());
        assert!(backoff.wait(now, HOME, "ada").is_zero());
        // At home the other two counters still hold.
        for _ in 0..7 {
            backoff.failed(now, HOME, "ada", &limits());
        }
        assert!(!backoff.wait(now, HOME, "ada").is_zero());
    }

    #[test]
    fn homes_are_bounded() {
        let mut homes = Homes::default();
        let key = |user| Key::UserFrom(user, Network::from(HOME));
        (0..120_000).for_each(|user| homes.insert(key(user)));
        assert!(homes.young.len() + homes.old.len() <= 2 * MOST_HOMES);
        assert!(homes.has(key(119_999)) && homes.has(key(70_000)) && !homes.has(key(0)));
    }

    #[test]
    fn success_forgets_and_so_does_time() {
        let backoff = Backoff::default();
        let start = Instant::now();
        let fail = |now| backoff.failed(now, HOME, "ada", &limits());
        (0..6).for_each(|_| fail(start));
        assert_eq!(backoff.wait(start, HOME, "ada"), Duration::from_secs(2));
        backoff.succeeded(HOME, "ada");
        assert!(backoff.wait(start, HOME, "ada").is_zero());
        (0..6).for_each(|_| fail(start));
        let later = start + Duration::from_hours(1);
        fail(later);
        assert!(backoff.wait(later, HOME, "ada").is_zero());
    }

    #[test]
    fn the_table_stays_bounded_and_keeps_those_who_wait() {
        let backoff = Backoff::default();
        let now = Instant::now();
        for _ in 0..8 {
            backoff.failed(now, HOME, "ada", &limits());
        }
        for index in 0..u32::try_from(MOST_ENTRIES / 3 + 20).unwrap() {
            let address = IpAddr::from(std::net::Ipv4Addr::from_bits(0x0a00_0000 + index));
            let user = index.to_string();
            backoff.failed(now + Duration::from_secs(1), address, &user, &limits());
        }
        assert!(backoff.entries.lock().len() <= MOST_ENTRIES);
        assert!(!backoff.wait(now, HOME, "ada").is_zero());
    }
}
