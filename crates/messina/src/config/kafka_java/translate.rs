//! From properties to settings, one by one; those that belong together go to [`security`].

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

use super::names::{Becomes, Form, JAVA_ONLY, NAMES, Name};
use super::security;
use crate::config::section::nearest;
use crate::config::{KeySource, Secret, Severity};

/// Which client of Kafka's properties are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KafkaClient {
    /// It writes records.
    Producer,
    /// It reads them.
    Consumer,
    /// It makes topics.
    Admin,
}

/// What properties come to.
#[derive(Debug, Clone, Default)]
pub struct Translated {
    /// Settings of librdkafka.
    pub settings: Vec<(String, KeySource)>,
    /// What is to be said about properties.
    pub remarks: Vec<Remark>,
    /// Whether a token is to be shown (SASL/OAUTHBEARER): how Java's own classes get one does not carry over.
    pub wants_token: bool,
}

/// What is to be said about a property. Never with the value of one that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Whether it can be used all the same.
    pub severity: Severity,
    /// The property.
    pub name: String,
    /// What is wrong or surprising.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Translated {
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = KeySource::Inline(Secret::new(value.into()));
        self.settings.push((name.to_owned(), value));
    }

    pub(super) fn refuse(&mut self, name: &str, message: impl Into<String>, help: Option<&str>) {
        self.remark(Severity::Error, name, message.into(), help);
    }

    fn warn(&mut self, name: &str, message: String) {
        self.remark(Severity::Warning, name, message, None);
    }

    pub(super) fn remark(
        &mut self,
        severity: Severity,
        name: &str,
        message: String,
        help: Option<&str>,
    ) {
        self.remarks.push(Remark {
            severity,
            name: name.to_owned(),
            message,
            help: help.map(str::to_owned),
        });
    }
}

/// Translates the properties of one client, names and values as written.
pub fn translate(client: KafkaClient, written: &[(&str, &str)]) -> Translated {
    let mut translated = Translated::default();
    let mut protection = BTreeMap::new();
    for (name, value) in written {
        let value = value.trim();
        let mut known = NAMES.iter().filter(|own| own.java == *name);
        match known.find(|own| own.is_of(client)) {
            Some(Name {
                becomes: Becomes::Security,
                ..
            }) => {
                protection.insert(*name, value);
            }
            Some(known) => one(known, value, &mut translated),
            None if JAVA_ONLY.iter().any(|own| name.starts_with(own)) => {}
            None => unknown(client, name, &mut translated),
        }
    }
    security::translate(&protection, &mut translated);
    translated
}

fn one(known: &Name, value: &str, translated: &mut Translated) {
    let name = known.java;
    match known.becomes {
        Becomes::Nothing | Becomes::Security => {}
        _ if value.is_empty() => {}
        Becomes::Setting("max.in.flight.requests.per.connection", _)
            if value.parse::<u32>().is_ok_and(|number| number > 5) =>
        {
            let message = "has no effect above 5: beyond it Kafka cannot keep records in order";
            translated.warn(name, message.to_owned());
        }
        Becomes::Setting(setting, form) => match formed(form, value) {
            Ok(value) => try_on(name, setting, value, translated),
            Err(message) => translated.refuse(name, message, None),
        },
        Becomes::Kibibytes(setting) => match value.parse::<u64>() {
            Ok(bytes) => {
                let kibibytes = bytes.div_ceil(1024).max(1);
                try_on(name, setting, kibibytes.to_string(), translated);
            }
            Err(_not) => translated.refuse(name, "is not a number of bytes", None),
        },
        Becomes::Ours(harmless, reason) => {
            if !harmless.iter().any(|own| own.eq_ignore_ascii_case(value)) {
                translated.warn(name, format!("has no effect: {reason}"));
            }
        }
        Becomes::Missed(reason) => translated.warn(name, format!("has no effect: {reason}")),
    }
}

/// The value in librdkafka's form. What Java allows below librdkafka's least is that least.
fn formed(form: Form, value: &str) -> Result<String, &'static str> {
    match form {
        Form::Text => Ok(value.to_owned()),
        Form::Word => Ok(value.to_ascii_lowercase()),
        Form::Boolean => match value.to_ascii_lowercase().as_str() {
            word @ ("true" | "false") => Ok(word.to_owned()),
            _ => Err("is neither `true` nor `false`"),
        },
        Form::Number(least) => match value.parse::<i64>() {
            Ok(number) => Ok(number.max(least).to_string()),
            Err(_not) => Err("is not a whole number"),
        },
    }
}

/// Sets what librdkafka takes, which it says without a connection.
fn try_on(name: &str, setting: &str, value: String, translated: &mut Translated) {
    let mut config = ClientConfig::new();
    config.set(setting, value.as_str());
    match config.create_native_config() {
        Ok(_) => translated.set(setting, value),
        Err(KafkaError::ClientConfig(_, said, ..)) => {
            let said = said.trim_end().trim_end_matches('.');
            translated.refuse(name, format!("cannot be `{value}`: {said}"), None);
        }
        Err(other) => translated.refuse(name, other.to_string(), None),
    }
}

fn unknown(client: KafkaClient, name: &str, translated: &mut Translated) {
    let known = NAMES.iter().filter(|own| own.is_of(client));
    let known: Vec<&str> = known.map(|own| own.java).collect();
    // Nobody meant a name by one that is longer than any.
    let meant = (name.len() <= 64).then(|| nearest(name, &known)).flatten();
    let help = meant.map(|meant| format!("did you mean `{meant}`?"));
    let message = "is not known and has no effect".to_owned();
    translated.remark(Severity::Warning, name, message, help.as_deref());
}

/// Whether this is a property of such a client.
pub fn is_known(client: KafkaClient, name: &str) -> bool {
    NAMES
        .iter()
        .any(|own| own.java == name && own.is_of(client))
}
