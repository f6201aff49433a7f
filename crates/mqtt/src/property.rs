//! Properties of MQTT 5.0: their identifiers, their types, and how a packet's list is read and written.
//!
//! Each packet declares its properties as a struct (`properties!`). What the struct does not list is not
//! allowed in that packet; an `Option` may come once, a `Vec` may repeat.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::Bytes;

use crate::numbered::numbered;
use crate::packet::{
    DecodeError, EncodeError, Length, MAX_REMAINING_LENGTH, MqttString, QoS, Reader, Sink,
};
use crate::topic::Topic;

/// How often a property that may repeat is accepted in one packet.
pub const MAX_REPEATED: usize = 1024;

/// A name and a value that the protocol carries and does not interpret.
pub type UserProperty = (MqttString, MqttString); // [MQTT-1.5.7-1]

numbered! {
    /// The identifier of a property.
    enum PropertyId;
    /// The property with this number.
    fn from_u32(u32);
    /// The specification's name.
    fn name();
    PayloadFormatIndicator = 0x01, "Payload Format Indicator";
    MessageExpiryInterval = 0x02, "Message Expiry Interval";
    ContentType = 0x03, "Content Type"; // [MQTT-3.3.2-19]
    ResponseTopic = 0x08, "Response Topic";
    CorrelationData = 0x09, "Correlation Data";
    SubscriptionIdentifier = 0x0B, "Subscription Identifier";
    SessionExpiryInterval = 0x11, "Session Expiry Interval";
    AssignedClientIdentifier = 0x12, "Assigned Client Identifier";
    ServerKeepAlive = 0x13, "Server Keep Alive";
    AuthenticationMethod = 0x15, "Authentication Method";
    AuthenticationData = 0x16, "Authentication Data";
    RequestProblemInformation = 0x17, "Request Problem Information";
    WillDelayInterval = 0x18, "Will Delay Interval";
    RequestResponseInformation = 0x19, "Request Response Information";
    ResponseInformation = 0x1A, "Response Information";
    ServerReference = 0x1C, "Server Reference";
    ReasonString = 0x1F, "Reason String";
    ReceiveMaximum = 0x21, "Receive Maximum";
    TopicAliasMaximum = 0x22, "Topic Alias Maximum";
    TopicAlias = 0x23, "Topic Alias";
    MaximumQoS = 0x24, "Maximum QoS";
    RetainAvailable = 0x25, "Retain Available";
    UserProperty = 0x26, "User Property";
    MaximumPacketSize = 0x27, "Maximum Packet Size";
    WildcardSubscriptionAvailable = 0x28, "Wildcard Subscription Available";
    SubscriptionIdentifierAvailable = 0x29, "Subscription Identifier Available";
    SharedSubscriptionAvailable = 0x2A, "Shared Subscription Available";
}

impl std::fmt::Display for PropertyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What a payload is, as its sender says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PayloadFormat {
    /// Bytes.
    Unspecified = 0,
    /// UTF-8 text.
    Utf8 = 1,
}

/// The number a client gives a subscription: 1 to 268,435,455.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriptionId(NonZeroU32);

impl SubscriptionId {
    /// The identifier with this number, if it may be one.
    pub const fn new(value: u32) -> Option<Self> {
        match NonZeroU32::new(value) {
            Some(number) if value <= MAX_REMAINING_LENGTH => Some(Self(number)),
            _ => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// A packet's properties, as one struct.
pub(crate) trait Properties: Default {
    /// Reads the value of one property, which this packet must allow.
    fn read_field(&mut self, id: PropertyId, reader: &mut Reader) -> Result<(), DecodeError>;

    /// Writes all properties without the length in front.
    fn write_fields<S: Sink>(&self, out: &mut S) -> Result<(), EncodeError>;

    /// Reads the length and then as many properties as it covers.
    fn read(reader: &mut Reader) -> Result<Self, DecodeError> {
        let mut section = reader.section()?;
        let mut properties = Self::default();
        while !section.is_empty() {
            let number = section.varint()?;
            let id = PropertyId::from_u32(number).ok_or(DecodeError::UnknownProperty(number))?;
            properties.read_field(id, &mut section)?;
        }
        Ok(properties)
    }

    /// As [`read`](Self::read), and `None` where there is nothing to keep.
    fn read_boxed(reader: &mut Reader) -> Result<Option<Box<Self>>, DecodeError> {
        if reader.skip_zero() {
            return Ok(None);
        }
        Self::read(reader).map(Box::new).map(Some)
    }

    /// Writes the length, zero as well [MQTT-2.2.2-1], and the properties.
    fn write<S: Sink>(&self, out: &mut S) -> Result<(), EncodeError> {
        write_length(self.fields_len()?, out)?;
        self.write_fields(out)
    }

    /// The bytes of the properties, without the length in front.
    fn fields_len(&self) -> Result<usize, EncodeError> {
        let mut length = Length::default();
        self.write_fields(&mut length)?;
        Ok(length.0)
    }
}

/// Writes properties that may be absent, which is a length of zero [MQTT-2.2.2-1].
pub(crate) fn write_boxed<P: Properties, S: Sink>(
    properties: Option<&P>,
    out: &mut S,
) -> Result<(), EncodeError> {
    match properties {
        Some(properties) => properties.write(out),
        None => write_length(0, out),
    }
}

/// Whether there is at least one property to write.
pub(crate) fn has_fields<P: Properties>(properties: Option<&P>) -> Result<bool, EncodeError> {
    properties.map_or(Ok(false), |properties| Ok(properties.fields_len()? > 0))
}

/// Writes the length that stands before properties.
pub(crate) fn write_length<S: Sink>(length: usize, out: &mut S) -> Result<(), EncodeError> {
    let limit = MAX_REMAINING_LENGTH;
    match u32::try_from(length) {
        Ok(length) if length <= limit => {
            out.varint(length);
            Ok(())
        }
        _ => Err(EncodeError::FieldTooLong(length)),
    }
}

/// A field of a properties struct: the property's value, and how often it may come.
pub(crate) trait PropertyField {
    fn read(&mut self, id: PropertyId, reader: &mut Reader) -> Result<(), DecodeError>;
    fn write<S: Sink>(&self, id: PropertyId, out: &mut S) -> Result<(), EncodeError>;
}

impl<T: PropertyValue> PropertyField for Option<T> {
    fn read(&mut self, id: PropertyId, reader: &mut Reader) -> Result<(), DecodeError> {
        if self.is_some() {
            return Err(DecodeError::DuplicateProperty(id));
        }
        *self = Some(T::read(id, reader)?);
        Ok(())
    }

    fn write<S: Sink>(&self, id: PropertyId, out: &mut S) -> Result<(), EncodeError> {
        let Some(value) = self else { return Ok(()) };
        out.u8(id as u8);
        value.write(out)
    }
}

impl<T: PropertyValue> PropertyField for Vec<T> {
    fn read(&mut self, id: PropertyId, reader: &mut Reader) -> Result<(), DecodeError> {
        if self.len() >= MAX_REPEATED {
            return Err(DecodeError::TooManyProperties(id));
        }
        self.push(T::read(id, reader)?);
        Ok(())
    }

    fn write<S: Sink>(&self, id: PropertyId, out: &mut S) -> Result<(), EncodeError> {
        for value in self {
            out.u8(id as u8);
            value.write(out)?;
        }
        Ok(())
    }
}

/// The value of one property on the wire.
pub(crate) trait PropertyValue: Sized {
    fn read(id: PropertyId, reader: &mut Reader) -> Result<Self, DecodeError>;
    fn write<S: Sink>(&self, out: &mut S) -> Result<(), EncodeError>;
}

macro_rules! property_value {
    ($type:ty, |$id:ident, $reader:ident| $read:expr, |$value:ident, $out:ident| $write:expr) => {
        impl PropertyValue for $type {
            fn read($id: PropertyId, $reader: &mut Reader) -> Result<Self, DecodeError> {
                $read
            }

            fn write<S: Sink>(&self, $out: &mut S) -> Result<(), EncodeError> {
                let $value = self;
                $write
            }
        }
    };
    (number $type:ty, |$id:ident, $reader:ident| $read:expr, |$value:ident, $out:ident| $write:expr) => {
        property_value!($type, |$id, $reader| $read, |$value, $out| {
            $write;
            Ok(())
        });
    };
}

property_value!(number u16, |_id, reader| reader.u16(), |value, out| out.u16(*value));
property_value!(number u32, |_id, reader| reader.u32(), |value, out| out.u32(*value));
property_value!(
    number NonZeroU16,
    |id, reader| NonZeroU16::new(reader.u16()?).ok_or(match id {
        PropertyId::TopicAlias => DecodeError::TopicAliasZero, // [MQTT-3.3.2-8]
        _ => DecodeError::PropertyValue(id),
    }),
    |value, out| out.u16(value.get())
);
property_value!(
    number NonZeroU32,
    |id, reader| NonZeroU32::new(reader.u32()?).ok_or(DecodeError::PropertyValue(id)),
    |value, out| out.u32(value.get())
);
property_value!(
    number bool,
    |id, reader| match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::PropertyValue(id)),
    },
    |value, out| out.u8(u8::from(*value))
);
property_value!(
    number PayloadFormat,
    |id, reader| match reader.u8()? {
        0 => Ok(Self::Unspecified),
        1 => Ok(Self::Utf8),
        _ => Err(DecodeError::PropertyValue(id)),
    },
    |value, out| out.u8(*value as u8)
);
property_value!(
    number QoS,
    // Maximum QoS says what is missing, so 2 is not a value of it.
    |id, reader| match reader.u8()? {
        0 => Ok(Self::AtMostOnce),
        1 => Ok(Self::AtLeastOnce),
        _ => Err(DecodeError::PropertyValue(id)),
    },
    |value, out| out.u8(value.as_u8())
);
property_value!(
    number SubscriptionId,
    |id, reader| Self::new(reader.varint()?).ok_or(DecodeError::PropertyValue(id)),
    |value, out| out.varint(value.get())
);
property_value!(MqttString, |_id, reader| reader.string(), |value, out| out
    .binary(value.as_bytes()));
property_value!(Bytes, |_id, reader| reader.binary(), |value, out| out
    .binary(value));
property_value!(
    Topic,
    |_id, reader| reader.topic(), // [MQTT-3.3.2-13] [MQTT-3.3.2-14]
    |value, out| out.binary(value.as_bytes())
);
property_value!(
    UserProperty,
    |_id, reader| Ok((reader.string()?, reader.string()?)),
    |value, out| {
        out.binary(value.0.as_bytes())?;
        out.binary(value.1.as_bytes())
    }
);

/// Declares the properties of a packet: a struct whose fields are exactly what the packet allows.
macro_rules! properties {
    (
        $(#[$doc:meta])*
        pub struct $name:ident {
            $($(#[$field_doc:meta])+ pub $field:ident: $type:ty = $id:ident,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])+ pub $field: $type,)+
        }

        impl $crate::property::Properties for $name {
            fn read_field(
                &mut self,
                id: $crate::property::PropertyId,
                reader: &mut $crate::packet::Reader,
            ) -> Result<(), $crate::packet::DecodeError> {
                use $crate::property::{PropertyField, PropertyId};
                match id {
                    $(PropertyId::$id => PropertyField::read(&mut self.$field, id, reader),)+
                    _ => Err($crate::packet::DecodeError::PropertyNotAllowed(id)),
                }
            }

            fn write_fields<S: $crate::packet::Sink>(
                &self,
                out: &mut S,
            ) -> Result<(), $crate::packet::EncodeError> {
                use $crate::property::{PropertyField, PropertyId};
                $(PropertyField::write(&self.$field, PropertyId::$id, out)?;)+
                Ok(())
            }
        }
    };
}

pub(crate) use properties;
