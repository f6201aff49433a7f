//! `messina mqtt-proxy` with the original's file: mosquitto's clients in front, the embedded log or a real Kafka behind.

#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use messina_e2e::outside::{mosquitto, require, skip};
use messina_e2e::patience::until;
use messina_e2e::server::Site;
use serde_json::json;
use tempfile::TempDir;

/// Where `cargo xtask services up kafka` puts it.
const KAFKA: &str = "127.0.0.1:19092";

/// A proxy and its folder; dropped, it is killed.
struct Proxy {
    child: Child,
    site: Site,
    folder: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Proxy {
    /// Starts one with a file of these lines after the listener's, and waits until it is healthy.
    fn start(lines: &str, more: impl FnOnce(&mut Command, &Path, &Site)) -> Self {
        let (site, folder) = (Site::new(), tempfile::tempdir().expect("a folder"));
        let mut command = command(&site, folder.path(), lines);
        more(&mut command, folder.path(), &site);
        let said = fs::File::create(folder.path().join("said")).expect("a file");
        let errors = said.try_clone().expect("a second handle");
        let child = command
            .stdin(Stdio::null())
            .stdout(said)
            .stderr(errors)
            .spawn();
        let mut proxy = Self {
            child: child.expect("the binary starts"),
            site,
            folder,
        };
        let admin = proxy.site.admin();
        until("the proxy is healthy", || {
            let ended = proxy.child.try_wait().expect("it can be waited for");
            assert!(ended.is_none(), "it ended: {}", proxy.said());
            admin.is_healthy().then_some(())
        });
        proxy
    }

    fn embedded(lines: &str) -> Self {
        Self::start(lines, |command, folder, _| {
            command.arg("--embedded").arg(folder.join("data"));
        })
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("said")).unwrap_or_default()
    }

    fn publish(&self, arguments: &[&str]) -> Output {
        mosquitto("mosquitto_pub", self.site.mqtt, arguments)
    }

    fn accepts(&self, arguments: &[&str]) {
        let output = self.publish(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
}

/// The command with the proxy's file, written for this site.
fn command(site: &Site, folder: &Path, lines: &str) -> Command {
    let file = folder.join("kafka-mqtt-dev.properties");
    fs::write(&file, format!("listeners={}\n{lines}", site.mqtt)).expect("a file");
    let mut command = site.messina(&["mqtt-proxy", &file.display().to_string()]);
    command.current_dir(folder);
    command
}

/// The demo's lines.
const DEMO: &str = "bootstrap.servers=PLAINTEXT://localhost:9092\n\
                    topic.regex.list=temperature:.*temperature, brightness:.*brightness\n\
                    confluent.topic.replication.factor=1\n";

fn clients(test: &str) -> bool {
    let names = ["mosquitto_pub", "mosquitto_sub"];
    names.iter().all(|name| require(name, test).is_some())
}

#[test]
fn the_demos_file_takes_publishes_of_every_qos_and_nothing_else() {
    if !clients("the demo's proxy") {
        return;
    }
    let proxy = Proxy::embedded(DEMO);
    for (version, qos) in [
        ("mqttv311", "0"),
        ("mqttv311", "1"),
        ("mqttv311", "2"),
        ("mqttv5", "2"),
    ] {
        proxy.accepts(&[
            "-V",
            version,
            "-q",
            qos,
            "-t",
            "car/engine/temperature",
            "-m",
            qos,
        ]);
    }
    proxy.accepts(&["-q", "2", "-r", "-t", "brightness", "-m", "410# 415"]);
    proxy.accepts(&["-q", "1", "-t", "humidity", "-m", "nobody's"]);
    for (version, code) in [("mqttv311", "128"), ("mqttv5", "135")] {
        let arguments = ["-V", version, "-d", "-t", "brightness", "-W", "20"];
        let output = mosquitto("mosquitto_sub", proxy.site.mqtt, &arguments);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            said.contains(&format!("Subscribed (mid: 1): {code}")),
            "{output:?}"
        );
    }
    let admin = proxy.site.admin();
    let records = admin.consume_all("temperature");
    let values: Vec<_> = records.iter().map(|record| record.value.as_str()).collect();
    assert_eq!(values, ["0", "1", "2", "2"]);
    assert!(
        records
            .iter()
            .all(|record| record.key == "car/engine/temperature")
    );
    assert_eq!(records[0].json["headers"], json!([]), "{}", records[0].json);
    assert_eq!(admin.consume_all("brightness")[0].value, "410# 415");
    let status = admin.status();
    assert_eq!(status["unrouted"]["dropped"], 1, "{status}");
    assert_eq!(
        status["routes"].as_array().map(Vec::len),
        Some(2),
        "{status}"
    );
}

#[test]
fn unmatched_topics_have_a_topic_of_their_own_and_headers_are_there_if_asked_for() {
    if !clients("a proxy's own names") {
        return;
    }
    let lines = format!(
        "{DEMO}mqtt.unmatched=default:rest\nmqtt.headers.enable=true\nmqtt.message.max.bytes=100\n"
    );
    let proxy = Proxy::embedded(&lines);
    proxy.accepts(&["-i", "dev", "-q", "1", "-r", "-t", "humidity", "-m", "42"]);
    let record = &proxy.site.admin().consume_all("rest")[0];
    assert_eq!(
        (record.key.as_str(), record.value.as_str()),
        ("humidity", "42")
    );
    let headers = record.json["headers"].to_string();
    for expected in [
        "mqtt.topic",
        "humidity",
        "mqtt.client.id",
        "dev",
        "mqtt.qos",
        "mqtt.retain",
        "true",
    ] {
        assert!(headers.contains(expected), "{headers}");
    }
    // Two bytes of the topic's length, 8 of it, 2 of the identifier: 88 are left.
    proxy.accepts(&["-q", "1", "-t", "humidity", "-m", &"x".repeat(88)]);
    let large = proxy.publish(&["-q", "1", "-t", "humidity", "-m", &"x".repeat(89)]);
    assert!(!large.status.success(), "{large:?}");
    assert_eq!(proxy.site.admin().consume_all("rest").len(), 2);
}

/// A certificate for that address and its key in `server.pem`, as the original wants it; alone in `ca.crt`.
fn keystore(folder: &Path, address: SocketAddr) {
    let made =
        rcgen::generate_simple_self_signed([address.ip().to_string()]).expect("a certificate");
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    fs::write(folder.join("server.pem"), format!("{key}{certificate}")).expect("a file");
    fs::write(folder.join("ca.crt"), certificate).expect("a file");
}

#[test]
fn sasl_ssl_asks_for_the_passwords_of_javas_own_file() {
    if !clients("a proxy's passwords") {
        return;
    }
    let lines = format!(
        "{DEMO}listeners.security.protocol=SASL_SSL\nlisteners.ssl.keystore.location=server.pem\n\
         listeners.ssl.keystore.password=unused\n"
    );
    let proxy = Proxy::start(&lines, |command, folder, site| {
        keystore(folder, site.mqtt);
        fs::write(folder.join("passwords"), "ada: correct horse,device\n").expect("a file");
        let module =
            "org.eclipse.jetty.jaas.spi.PropertyFileLoginModule required file=\"passwords\";";
        fs::write(
            folder.join("jaas.conf"),
            format!("ConfluentKafkaMqtt {{\n  {module}\n}};\n"),
        )
        .expect("a file");
        command.env(
            "KAFKA_OPTS",
            "-Xmx1g -Djava.security.auth.login.config=jaas.conf",
        );
        command.arg("--embedded").arg(folder.join("data"));
    });
    let authority = proxy.folder.path().join("ca.crt");
    let authority = authority.display().to_string();
    let publish = |more: &[&str]| {
        let own = [
            "--cafile",
            &authority,
            "-q",
            "1",
            "-t",
            "temperature",
            "-m",
            "1",
        ];
        proxy.publish(&[&own, more].concat()).status.success()
    };
    assert!(
        publish(&["-u", "ada", "-P", "correct horse"]),
        "{}",
        proxy.said()
    );
    assert!(!publish(&["-u", "ada", "-P", "battery staple"]));
    assert!(!publish(&[]));
    assert_eq!(proxy.site.admin().consume_all("temperature").len(), 1);
    assert!(!proxy.said().contains("horse"), "{}", proxy.said());
}

#[test]
fn wrong_files_are_shown_line_by_line_by_the_command_and_by_check() {
    let (site, folder) = (Site::new(), tempfile::tempdir().expect("a folder"));
    let lines = "bootstrap.servers=k:9092\ntopic.regex.list=t:[0-9]{1,3}\nmqtt.unmatched=ignore\nacks=all\n";
    let file = folder.path().join("kafka-mqtt-dev.properties");
    let run = command(&site, folder.path(), lines)
        .output()
        .expect("the binary starts");
    let mut check = Command::new(site.messina(&[]).get_program());
    let check = check.arg("check").arg(&file).env("NO_COLOR", "1");
    let check = check.output().expect("the binary starts");
    for (output, said) in [(&run, &run.stderr), (&check, &check.stdout)] {
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let said = String::from_utf8_lossy(said);
        for expected in [
            "kafka-mqtt-dev.properties:3:18",
            "`[0-9]{1` is not a regular expression",
            "kafka-mqtt-dev.properties:4:16",
            "one of `drop`, `disconnect`, `default:TOPIC`",
            "did you mean `producer.acks`?",
        ] {
            assert!(said.contains(expected), "{expected} is not in {said}");
        }
    }
}

/// Whether there is a Kafka and a kcat; if not, the calling test is skipped aloud.
fn kafka(test: &str) -> bool {
    if !clients(test) || require("kcat", test).is_none() {
        return false;
    }
    let address: SocketAddr = KAFKA.parse().expect("an address");
    let listens = TcpStream::connect(address).is_ok();
    if !listens {
        skip(&format!(
            "{test}: Kafka does not run, see `cargo xtask services up kafka`"
        ));
    }
    listens
}

fn kcat(topic: &str) -> Vec<String> {
    let arguments = [
        "-b",
        KAFKA,
        "-C",
        "-t",
        topic,
        "-e",
        "-q",
        "-o",
        "beginning",
        "-f",
        "%k %s %h\n",
    ];
    let output = Command::new("kcat")
        .args(arguments)
        .output()
        .expect("kcat starts");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn publishes_are_in_a_real_kafka_when_they_are_acknowledged() {
    if !kafka("a proxy in front of Kafka") {
        return;
    }
    let topic = format!("proxy-{}", std::process::id());
    let lines = format!(
        "bootstrap.servers={KAFKA}\ntopic.regex.list={topic}:.*temperature\nproducer.acks=all\n\
         producer.linger.ms=0\nproducer.compression.type=gzip\nproducer.client.id=the-proxy\n"
    );
    let proxy = Proxy::start(&lines, |command, _, _| {
        command.args(["--set", "kafka.topics.create=true"]);
        command.args(["--set", &format!("kafka.gateway_id={topic}")]);
    });
    for (version, qos) in [("mqttv311", "1"), ("mqttv311", "2"), ("mqttv5", "2")] {
        proxy.accepts(&["-V", version, "-q", qos, "-t", "car/temperature", "-m", qos]);
    }
    let records = kcat(&topic);
    assert_eq!(
        records,
        [
            "car/temperature 1 ",
            "car/temperature 2 ",
            "car/temperature 2 "
        ]
    );
    assert!(
        proxy.said().contains(&format!("Kafka      {KAFKA}")),
        "{}",
        proxy.said()
    );
}

#[test]
fn a_topic_that_kafka_does_not_have_is_named_with_the_command_that_makes_it() {
    if !kafka("a proxy without its topic") {
        return;
    }
    let (site, folder) = (Site::new(), tempfile::tempdir().expect("a folder"));
    let topic = format!("no-such-{}", std::process::id());
    let lines = format!("bootstrap.servers={KAFKA}\ntopic.regex.list={topic}:.*\n");
    let output = command(&site, folder.path(), &lines)
        .output()
        .expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains(&topic)
            && said.contains("kafka-topics.sh --bootstrap-server")
            && said.contains("messina topics create"),
        "{said}"
    );
}
