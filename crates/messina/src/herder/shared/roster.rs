//! Who is in the group and has what, as Kafka tells it: no worker keeps a list of the others.
//!
//! A member's client identifier is the address of its REST API, `host:port` with `https://` before it if it listens so;
//! what it holds is its assignment.

use std::collections::BTreeSet;

/// What a worker holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Seat {
    /// Whether it has the topic of configurations, which makes it the leader: it alone writes them.
    pub(super) leads: bool,
    /// Partitions of the topic of statuses.
    pub(super) slots: BTreeSet<usize>,
}

/// The members of the group while nothing moves among them; empty while something does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Roster {
    pub(super) members: Vec<(String, Seat)>,
}

impl Roster {
    /// The address of the leader.
    pub(super) fn leader(&self) -> Option<&str> {
        self.find(|seat| seat.leads)
    }

    /// The address of who has a slot.
    pub(super) fn holder(&self, slot: usize) -> Option<&str> {
        self.find(|seat| seat.slots.contains(&slot))
    }

    fn find(&self, has: impl Fn(&Seat) -> bool) -> Option<&str> {
        let mut members = self.members.iter();
        let found = members.find(|(_, seat)| has(seat))?;
        Some(&found.0)
    }
}

/// Reads an assignment as consumers' groups have it:
///
/// ```text
/// version i16 | topics i32 x (name: length i16, bytes | partitions i32 x i32) | user data, which is left alone
/// ```
///
/// What cannot be read is an empty seat.
pub(super) fn seat(assignment: &[u8], configs: &str, statuses: &str) -> Seat {
    let mut seat = Seat::default();
    if read(assignment, configs, statuses, &mut seat).is_none() {
        return Seat::default();
    }
    seat
}

fn read(bytes: &[u8], configs: &str, statuses: &str, seat: &mut Seat) -> Option<()> {
    let mut rest = bytes.get(2..)?;
    for _topic in 0..number(&mut rest)? {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let length = usize::try_from(i16::from_be_bytes(*length)).ok()?;
        let name = after.get(..length)?;
        rest = after.get(length..)?;
        for _partition in 0..number(&mut rest)? {
            let partition = number(&mut rest)?;
            if name == configs.as_bytes() {
                seat.leads |= partition == 0;
            } else if name == statuses.as_bytes() {
                seat.slots.insert(usize::try_from(partition).ok()?);
            }
        }
    }
    Some(())
}

fn number(rest: &mut &[u8]) -> Option<i32> {
    let (number, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(i32::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(topics: &[(&str, &[i32])]) -> Vec<u8> {
        let mut bytes = vec![0, 3];
        bytes.extend(i32::try_from(topics.len()).unwrap().to_be_bytes());
        for (name, partitions) in topics {
            bytes.extend(i16::try_from(name.len()).unwrap().to_be_bytes());
            bytes.extend(name.as_bytes());
            bytes.extend(i32::try_from(partitions.len()).unwrap().to_be_bytes());
            for partition in *partitions {
                bytes.extend(partition.to_be_bytes());
            }
        }
        bytes.extend((-1_i32).to_be_bytes());
        bytes
    }

    #[test]
    fn an_assignment_tells_who_leads_and_who_has_which_slots() {
        let first = assignment(&[("configs", &[0]), ("statuses", &[1, 4]), ("other", &[0])]);
        let second = assignment(&[("statuses", &[0, 2, 3])]);
        let members = [("a:1", &first), ("b:2", &second)];
        let members =
            members.map(|(id, bytes)| (id.to_owned(), seat(bytes, "configs", "statuses")));
        let roster = Roster {
            members: members.to_vec(),
        };
        assert_eq!(roster.leader(), Some("a:1"));
        assert_eq!(roster.holder(3), Some("b:2"));
        assert_eq!(roster.holder(4), Some("a:1"));
        assert_eq!(roster.holder(5), None);
    }

    #[test]
    fn a_cut_or_wrong_assignment_is_an_empty_seat() {
        let whole = assignment(&[("configs", &[0]), ("statuses", &[1, 4])]);
        for end in 0..whole.len() - 4 {
            let cut = whole.get(..end).unwrap();
            assert_eq!(seat(cut, "configs", "statuses"), Seat::default(), "{end}");
        }
        let mut wrong = whole;
        wrong[2] = 0x7f;
        assert_eq!(seat(&wrong, "configs", "statuses"), Seat::default());
    }
}
