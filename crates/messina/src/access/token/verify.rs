//! From a token to an identity.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use messina_mqtt::topic::TopicFilter;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::key::VerifyingKey;
use crate::access::identity::{Grants, Identity, Method};
use crate::access::refusal::TokenError;

/// The longest token we look at.
const MOST_BYTES: usize = 16 * 1024;

/// The most filters of one claim.
const MOST_FILTERS: usize = 256;

/// How far ahead of ours the issuer's clock may be.
const SKEW: Duration = Duration::from_mins(1);

/// The keys that are configured.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    keys: Vec<VerifyingKey>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    iss: Option<String>,
    aud: Option<Audience>,
    publ: Option<serde_json::Value>,
    subs: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Many(many) => many.iter().any(|one| one == name),
        }
    }
}

impl Keys {
    /// These keys.
    pub fn new(keys: Vec<VerifyingKey>) -> Self {
        Self { keys }
    }

    /// Whether there are none, so that no password is taken for a token.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether a password looks like a token: `{"` in base64, and two dots.
    pub fn looks_like_one(password: &[u8]) -> bool {
        password.starts_with(b"eyJ") && password.split(|byte| *byte == b'.').count() == 3
    }

    /// Verifies a token at a time since 1970-01-01 UTC. A user name, if CONNECT has one, must be the subject.
    pub fn verify(
        &self,
        token: &[u8],
        user_name: Option<&str>,
        now: Duration,
    ) -> Result<Identity, TokenError> {
        if token.len() > MOST_BYTES {
            return Err(TokenError::Malformed);
        }
        let token = std::str::from_utf8(token).map_err(|_bytes| TokenError::Malformed)?;
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
        let header: Header = json(header)?;
        if header.crit.is_some() {
            return Err(TokenError::Critical);
        }
        let signature = decode(signature)?;
        let key = self.key(&header, message.as_bytes(), &signature)?;
        // Nothing in the claims is looked at before the signature holds.
        let claims: Claims = json(claims)?;
        let expires = check(&claims, key, now)?;
        let subject = claims.sub.filter(|subject| !subject.is_empty());
        let subject = subject.ok_or(TokenError::Subject)?;
        if user_name.is_some_and(|name| !name.is_empty() && name != subject) {
            return Err(TokenError::Subject);
        }
        let grants = Grants {
            publish: filters(claims.publ)?,
            subscribe: filters(claims.subs)?,
        };
        Ok(Identity {
            expires: Some(expires),
            grants: (grants != Grants::default()).then(|| Arc::new(grants)),
            ..Identity::user(&subject, Method::Token)
        })
    }

    /// The key that has signed a message, among those for the header's algorithm and key identifier.
    fn key(
        &self,
        header: &Header,
        message: &[u8],
        signature: &[u8],
    ) -> Result<&VerifyingKey, TokenError> {
        let fits = |key: &&VerifyingKey| {
            let same_id = match (&header.kid, &key.config.id) {
                (Some(theirs), Some(ours)) => theirs == ours,
                (_, None) => true,
                (None, Some(_)) => false,
            };
            same_id && key.config.algorithm.name() == header.alg
        };
        let mut found = Err(TokenError::NoKey);
        for key in self.keys.iter().filter(fits) {
            if key.verify(message, signature) {
                return Ok(key);
            }
            found = Err(TokenError::Signature);
        }
        found
    }
}

/// Checks who the token is from and for, and when; gives the time it expires.
fn check(claims: &Claims, key: &VerifyingKey, now: Duration) -> Result<Duration, TokenError> {
    let time =
        |seconds: f64| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
    let expires = time(claims.exp.ok_or(TokenError::NoExpiry)?);
    if expires <= now {
        return Err(TokenError::Expired);
    }
    if claims.nbf.is_some_and(|nbf| time(nbf) > now + SKEW) {
        return Err(TokenError::NotYet);
    }
    let audience = match (&claims.aud, &key.config.audience) {
        (Some(theirs), Some(ours)) => theirs.has(ours),
        // RFC 7519, 4.1.3: who is not named must refuse.
        (Some(_), None) | (None, Some(_)) => false,
        (None, None) => true,
    };
    if !audience {
        return Err(TokenError::Audience);
    }
    if key.config.issuer.is_some() && key.config.issuer != claims.iss {
        return Err(TokenError::Issuer);
    }
    Ok(expires)
}

fn filters(claim: Option<serde_json::Value>) -> Result<Option<Vec<TopicFilter>>, TokenError> {
    let Some(claim) = claim else {
        return Ok(None);
    };
    let texts: Vec<String> = serde_json::from_value(claim).map_err(|_type| TokenError::Topics)?;
    if texts.len() > MOST_FILTERS {
        return Err(TokenError::Topics);
    }
    let mut filters = Vec::with_capacity(texts.len());
    for text in &texts {
        let filter = TopicFilter::new(text).ok();
        let filter = filter.filter(|filter| !filter.is_shared());
        filters.push(filter.ok_or(TokenError::Topics)?);
    }
    Ok(Some(filters))
}

fn json<T: DeserializeOwned>(part: &str) -> Result<T, TokenError> {
    serde_json::from_slice(&decode(part)?).map_err(|_json| TokenError::Malformed)
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    let decoded = URL_SAFE_NO_PAD.decode(part);
    decoded.map_err(|_base64| TokenError::Malformed)
}
