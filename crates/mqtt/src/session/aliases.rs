//! Topic aliases towards the client: what is sent often is named by a number.

use std::collections::HashMap;
use std::num::NonZeroU16;

use super::{Outgoing, Session};
use crate::packet::TopicAlias;
use crate::topic::Topic;

/// The aliases a client has been told, for one connection. They go to the first topics that are sent, and stay.
#[derive(Debug)]
pub(super) struct OwnAliases {
    /// The highest the client takes [MQTT-3.1.2-26], within our own limit. [MQTT-3.3.2-11]
    maximum: u16,
    numbers: HashMap<Topic, NonZeroU16>,
}

impl OwnAliases {
    /// No aliases yet, and none above `maximum`; `None` if that is 0 [MQTT-3.1.2-27].
    pub(super) fn new(maximum: u16) -> Option<Box<Self>> {
        (maximum > 0).then(|| {
            Box::new(Self {
                maximum,
                numbers: HashMap::new(),
            })
        })
    }

    fn of(&self, topic: &Topic) -> Option<TopicAlias> {
        if let Some(number) = self.numbers.get(topic) {
            return Some(TopicAlias {
                number: *number,
                known: true,
            });
        }
        let next = u16::try_from(self.numbers.len()).ok()?.checked_add(1)?;
        let number = NonZeroU16::new(next).filter(|_| next <= self.maximum)?;
        Some(TopicAlias {
            number,
            known: false,
        })
    }
}

impl Session {
    /// The alias a publish that is about to be written can go with. If it is, say so with
    /// [`topic_alias_sent`](Self::topic_alias_sent).
    pub fn topic_alias(&self, outgoing: &Outgoing) -> Option<TopicAlias> {
        let own = self.own_aliases.as_ref()?;
        let alias = own.of(&outgoing.publish.publish().topic)?;
        // One byte more if the length of the properties takes it.
        let size = outgoing.encoded_len() + TopicAlias::LEN + 1;
        (size <= self.packet_maximum as usize).then_some(alias)
    }

    /// A publish was written with `alias`: the client knows it from now on.
    pub fn topic_alias_sent(&mut self, outgoing: &Outgoing, alias: TopicAlias) {
        if let Some(own) = &mut self.own_aliases
            && !alias.known
        {
            let topic = outgoing.publish.publish().topic.detached();
            own.numbers.insert(topic, alias.number);
        }
    }
}
