//! The property file of Confluent's MQTT proxy, as it is, and its `KAFKA_MQTT_*` variables.
//! Takes their text, and of Java's log-in configuration where passwords are.
//! Gives [`MqttProxy`], which is laid over a [`Config`](super::Config), and all that is wrong, where it was typed.

mod written;

mod listeners;

mod routes;

mod kafka;

mod proxy;

pub use proxy::{MqttProxy, ProxySources, bootstrap_servers, is_proxy, read};

#[cfg(test)]
mod tests;
