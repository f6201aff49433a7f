//! The cluster's topics and records as the tools see them: listed, read from any place, written, created, deleted.
//! Takes `[kafka]`, and what the admin API or the command line asks.
//! Gives committed records and where partitions begin and end, to people; no promise to a device hangs on it.

mod readers;

use readers::Readers;

mod reader;

pub use reader::{Page, Wanted};

mod settings;

pub use settings::TopicSettings;

mod sender;

mod browser;

pub use browser::{BrowsedTopic, KafkaBrowser, PartitionBounds};
