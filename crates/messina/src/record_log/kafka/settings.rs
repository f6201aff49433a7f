//! The settings of the gateway's clients: what the operator wrote, and what each client is for.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaResult;

use super::client::{ClientEvents, ClientRole, client_config};
use super::error::KafkaLogError;
use crate::config::KafkaConfig;

/// librdkafka's name for how often it looks at topics.
const REFRESH: &str = "topic.metadata.refresh.interval.ms";

/// What Kafka knows this gateway's transactions by.
pub(super) fn transactional_id(config: &KafkaConfig) -> String {
    format!("messina-gateway-{}", config.gateway_id)
}

/// Of the producer of appends that stand for themselves.
pub(super) fn streaming(config: &KafkaConfig) -> Result<ClientConfig, KafkaLogError> {
    let mut settings = producer(config)?;
    // What was accepted from the network waits for Kafka as long as it takes; its senders wait with it.
    settings.set("message.timeout.ms", "0");
    or_else(&mut settings, &["linger.ms", "queue.buffering.max.ms"], "1");
    Ok(settings)
}

/// Of the producer of transactions under that name.
pub(super) fn transactional(
    config: &KafkaConfig,
    name: &str,
) -> Result<ClientConfig, KafkaLogError> {
    let mut settings = producer(config)?;
    settings.set("transactional.id", name);
    // A group is complete when it is sent: nothing more will come.
    or_else(&mut settings, &["linger.ms", "queue.buffering.max.ms"], "0");
    Ok(settings)
}

fn producer(config: &KafkaConfig) -> Result<ClientConfig, KafkaLogError> {
    let mut settings = client_config(config, ClientRole::Producer)?;
    // The bound is the gateway's own, in bytes.
    or_else(&mut settings, &["queue.buffering.max.messages"], "1000000");
    // Topics that get more partitions are seen within this time.
    or_else(&mut settings, &[REFRESH], "10000");
    Ok(settings)
}

/// How often it is looked how many partitions topics have; `None` if never.
pub(super) fn refresh(settings: &ClientConfig) -> Option<Duration> {
    let millis = settings.get(REFRESH)?.parse().ok()?;
    (millis > 0).then_some(Duration::from_millis(millis))
}

/// A consumer that is no member of a group.
pub(super) fn reader(
    config: &Arc<KafkaConfig>,
) -> Result<KafkaResult<BaseConsumer<ClientEvents>>, KafkaLogError> {
    let events = ClientEvents::new(Arc::clone(config), "gateway's reader");
    let mut settings = client_config(config, ClientRole::Consumer)?;
    // librdkafka wants a name; nothing is committed under it.
    settings.set("group.id", "messina-gateway");
    Ok(settings.create_with_context(events))
}

/// Sets an option to our own default if the operator has set it by none of its names.
fn or_else(settings: &mut ClientConfig, names: &[&str], value: &str) {
    if names.iter().all(|name| settings.get(name).is_none())
        && let Some(name) = names.first()
    {
        settings.set(*name, value);
    }
}
