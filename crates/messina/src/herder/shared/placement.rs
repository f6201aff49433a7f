//! Which slot a connector or task belongs to. A slot is a partition of the topic of statuses: whoever the group gave
//! that partition runs what belongs to it.

/// The slot of a task; that of a connector itself is its first task's. A connector's tasks are in slots next to each
/// other, so that they are spread over workers.
///
/// All workers must come to the same, in all versions: the hash is FNV-1a.
pub(super) fn slot(connector: &str, task: usize, slots: usize) -> usize {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in connector.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let slots = slots.max(1);
    let first = usize::try_from(hash % slots as u64).unwrap_or(0);
    (first + task % slots) % slots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_of_a_connector_are_spread_and_every_version_finds_the_same_slot() {
        // Written down: a worker of another version has to agree.
        assert_eq!(slot("", 0, 5), (0xcbf2_9ce4_8422_2325_u64 % 5) as usize);
        assert_eq!(slot("a", 0, 5), (0xaf63_dc4c_8601_ec8c_u64 % 5) as usize);
        let mut slots: Vec<usize> = (0..5).map(|task| slot("meters", task, 5)).collect();
        slots.sort_unstable();
        assert_eq!(slots, [0, 1, 2, 3, 4]);
        assert_eq!(slot("meters", 7, 5), slot("meters", 2, 5));
        assert_eq!(slot("meters", 3, 1), 0);
        assert_eq!(slot("meters", usize::MAX, 0), 0);
    }
}
