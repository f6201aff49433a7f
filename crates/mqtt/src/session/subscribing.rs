//! SUBSCRIBE and UNSUBSCRIBE, from the packet to its acknowledgement.

use super::{Output, Session, SessionSubscription, SubscribeRequest, UnsubscribeRequest};
use crate::packet::{
    Packet, PacketId, SubAck, Subscribe, Subscription, UnsubAck, Unsubscribe, Version,
};
use crate::property::SubscriptionId;
use crate::reason::ReasonCode;
use crate::topic::TopicFilter;

/// A SUBSCRIBE or UNSUBSCRIBE whose acknowledgement waits for the subscription index.
#[derive(Debug)]
pub(super) struct Request {
    packet_id: PacketId,
    /// The codes of the acknowledgement; None where the index has the last word.
    codes: Vec<Option<ReasonCode>>,
    /// What the index was asked to add; empty for an UNSUBSCRIBE.
    subscriptions: Vec<SessionSubscription>,
    subscribes: bool,
}

impl Session {
    pub(super) fn on_subscribe(&mut self, subscribe: Subscribe) -> Result<(), ReasonCode> {
        let identifier = subscribe.properties.subscription_identifier;
        let mut codes = Vec::with_capacity(subscribe.subscriptions.len());
        let mut subscriptions: Vec<SessionSubscription> = Vec::new();
        for Subscription {
            filter,
            mut options,
        } in subscribe.subscriptions
        {
            if filter.is_shared() && options.no_local {
                return Err(ReasonCode::ProtocolError); // [MQTT-3.8.3-4]
            }
            let replaces = self
                .subscriptions
                .iter()
                .any(|known| known.filter == filter);
            let refused =
                self.refuse_subscription(&filter, identifier, replaces, subscriptions.len());
            codes.push(refused);
            if refused.is_none() {
                // Held for long: the packet's buffer must not be.
                let filter = filter.detached();
                options.qos = options.qos.min(self.limits.maximum_qos); // [MQTT-3.8.4-7] [MQTT-3.2.2-10]
                subscriptions.push(SessionSubscription {
                    filter,
                    options,
                    identifier,
                    replaces,
                });
            }
        }
        let packet_id = subscribe.packet_id;
        self.requests.push_back(Request {
            packet_id,
            codes,
            subscriptions: subscriptions.clone(),
            subscribes: true,
        });
        if subscriptions.is_empty() {
            self.on_subscribed(packet_id, Vec::new());
        } else {
            let request = SubscribeRequest {
                packet_id,
                subscriptions,
            };
            self.outputs.push_back(Output::Subscribe(Box::new(request)));
        }
        Ok(())
    }

    /// Why this session by itself says no to a subscription.
    fn refuse_subscription(
        &self,
        filter: &TopicFilter,
        identifier: Option<SubscriptionId>,
        replaces: bool,
        asked: usize,
    ) -> Option<ReasonCode> {
        let limits = &self.limits;
        if !limits.topics.allow_filter(filter) {
            Some(ReasonCode::TopicFilterInvalid)
        } else if filter.is_shared() && !limits.shared_subscriptions_available {
            Some(ReasonCode::SharedSubscriptionsNotSupported)
        } else if filter.has_wildcard() && !limits.wildcards_available {
            Some(ReasonCode::WildcardSubscriptionsNotSupported)
        } else if identifier.is_some() && !limits.subscription_identifiers_available {
            Some(ReasonCode::SubscriptionIdentifiersNotSupported)
        } else if !replaces && self.subscriptions.len() + asked >= limits.subscriptions {
            Some(ReasonCode::QuotaExceeded)
        } else {
            None
        }
    }

    pub(super) fn on_subscribed(&mut self, packet_id: PacketId, granted: Vec<ReasonCode>) {
        let Some(request) = self.take_request(packet_id, true) else {
            return;
        };
        self.roomy = true;
        let mut answers = request.subscriptions.into_iter().zip(granted);
        let mut codes = Vec::with_capacity(request.codes.len());
        for refused in request.codes {
            let code = match refused {
                Some(code) => code,
                None => self.on_answer(answers.next()),
            };
            codes.push(self.suback_code(code));
        }
        self.send(Packet::SubAck(SubAck {
            packet_id,
            properties: None,
            reasons: codes,
        })); // [MQTT-3.8.4-1] [MQTT-3.8.4-6] [MQTT-2.2.1-6] [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.9.3-1]
    }

    /// The code for what the index said about a subscription.
    fn on_answer(&mut self, answer: Option<(SessionSubscription, ReasonCode)>) -> ReasonCode {
        let Some((subscription, code)) = answer else {
            return ReasonCode::UnspecifiedError;
        };
        if !code.is_error() {
            self.remember(subscription);
        }
        code
    }

    /// 3.1.1 knows one way to fail [MQTT3-3.9.3-2].
    fn suback_code(&self, code: ReasonCode) -> ReasonCode {
        if self.version == Version::V311 && code.is_error() {
            ReasonCode::UnspecifiedError
        } else {
            code
        }
    }

    /// A subscription with the same filter is replaced [MQTT-3.8.4-3].
    fn remember(&mut self, subscription: SessionSubscription) {
        let known = self
            .subscriptions
            .iter_mut()
            .find(|known| known.filter == subscription.filter);
        if let Some(known) = known {
            *known = subscription;
            return;
        }
        // Most sessions have one or two: no room for more in advance.
        if self.subscriptions.len() < 4 {
            self.subscriptions.reserve_exact(1);
        }
        self.subscriptions.push(subscription);
    }

    pub(super) fn on_unsubscribe(&mut self, unsubscribe: Unsubscribe) {
        // [MQTT-3.10.4-3]
        let packet_id = unsubscribe.packet_id;
        let mut codes = Vec::with_capacity(unsubscribe.filters.len());
        let mut filters: Vec<TopicFilter> = Vec::new();
        for filter in unsubscribe.filters {
            let known = self
                .subscriptions
                .iter()
                .position(|known| known.filter == filter);
            match known {
                Some(place) => {
                    self.subscriptions.swap_remove(place);
                    filters.push(filter); // [MQTT-3.10.4-1]
                    codes.push(Some(ReasonCode::Success));
                }
                None => codes.push(Some(ReasonCode::NoSubscriptionExisted)),
            }
        }
        self.requests.push_back(Request {
            packet_id,
            codes,
            subscriptions: Vec::new(),
            subscribes: false,
        });
        if filters.is_empty() {
            self.on_unsubscribed(packet_id); // [MQTT-3.10.4-5]
        } else {
            let request = UnsubscribeRequest { packet_id, filters };
            self.outputs
                .push_back(Output::Unsubscribe(Box::new(request)));
        }
    }

    pub(super) fn on_unsubscribed(&mut self, packet_id: PacketId) {
        if let Some(request) = self.take_request(packet_id, false) {
            let codes = request.codes.into_iter().flatten().collect();
            self.send(Packet::UnsubAck(UnsubAck {
                packet_id,
                properties: None,
                reasons: codes,
            })); // [MQTT-3.10.4-4] [MQTT-2.2.1-6] [MQTT-3.10.4-5] [MQTT-3.10.4-6] [MQTT-3.11.3-1]
        }
    }

    fn take_request(&mut self, packet_id: PacketId, subscribes: bool) -> Option<Request> {
        let is_it =
            |request: &Request| request.packet_id == packet_id && request.subscribes == subscribes;
        let place = self.requests.iter().position(is_it)?;
        self.requests.remove(place)
    }
}
