//! Which mutant of the instrumented source is on, and which ones a case reaches.
//!
//! `cargo xtask mutations` writes a call of [`on`] at every place it mutates; the replay turns mutants on and off. All
//! of it belongs to one thread, as a case does.

use std::cell::{Cell, RefCell};

/// Calls of [`on`] in one case before it is given up: a mutant may have made a loop endless.
const MOST_CALLS: u32 = 2_000_000;

thread_local! {
    static ACTIVE: Cell<u32> = const { Cell::new(0) };
    static CALLS: Cell<u32> = const { Cell::new(0) };
    static REACHED: RefCell<Option<Vec<bool>>> = const { RefCell::new(None) };
}

/// Whether the mutant `id` is on. Mutants count from 1.
///
/// # Panics
///
/// Where a case asks too often, so that no mutant runs for ever.
pub fn on(id: u32) -> bool {
    let active = ACTIVE.get();
    if active != 0 {
        let calls = CALLS.get() + 1;
        CALLS.set(calls);
        assert!(calls < MOST_CALLS, "the mutant {active} does not end");
        return active == id;
    }
    REACHED.with_borrow_mut(|reached| {
        let place = reached
            .as_mut()
            .and_then(|all| all.get_mut(usize::try_from(id).ok()?));
        if let Some(place) = place {
            *place = true;
        }
    });
    false
}

/// Runs `case` with the mutant `id` on. Where it panics, the mutant stays on until the next call.
pub fn with<T>(id: u32, case: impl FnOnce() -> T) -> T {
    CALLS.set(0);
    ACTIVE.set(id);
    let result = case();
    ACTIVE.set(0);
    result
}

/// Runs `case` as it is, and hands back which mutants it reached, in order.
pub fn reached<T>(mutants: u32, case: impl FnOnce() -> T) -> (T, Vec<u32>) {
    ACTIVE.set(0);
    let places = usize::try_from(mutants).map_or(0, |last| last + 1);
    REACHED.set(Some(vec![false; places]));
    let result = case();
    let all = REACHED.take().unwrap_or_default();
    let ids = (0..).zip(all).filter(|(_, reached)| *reached);
    (result, ids.map(|(id, _)| id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mutant_that_is_on_is_on_and_only_while_its_case_runs() {
        assert_eq!(with(2, || [on(1), on(2), on(3)]), [false, true, false]);
        assert!(!on(2));
    }

    #[test]
    fn what_a_case_reaches_is_told_once_each_and_none_of_it_is_on() {
        let (answers, ids) = reached(5, || [on(4), on(2), on(4), on(9)]);
        assert_eq!(answers, [false; 4]);
        assert_eq!(ids, [2, 4]);
    }

    #[test]
    #[should_panic(expected = "the mutant 7 does not end")]
    fn an_endless_loop_ends() {
        with(7, || while !on(8) {});
    }
}
