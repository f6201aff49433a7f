use super::written::Properties;
use super::*;
use crate::config::{
    Anonymous, Config, Inputs, KafkaSetting, PasswordForm, RouteMatch, Source, TlsVersion,
    Unmatched, load_text,
};

/// The file the demo starts its proxy with.
const DEV: &str = include_str!("../../../../../config/kafka-mqtt-dev.properties");

fn base() -> Config {
    load_text(None, &Inputs::default()).unwrap().config
}

fn sources(text: &str) -> ProxySources {
    ProxySources {
        file: Some(Source::new("p", text)),
        ..ProxySources::default()
    }
}

/// The configuration of a proxy, and what is surprising about it.
fn accepted(sources: &ProxySources) -> (Config, Vec<String>) {
    let mut config = base();
    let (proxy, problems) = read(sources, &config);
    let said = problems.iter().map(shown).collect();
    let proxy = proxy.unwrap_or_else(|| panic!("{problems}"));
    proxy.apply(&mut config);
    (config, said)
}

fn refused(text: &str) -> Vec<String> {
    let (proxy, problems) = read(&sources(text), &base());
    assert!(proxy.is_none(), "{problems}");
    problems.iter().map(shown).collect()
}

fn shown(problem: &crate::config::Problem) -> String {
    let place = problem
        .span
        .as_ref()
        .map(|span| format!("{}: ", span.position()));
    let help = problem.help.as_ref().map(|help| format!("; {help}"));
    format!(
        "{}{}{}",
        place.unwrap_or_default(),
        problem.message,
        help.unwrap_or_default()
    )
}

/// A file that is as short as it may be, with `more`.
fn short(more: &str) -> String {
    format!("bootstrap.servers=k:9092\nlisteners=127.0.0.1:1883\ntopic.regex.list=t:.*\n{more}")
}

fn route_of(config: &Config, topic: &str) -> Option<String> {
    let mut routes = config.routes.iter();
    let found = routes.find(|route| match &route.matches {
        RouteMatch::Regex(regex) => regex.is_match(topic),
        RouteMatch::Filter(_) => false,
    });
    found.and_then(|route| route.kafka_topic.constant().map(str::to_owned))
}

#[test]
fn the_demos_file_is_accepted_as_it_is() {
    let (config, said) = accepted(&sources(DEV));
    assert_eq!(
        said,
        [
            "p:7:11: `listeners` has everybody publish who reaches 0.0.0.0:1883; \
          `listeners.security.protocol=SASL_SSL` asks for a password"
        ]
    );
    let listeners: Vec<_> = config
        .gateway
        .listeners
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(listeners, ["0.0.0.0:1883"]);
    for (mqtt, kafka) in [
        ("temperature", Some("temperature")),
        ("car/engine/temperature", Some("temperature")),
        ("room/brightness", Some("brightness")),
        ("temperature/x", None),
        ("humidity", None),
    ] {
        assert_eq!(route_of(&config, mqtt).as_deref(), kafka, "{mqtt}");
    }
    let route = &config.routes[0];
    assert_eq!(route.key.as_ref().unwrap().fill("a/b", "c", |_| ""), "a/b");
    assert_eq!(route.headers, crate::config::RouteHeaders::default());
    assert_eq!(config.gateway.unmatched, Unmatched::Drop);
    assert!(config.gateway.publish_only);
    // 8092 behind a fixed header of 3.
    assert_eq!(config.gateway.limits.max_packet_size, 8095);
    assert_eq!(config.access.anonymous, Anonymous::Always);
    assert!(
        config.sinks.is_empty() && config.tables.is_empty() && config.rest.listeners.is_empty()
    );
    let topics: Vec<_> = config
        .topics
        .iter()
        .map(|topic| topic.name.as_str())
        .collect();
    assert_eq!(topics, ["temperature", "brightness"]);
}

#[test]
fn everything_that_is_read_has_its_effect() {
    let text = "bootstrap.servers = PLAINTEXT://a:9092 , b:9093\nlisteners=localhost:1, [::1]:2\n\
                topic.regex.list=a:x:y , a : z+\nmqtt.message.max.bytes=100\nmqtt.unmatched=default:rest\n\
                mqtt.headers.enable=TRUE\nproducer.linger.ms=5\nproducer.client.id=p\nproducer.compression.type=lz4\n\
                network.threads.num=4\nconfluent.topic.replication.factor=1\nconfluent.license=x\n";
    let (config, said) = accepted(&sources(text));
    assert_eq!(said, [""; 0]);
    let listeners: Vec<_> = config
        .gateway
        .listeners
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(listeners, ["127.0.0.1:1", "[::1]:2"]);
    assert_eq!(config.gateway.limits.max_packet_size, 102);
    let names: Vec<_> = config
        .routes
        .iter()
        .map(|route| route.name.as_str())
        .collect();
    assert_eq!(names, ["a", "a:^(?:z+)$", "rest"]);
    assert_eq!(route_of(&config, "x:y").as_deref(), Some("a"));
    assert_eq!(route_of(&config, "line\nend").as_deref(), Some("rest"));
    assert!(
        config
            .routes
            .iter()
            .all(|route| route.headers.topic && route.headers.retain)
    );
    let kafka = config.kafka.unwrap();
    assert_eq!(kafka.bootstrap_servers, ["PLAINTEXT://a:9092", "b:9093"]);
    let names = |list: &[KafkaSetting]| -> Vec<String> {
        list.iter().map(|own| own.name.clone()).collect()
    };
    assert_eq!(names(&kafka.producer), ["linger.ms", "compression.type"]);
    assert_eq!(names(&kafka.client), ["client.id"]);
    assert!(!kafka.topics.create);
    for (word, unmatched) in [
        ("drop", Unmatched::Drop),
        ("Disconnect", Unmatched::Disconnect),
    ] {
        let (config, _) = accepted(&sources(&short(&format!("mqtt.unmatched={word}\n"))));
        assert_eq!(config.gateway.unmatched, unmatched);
        assert_eq!(config.routes.len(), 1);
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once_and_where() {
    let text = "listeners=0.0.0.0, host:1\ntopic.regex.list=a:b, __x:y, no-colon, c:d\nmqtt.message.max.bytes=1k\n\
                mqtt.unmatched=defaults\nmqtt.headers.enable=yes\nlisteners.security.protocol=sasl\n\
                producer.linger.ms=soon\n";
    assert_eq!(
        refused(text),
        [
            "p:1:1: `bootstrap.servers` is missing; write for example `bootstrap.servers=kafka:9092`",
            "p:1:11: `listeners` has `0.0.0.0`, which has no port; write for example `0.0.0.0:1883`",
            "p:1:11: `listeners` has `host:1`, which names a host, and an address is needed; write for example `0.0.0.0:1883`",
            "p:2:23: topics whose names begin with `__` are Messina's own, like `__x`; the part before the first `:` is the Kafka topic",
            "p:2:30: `no-colon` is not `KAFKA-TOPIC:REGEX`; a comma separates entries, also within a regular expression: write `a{1,3}` as `aa?a?`",
            "p:3:24: `mqtt.message.max.bytes` is `1k`; a number of bytes from 64 to 268435455",
            "p:4:16: `mqtt.unmatched` is `defaults`; one of `drop`, `disconnect`, `default:TOPIC`",
            "p:5:21: `mqtt.headers.enable` is `yes`; one of true, false",
            "p:6:29: `listeners.security.protocol` is `sasl`; one of PLAINTEXT, SSL, TLS, SASL_PLAINTEXT, SASL_SSL, SASL_TLS",
            "p:7:20: `producer.linger.ms` is not a whole number",
        ]
    );
    assert_eq!(
        refused("bootstrap.servers=k\n")[0],
        "p:1:1: `topic.regex.list` is missing: nothing says which MQTT topic goes to which Kafka topic; add a line \
         such as `topic.regex.list=temperature:.*temperature, brightness:.*brightness`"
    );
}

#[test]
fn a_comma_within_a_regular_expression_is_explained() {
    let said = refused(&short("topic.regex.list=t:[0-9]{1,3}/temp, u:x\n"));
    let wrong: Vec<_> = said
        .iter()
        .filter(|said| said.contains("regular expression"))
        .collect();
    assert_eq!(wrong.len(), 1, "{said:?}");
    assert!(
        wrong[0].starts_with("p:4:18: `[0-9]{1` is not a regular expression: "),
        "{wrong:?}"
    );
    assert!(wrong[0].ends_with("write `a{1,3}` as `aa?a?`"), "{wrong:?}");
    let said = refused(&short("topic.regex.list=t:(?=x)y\n"));
    assert!(
        said.iter().any(|said| said.contains("look-around")),
        "{said:?}"
    );
}

#[test]
fn a_backslash_that_the_format_drops_is_warned_of() {
    let (config, said) = accepted(&sources(&short("topic.regex.list=t:a\\.b\\d\n")));
    assert_eq!(route_of(&config, "aXbd").as_deref(), Some("t"));
    assert!(
        said.iter().any(|said| said
            .contains("`\\.` is `.`: the regular expression has no backslash; write `\\\\.`")),
        "{said:?}"
    );
    let (config, said) = accepted(&sources(&short("topic.regex.list=t:a\\\\.b\n")));
    assert!(route_of(&config, "aXb").is_none());
    assert!(
        !said.iter().any(|said| said.contains("backslash")),
        "{said:?}"
    );
}

#[test]
fn unknown_names_are_warned_of_with_what_was_meant() {
    let text = short(
        "topic.regex.lists=x\nacks=all\nlisteners.ssl.client.auths=none\nother.thing=1\nproducer.acks=1\n",
    );
    let (_, said) = accepted(&sources(&text));
    assert_eq!(
        said,
        [
            "p:4:1: `topic.regex.lists` is not known and has no effect; did you mean `topic.regex.list`?",
            "p:5:1: `acks` is not known and has no effect; did you mean `producer.acks`?",
            "p:6:1: `listeners.ssl.client.auths` is not known and has no effect; did you mean `listeners.ssl.client.auth`?",
            "p:7:1: `other.thing` is not known and has no effect",
            "p:8:15: `producer.acks` has no effect: a publish is acknowledged once all replicas in sync have its record",
        ]
    );
}

#[test]
fn variables_stand_for_properties_and_win_over_the_file() {
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let environment = vec![
        variable("KAFKA_MQTT_BOOTSTRAP_SERVERS", "k:9092"),
        variable("KAFKA_MQTT_LISTENERS", "127.0.0.1:1884"),
        variable("KAFKA_MQTT_TOPIC_REGEX_LIST", "t:.*"),
        variable("KAFKA_MQTT_MQTT_HEADERS__ENABLE", "true"),
        variable("KAFKA_MQTT_HEAP_OPTS", "-Xmx1g"),
        variable("KAFKA_MQTT_PRODUCER_LINGER_MS", "never"),
        variable("KAFKA_MQTT_PRODUCER_SASL_JAAS_CONFIG", "hunter2"),
        variable("PATH", "/bin"),
    ];
    let only = ProxySources {
        environment,
        ..ProxySources::default()
    };
    let (_, problems) = read(&only, &base());
    let said: Vec<_> = problems.iter().map(shown).collect();
    assert_eq!(
        said,
        [
            "environment KAFKA_MQTT_MQTT_HEADERS__ENABLE:1:1: `mqtt.headers_enable` is not known and has no effect; \
             did you mean `mqtt.headers.enable`?",
            "environment KAFKA_MQTT_PRODUCER_LINGER_MS:1:1: `producer.linger.ms` is not a whole number",
        ]
    );
    let both = ProxySources {
        environment: only.environment[..1].to_vec(),
        ..sources(&short("bootstrap.servers=other:1\n"))
    };
    let (config, _) = accepted(&both);
    assert_eq!(config.kafka.unwrap().bootstrap_servers, ["k:9092"]);
}

#[test]
fn tls_is_pem_and_of_other_stores_the_conversion_is_told() {
    let text = short(
        "listeners.security.protocol=TLS\nlisteners.ssl.keystore.location=/etc/server.pem\n\
         listeners.ssl.truststore.type=PEM\nlisteners.ssl.truststore.location=/etc/devices\n\
         listeners.ssl.client.auth=required\nlisteners.ssl.enabled.protocols=TLSv1.3\n",
    );
    let (config, said) = accepted(&sources(&text));
    assert_eq!(said, [""; 0]);
    let tls = config.gateway.listeners[0].tls.as_ref().unwrap();
    assert_eq!(tls.certificate, std::path::Path::new("/etc/server.pem"));
    assert_eq!(
        (tls.key == tls.certificate, tls.min_version),
        (true, TlsVersion::Tls13)
    );
    let clients = tls.clients.as_ref().unwrap();
    assert_eq!(
        (clients.required, clients.authorities.to_str()),
        (true, Some("/etc/devices"))
    );

    let said = refused(&short(
        "listeners.security.protocol=SSL\nlisteners.ssl.keystore.location=server.jks\n\
         listeners.ssl.key.password=hunter2\nlisteners.ssl.client.auth=requested\nlisteners.ssl.enabled.protocols=TLSv1\n",
    ));
    assert!(
        said[0].contains("keytool -importkeystore -srckeystore server.jks"),
        "{said:?}"
    );
    for (index, expected) in [
        (1, "with a password are not read"),
        (2, "nothing says whose"),
        (3, "neither TLSv1.2 nor TLSv1.3"),
    ] {
        assert!(said[index].contains(expected), "{said:?}");
    }
}

#[test]
fn passwords_are_where_javas_log_in_configuration_says() {
    let text = short("listeners.security.protocol=SASL_PLAINTEXT\n");
    assert!(refused(&text)[0].contains(
        "nothing says where they are; name Java's log-in configuration with `--jaas FILE`"
    ));
    let with = |jaas: &str| ProxySources {
        jaas: Some(Source::new("jaas.conf", jaas)),
        ..sources(&text)
    };
    let module = "org.eclipse.jetty.jaas.spi.PropertyFileLoginModule required\n  file=\"/etc/proxy.passwords\";";
    let (config, _) = accepted(&with(&format!("ConfluentKafkaMqtt {{\n  {module}\n}};\n")));
    assert_eq!(
        config.access.password_file.as_deref(),
        Some(std::path::Path::new("/etc/proxy.passwords"))
    );
    assert_eq!(
        (config.access.password_form, config.access.anonymous),
        (PasswordForm::Clear, Anonymous::Never)
    );
    for (jaas, expected) in [
        (
            format!("KafkaClient {{ {module} }};"),
            "there is no section ConfluentKafkaMqtt",
        ),
        (
            "ConfluentKafkaMqtt { a.B required; };".to_owned(),
            "ConfluentKafkaMqtt has no PropertyFileLoginModule",
        ),
        (
            "ConfluentKafkaMqtt { a.PropertyFileLoginModule required; };".to_owned(),
            "the PropertyFileLoginModule has no `file`",
        ),
        (
            "ConfluentKafkaMqtt {\n a.B;\n};".to_owned(),
            "a class is followed by",
        ),
    ] {
        let (_, problems) = read(&with(&jaas), &base());
        let said: Vec<_> = problems.iter().map(shown).collect();
        assert!(
            said.len() == 1 && said[0].starts_with("jaas.conf:") && said[0].contains(expected),
            "{said:?}"
        );
    }
}

#[test]
fn no_secret_is_shown_with_what_is_wrong() {
    let text = "bootstrap.servers=k:1\nlisteners=127.0.0.1:1\ntopic.regex.list=t:.*\n\
                producer.security.protocol=SASL_SSL\nproducer.sasl.mechanism=PLAIN\n\
                producer.sasl.jaas.config=a.PlainLoginModule required \\\n  username=\"ada\" password=hunter2\n\
                producer.ssl.key.password = hünter3\nother=1\n";
    let (_, problems) = read(&sources(text), &base());
    let rendered = problems.render(false);
    assert!(rendered.contains("a log-in module ends with"), "{rendered}");
    assert!(!rendered.contains("unter"), "{rendered}");
    assert!(rendered.contains("p:9:1"), "{rendered}");
    let torn = format!("{text}x=\\uzz\n");
    let (proxy, problems) = read(&sources(&torn), &base());
    let rendered = problems.render(false);
    assert!(
        proxy.is_none() && rendered.contains("p:10:3") && !rendered.contains("unter"),
        "{rendered}"
    );
    let (config, _) = accepted(&sources(&text.replace("hunter2", "hunter2;")));
    let kafka = config.kafka.unwrap();
    assert_eq!(kafka.client.len(), 5);
    assert!(!format!("{kafka:?}").contains("unter"));
}

#[test]
fn on_the_embedded_log_no_kafka_need_be_named() {
    let text = "listeners=127.0.0.1:1\ntopic.regex.list=t:.*\nproducer.linger.ms=never\n";
    let sources = ProxySources {
        embedded: true,
        ..sources(text)
    };
    let (config, said) = accepted(&sources);
    assert!(config.kafka.is_none() && said.is_empty(), "{said:?}");
}

#[test]
fn a_proxys_file_is_told_from_a_connectors() {
    assert!(is_proxy(DEV) && is_proxy("mqtt.unmatched=drop"));
    assert!(!is_proxy("name=a\nconnector.class=X\ntopics=t") && !is_proxy("bootstrap.servers=a:1"));
    assert!(Properties::read(None, &[]).iter().next().is_none());
}
