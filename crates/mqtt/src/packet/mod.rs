//! Control packets: one file for each, and the [`Packet`] that is any of them.
//! Takes bytes from a listener or a device's socket (`codec.rs`).
//! Gives packets to `session` and `device`, and bytes back to the socket.

mod header;
mod mqtt_string;

mod connect;

mod connack;

mod publish;
mod shared_publish;

mod ack;

mod subscribe;

mod suback;

mod unsubscribe;

mod disconnect;

mod auth;

mod any;

mod codec;
mod error;
mod reader;
mod sink;

pub use ack::{Ack, AckProperties};
pub use any::Packet;
pub use auth::{Auth, AuthProperties};
pub use codec::{Codec, Role};
pub use connack::{ConnAck, ConnAckProperties};
pub use connect::{ClientId, Connect, ConnectProperties, Will, WillProperties};
pub use disconnect::{Disconnect, DisconnectProperties};
pub use error::{DecodeError, EncodeError};
pub use header::{MAX_REMAINING_LENGTH, PacketId, PacketType, QoS, Version};
pub use mqtt_string::{MqttString, StringError};
pub use publish::{Publish, PublishProperties};
pub use shared_publish::{Delivery, SharedPublish, TopicAlias};
pub use suback::{SubAck, UnsubAck};
pub use subscribe::{
    RetainHandling, Subscribe, SubscribeProperties, Subscription, SubscriptionOptions,
};
pub use unsubscribe::{Unsubscribe, UnsubscribeProperties};

pub(crate) use reader::Reader;
pub(crate) use sink::{Length, Sink};
