//! How long topics keep their records, as the cluster tells it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::admin::{ConfigResource, OwnedResourceSpecifier, ResourceSpecifier};

use crate::config::KafkaConfig;
use crate::record_log::kafka::KafkaLogError;
use crate::record_log::kafka::admin::{admin_client, asked, blocking, options};

/// How long a topic keeps its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSettings {
    /// `delete`, `compact`, or both with a comma between.
    pub cleanup: String,
    /// Records older than this may go, in milliseconds; none keeps them for ever.
    pub retention_ms: Option<u64>,
    /// A partition larger than this loses its oldest records; none has no limit.
    pub retention_bytes: Option<u64>,
}

/// The settings of these topics. Those that the cluster does not tell us are left out: to read them takes a right of
/// its own.
pub(super) async fn of_topics(
    config: &Arc<KafkaConfig>,
    names: Vec<String>,
) -> Result<BTreeMap<String, TopicSettings>, KafkaLogError> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let config = Arc::clone(config);
    blocking(move || {
        let asked = asked(&config, "describe", "the topics".to_owned());
        let client = admin_client(&config, &asked)?;
        let wanted = names.iter().map(|name| ResourceSpecifier::Topic(name));
        let wanted: Vec<_> = wanted.collect();
        let describing = client.describe_configs(&wanted, &options());
        let answers = tokio::runtime::Handle::current().block_on(describing);
        let answers = answers.map_err(|error| asked.failed(error))?;
        Ok(answers.into_iter().flatten().filter_map(settings).collect())
    })
    .await
}

fn settings(resource: ConfigResource) -> Option<(String, TopicSettings)> {
    let value = |name| resource.get(name).and_then(|entry| entry.value.as_deref());
    // What is below zero has no limit.
    let limit = |name| value(name).and_then(|text| text.parse().ok());
    let settings = TopicSettings {
        cleanup: value("cleanup.policy")?.to_owned(),
        retention_ms: limit("retention.ms"),
        retention_bytes: limit("retention.bytes"),
    };
    match resource.specifier {
        OwnedResourceSpecifier::Topic(name) => Some((name, settings)),
        OwnedResourceSpecifier::Group(_) | OwnedResourceSpecifier::Broker(_) => None,
    }
}
