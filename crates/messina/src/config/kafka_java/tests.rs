use super::*;
use crate::config::{KeySource, Severity};

fn settings(translated: &Translated) -> Vec<(&str, &str)> {
    let settings = translated.settings.iter();
    let shown = settings.map(|(name, value)| match value {
        KeySource::Inline(secret) => (name.as_str(), secret.reveal().as_str()),
        KeySource::File(_) => panic!("{name} is in a file"),
    });
    shown.collect()
}

fn remarks(translated: &Translated) -> Vec<String> {
    let shown = |remark: &Remark| {
        let severity = match remark.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let help = remark.help.as_deref().map(|help| format!("; {help}"));
        format!(
            "{severity} {}: {}{}",
            remark.name,
            remark.message,
            help.unwrap_or_default()
        )
    };
    translated.remarks.iter().map(shown).collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn every_setting_of_the_table_exists_in_librdkafka_and_takes_its_least_value() {
    for name in names::NAMES {
        let (setting, value) = match name.becomes {
            names::Becomes::Setting(setting, names::Form::Number(least)) => {
                (setting, least.to_string())
            }
            names::Becomes::Setting(setting, names::Form::Boolean) => (setting, "true".to_owned()),
            names::Becomes::Kibibytes(setting) => (setting, "1".to_owned()),
            names::Becomes::Setting(setting, _) => {
                let word = match setting {
                    "client.dns.lookup" => "use_all_dns_ips",
                    "compression.type" => "zstd",
                    "auto.offset.reset" => "earliest",
                    "metadata.recovery.strategy" => "rebootstrap",
                    _ => "some-text",
                };
                (setting, word.to_owned())
            }
            _ => continue,
        };
        let mut config = rdkafka::ClientConfig::new();
        config.set(setting, value.as_str());
        if let Err(error) = config.create_native_config() {
            panic!("{} -> {setting}={value}: {error}", name.java);
        }
    }
}

#[test]
fn no_property_stands_twice_in_the_table() {
    let clients = [
        KafkaClient::Producer,
        KafkaClient::Consumer,
        KafkaClient::Admin,
    ];
    for (index, name) in names::NAMES.iter().enumerate() {
        let twice = names::NAMES.iter().skip(index + 1).find(|other| {
            other.java == name.java
                && clients
                    .iter()
                    .any(|own| name.is_of(*own) && other.is_of(*own))
        });
        assert!(twice.is_none(), "{}", name.java);
    }
}

#[test]
fn a_producers_properties_become_settings() {
    let written = [
        ("acks", "all"),
        ("enable.idempotence", "true"),
        ("linger.ms", " 5 "),
        ("batch.size", "0"),
        ("compression.type", "ZSTD"),
        ("buffer.memory", "33554432"),
        ("retries", "2147483647"),
        ("delivery.timeout.ms", "120000"),
        ("request.timeout.ms", "30000"),
        ("max.request.size", "1048576"),
        ("max.in.flight.requests.per.connection", "5"),
        ("send.buffer.bytes", "-1"),
        ("client.id", "proxy-1"),
        (
            "key.serializer",
            "org.apache.kafka.common.serialization.StringSerializer",
        ),
        ("metrics.num.samples", "2"),
        ("confluent.telemetry.enabled", "true"),
    ];
    let translated = translate(KafkaClient::Producer, &written);
    assert_eq!(remarks(&translated), NOTHING);
    assert_eq!(
        settings(&translated),
        [
            ("linger.ms", "5"),
            ("batch.size", "1"),
            ("compression.type", "zstd"),
            ("queue.buffering.max.kbytes", "32768"),
            ("delivery.timeout.ms", "120000"),
            ("socket.timeout.ms", "30000"),
            ("message.max.bytes", "1048576"),
            ("max.in.flight.requests.per.connection", "5"),
            ("socket.send.buffer.bytes", "0"),
            ("client.id", "proxy-1"),
        ]
    );
}

#[test]
fn what_would_break_a_promise_or_has_no_counterpart_is_said_and_has_no_effect() {
    let written = [
        ("acks", "1"),
        ("enable.idempotence", "false"),
        ("retries", "0"),
        ("max.block.ms", "60000"),
        ("max.in.flight.requests.per.connection", "20"),
        ("transactional.id", "mine"),
        ("lingerms", "5"),
        ("something.else.entirely", "x"),
    ];
    let translated = translate(KafkaClient::Producer, &written);
    assert_eq!(settings(&translated), []);
    assert_eq!(
        remarks(&translated),
        [
            "warning acks: has no effect: a publish is acknowledged once all replicas in sync have its record",
            "warning enable.idempotence: has no effect: without idempotence a retry could store a record twice, or in another order",
            "warning retries: has no effect: a record is sent again until `delivery.timeout.ms` is over",
            "warning max.block.ms: has no effect: while the buffer is full devices are not read, for as long as it takes",
            "warning max.in.flight.requests.per.connection: has no effect above 5: beyond it Kafka cannot keep records in order",
            "warning transactional.id: has no effect: transactions are the program's own",
            "warning lingerms: is not known and has no effect; did you mean `linger.ms`?",
            "warning something.else.entirely: is not known and has no effect",
        ]
    );
}

#[test]
fn a_consumers_and_an_admins_names_are_their_own() {
    let written = [
        ("fetch.max.wait.ms", "500"),
        ("auto.offset.reset", "Earliest"),
        ("max.poll.records", "500"),
        ("isolation.level", "read_committed"),
        ("session.timeout.ms", "45000"),
        ("linger.ms", "5"),
    ];
    let consumer = translate(KafkaClient::Consumer, &written);
    assert_eq!(
        settings(&consumer),
        [
            ("fetch.wait.max.ms", "500"),
            ("auto.offset.reset", "earliest"),
            ("session.timeout.ms", "45000")
        ]
    );
    assert_eq!(
        remarks(&consumer),
        [
            "warning max.poll.records: has no effect: batches are as large as the sink takes them",
            "warning linger.ms: is not known and has no effect"
        ]
    );
    let admin = translate(KafkaClient::Admin, &[("retries", "3"), ("client.id", "a")]);
    assert_eq!(
        (settings(&admin), remarks(&admin)),
        (vec![("client.id", "a")], Vec::new())
    );
}

#[test]
fn wrong_values_are_refused_with_what_is_right() {
    let written = [
        ("linger.ms", "soon"),
        ("compression.type", "brotli"),
        ("enable.metrics.push", "yes"),
        ("buffer.memory", "32MB"),
        ("linger.ms", "99999999"),
    ];
    let said = remarks(&translate(KafkaClient::Producer, &written));
    assert_eq!(said[0], "error linger.ms: is not a whole number");
    assert!(
        said[1].starts_with("error compression.type: cannot be `brotli`: "),
        "{}",
        said[1]
    );
    assert_eq!(
        said[2],
        "error enable.metrics.push: is neither `true` nor `false`"
    );
    assert_eq!(said[3], "error buffer.memory: is not a number of bytes");
    assert!(
        said[4].starts_with("error linger.ms: cannot be `99999999`: "),
        "{}",
        said[4]
    );
}

#[test]
fn passwords_are_found_in_the_login_module_and_never_shown() {
    for class in [
        "org.apache.kafka.common.security.plain.PlainLoginModule",
        "org.apache.kafka.common.security.scram.ScramLoginModule",
    ] {
        let module = format!("{class} required username=\"alice\" password=\"hunter2\";");
        let written = [
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.jaas.config", &module),
            ("ssl.truststore.location", "/etc/ca.pem"),
            ("ssl.truststore.password", "unused"),
            ("ssl.endpoint.identification.algorithm", ""),
        ];
        let translated = translate(KafkaClient::Producer, &written);
        assert_eq!(remarks(&translated), NOTHING);
        assert_eq!(
            settings(&translated),
            [
                ("security.protocol", "sasl_ssl"),
                ("sasl.mechanism", "SCRAM-SHA-512"),
                ("sasl.username", "alice"),
                ("sasl.password", "hunter2"),
                ("ssl.ca.location", "/etc/ca.pem"),
                ("ssl.endpoint.identification.algorithm", "none"),
            ]
        );
        assert!(!format!("{translated:?}").contains("hunter2"));
    }
}

#[test]
fn log_ins_that_cannot_be_are_refused_with_the_way_out() {
    let said = |written: &[(&str, &str)]| remarks(&translate(KafkaClient::Producer, written));
    assert_eq!(
        said(&[("security.protocol", "TLS")]),
        ["error security.protocol: `TLS` is none of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"]
    );
    assert_eq!(
        said(&[("security.protocol", "SASL_PLAINTEXT")]),
        [
            "error sasl.mechanism: Kerberos (GSSAPI) is not spoken; PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and \
             OAUTHBEARER are spoken"
        ]
    );
    let plain = [
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", "PLAIN"),
    ];
    assert!(said(&plain)[0].starts_with("error sasl.jaas.config: is missing"));
    for (module, message) in [
        (
            "a.PlainLoginModule required username=\"hunter2\"",
            "character 47: a log-in module ends with `;`",
        ),
        (
            "a.PlainLoginModule required username=\"a\";",
            "`PlainLoginModule` has no `password`",
        ),
        (
            "a.Krb5LoginModule required;",
            "`Krb5LoginModule` is a class of Java's",
        ),
    ] {
        let said = said(&[plain[0], plain[1], ("sasl.jaas.config", module)]);
        assert!(
            said[0].starts_with(&format!("error sasl.jaas.config: {message}")),
            "{said:?}"
        );
        assert!(!said[0].contains("hunter2"), "{said:?}");
    }
    let oauth = [
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", "OAUTHBEARER"),
    ];
    assert!(translate(KafkaClient::Producer, &oauth).wants_token);
}

#[test]
fn pem_and_pkcs_12_are_read_and_of_other_stores_the_conversion_is_told() {
    let said = |written: &[(&str, &str)]| translate(KafkaClient::Producer, written);
    let pem = said(&[
        ("security.protocol", "SSL"),
        ("ssl.keystore.type", "PEM"),
        ("ssl.keystore.location", "/etc/client"),
        ("ssl.key.password", "k"),
    ]);
    assert_eq!(
        settings(&pem)[1..],
        [
            ("ssl.key.password", "k"),
            ("ssl.certificate.location", "/etc/client"),
            ("ssl.key.location", "/etc/client")
        ]
    );
    let pkcs = said(&[
        ("security.protocol", "SSL"),
        ("ssl.keystore.location", "/etc/client.p12"),
        ("ssl.keystore.password", "s"),
    ]);
    assert_eq!(
        settings(&pkcs)[1..],
        [
            ("ssl.keystore.location", "/etc/client.p12"),
            ("ssl.keystore.password", "s")
        ]
    );
    let jks = said(&[
        ("security.protocol", "SSL"),
        ("ssl.truststore.location", "/etc/ca.jks"),
        ("ssl.keystore.location", "/etc/client.jks"),
    ]);
    assert_eq!(
        remarks(&jks),
        [
            "error ssl.truststore.location: only Java reads this store; keytool -importkeystore -srckeystore /etc/ca.jks \
             -destkeystore /etc/ca.p12 -deststoretype PKCS12; openssl pkcs12 -in /etc/ca.p12 -nokeys -out /etc/ca.pem; \
             and set `ssl.truststore.type=PEM` and `ssl.truststore.location` to the new file",
            "error ssl.keystore.location: only Java reads this store; keytool -importkeystore -srckeystore \
             /etc/client.jks -destkeystore /etc/client.p12 -deststoretype PKCS12; openssl pkcs12 -in /etc/client.p12 \
             -nodes -out /etc/client.pem; and set `ssl.keystore.type=PEM` and `ssl.keystore.location` to the new file",
        ]
    );
}
