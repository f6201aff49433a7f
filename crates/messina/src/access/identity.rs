//! Who a client turned out to be.

use std::sync::Arc;
use std::time::Duration;

use messina_mqtt::topic::TopicFilter;

/// Who a client turned out to be. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user name that rules are looked up by; `None` for an anonymous client.
    pub user: Option<Arc<str>>,
    /// How that is known.
    pub method: Method,
    /// When that ceases to be known, since 1970-01-01 UTC; `None` for as long as the connection lasts.
    pub expires: Option<Duration>,
    /// What a token said its bearer may do.
    pub grants: Option<Arc<Grants>>,
}

impl Identity {
    /// A client that did not say who it is.
    pub const ANONYMOUS: Self = Self {
        user: None,
        method: Method::Anonymous,
        expires: None,
        grants: None,
    };

    /// A user known by `method`.
    pub fn user(name: &str, method: Method) -> Self {
        Self {
            user: Some(name.into()),
            method,
            ..Self::ANONYMOUS
        }
    }
}

/// How an identity is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// It is not.
    Anonymous,
    /// A user name and password.
    Password,
    /// A client certificate.
    Certificate,
    /// A JSON web token.
    Token,
    /// SCRAM-SHA-256.
    Scram,
}

impl Method {
    /// The word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Password => "password",
            Self::Certificate => "certificate",
            Self::Token => "token",
            Self::Scram => "scram",
        }
    }
}

/// What a token says its bearer may do: its claims `publ` and `subs`. A claim that is there stands in the place
/// of what the access control file grants; what the file denies stays denied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// Topics to publish to; `None` leaves it to the file.
    pub publish: Option<Vec<TopicFilter>>,
    /// Topics to subscribe to; `None` leaves it to the file.
    pub subscribe: Option<Vec<TopicFilter>>,
}

/// What a decision is about: an identity, and the client identifier that patterns may name.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    /// Who it is.
    pub identity: &'a Identity,
    /// The client identifier, as the server knows it.
    pub client_id: &'a str,
}

impl<'a> Client<'a> {
    /// The user name, if there is one.
    pub fn user(&self) -> Option<&'a str> {
        self.identity.user.as_deref()
    }
}
