//! Tokens that hold, and all the ways in which one must not.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use ring::hmac;
use serde_json::json;

use super::*;
use crate::access::identity::{Identity, Method};
use crate::access::refusal::TokenError;
use crate::config::{KeySource, Secret, TokenAlgorithm, TokenKeyConfig};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const NOW: Duration = Duration::from_hours(500_000);
const RS256_KEY: &str = include_str!("../../../../../testdata/access/rs256.pem");
const RS256_PKCS1: &str = include_str!("../../../../../testdata/access/rs256-pkcs1.pem");
const RSA_1024: &str = include_str!("../../../../../testdata/access/rsa1024.pem");
const ES256_KEY: &str = include_str!("../../../../../testdata/access/es256.pem");
const RS256: &str = include_str!("../../../../../testdata/access/rs256.jwt");
const ES256: &str = include_str!("../../../../../testdata/access/es256.jwt");

fn config(algorithm: TokenAlgorithm) -> TokenKeyConfig {
    TokenKeyConfig {
        algorithm,
        key: KeySource::Inline(Secret::new(String::new())),
        id: None,
        audience: None,
        issuer: None,
    }
}

fn key(config: TokenKeyConfig, text: &str) -> VerifyingKey {
    VerifyingKey::new(config, text).unwrap()
}

fn hs256() -> Keys {
    Keys::new(vec![key(config(TokenAlgorithm::Hs256), SECRET)])
}

fn token_with(header: &serde_json::Value, claims: &serde_json::Value, secret: &str) -> String {
    let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn token(claims: &serde_json::Value) -> String {
    token_with(&json!({"alg": "HS256", "typ": "JWT"}), claims, SECRET)
}

fn verify(keys: &Keys, token: &str) -> Result<Identity, TokenError> {
    keys.verify(token.trim().as_bytes(), None, NOW)
}

fn refused(claims: &serde_json::Value) -> TokenError {
    verify(&hs256(), &token(claims)).unwrap_err()
}

#[test]
fn a_token_names_its_user_its_end_and_its_topics() {
    for (keys, token) in [
        (key(config(TokenAlgorithm::Rs256), RS256_KEY), RS256),
        (key(config(TokenAlgorithm::Rs256), RS256_PKCS1), RS256),
        (key(config(TokenAlgorithm::Es256), ES256_KEY), ES256),
    ] {
        let identity = verify(&Keys::new(vec![keys]), token).unwrap();
        assert_eq!(identity.user.as_deref(), Some("ada"));
        assert_eq!(identity.method, Method::Token);
        assert_eq!(identity.expires, Some(Duration::from_secs(2_000_000_000)));
        let grants = identity.grants.unwrap();
        assert_eq!(grants.publish.as_ref().unwrap()[0].as_str(), "up/ada/#");
        assert_eq!(grants.subscribe.as_ref().unwrap()[0].as_str(), "down/ada/+");
    }
    let plain = verify(
        &hs256(),
        &token(&json!({"sub": "ada", "exp": 1_900_000_000.5})),
    )
    .unwrap();
    assert_eq!(plain.grants, None);
}

#[test]
fn a_changed_token_and_another_key_are_refused() {
    for (algorithm, text, good) in [
        (TokenAlgorithm::Rs256, RS256_KEY, RS256),
        (TokenAlgorithm::Es256, ES256_KEY, ES256),
    ] {
        let keys = Keys::new(vec![key(config(algorithm), text)]);
        let mut parts: Vec<String> = good.trim().split('.').map(str::to_owned).collect();
        parts[1] = URL_SAFE_NO_PAD.encode(json!({"sub": "root", "exp": 2e9}).to_string());
        assert_eq!(verify(&keys, &parts.join(".")), Err(TokenError::Signature));
        parts[2] = String::new();
        assert_eq!(verify(&keys, &parts.join(".")), Err(TokenError::Signature));
    }
    let other = token_with(
        &json!({"alg": "HS256"}),
        &json!({"sub": "ada", "exp": 2e9}),
        "another",
    );
    assert_eq!(verify(&hs256(), &other), Err(TokenError::Signature));
}

#[test]
fn the_key_fixes_the_algorithm() {
    let claims = json!({"sub": "ada", "exp": 2e9});
    for algorithm in ["none", "None", "HS512", "RS256", "ES256", "hs256", ""] {
        let token = token_with(&json!({"alg": algorithm}), &claims, SECRET);
        assert_eq!(
            verify(&hs256(), &token),
            Err(TokenError::NoKey),
            "{algorithm}"
        );
    }
    // The old trick: the public key taken for a secret.
    let keys = Keys::new(vec![key(config(TokenAlgorithm::Rs256), RS256_KEY)]);
    let forged = token_with(&json!({"alg": "HS256"}), &claims, RS256_KEY);
    assert_eq!(verify(&keys, &forged), Err(TokenError::NoKey));
    let forged = token_with(&json!({"alg": "RS256"}), &claims, RS256_KEY);
    assert_eq!(verify(&keys, &forged), Err(TokenError::Signature));
    // No signature at all.
    let unsigned = token(&claims);
    let unsigned = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    assert_eq!(verify(&hs256(), &unsigned), Err(TokenError::Signature));
    assert_eq!(
        verify(&Keys::default(), &token(&claims)),
        Err(TokenError::NoKey)
    );
}

#[test]
fn time_is_required_and_counts() {
    assert_eq!(refused(&json!({"sub": "ada"})), TokenError::NoExpiry);
    assert_eq!(
        refused(&json!({"sub": "ada", "exp": null})),
        TokenError::NoExpiry
    );
    assert_eq!(
        refused(&json!({"sub": "ada", "exp": 1_800_000_000})),
        TokenError::Expired
    );
    assert_eq!(
        refused(&json!({"sub": "ada", "exp": -1})),
        TokenError::Expired
    );
    assert_eq!(
        refused(&json!({"sub": "ada", "exp": "2000000000"})),
        TokenError::Malformed
    );
    let later = json!({"sub": "ada", "exp": 2e9, "nbf": 1_800_000_061});
    assert_eq!(refused(&later), TokenError::NotYet);
    let soon = json!({"sub": "ada", "exp": 2e9, "nbf": 1_800_000_059});
    assert!(verify(&hs256(), &token(&soon)).is_ok());
    let last = json!({"sub": "ada", "exp": 1_800_000_001});
    assert!(verify(&hs256(), &token(&last)).is_ok());
}

#[test]
fn audience_issuer_and_key_identifier_must_agree_where_they_are_asked_for() {
    let keys = Keys::new(vec![key(
        TokenKeyConfig {
            id: Some("k1".into()),
            audience: Some("messina".into()),
            issuer: Some("us".into()),
            ..config(TokenAlgorithm::Hs256)
        },
        SECRET,
    )]);
    let good = json!({"sub": "ada", "exp": 2e9, "aud": ["x", "messina"], "iss": "us"});
    let try_with = |header: serde_json::Value, change: &[(&str, serde_json::Value)]| {
        let mut claims = good.clone();
        for (name, value) in change {
            claims[*name] = value.clone();
        }
        verify(&keys, &token_with(&header, &claims, SECRET)).map(|_identity| ())
    };
    let header = || json!({"alg": "HS256", "kid": "k1"});
    assert_eq!(try_with(header(), &[]), Ok(()));
    assert_eq!(try_with(header(), &[("aud", json!("messina"))]), Ok(()));
    assert_eq!(
        try_with(header(), &[("aud", json!("other"))]),
        Err(TokenError::Audience)
    );
    assert_eq!(
        try_with(header(), &[("aud", json!(null))]),
        Err(TokenError::Audience)
    );
    assert_eq!(
        try_with(header(), &[("iss", json!("them"))]),
        Err(TokenError::Issuer)
    );
    assert_eq!(
        try_with(header(), &[("iss", json!(null))]),
        Err(TokenError::Issuer)
    );
    assert_eq!(
        try_with(json!({"alg": "HS256"}), &[]),
        Err(TokenError::NoKey)
    );
    let other = json!({"alg": "HS256", "kid": "k2"});
    assert_eq!(try_with(other, &[]), Err(TokenError::NoKey));
    let critical = json!({"alg": "HS256", "kid": "k1", "crit": ["exp"]});
    assert_eq!(try_with(critical, &[]), Err(TokenError::Critical));
    // A token for somebody else is not for us because we did not say who we are.
    assert_eq!(
        refused(&json!({"sub": "ada", "exp": 2e9, "aud": "other"})),
        TokenError::Audience
    );
}

#[test]
fn the_user_is_the_subject_and_nobody_else() {
    assert_eq!(refused(&json!({"exp": 2e9})), TokenError::Subject);
    assert_eq!(
        refused(&json!({"exp": 2e9, "sub": ""})),
        TokenError::Subject
    );
    let token = token(&json!({"exp": 2e9, "sub": "ada"}));
    let as_user = |name| {
        hs256()
            .verify(token.as_bytes(), Some(name), NOW)
            .map(|_identity| ())
    };
    assert_eq!(as_user("ada"), Ok(()));
    assert_eq!(as_user(""), Ok(()));
    assert_eq!(as_user("grace"), Err(TokenError::Subject));
}

#[test]
fn topic_claims_are_lists_of_filters() {
    for wrong in [
        json!("a"),
        json!([1]),
        json!(["a/#/b"]),
        json!([""]),
        json!(["$share/g/x"]),
        json!(vec!["a"; 300]),
    ] {
        assert_eq!(
            refused(&json!({"sub": "ada", "exp": 2e9, "publ": wrong})),
            TokenError::Topics
        );
        assert_eq!(
            refused(&json!({"sub": "ada", "exp": 2e9, "subs": wrong})),
            TokenError::Topics
        );
    }
    let none = verify(
        &hs256(),
        &token(&json!({"sub": "ada", "exp": 2e9, "publ": []})),
    )
    .unwrap();
    assert_eq!(none.grants.unwrap().publish.as_deref(), Some(&[][..]));
}

#[test]
fn keys_that_cannot_be_used_say_why() {
    let wrong = |algorithm, text| VerifyingKey::new(config(algorithm), text).unwrap_err();
    assert_eq!(wrong(TokenAlgorithm::Hs256, "\n"), KeyError::Empty);
    assert_eq!(wrong(TokenAlgorithm::Rs256, "secret"), KeyError::NotPem);
    assert_eq!(wrong(TokenAlgorithm::Rs256, ES256_KEY), KeyError::Kind);
    assert_eq!(wrong(TokenAlgorithm::Es256, RS256_KEY), KeyError::Kind);
    assert_eq!(wrong(TokenAlgorithm::Rs256, RSA_1024), KeyError::Size(1024));
    let private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert_eq!(wrong(TokenAlgorithm::Es256, private), KeyError::NotPublic);
    let shown = format!("{:?}", hs256());
    assert!(!shown.contains("0123456789"), "{shown}");
    assert!(VerifyingKey::weakness(&config(TokenAlgorithm::Hs256), "short").is_some());
    assert!(VerifyingKey::weakness(&config(TokenAlgorithm::Hs256), SECRET).is_none());
}

#[test]
fn a_password_is_taken_for_a_token_only_if_it_looks_like_one() {
    assert!(Keys::looks_like_one(RS256.trim().as_bytes()));
    assert!(!Keys::looks_like_one(b"hunter2"));
    assert!(!Keys::looks_like_one(b"eyJ.hunter2"));
}

proptest! {
    #[test]
    fn nothing_makes_verification_panic(token in "[A-Za-z0-9_.-]{0,80}") {
        prop_assert!(verify(&hs256(), &token).is_err());
    }

    #[test]
    fn no_der_makes_a_key_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        drop(der::public_key(&bytes));
        drop(der::rsa(&bytes));
    }
}
