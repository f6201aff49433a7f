//! Who the worker is, and what it may do: PLAIN, a token, access rules, and what is said where one is missing.

use std::net::SocketAddr;

use messina_e2e::kafka::{self, Broker, produce_readings};
use messina_e2e::server::{Site, free_addresses};

use crate::worker::{says, settled, unique, worker};

/// A broker that asks on a second address who one is, and has access rules. Tools may do everything on the first.
fn broker() -> Option<(Broker, SocketAddr)> {
    let [asking] = free_addresses();
    let broker = Broker::start("log-ins and access rules", |plain, controller| {
        let module = "org.apache.kafka.common.security";
        format!(
            "listeners=PLAINTEXT://{plain},SASL_PLAINTEXT://{asking},CONTROLLER://{controller}\n\
             advertised.listeners=PLAINTEXT://{plain},SASL_PLAINTEXT://{asking}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT\n\
             sasl.enabled.mechanisms=PLAIN,OAUTHBEARER\n\
             authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
             super.users=User:ANONYMOUS\n\
             listener.name.sasl_plaintext.plain.sasl.jaas.config={module}.plain.PlainLoginModule required \
             user_worker=\"right\";\n\
             listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config={module}.oauthbearer.OAuthBearerLoginModule \
             required unsecuredLoginStringClaim_sub=\"broker\";\n"
        )
    })?;
    Some((broker, asking))
}

fn logged_in(servers: SocketAddr, topic: &str, password: &str) -> Site {
    let site = worker(&servers.to_string(), topic);
    std::fs::create_dir_all(site.data()).expect("a folder");
    std::fs::write(site.data().join("password"), format!("{password}\n")).expect("a file");
    site.set(
        "kafka.client={ \"security.protocol\" = \"sasl_plaintext\", \"sasl.mechanism\" = \"PLAIN\", \
         \"sasl.username\" = \"worker\", \"sasl.password\" = { file = \"password\" } }",
    )
}

#[test]
fn log_ins_and_rights_are_used_and_what_is_missing_is_named() {
    let Some((broker, asking)) = broker() else {
        return;
    };
    let (servers, topic) = (broker.servers(), unique("rights"));
    kafka::topics(
        &servers,
        &["--create", "--topic", &topic, "--partitions", "6"],
    );

    let wrong = logged_in(asking, &topic, "wrong-one");
    let (status, said) = wrong.refused();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains("does not let us in")
            && said.contains("`sasl.*`")
            && !said.contains("wrong-one"),
        "{said}"
    );

    // It may see the topic, and neither read it nor be in a group.
    let allow = |rights: &[&str]| {
        let principal = ["--add", "--allow-principal", "User:worker"];
        kafka::acls(&servers, &[&principal[..], rights].concat());
    };
    allow(&["--operation", "Describe", "--topic", &topic]);
    let site = logged_in(asking, &topic, "right");
    let server = site.start_unwatched();
    says(
        &site,
        "FAILED",
        &format!("--operation Read --group connect-{topic}"),
    );
    drop(server);
    allow(&[
        "--operation",
        "Read",
        "--group",
        &format!("connect-{topic}"),
    ]);
    let server = site.start_unwatched();
    says(
        &site,
        "FAILED",
        &format!("--operation Describe --topic {topic}"),
    );
    drop(server);
    allow(&["--operation", "Read", "--topic", &topic]);
    produce_readings(&servers, &topic, 0..500);
    let server = site.start();
    settled(&site, 500, 0);
    assert!(!site.said().contains("right\n"), "no password in the log");
    drop(server);

    // The same with a token, which this broker takes unsigned.
    let site = worker(&asking.to_string(), &topic).set(
        "kafka.client={ \"security.protocol\" = \"sasl_plaintext\", \"sasl.mechanism\" = \"OAUTHBEARER\" }",
    );
    let site = site.set("kafka.oauth_token={ file = \"token\" }");
    std::fs::create_dir_all(site.data()).expect("a folder");
    std::fs::write(site.data().join("token"), token("worker")).expect("a file");
    produce_readings(&servers, &topic, 500..700);
    let server = site.start();
    settled(&site, 700, 0);
    drop(server);
}

/// A token without a signature: `{"alg":"none"}`, and claims.
fn token(subject: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.expect("after 1970").as_secs();
    let claims = format!(
        "{{\"sub\":\"{subject}\",\"iat\":{now},\"exp\":{}}}",
        now + 3600
    );
    format!(
        "{}.{}.",
        base64(b"{\"alg\":\"none\"}"),
        base64(claims.as_bytes())
    )
}

/// Base64 as tokens have it, without padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - chunk.len()));
        for letter in 0..=chunk.len() {
            let index = bits >> (18 - 6 * letter) & 63;
            text.push(char::from(LETTERS[index as usize]));
        }
    }
    text
}
