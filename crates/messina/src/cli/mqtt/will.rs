//! `--will-topic` and what belongs to it.

use bytes::Bytes;
use clap::Args;
use messina_mqtt::packet::{QoS, Will, WillProperties};
use messina_mqtt::topic::Topic;

use super::super::CommandError;
use super::connection::qos;

/// mosquitto's flags of the will.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "they are the flags' names")]
pub(super) struct WillArgs {
    /// Topic of the will, which the server publishes if the connection is lost
    #[arg(long, value_name = "TOPIC", help_heading = "Will")]
    will_topic: Option<String>,
    /// Its message; empty if absent
    #[arg(
        long,
        value_name = "MESSAGE",
        requires = "will_topic",
        allow_hyphen_values = true,
        help_heading = "Will"
    )]
    will_payload: Option<String>,
    /// Its quality of service
    #[arg(long, value_name = "QOS", default_value = "0", value_parser = qos, help_heading = "Will")]
    will_qos: QoS,
    /// Have it retained
    #[arg(long, requires = "will_topic", help_heading = "Will")]
    will_retain: bool,
}

impl WillArgs {
    /// The will, if there is to be one.
    pub(super) fn will(&self, properties: WillProperties) -> Result<Option<Will>, CommandError> {
        let Some(topic) = &self.will_topic else {
            if properties == WillProperties::default() {
                return Ok(None);
            }
            let said = "`-D will` says something of a will, and there is none; add `--will-topic`";
            return Err(CommandError::Usage(said.to_owned()));
        };
        let topic = Topic::new(topic).map_err(|error| {
            CommandError::Usage(format!("`{topic}` is no topic for a will: {error}"))
        })?;
        Ok(Some(Will {
            qos: self.will_qos,
            retain: self.will_retain,
            topic,
            payload: Bytes::from(self.will_payload.clone().unwrap_or_default()),
            properties,
        }))
    }
}
