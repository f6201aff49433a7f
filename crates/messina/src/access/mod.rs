//! Who may connect, what they may do, and how much of it: authentication, access control, limits.
//! Takes the checked `[mqtt.access]` configuration and, from `gateway`, what a client says of itself.
//! Gives an [`Identity`] or a [`Refusal`], decisions on topics and filters, and budgets. It opens no socket.
//!
//! What a connection does with it, in order:
//!
//! 1. [`Access::connected`] when the socket is accepted: a [`ConnectionSlot`] to hold, or too many from there.
//! 2. On CONNECT without an authentication method, [`Access::log_in`]; with one, [`Access::begin`], whose answer
//!    goes out as AUTH, and [`Access::finish`] with the AUTH that comes back. Both give an [`Identity`]; a
//!    [`Refusal`] has the [`reason`](Refusal::reason) for CONNACK.
//! 3. The [`Acl`] of the moment from [`Access::acl`] answers for a [`Client`] (identity and client identifier):
//!    [`Acl::may_write`] for a PUBLISH, retained or not, and for a will, at CONNECT and again when its connection
//!    is lost (a will that waits a delay is not asked for a third time);
//!    [`Acl::subscription`] for a SUBSCRIBE, shared or not; and unless that said
//!    [`Covered`](Subscription::Covered), [`Acl::may_read`] for every delivery, retained publishes included.
//!    [`Access::generation`] changes with each reload: what was [`Covered`](Subscription::Covered) before must
//!    be asked anew.
//! 4. [`Meter::take`] for each PUBLISH: zero, or how long not to read from the client.
//! 5. When [`Identity::expires`] has passed, the connection ends with 0xA0 or a re-authentication.
//!
//! [`Access::reload`] on SIGHUP: all files as one, or the old ones stay and the error says why. Afterwards
//! [`Access::still_knows`] says of each connection whether its user is still there.

mod identity;

pub use identity::{Client, Grants, Identity, Method};

// What a client may do.
mod acl;

pub use acl::{Acl, Subscription};

// Who a client is.
mod password;

pub use password::{HashError, PasswordFile, Stored, entry_for};

mod scram;

pub use scram::{Exchange, SCRAM_SHA_256};

mod token;

pub use token::{KeyError, Keys, VerifyingKey};

mod refusal;

pub use refusal::{Refusal, TokenError};

mod authenticator;

pub use authenticator::{Authenticator, Credentials};

// How much of it.
mod limits;

pub use limits::{Addresses, Backoff, ConnectionSlot, Meter};

// All of it together, from the files and again from the files.
mod control;

pub use control::{Access, AccessError};

mod inspect;

pub use inspect::inspect;
pub(crate) use inspect::private;

#[cfg(test)]
mod tests;
