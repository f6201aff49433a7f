//! The same decisions for who comes without a name or with a token, and where no rule speaks of a topic.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use messina::runtime::clock::{Clock as _, SystemClock};
use messina::simulator::Event;
use messina_mqtt::device::Options;
use messina_mqtt::packet::{QoS, Version};
use messina_mqtt::reason::ReasonCode;
use ring::hmac;

use super::security::{Client, Guarded, VERSIONS, options, publish, will};

const SECRET: &str = "a-secret-for-tokens-of-32-bytes-or-more";

fn token_settings(more: &str) -> String {
    format!("{more}\n[[mqtt.access.jwt]]\nalgorithm = 'HS256'\nkey = '{SECRET}'\n")
}

/// A token of `carl`, good for so many seconds, with further claims.
fn token(seconds: i64, claims: &str) -> String {
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let head = part(r#"{"alg":"HS256","typ":"JWT"}"#);
    let end = SystemClock.unix_millis() / 1000 + seconds;
    let body = part(&format!(r#"{{"sub":"carl","exp":{end}{claims}}}"#));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = hmac::sign(&key, format!("{head}.{body}").as_bytes());
    format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// `carl` with a token as his password.
fn with_token(version: Version, token: &str) -> Options {
    let mut options = options("carl", version);
    options.password = Some(token.to_owned().into());
    options
}

/// Who says nothing of itself.
fn nobody(version: Version) -> Options {
    let mut options = options("nobody", version);
    (options.user_name, options.password) = (None, None);
    options
}

/// Whether a client may publish to each topic, as it is told, live and retained.
async fn writes(client: &mut Client, topics: &[(&str, bool)]) {
    for (topic, may) in topics {
        for retain in [false, true] {
            let mut publish = publish(topic, QoS::AtLeastOnce, topic);
            publish.retain = retain;
            let told = client.publish(publish).await;
            let expected = if *may {
                ReasonCode::Success
            } else {
                ReasonCode::NotAuthorized
            };
            assert_eq!(told, expected, "{topic}");
        }
    }
}

/// Whether each filter is granted, shared and not.
async fn subscribes(client: &mut Client, filters: &[(&str, bool)]) {
    for (filter, may) in filters {
        let shared = format!("$share/crew/{filter}");
        for reason in client.subscribe(&[*filter, &shared]).await {
            assert_eq!(!reason.is_error(), *may, "{filter}: {reason}");
        }
    }
}

/// Whether a will on each topic may be.
async fn wills(guarded: &Guarded, options: impl Fn(Version) -> Options, topics: &[(&str, bool)]) {
    for version in VERSIONS {
        for (topic, may) in topics {
            let mut options = options(version);
            options.will = Some(will(topic));
            let entered = Client::enter(guarded.served.address, options).await;
            let reason = entered.err();
            let expected = (!may).then_some(ReasonCode::NotAuthorized);
            assert_eq!(reason, expected, "{topic} {version:?}");
        }
    }
}

#[tokio::test]
async fn a_tokens_claims_are_its_rights_and_the_files_denials_hold() {
    let guarded = Guarded::with(&token_settings("")).await;
    guarded
        .rules("user carl\ntopic readwrite files/#\ntopic deny rooms/secret/#\n")
        .await;
    let token = token(600, r#","publ":["rooms/+/lamp"],"subs":["rooms/#"]"#);
    let rooms = [
        ("rooms/7/lamp", true),
        ("rooms/7/door", false),
        ("rooms/secret/lamp", false),
        ("files/x", false),
        ("elsewhere", false),
    ];
    let enter = |version| Client::enter(guarded.served.address, with_token(version, &token));
    let mut carl = enter(Version::V5).await.unwrap();
    writes(&mut carl, &rooms).await;
    let filters = [
        ("rooms/7/+", true),
        ("rooms/#", true),
        ("rooms/secret/#", false),
        ("files/#", false),
        ("elsewhere", false),
    ];
    for version in VERSIONS {
        let mut carl = enter(version).await.unwrap();
        subscribes(&mut carl, &filters).await;
    }
    // What is retained was kept as the token allows, and is given as it allows.
    let mut late = enter(Version::V311).await.unwrap();
    late.subscribe(&["rooms/#"]).await;
    assert_eq!(late.hears().await, ["rooms/7/lamp"]);
    wills(&guarded, |version| with_token(version, &token), &rooms).await;
}

#[tokio::test]
async fn a_token_without_claims_has_the_files_rights() {
    let guarded = Guarded::with(&token_settings("")).await;
    guarded
        .rules("user carl\ntopic write files/#\npattern read home/%u/#\n")
        .await;
    let token = token(600, "");
    let enter = |version| Client::enter(guarded.served.address, with_token(version, &token));
    let mut carl = enter(Version::V5).await.unwrap();
    writes(&mut carl, &[("files/x", true), ("home/carl/x", false)]).await;
    let filters = [
        ("home/carl/#", true),
        ("home/ada/#", false),
        ("files/#", false),
    ];
    subscribes(&mut carl, &filters).await;
}

#[tokio::test]
async fn a_token_lets_nobody_in_when_its_time_is_over_nor_stay_longer() {
    let guarded = Guarded::with(&token_settings("")).await;
    for version in VERSIONS {
        let over = with_token(version, &token(-100, ""));
        let refused = Client::enter(guarded.served.address, over).await;
        assert!(
            refused.err().is_some_and(ReasonCode::is_error),
            "{version:?}"
        );
    }
    let short = with_token(Version::V5, &token(5, ""));
    let mut short = Client::enter(guarded.served.address, short).await.unwrap();
    let mut stays = guarded.client("ada", Version::V5).await;
    let ended = loop {
        if let Event::Closed(end) = short.next().await {
            break format!("{end:?}");
        }
    };
    assert!(ended.contains("MaximumConnectTime"), "{ended}");
    let other = publish("lamps/1", QoS::AtLeastOnce, "on");
    assert_eq!(stays.publish(other).await, ReasonCode::Success);
}

#[tokio::test]
async fn who_says_no_name_has_the_rules_that_stand_before_any_user() {
    let guarded = Guarded::with("anonymous = 'loopback'").await;
    guarded
        .rules(
            "topic read public/#\ntopic write inbox/+\ntopic deny public/secret\n\
             user ada\ntopic readwrite #\n\
             pattern readwrite home/%u/#\npattern readwrite clients/%c/#\n",
        )
        .await;
    let topics = [
        ("inbox/1", true),
        ("public/1", false),
        ("home/nobody/1", false),
        ("home//1", false),
        ("clients/device-of-nobody-5/1", true),
        ("clients/device-of-ada-5/1", false),
    ];
    let address = guarded.served.address;
    let mut own = Client::enter(address, nobody(Version::V5)).await.unwrap();
    writes(&mut own, &topics).await;
    for version in VERSIONS {
        let mut own = Client::enter(address, nobody(version)).await.unwrap();
        let mine = format!("clients/device-of-nobody-{}/#", version.level());
        let filters = [
            ("public/#", true),
            ("public/secret", false),
            ("inbox/#", false),
            ("home/nobody/#", false),
            (&*mine, true),
        ];
        subscribes(&mut own, &filters).await;
    }
    let topics = [("inbox/1", true), ("public/1", false)];
    wills(&guarded, nobody, &topics).await;
    // Who says a name has to prove it.
    let mut wrong = options("ada", Version::V5);
    wrong.password = Some("eve".into());
    let refused = Client::enter(address, wrong).await.err();
    assert_eq!(refused, Some(ReasonCode::BadUserNameOrPassword));
}

#[tokio::test]
async fn what_no_rule_speaks_of_is_as_the_configuration_says() {
    for deny in [false, true] {
        let guarded = Guarded::with(&format!("deny_by_default = {deny}")).await;
        guarded
            .rules("user bob\ntopic deny closed/#\nuser ada\ntopic deny closed/#\ntopic write open/#\n")
            .await;
        let topics = [("open/1", true), ("closed/1", false), ("other/1", !deny)];
        let mut ada = guarded.client("ada", Version::V5).await;
        writes(&mut ada, &topics).await;
        for version in VERSIONS {
            let mut bob = guarded.client("bob", version).await;
            let filters = [("closed/#", false), ("other/#", !deny), ("open/#", !deny)];
            subscribes(&mut bob, &filters).await;
        }
        wills(&guarded, |version| options("ada", version), &topics).await;
    }
}
