//! `-D PACKET PROPERTY VALUE`: properties of MQTT 5.0, by mosquitto's names.

use std::str::FromStr;

use bytes::Bytes;
use messina_mqtt::packet::{
    ConnectProperties, DisconnectProperties, MqttString, PublishProperties, WillProperties,
};
use messina_mqtt::property::{PayloadFormat, SubscriptionId, UserProperty};
use messina_mqtt::topic::Topic;

/// Everything `-D` says, by packet.
#[derive(Debug, Default)]
pub(super) struct Properties {
    pub(super) connect: ConnectProperties,
    pub(super) publish: PublishProperties,
    pub(super) will: WillProperties,
    pub(super) subscription: Option<SubscriptionId>,
    pub(super) subscribing: Vec<UserProperty>,
    pub(super) unsubscribing: Vec<UserProperty>,
    pub(super) disconnecting: DisconnectProperties,
}

impl Properties {
    /// Reads the words after each `-D`, one after the other: a user property has four, all others three.
    pub(super) fn parse(words: &[String]) -> Result<Self, String> {
        let mut properties = Self::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(packet) = words.next() {
            let (Some(name), Some(value)) = (words.next(), words.next()) else {
                return Err(format!(
                    "`-D {packet}` needs the name of a property, and its value"
                ));
            };
            let packet = packet.to_ascii_lowercase();
            if name == "user-property" {
                let Some(more) = words.next() else {
                    return Err(format!(
                        "`-D {packet} user-property {value}` needs a name and a value"
                    ));
                };
                properties.add(&packet, (text(value)?, text(more)?))?;
            } else {
                properties
                    .set(&packet, name, value)
                    .map_err(|error| format!("`-D {packet} {name} {value}`: {error}"))?;
            }
        }
        Ok(properties)
    }

    fn add(&mut self, packet: &str, property: UserProperty) -> Result<(), String> {
        let list = match packet {
            "connect" => &mut self.connect.user_properties,
            "publish" => &mut self.publish.user_properties,
            "will" => &mut self.will.user_properties,
            "subscribe" => &mut self.subscribing,
            "unsubscribe" => &mut self.unsubscribing,
            "disconnect" => &mut self.disconnecting.user_properties,
            _ => return Err(unknown_packet(packet)),
        };
        list.push(property);
        Ok(())
    }

    fn set(&mut self, packet: &str, name: &str, value: &str) -> Result<(), String> {
        let known = match packet {
            "connect" => set_connect(&mut self.connect, name, value)?,
            "publish" => set_publish(&mut self.publish, name, value)?,
            "will" => set_will(&mut self.will, name, value)?,
            "subscribe" => {
                let is_known = name == "subscription-identifier";
                if is_known {
                    let number = SubscriptionId::new(number(value)?);
                    self.subscription = Some(number.ok_or("1 to 268435455 is needed")?);
                }
                is_known
            }
            "unsubscribe" => false,
            "disconnect" => set_disconnect(&mut self.disconnecting, name, value)?,
            _ => return Err(unknown_packet(packet)),
        };
        if known {
            Ok(())
        } else {
            Err(format!("{} has no such property", packet.to_uppercase()))
        }
    }
}

fn unknown_packet(packet: &str) -> String {
    format!("`{packet}` is none of connect, publish, subscribe, unsubscribe, disconnect, will")
}

fn set_connect(into: &mut ConnectProperties, name: &str, value: &str) -> Result<bool, String> {
    match name {
        "session-expiry-interval" => into.session_expiry_interval = Some(number(value)?),
        "receive-maximum" => into.receive_maximum = Some(number(value)?),
        "maximum-packet-size" => into.maximum_packet_size = Some(number(value)?),
        "topic-alias-maximum" => into.topic_alias_maximum = Some(number(value)?),
        "request-response-information" => {
            into.request_response_information = Some(number::<u8>(value)? != 0);
        }
        "request-problem-information" => {
            into.request_problem_information = Some(number::<u8>(value)? != 0);
        }
        "authentication-method" | "authentication-data" => {
            return Err(
                "enhanced authentication is not for the command line; use -u and -P".into(),
            );
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn set_publish(into: &mut PublishProperties, name: &str, value: &str) -> Result<bool, String> {
    match name {
        "payload-format-indicator" => into.payload_format_indicator = Some(format(value)?),
        "message-expiry-interval" => into.message_expiry_interval = Some(number(value)?),
        "topic-alias" => into.topic_alias = Some(number(value)?),
        "response-topic" => into.response_topic = Some(topic(value)?),
        "correlation-data" => into.correlation_data = Some(Bytes::from(value.to_owned())),
        "content-type" => into.content_type = Some(text(value)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn set_will(into: &mut WillProperties, name: &str, value: &str) -> Result<bool, String> {
    match name {
        "will-delay-interval" => into.will_delay_interval = Some(number(value)?),
        "payload-format-indicator" => into.payload_format_indicator = Some(format(value)?),
        "message-expiry-interval" => into.message_expiry_interval = Some(number(value)?),
        "response-topic" => into.response_topic = Some(topic(value)?),
        "correlation-data" => into.correlation_data = Some(Bytes::from(value.to_owned())),
        "content-type" => into.content_type = Some(text(value)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn set_disconnect(
    into: &mut DisconnectProperties,
    name: &str,
    value: &str,
) -> Result<bool, String> {
    match name {
        "session-expiry-interval" => into.session_expiry_interval = Some(number(value)?),
        "reason-string" => into.reason_string = Some(text(value)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn number<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse()
        .map_err(|_wrong| format!("`{text}` is no number that is allowed here"))
}

fn text(text: &str) -> Result<MqttString, String> {
    MqttString::new(text).map_err(|error| error.to_string())
}

fn topic(text: &str) -> Result<Topic, String> {
    Topic::new(text).map_err(|error| error.to_string())
}

fn format(text: &str) -> Result<PayloadFormat, String> {
    match text {
        "0" => Ok(PayloadFormat::Unspecified),
        "1" => Ok(PayloadFormat::Utf8),
        _ => Err("0 (bytes) or 1 (UTF-8 text) is needed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Properties, String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Properties::parse(&words)
    }

    #[test]
    fn each_property_goes_into_its_packet() {
        let all = parse(
            "connect receive-maximum 5 publish content-type text/plain publish user-property a b \
             SUBSCRIBE subscription-identifier 7 will will-delay-interval 3 \
             disconnect session-expiry-interval 9 unsubscribe user-property c d",
        )
        .unwrap();
        assert_eq!(all.connect.receive_maximum.unwrap().get(), 5);
        assert_eq!(all.publish.content_type.unwrap().as_str(), "text/plain");
        assert_eq!(all.publish.user_properties.len(), 1);
        assert_eq!(all.subscription.unwrap().get(), 7);
        assert_eq!(all.will.will_delay_interval, Some(3));
        assert_eq!(all.disconnecting.session_expiry_interval, Some(9));
        assert_eq!(all.unsubscribing.len(), 1);
    }

    #[test]
    fn what_is_no_property_is_refused() {
        for wrong in [
            "connect",
            "connect receive-maximum",
            "connect receive-maximum 0",
            "connect content-type a",
            "connect authentication-method SCRAM-SHA-256",
            "publish user-property a",
            "publish response-topic a/#",
            "publish payload-format-indicator 2",
            "subscribe subscription-identifier 0",
            "unsubscribe content-type a",
            "puback reason-string a",
            "puback user-property a b",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
