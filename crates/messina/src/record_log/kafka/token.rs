//! The token of SASL/OAUTHBEARER: a JSON web token that somebody else renews.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::client::OAuthToken;
use serde::Deserialize;

use super::error::KafkaLogError;

/// What we read of a token; whether it is genuine is the brokers' business.
#[derive(Debug, Deserialize)]
struct Claims {
    /// Whom it is about.
    #[serde(default)]
    sub: Option<String>,
    /// When it ends, in seconds since 1970-01-01 UTC.
    exp: f64,
}

/// The token with its owner and its end.
pub(super) fn parse(token: &str) -> Result<OAuthToken, KafkaLogError> {
    let wrong = |said| KafkaLogError::Token { said };
    let token = token.trim();
    let claims = token.split('.').nth(1);
    let claims = claims.ok_or_else(|| wrong("it is not a JSON web token"))?;
    let claims = URL_SAFE_NO_PAD
        .decode(claims.trim_end_matches('='))
        .map_err(|_error| wrong("its claims are not base64"))?;
    let claims: Claims = serde_json::from_slice(&claims)
        .map_err(|_error| wrong("its claims are not JSON with `exp`"))?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a time beyond 64 bits of milliseconds is as good as the last of them"
    )]
    let lifetime_ms = (claims.exp * 1000.0) as i64;
    Ok(OAuthToken {
        token: token.to_owned(),
        principal_name: claims.sub.unwrap_or_default(),
        lifetime_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whose_it_is_and_until_when() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"gate","exp":1700000000.5}"#);
        let token = parse(&format!("e30.{claims}.sig\n")).unwrap();
        assert_eq!(token.principal_name, "gate");
        assert_eq!(token.lifetime_ms, 1_700_000_000_500);
        assert_eq!(token.token, format!("e30.{claims}.sig"));
        for wrong in ["", "abc", "a.!.c", "a.e30.c"] {
            let error = parse(wrong).err().unwrap().to_string();
            assert!(
                error.contains("`kafka.oauth_token` cannot be used"),
                "{error}"
            );
        }
    }
}
