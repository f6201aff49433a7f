//! Kafka's Java clients' properties in librdkafka's words.
//! Takes names and values from a proxy's or worker's file.
//! Gives settings for `[kafka]`, and says what of the rest has no effect, and why.

mod names;

mod security;

mod translate;

mod note;

pub use note::note;

pub use translate::{KafkaClient, Remark, Translated, is_known, translate};

#[cfg(test)]
mod tests;
