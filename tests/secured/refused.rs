//! What is said where the password, the certificate or the host is wrong.

use messina_e2e::patience::until_within;
use messina_e2e::server::Site;

use crate::services::{KafkaLogIn, PASSWORD, RIGHT, Services};
use crate::through::{CATCH_UP, sink_of, standalone, worker};

const WRONG: &str = "wrong-for-both";

/// A process that must not start: it says this, and no password.
fn ends(site: &Site, what: &str, words: &[&str]) {
    let (status, said) = site.refused();
    assert_eq!(status.code(), Some(1), "{what}: {said}");
    for word in words {
        assert!(said.contains(word), "{what}: no `{word}` in {said}");
    }
    for password in [WRONG, PASSWORD] {
        assert!(!said.contains(password), "{what}: {said}");
    }
}

pub(crate) fn by_cassandra(services: &Services) {
    let (trust, stranger) = (&services.trust, &services.stranger);
    let own = Some(services.identity.as_path());
    let at = services.node.address.to_string();
    for (what, password, trust, own, words) in [
        (
            "a wrong password",
            Some(WRONG),
            trust,
            own,
            ["does not let us in", "change `cql.user` and `cql.password`"],
        ),
        (
            "no password",
            None,
            trust,
            own,
            ["does not let us in", "set `cql.user` and `cql.password`"],
        ),
        (
            "a certificate of somebody unknown",
            Some(PASSWORD),
            stranger,
            own,
            ["do not agree on TLS; `cql.tls.ca`", "UnknownIssuer"],
        ),
        (
            "no certificate of ours",
            Some(PASSWORD),
            trust,
            None,
            ["do not agree on TLS", "`cql.tls.identity`"],
        ),
    ] {
        let site = services.on_kafka(worker(), &RIGHT);
        let site = services.on_cassandra(site, password, trust, own);
        ends(&site, what, &[&words[..], &[at.as_str()]].concat());
    }
    // A host that is none may be one in a while: a start says so, a connector's task waits for it.
    let site = services.on_kafka(worker(), &RIGHT);
    let site = services.on_cassandra(site, Some(PASSWORD), trust, own);
    let site = site.set("cql.contact_points=nowhere.invalid");
    let words = [
        "cannot connect to CQL at nowhere.invalid:9042",
        "`cql.contact_points`",
    ];
    ends(&site, "no host", &words);
    // A connector's own cluster: its task fails, the others would go on.
    let site = standalone(services, "wrong", WRONG);
    let _running = site.start_unwatched();
    until_within(CATCH_UP, "the task has failed", || {
        (sink_of(&site)["state"] == "FAILED").then_some(())
    });
    let said = site.admin().status()["components"].to_string();
    assert!(
        said.contains("change `connect.cassandra.username` and `connect.cassandra.password`"),
        "{said}"
    );
    assert!(!site.said().contains(WRONG), "no password in the log");
}

pub(crate) fn by_kafka(services: &Services) {
    for (what, changed, words) in [
        (
            "a wrong password",
            KafkaLogIn {
                password: WRONG,
                ..RIGHT
            },
            ["does not let us in", "`sasl.*`"],
        ),
        (
            "a certificate of somebody unknown",
            KafkaLogIn {
                foreign: true,
                ..RIGHT
            },
            ["certificate verify failed", "`ssl.*`"],
        ),
        (
            "a host that the certificate does not name",
            KafkaLogIn {
                host: "localhost",
                ..RIGHT
            },
            ["localhost", "`ssl.*`"],
        ),
        (
            "no certificate of ours",
            KafkaLogIn {
                nameless: true,
                ..RIGHT
            },
            // librdkafka tells it as a connection that was lost, with the alert in its words.
            ["is away", "tls alert bad certificate"],
        ),
    ] {
        let site = services.on_kafka(Site::new().running("gateway"), &changed);
        ends(&site, what, &words);
    }
}
