//! Health: one light for each component, with the reason when it is not green.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// How well a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Light {
    /// It does its work.
    Green,
    /// It copes: it waits, retries or holds back. Nothing is lost.
    Amber,
    /// It has stopped; a person must act.
    Red,
}

/// A component and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// `log`, `table`, `gateway`, `sink temperature` ...
    pub name: String,
    /// How it is.
    pub light: Light,
    /// Why, unless it is green.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The lights of all components. Shared behind an `Arc`.
#[derive(Debug, Default)]
pub struct Health {
    components: Mutex<BTreeMap<String, (Light, Option<String>)>>,
}

impl Health {
    /// No components yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// `name` does its work.
    pub fn green(&self, name: &str) {
        self.set(name, Light::Green, None);
    }

    /// `name` copes, because of `reason`.
    pub fn amber(&self, name: &str, reason: impl Into<String>) {
        self.set(name, Light::Amber, Some(reason.into()));
    }

    /// `name` has stopped, because of `reason`.
    pub fn red(&self, name: &str, reason: impl Into<String>) {
        self.set(name, Light::Red, Some(reason.into()));
    }

    /// `name` is gone on purpose.
    pub fn forget(&self, name: &str) {
        self.components.lock().remove(name);
    }

    /// Everything whose name begins so is looked at anew.
    pub fn forget_all(&self, prefix: &str) {
        let mut components = self.components.lock();
        components.retain(|name, _| !name.starts_with(prefix));
    }

    /// All components by name.
    pub fn components(&self) -> Vec<Component> {
        let components = self.components.lock();
        let component = |(name, (light, reason)): (&String, &(Light, Option<String>))| Component {
            name: name.clone(),
            light: *light,
            reason: reason.clone(),
        };
        components.iter().map(component).collect()
    }

    /// The worst light; green when there is none.
    pub fn worst(&self) -> Light {
        let components = self.components.lock();
        let worst = components.values().map(|(light, _)| *light).max();
        worst.unwrap_or(Light::Green)
    }

    fn set(&self, name: &str, light: Light, reason: Option<String>) {
        let mut components = self.components.lock();
        match components.get_mut(name) {
            Some(known) => *known = (light, reason),
            None => {
                components.insert(name.to_owned(), (light, reason));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_light_wins_and_gets_better_again() {
        let health = Health::new();
        assert_eq!(health.worst(), Light::Green);
        health.green("log");
        health.amber("sink a", "the table does not answer");
        health.red("table", "disk is full");
        assert_eq!(health.worst(), Light::Red);
        health.green("table");
        assert_eq!(health.worst(), Light::Amber);
        let reasons: Vec<_> = health
            .components()
            .into_iter()
            .filter_map(|c| c.reason)
            .collect();
        assert_eq!(reasons, ["the table does not answer"]);
    }
}
