//! A connector's options as Kafka Connect keeps them: names and texts.

use std::collections::BTreeMap;

use messina_connect::config::{ConnectorConfig, Property};

use super::error::HerderError;

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

/// Tasks of a connector at most: what a record or a request may make us keep.
pub(super) const MAX_TASKS: usize = 1000;

/// How many tasks a connector asks for with `tasks.max`; what is no number is found out elsewhere.
pub(super) fn tasks_of(written: Option<&str>) -> Result<usize, HerderError> {
    let asked = written.and_then(|text| text.trim().parse::<usize>().ok());
    let asked = asked.unwrap_or(1).max(1);
    if asked > MAX_TASKS {
        let text = format!("tasks.max may be {MAX_TASKS} at most");
        return Err(HerderError::Refused(text));
    }
    Ok(asked)
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
