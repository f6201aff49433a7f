//! Why a client was not let in.

use std::time::Duration;

use messina_mqtt::reason::ReasonCode;

/// Why a client was not let in. The words are for the log; the client sees [`Refusal::reason`], which does not
/// tell a user that does not exist from a wrong password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It did not say who it is, or in a way that is not configured.
    #[error("anonymous clients are not let in from here")]
    Anonymous,
    /// No such user.
    #[error("there is no such user")]
    UnknownUser,
    /// The user exists, the password is another.
    #[error("the password is wrong")]
    WrongPassword,
    /// A user name and no password, or a password in a form that nothing checks.
    #[error("there is no password that could be checked")]
    NoPassword,
    /// The certificate has no name of the configured kind.
    #[error("the client certificate does not name a user")]
    Certificate,
    /// The token is wrong.
    #[error("the token is refused: {0}")]
    Token(#[from] TokenError),
    /// The enhanced authentication named a method we do not have.
    #[error("the authentication method is not supported")]
    Method,
    /// A message of the SCRAM exchange is not what the RFC says.
    #[error("a message of the SCRAM exchange is malformed")]
    Scram,
    /// Too many log-ins have failed; the next is looked at after this time.
    #[error("too many log-ins have failed, the next is looked at in {} s", wait.as_secs())]
    Backoff {
        /// How long that is.
        wait: Duration,
    },
    /// Too many passwords wait to be checked.
    #[error("too many passwords wait to be checked")]
    Busy,
    /// The address has as many connections as it may.
    #[error("its address has as many connections as it may")]
    Connections,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
}

impl Refusal {
    /// The reason code for CONNACK, or for the DISCONNECT that ends a re-authentication.
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::UnknownUser | Self::WrongPassword | Self::NoPassword | Self::Token(_) => {
                ReasonCode::BadUserNameOrPassword
            }
            Self::Anonymous | Self::Certificate | Self::Scram => ReasonCode::NotAuthorized,
            Self::Method => ReasonCode::BadAuthenticationMethod,
            Self::Backoff { .. } => ReasonCode::ConnectionRateExceeded,
            Self::Busy => ReasonCode::ServerBusy,
            Self::Connections => ReasonCode::QuotaExceeded,
            Self::NoRandomness => ReasonCode::ServerUnavailable,
        }
    }

    /// The word for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::UnknownUser => "unknown_user",
            Self::WrongPassword => "wrong_password",
            Self::NoPassword => "no_password",
            Self::Certificate => "certificate",
            Self::Token(_) => "token",
            Self::Method => "method",
            Self::Scram => "scram",
            Self::Backoff { .. } => "backoff",
            Self::Busy => "busy",
            Self::Connections => "connections",
            Self::NoRandomness => "no_randomness",
        }
    }

    /// Whether somebody may be guessing, so that it counts towards the back-off. A token cannot be guessed, and
    /// devices behind one address whose token has expired must not lock out the others.
    pub const fn is_guess(self) -> bool {
        matches!(self, Self::UnknownUser | Self::WrongPassword)
    }
}

/// What is wrong with a token. Never says what it contained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three parts of base64 with JSON in the first two.
    #[error("it is not a JSON web token")]
    Malformed,
    /// It has an extension that must be understood.
    #[error("it has a critical extension")]
    Critical,
    /// No key has its algorithm and key identifier; `none` is such an algorithm.
    #[error("no key is configured for its algorithm and key identifier")]
    NoKey,
    /// It was not signed with the key, or changed since.
    #[error("its signature is wrong")]
    Signature,
    /// It has no `exp`.
    #[error("it does not say when it expires")]
    NoExpiry,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// Its time has not come.
    #[error("it is not valid yet")]
    NotYet,
    /// It is for somebody else, or for somebody and no audience is configured.
    #[error("it is for another audience")]
    Audience,
    /// It is from somebody else.
    #[error("it is from another issuer")]
    Issuer,
    /// It has no `sub`, or one that is not the user name.
    #[error("its subject is missing or not the user name")]
    Subject,
    /// `publ` or `subs` are not lists of topic filters.
    #[error("its topic claims are not lists of topic filters")]
    Topics,
}
