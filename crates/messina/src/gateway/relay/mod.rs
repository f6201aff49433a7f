//! Several gateways in front of one Kafka: what is published at one reaches who subscribes at another.
//! Takes the gateway's own subscriptions, and publishes that other gateways have said they want.
//! Gives these to the other gateways through Kafka, and theirs to the subscribers here.
//!
//! | Kafka topic | key | value | |
//! |---|---|---|---|
//! | `__messina_subscriptions.<group>`, compacted | gateway, 0, filter | empty | somebody at that gateway has this filter |
//! | `__messina_relay.<group>` | MQTT topic | see `letter.rs` | a publish that another gateway wants |
//! | `__messina_retained.<group>`, compacted | MQTT topic | see [`retained`](super::retained) | what is retained, at every gateway |
//! | `__messina_relay_position.<gateway>`, compacted | partition | offset | how far this gateway has taken in the relay |
//!
//! A gateway takes in what was published while it was away, for its sleeping sessions: where it stands becomes durable
//! with what it has put into their queues.

mod interest;
mod letter;

mod position;

mod receiving;

mod announcing;

mod registry;

pub use receiving::Relay;
pub use registry::Registry;
