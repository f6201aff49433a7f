//! RFC 7677's example, and everything that must not pass.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::pbkdf2;

use super::exchange::unescaped;
use super::keys::{KEY_BYTES, Key, LEAST_ITERATIONS, SALT_BYTES, hash, sign};
use super::*;
use crate::access::identity::{Identity, Method};
use crate::access::refusal::Refusal;

const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const OURS: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

fn rfc_keys() -> ScramKeys {
    let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    ScramKeys::derive(b"pencil", LEAST_ITERATIONS, salt)
}

fn begin(first: &str) -> Result<(Exchange, String), Refusal> {
    let keys = rfc_keys();
    let made_up = MadeUp::new().unwrap();
    let keys_of = |user: &str| (user == "user").then_some(&keys);
    let (exchange, answer) = Exchange::begin_with(first.as_bytes(), keys_of, &made_up, OURS)?;
    Ok((exchange, String::from_utf8(answer).unwrap()))
}

/// What an honest client would send last.
fn last(first_bare: &str, answer: &str, binding: &str, password: &[u8]) -> String {
    let field = |name: &str| {
        answer
            .split(',')
            .find_map(|part| part.strip_prefix(name))
            .unwrap()
    };
    let salt = STANDARD.decode(field("s=")).unwrap();
    let mut salted: Key = [0; KEY_BYTES];
    let iterations = field("i=").parse().unwrap();
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        iterations,
        &salt,
        password,
        &mut salted,
    );
    let client_key = sign(&salted, b"Client Key");
    let unproven = format!("c={binding},r={}", field("r="));
    let messages = format!("{first_bare},{answer},{unproven}");
    let signature = sign(&hash(&client_key), messages.as_bytes());
    let proof: Vec<u8> = client_key
        .iter()
        .zip(signature)
        .map(|(key, byte)| key ^ byte)
        .collect();
    format!("{unproven},p={}", STANDARD.encode(proof))
}

#[test]
fn the_exchange_of_rfc_7677_is_ours() {
    let (exchange, answer) = begin(&format!("n,,n=user,r={NONCE}")).unwrap();
    assert_eq!(
        answer,
        format!("r={NONCE}{OURS},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    );
    let last = format!("c=biws,r={NONCE}{OURS},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    let (identity, answer) = exchange.finish(last.as_bytes()).unwrap();
    assert_eq!(identity, Identity::user("user", Method::Scram));
    assert_eq!(answer, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

#[test]
fn keys_read_back_as_they_were_written_and_show_nothing_else() {
    let keys = rfc_keys();
    let text = keys.to_text();
    assert!(ScramKeys::parse(&text).unwrap() == keys);
    assert!(!text.contains("pencil"));
    assert!(text.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"));
    for wrong in [
        "SCRAM-SHA-256$0:W22ZaJ0SNY7soEsUEjb6gQ==$AA==:AA==",
        "SCRAM-SHA-256$4096$x",
        "SCRAM-SHA-1$4096:a$b:c",
    ] {
        assert!(ScramKeys::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_honest_client_passes_with_every_header_that_is_allowed() {
    for (header, binding) in [
        ("n,,", "biws"),
        ("y,,", "eSws"),
        ("n,a=user,", "bixhPXVzZXIs"),
    ] {
        let bare = "n=user,r=abc";
        let (exchange, answer) = begin(&format!("{header}{bare}")).unwrap();
        let last = last(bare, &answer, binding, b"pencil");
        assert!(exchange.finish(last.as_bytes()).is_ok(), "{header}");
    }
}

#[test]
fn a_wrong_password_an_unknown_user_and_a_changed_message_are_refused() {
    let bare = "n=user,r=abc";
    let (exchange, answer) = begin(&format!("n,,{bare}")).unwrap();
    let wrong = last(bare, &answer, "biws", b"pen");
    assert_eq!(
        exchange.finish(wrong.as_bytes()).unwrap_err(),
        Refusal::WrongPassword
    );

    let bare = "n=eve,r=abc";
    let (exchange, answer) = begin(&format!("n,,{bare}")).unwrap();
    assert!(answer.contains(",i=4096") && answer.contains(",s="));
    let guess = last(bare, &answer, "biws", b"pencil");
    assert_eq!(
        exchange.finish(guess.as_bytes()).unwrap_err(),
        Refusal::UnknownUser
    );

    let bare = "n=user,r=abc";
    let honest = || {
        let (exchange, answer) = begin(&format!("n,,{bare}")).unwrap();
        let last = last(bare, &answer, "biws", b"pencil");
        (exchange, last)
    };
    let changes: [(&str, &str); 6] = [
        ("c=biws", "c=eSws"),
        ("r=abc", "r=abd"),
        (",p=", ",q="),
        ("c=", ""),
        ("%hv", ""),
        (",p=", ",p=AAAA"),
    ];
    for (from, to) in changes {
        let (exchange, last) = honest();
        let forged = last.replacen(from, to, 1);
        assert_eq!(
            exchange.finish(forged.as_bytes()).unwrap_err(),
            Refusal::Scram,
            "{forged}"
        );
    }
}

#[test]
fn the_salt_of_a_user_that_does_not_exist_stays_the_same() {
    let made_up = MadeUp::new().unwrap();
    let salt = |user: &str| made_up.keys(user).salt;
    assert_eq!(salt("eve"), salt("eve"));
    assert_ne!(salt("eve"), salt("mallory"));
    assert_eq!(salt("eve").len(), SALT_BYTES);
}

#[test]
fn first_messages_that_are_malformed_or_want_more_are_refused() {
    for first in [
        "",
        "n,,",
        "n,,n=user",
        "n,,n=,r=abc",
        "n,,n=user,r=",
        "p=tls-unique,,n=user,r=abc",
        "n,a=root,n=user,r=abc",
        "n,,m=x,n=user,r=abc",
        "n,,n=us=er,r=abc",
        "n,,n=us=2,r=abc",
        "n,,r=abc,n=user",
        "n,,n=user,r=a\u{7f}",
        "x,,n=user,r=abc",
    ] {
        assert!(begin(first).is_err(), "{first:?}");
    }
    assert!(begin(&format!("n,,n=user,r={}", "a".repeat(5000))).is_err());
    let keys = rfc_keys();
    let begun = Exchange::begin(&[0xff, 0xfe], |_| Some(&keys), &MadeUp::new().unwrap());
    assert!(begun.is_err());
}

#[test]
fn commas_and_equals_signs_in_user_names_are_unescaped() {
    assert_eq!(unescaped("a=2Cb=3Dc").as_deref(), Some("a,b=c"));
    assert_eq!(unescaped("=2c"), None);
    assert_eq!(unescaped("=é"), None);
}

#[test]
fn an_exchange_shows_no_key() {
    let (exchange, _) = begin("n,,n=user,r=abc").unwrap();
    assert_eq!(format!("{exchange:?}"), "Exchange { user: \"user\", .. }");
}
