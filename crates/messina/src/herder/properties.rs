//! A connector's options as Kafka Connect keeps them: names and texts.

use std::collections::BTreeMap;

use messina_connect::config::{ConnectorConfig, Property};

/// Options by name.
pub type Properties = BTreeMap<String, String>;

/// The same as a configuration no person typed into a file.
pub fn connector_config(name: &str, properties: &Properties) -> ConnectorConfig {
    let mut config = ConnectorConfig::new(name);
    for (option, value) in properties {
        config.set(option.as_str(), Property::from(value.as_str()));
    }
    config
}

/// The options of a connector that was read from a file.
pub(super) fn properties_of(config: &ConnectorConfig) -> Properties {
    let options = config
        .iter()
        .map(|(option, property)| (option.to_owned(), property.value.clone()));
    let mut properties: Properties = options.collect();
    properties.insert("name".to_owned(), config.name.clone());
    properties
}
