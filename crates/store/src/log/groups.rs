//! Consumer groups: how far each group has come in each partition.

/// An offset a group has committed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OffsetCommit {
    /// The next offset the group will read.
    pub offset: i64,
    /// The committer's own note: a sink keeps its cumulative books here.
    pub metadata: String,
}

/// One partition of a group, as [`Log::group`](super::Log::group) lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOffset {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// What was committed.
    pub commit: OffsetCommit,
    /// Records between the committed offset and the end of the partition.
    pub lag: i64,
}
