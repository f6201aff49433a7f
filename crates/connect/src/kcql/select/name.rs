//! Names of outputs: the second output of a name gets `_1`, the third `_2`.

use std::borrow::Cow;
use std::sync::Arc;

use super::OutputName;

/// The names given so far for one record.
pub(super) struct Names<'a> {
    slots: &'a [Arc<str>],
    /// Whether names can meet at all; if not, nothing is remembered.
    contended: bool,
    taken: Vec<&'a str>,
    /// Names in `taken` before the current `*`, whose members differ among themselves.
    before_members: usize,
}

impl<'a> Names<'a> {
    pub(super) const fn new(slots: &'a [Arc<str>], contended: bool) -> Self {
        Self {
            slots,
            contended,
            taken: Vec::new(),
            before_members: 0,
        }
    }

    /// Members of one `*` follow.
    pub(super) fn begin_members(&mut self) {
        self.before_members = self.taken.len();
    }

    /// The name of a member selected by `*`.
    pub(super) fn member(&mut self, name: &'a str) -> OutputName<'a> {
        if !self.contended {
            return OutputName::Dynamic(Cow::Borrowed(name));
        }
        let earlier = self.taken.get(..self.before_members).unwrap_or_default();
        let count = earlier.iter().filter(|own| **own == name).count();
        self.taken.push(name);
        match count {
            0 => OutputName::Dynamic(Cow::Borrowed(name)),
            _ => numbered(name, count),
        }
    }

    /// The name of the output `slot`.
    pub(super) fn slot(&mut self, slot: usize) -> OutputName<'a> {
        let Some(name) = self.slots.get(slot).filter(|_| self.contended) else {
            return OutputName::Slot(slot);
        };
        let count = self.taken.iter().filter(|own| ***own == **name).count();
        self.taken.push(name);
        match count {
            0 => OutputName::Slot(slot),
            _ => numbered(name, count),
        }
    }
}

fn numbered<'a>(name: &str, count: usize) -> OutputName<'a> {
    OutputName::Dynamic(Cow::Owned(format!("{name}_{count}")))
}
