//! What becomes of a client's property here, in a sentence for who asks what a connector may have of its own.

use super::KafkaClient;
use super::names::{Becomes, JAVA_ONLY, NAMES};

/// The sentence; none for a property nobody knows.
pub fn note(client: KafkaClient, name: &str) -> Option<String> {
    let of_connector = match (client, name) {
        (_, "bootstrap.servers") => "Refused: all clients of a worker are of one cluster.",
        (KafkaClient::Consumer, "group.id") => {
            "Works: the group whose offsets are the connector's."
        }
        (KafkaClient::Consumer, "group.instance.id") => {
            "No effect: tasks would take it from each other."
        }
        (KafkaClient::Consumer, "auto.offset.reset") => {
            "Works where Kafka is the log: earliest, the default here, or latest."
        }
        _ => "",
    };
    if !of_connector.is_empty() {
        return Some(of_connector.to_owned());
    }
    let mut known = NAMES.iter().filter(|own| own.java == name);
    let Some(known) = known.find(|own| own.is_of(client)) else {
        let javas = JAVA_ONLY.iter().any(|own| name.starts_with(own));
        return javas.then(|| "No effect: a matter of Java's client.".to_owned());
    };
    Some(match known.becomes {
        Becomes::Setting(setting, _) if setting != name => {
            format!("Works, as `{setting}` of librdkafka.")
        }
        Becomes::Kibibytes(setting) => format!("Works, as `{setting}` of librdkafka."),
        Becomes::Setting(..) | Becomes::Security => "Works.".to_owned(),
        Becomes::Ours(_, reason) | Becomes::Missed(reason) => format!("No effect: {reason}."),
        Becomes::Nothing => "No effect: a matter of Java's client.".to_owned(),
    })
}
