//! Who mosquitto's clients say they are, and what they may do then.

use messina_e2e::outside::require;
use messina_e2e::server::Site;

use crate::house::{Entrance, House, VERSIONS};

/// A password nobody could take for anything else in a log.
const PASSWORD: &str = "grey-heron-lifts-off";
const WRONG: &str = "blue-heron-stays-put";

/// `ada` may write lamps and news, and read all; `bob` may read public; `pump` is known by its certificate.
const RULES: &str = "topic read public/#\n\
                     user ada\ntopic readwrite lamps/#\ntopic readwrite public/#\ntopic read #\n\
                     user bob\ntopic read public/#\ntopic deny public/secret\n\
                     pattern readwrite home/%u/#\npattern write clients/%c/#\n";

fn house() -> House {
    House::with(|folder, site| {
        let here = folder.path().display();
        std::fs::write(folder.path().join("acl"), RULES).unwrap();
        for user in ["ada", "bob"] {
            Site::passwd(&folder.path().join("passwords"), user, PASSWORD);
        }
        site.set(format!("mqtt.access.password_file='{here}/passwords'"))
            .set(format!("mqtt.access.acl_file='{here}/acl'"))
            .set("mqtt.access.certificate_user='common_name'")
    })
}

#[test]
fn who_comes_in_and_with_which_answer() {
    if require("mosquitto_pub", "mosquitto's clients: who comes in").is_none() {
        return;
    }
    let house = house();
    let certified = house.tls_as("pump");
    let ada: &[&str] = &["-u", "ada", "-P", PASSWORD];
    // The codes are CONNACK's: 4 and 5 in version 3.1.1, 134 and 135 in version 5.
    let table: [(&str, &Entrance, &[&str], [i32; 2]); 8] = [
        ("right", &house.plain, ada, [0, 0]),
        ("right over TLS", &house.tls, ada, [0, 0]),
        (
            "wrong password",
            &house.plain,
            &["-u", "ada", "-P", WRONG],
            [4, 134],
        ),
        (
            "no such user",
            &house.tls,
            &["-u", "eve", "-P", PASSWORD],
            [4, 134],
        ),
        ("no password", &house.plain, &["-u", "bob"], [4, 134]),
        ("nobody", &house.plain, &[], [5, 135]),
        ("nobody over TLS", &house.tls, &[], [5, 135]),
        ("by certificate", &certified, &[], [0, 0]),
    ];
    for (name, entrance, who, codes) in table {
        for (version, code) in VERSIONS.into_iter().zip(codes) {
            let own = ["-V", version, "-q", "1", "-t", "home/x/y", "-m", "here"];
            let output = entrance.run("mosquitto_pub", &[who, &own[..]].concat());
            assert_eq!(
                output.status.code(),
                Some(code),
                "{name}, {version}: {output:?}"
            );
        }
    }
    // Who does not know the server's authority does not come in, nor who is known to another one.
    let mut blind = house.tls.clone();
    blind.arguments.clear();
    let stranger = House::open().tls_as("pump");
    let mut foreign = stranger;
    foreign.address = house.tls.address;
    foreign.arguments[1] = house.authority_file().display().to_string();
    for entrance in [&blind, &foreign] {
        let output = entrance.run("mosquitto_pub", &["-q", "1", "-t", "a", "-m", "b"]);
        assert!(!output.status.success(), "{output:?}");
    }
    let said = house.site.said();
    assert!(said.contains("not let in"), "{said}");
    for secret in [PASSWORD, WRONG] {
        assert!(!said.contains(secret), "the log shows `{secret}`");
    }
}

/// What somebody does, where, and whether it may be.
type Deed = (&'static [&'static str], &'static str, bool);

const ADA: &[&str] = &["-u", "ada", "-P", PASSWORD, "-i", "ada-1"];
const BOB: &[&str] = &["-u", "bob", "-P", PASSWORD, "-i", "bob-1"];
/// One of whom there may be several at a time.
const ANY_ADA: &[&str] = &["-u", "ada", "-P", PASSWORD];
const WRITES: [Deed; 10] = [
    (ADA, "lamps/1", true),
    (ADA, "public/news", true),
    (ADA, "yard/1", false),
    (ADA, "home/ada/door", true),
    (ADA, "home/bob/door", false),
    (ADA, "clients/ada-1/x", true),
    (ADA, "clients/bob-1/x", false),
    (BOB, "lamps/1", false),
    (BOB, "home/bob/door", true),
    (BOB, "nowhere", false),
];

#[test]
fn what_may_be_published_is_and_nothing_else_live_or_kept_or_as_a_will() {
    if require("mosquitto_pub", "mosquitto's clients: rights to publish").is_none() {
        return;
    }
    let house = house();
    let all = [ANY_ADA, &["-V", "mqttv5", "-q", "1", "-t", "#"]].concat();
    let watcher = house.tls.subscribe(&all, "%t %p");
    let end = || {
        let own = ["-q", "1", "-t", "lamps/end", "-m", "end"];
        house.plain.publish(&[ANY_ADA, &own[..]].concat());
    };
    let mut kept = Vec::new();
    for (who, topic, may) in WRITES {
        for version in VERSIONS {
            for retain in [&[][..], &["-r"]] {
                let own = ["-V", version, "-q", "1", "-t", topic, "-m", "x"];
                let output = house
                    .plain
                    .run("mosquitto_pub", &[who, &own[..], retain].concat());
                let said = String::from_utf8_lossy(&output.stderr);
                // 3.1.1 has no word for a refusal.
                let told = !may && version == "mqttv5";
                assert_eq!(
                    said.contains("Not authorized"),
                    told,
                    "{who:?} {topic}: {said}"
                );
                assert!(output.status.success(), "{output:?}");
                end();
                let expected = if may {
                    vec![format!("{topic} x")]
                } else {
                    Vec::new()
                };
                assert_eq!(watcher.until(" end"), expected, "{who:?} {topic} {version}");
            }
            let own = ["-V", version, "-t", "public/x", "--will-topic", topic];
            let own = [
                who,
                &own[..],
                &["--will-payload", "gone", "--will-qos", "1"],
            ]
            .concat();
            if may {
                drop(house.plain.subscribe(&own, "%p"));
                assert_eq!(watcher.next(), format!("{topic} gone"));
            } else {
                // A will that may not be is refused with the connection.
                let output = house
                    .plain
                    .run("mosquitto_sub", &[&own[..], &["-E"]].concat());
                let code = if version == "mqttv5" { 135 } else { 5 };
                assert_eq!(
                    output.status.code(),
                    Some(code),
                    "{who:?} {topic}: {output:?}"
                );
            }
        }
        if may && !kept.contains(&format!("{topic} x")) {
            kept.push(format!("{topic} x"));
        }
    }
    drop(watcher);
    let late = house.plain.subscribe(&all, "%t %p");
    end();
    let mut heard = late.until(" end");
    heard.sort();
    kept.sort();
    assert_eq!(heard, kept, "what is retained");
}

#[test]
fn what_may_be_read_comes_and_nothing_else_shared_or_not() {
    if require("mosquitto_sub", "mosquitto's clients: rights to subscribe").is_none() {
        return;
    }
    let house = house();
    let pump = house.tls_as("pump");
    // Filters, and whether they are granted.
    let table: [(&Entrance, Deed); 9] = [
        (&house.plain, (BOB, "public/#", true)),
        (&house.plain, (BOB, "lamps/#", false)),
        (&house.plain, (BOB, "home/bob/#", true)),
        (&house.tls, (BOB, "home/ada/#", false)),
        (&house.tls, (BOB, "public/secret", false)),
        (&house.plain, (BOB, "$share/crew/lamps/#", false)),
        (&house.plain, (BOB, "$share/crew/public/#", true)),
        (&pump, (&[], "home/pump/#", true)),
        (&pump, (&[], "home/ada/#", false)),
    ];
    for (entrance, (who, filter, may)) in table {
        for version in VERSIONS {
            let own = ["-V", version, "-q", "1", "-t", filter, "-E"];
            let output = entrance.run("mosquitto_sub", &[who, &own[..]].concat());
            let said = String::from_utf8_lossy(&output.stderr);
            let denied = said.contains("All subscription requests were denied");
            assert_eq!(denied, !may, "{who:?} {filter} {version}: {said}");
        }
    }
    // Of a filter that is wider than the rights, what may be read comes.
    let bob = house
        .plain
        .subscribe(&[BOB, &["-q", "1", "-t", "#"]].concat(), "%t");
    for topic in [
        "public/secret",
        "lamps/1",
        "public/news",
        "public/secret",
        "public/end",
    ] {
        let own = ["-V", "mqttv5", "-q", "1", "-t", topic, "-m", "x"];
        house.plain.publish(&[ANY_ADA, &own[..]].concat());
    }
    assert_eq!(bob.until("/end"), ["public/news"]);
}
