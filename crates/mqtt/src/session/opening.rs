//! CONNECT and CONNACK.

use std::mem;
use std::num::{NonZeroU16, NonZeroU32};

use super::aliases::OwnAliases;
use super::authenticating::Authenticating;
use super::machine::Phase;
use super::{Admission, Output, Session};
use crate::packet::{ClientId, ConnAck, ConnAckProperties, Connect, Packet, QoS, Version};
use crate::reason::ReasonCode;

impl Session {
    pub(super) fn on_connect(&mut self, connect: Box<Connect>) {
        self.phase = Phase::Asking;
        self.version = connect.version;
        self.authenticating = Authenticating::of(&connect);
        match self.refuse_connect(&connect) {
            Some(reason) => self.on_refuse(reason),
            None => self.outputs.push_back(Output::Connect(connect)),
        }
    }

    /// Why this session by itself says no to a CONNECT.
    fn refuse_connect(&self, connect: &Connect) -> Option<ReasonCode> {
        if self.version == Version::V311 && connect.client_id.is_empty() && !connect.clean_start {
            return Some(ReasonCode::ClientIdentifierNotValid); // [MQTT3-3.1.3-8]
        }
        let will = connect.will.as_ref()?;
        if !self.limits.topics.allow_topic(&will.topic) {
            return Some(ReasonCode::TopicNameInvalid);
        }
        if will.retain && self.refuses_retain() {
            return Some(ReasonCode::RetainNotSupported); // [MQTT-3.2.2-13]
        }
        (will.qos > self.limits.maximum_qos).then_some(ReasonCode::QoSNotSupported) // [MQTT-3.2.2-12]
    }

    pub(super) fn on_refuse(&mut self, reason: ReasonCode) {
        if self.phase != Phase::Asking {
            return;
        }
        // What 3.1.1 has no code for is refused by closing alone [MQTT3-3.2.2-6].
        if self.version == Version::V5 || reason.to_v311_connack().is_some() {
            let connack = ConnAck::new(false, reason); // [MQTT-3.2.2-6]
            self.send(Packet::ConnAck(Box::new(connack)));
        }
        self.end(reason, false); // [MQTT-3.2.2-7] [MQTT-3.1.3-8] [MQTT3-3.1.3-9]
    }

    pub(super) fn on_admit(&mut self, admission: Admission) {
        if self.phase != Phase::Asking {
            // [MQTT-3.2.0-2]
            return;
        }
        let Admission {
            mut connect,
            assigned,
            previous,
        } = admission;
        self.phase = Phase::Open;
        self.heard = self.now;
        let wanted = mem::take(&mut connect.properties);
        let client_id = assigned.as_ref().unwrap_or(&connect.client_id);
        self.client_id = ClientId::from(client_id.as_mqtt_string().detached());
        self.packet_maximum = wanted.maximum_packet_size.map_or(u32::MAX, u32::from);
        self.expiry = match self.version {
            Version::V5 => wanted
                .session_expiry_interval
                .unwrap_or(0)
                .min(self.limits.session_expiry),
            Version::V311 if connect.clean_start => 0, // [MQTT3-3.1.2-6]
            Version::V311 => self.limits.session_expiry,
        };
        self.keep_alive = self.keep_alive_for(connect.keep_alive);
        let maximum = wanted.topic_alias_maximum.unwrap_or(0);
        self.own_aliases = OwnAliases::new(maximum.min(self.limits.topic_alias_maximum));
        self.will = connect.will.take().map(|will| Box::new(will.detached())); // [MQTT-3.1.2-7]
        let previous = previous.filter(|_| !connect.clean_start); // [MQTT-3.1.2-4] [MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.1.4-4] [MQTT3-3.1.2-4]
        let session_present = previous.is_some(); // [MQTT-3.2.2-2] [MQTT-3.2.2-3]
        if let Some(previous) = previous {
            self.resume(*previous);
        }
        let window = wanted.receive_maximum.map_or(u16::MAX, u16::from);
        self.sender.connect(window.min(self.limits.inflight)); // [MQTT-4.9.0-1]
        let mut connack = ConnAck::new(session_present, ReasonCode::Success);
        if self.version == Version::V5 {
            connack.properties = self.connack_properties(&connect, wanted.session_expiry_interval);
            connack.properties.assigned_client_identifier =
                assigned.map(|id| id.as_mqtt_string().clone()); // [MQTT-3.2.2-16] [MQTT-3.1.3-7]
            if let Some((method, data)) = self.authentication() {
                // [MQTT-4.12.0-6]
                connack.properties.authentication_method = Some(method);
                connack.properties.authentication_data = data;
            }
        }
        self.send(Packet::ConnAck(Box::new(connack))); // [MQTT-3.2.0-1] [MQTT-3.1.4-5]
    }

    /// Only a 5.0 client can be told to use a shorter keep alive than it wants.
    fn keep_alive_for(&self, wanted: u16) -> u16 {
        match self
            .limits
            .keep_alive
            .filter(|_| self.version == Version::V5)
        {
            Some(longest) if wanted == 0 || wanted > longest => longest,
            _ => wanted, // [MQTT-3.2.2-22]
        }
    }

    fn resume(&mut self, mut previous: Session) {
        previous.receiver.disconnect();
        self.receiver = previous.receiver;
        self.sender = previous.sender; // [MQTT-4.8.2-4]
        self.subscriptions = previous.subscriptions;
        self.dropped = previous.dropped;
    }

    fn connack_properties(
        &self,
        connect: &Connect,
        wanted_expiry: Option<u32>,
    ) -> ConnAckProperties {
        let limits = &self.limits;
        let differs = |available: bool| (!available).then_some(false);
        ConnAckProperties {
            session_expiry_interval: wanted_expiry
                .filter(|wanted| *wanted != self.expiry)
                .map(|_| self.expiry),
            receive_maximum: NonZeroU16::new(limits.receive_maximum),
            maximum_qos: (limits.maximum_qos < QoS::ExactlyOnce).then_some(limits.maximum_qos), // [MQTT-3.2.2-9]
            retain_available: differs(limits.retain_available),
            maximum_packet_size: NonZeroU32::new(limits.maximum_packet_size),
            topic_alias_maximum: (limits.topic_alias_maximum > 0)
                .then_some(limits.topic_alias_maximum),
            wildcard_subscription_available: differs(limits.wildcards_available),
            subscription_identifier_available: differs(limits.subscription_identifiers_available),
            shared_subscription_available: differs(limits.shared_subscriptions_available),
            server_keep_alive: (self.keep_alive != connect.keep_alive).then_some(self.keep_alive), // [MQTT-3.2.2-21]
            ..ConnAckProperties::default()
        }
    }
}
