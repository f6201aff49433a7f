//! `security.protocol`, `sasl.*` and `ssl.*`: what only together makes sense.

use std::collections::BTreeMap;

use super::Translated;
use crate::config::jaas::{self, LoginModule};
use crate::config::java_store::{self, StoreHolds, StoreKind};

type Written<'a> = BTreeMap<&'a str, &'a str>;

/// Mechanisms that want a user and a password, and the modules that have them.
const PASSWORDS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];
const MODULES: [&str; 2] = ["PlainLoginModule", "ScramLoginModule"];

const PROTOCOLS: [&str; 4] = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];

pub(super) fn translate(written: &Written<'_>, translated: &mut Translated) {
    let protocol = protocol(written, translated);
    let unsaid = protocol.is_none();
    let protocol = protocol.unwrap_or_default();
    if protocol.starts_with("SASL") {
        sasl(written, translated);
    } else if unsaid {
        sasl_of_another(written, translated);
    }
    // Without a protocol here another part of the file may say it.
    if protocol.ends_with("SSL") || unsaid {
        trusted(written, translated);
        own_key(written, translated);
        endpoint(written, translated);
    }
}

fn text<'a>(written: &Written<'a>, name: &str) -> Option<&'a str> {
    written.get(name).copied().filter(|text| !text.is_empty())
}

fn protocol(written: &Written<'_>, translated: &mut Translated) -> Option<String> {
    let name = "security.protocol";
    let protocol = text(written, name)?.to_ascii_uppercase();
    if PROTOCOLS.contains(&protocol.as_str()) {
        translated.set(name, protocol.to_ascii_lowercase());
    } else {
        let message = format!("`{protocol}` is none of {}", PROTOCOLS.join(", "));
        translated.refuse(name, message, None);
    }
    Some(protocol)
}

fn sasl(written: &Written<'_>, translated: &mut Translated) {
    let name = "sasl.mechanism";
    let known = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER are spoken";
    // Java's own default.
    let mechanism = text(written, name).unwrap_or("GSSAPI").to_ascii_uppercase();
    match mechanism.as_str() {
        known if PASSWORDS.contains(&known) => {
            translated.set(name, mechanism.as_str());
            password(written, translated);
        }
        "OAUTHBEARER" => {
            translated.set(name, mechanism.as_str());
            translated.wants_token = true;
        }
        "GSSAPI" => translated.refuse(name, "Kerberos (GSSAPI) is not spoken", Some(known)),
        other => {
            translated.refuse(name, format!("`{other}` is not a mechanism"), Some(known));
        }
    }
}

/// Without a protocol here another part of the file may say it, and perhaps the mechanism or the password too. What is
/// not for us may be for nobody.
fn sasl_of_another(written: &Written<'_>, translated: &mut Translated) {
    let name = "sasl.mechanism";
    let mechanism = text(written, name).map(str::to_ascii_uppercase);
    if let Some(known) = mechanism.filter(|own| PASSWORDS.contains(&own.as_str())) {
        translated.set(name, known);
    }
    let module = text(written, "sasl.jaas.config").and_then(|own| jaas::login_module(own).ok());
    if let Some(module) = module.filter(|own| MODULES.contains(&own.simple_class())) {
        credentials(&module, translated);
    }
}

fn password(written: &Written<'_>, translated: &mut Translated) {
    let name = "sasl.jaas.config";
    let example = "write `org.apache.kafka.common.security.plain.PlainLoginModule required username=\"..\" password=\"..\";`";
    let Some(config) = text(written, name) else {
        let message = "is missing, and the mechanism needs a user and a password";
        translated.refuse(name, message, Some(example));
        return;
    };
    let module = match jaas::login_module(config) {
        Ok(module) => module,
        Err(error) => {
            let message = format!("character {}: {error}", error.offset + 1);
            translated.refuse(name, message, Some(example));
            return;
        }
    };
    credentials(&module, translated);
}

fn credentials(module: &LoginModule, translated: &mut Translated) {
    let name = "sasl.jaas.config";
    let class = module.simple_class();
    if !MODULES.contains(&class) {
        let message = format!("`{class}` is a class of Java's");
        let help = "PlainLoginModule and ScramLoginModule are understood";
        translated.refuse(name, message, Some(help));
        return;
    }
    for (option, setting) in [("username", "sasl.username"), ("password", "sasl.password")] {
        match module.option(option) {
            Some(value) => translated.set(setting, value.reveal().as_str()),
            None => translated.refuse(name, format!("`{class}` has no `{option}`"), None),
        }
    }
}

/// Whose certificates are believed.
fn trusted(written: &Written<'_>, translated: &mut Translated) {
    if let Some(certificates) = text(written, "ssl.truststore.certificates") {
        translated.set("ssl.ca.pem", certificates);
    }
    let name = "ssl.truststore.location";
    let Some(location) = text(written, name) else {
        return;
    };
    match kind(written, "ssl.truststore.type", location, translated) {
        Some(StoreKind::Pem) => translated.set("ssl.ca.location", location),
        Some(kind) => {
            let commands = java_store::conversion(kind, StoreHolds::Authorities, location);
            convert(name, "ssl.truststore", &commands, translated);
        }
        None => {}
    }
}

/// The client's own certificate.
fn own_key(written: &Written<'_>, translated: &mut Translated) {
    for (name, setting) in [
        ("ssl.keystore.key", "ssl.key.pem"),
        ("ssl.keystore.certificate.chain", "ssl.certificate.pem"),
        ("ssl.key.password", "ssl.key.password"),
    ] {
        if let Some(value) = text(written, name) {
            translated.set(setting, value);
        }
    }
    let name = "ssl.keystore.location";
    let Some(location) = text(written, name) else {
        return;
    };
    match kind(written, "ssl.keystore.type", location, translated) {
        Some(StoreKind::Pem) => {
            translated.set("ssl.certificate.location", location);
            translated.set("ssl.key.location", location);
        }
        Some(StoreKind::Pkcs12) => {
            translated.set("ssl.keystore.location", location);
            if let Some(password) = text(written, "ssl.keystore.password") {
                translated.set("ssl.keystore.password", password);
            }
        }
        Some(kind @ StoreKind::Jks) => {
            let commands = java_store::conversion(kind, StoreHolds::Key, location);
            convert(name, "ssl.keystore", &commands, translated);
        }
        None => {}
    }
}

fn kind(
    written: &Written<'_>,
    name: &str,
    location: &str,
    translated: &mut Translated,
) -> Option<StoreKind> {
    match java_store::kind(text(written, name), location) {
        Ok(kind) => Some(kind),
        Err(message) => {
            translated.refuse(name, message, None);
            None
        }
    }
}

fn convert(name: &str, prefix: &str, commands: &str, translated: &mut Translated) {
    let help = format!("{commands}; and set `{prefix}.type=PEM` and `{name}` to the new file");
    translated.refuse(name, "only Java reads this store", Some(&help));
}

/// Whether the server's certificate must name the server; an empty value says no.
fn endpoint(written: &Written<'_>, translated: &mut Translated) {
    let name = "ssl.endpoint.identification.algorithm";
    match written
        .get(name)
        .map(|own| own.to_ascii_lowercase())
        .as_deref()
    {
        None => {}
        Some("") => translated.set(name, "none"),
        Some("https") => translated.set(name, "https"),
        Some(other) => translated.refuse(
            name,
            format!("`{other}` is neither `https` nor empty"),
            None,
        ),
    }
}
