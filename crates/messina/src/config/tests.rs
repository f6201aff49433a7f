//! What operators see: the built-in configuration holds, and everything wrong is said at once, each in its place.

use std::path::Path;

use super::*;

fn load_toml(text: &str) -> Result<Loaded, LoadError> {
    load_text(Some(&Source::new("messina.toml", text)), &Inputs::default())
}

fn problems(text: &str) -> String {
    match load_toml(text) {
        Err(LoadError::Wrong(problems)) => problems.to_string(),
        other => panic!("expected problems, got {other:?}"),
    }
}

#[test]
fn the_built_in_configuration_holds_without_a_warning() {
    let loaded = load_text(None, &Inputs::default()).unwrap();
    assert_eq!(loaded.warnings.to_string(), "");
    let config = loaded.config;
    assert_eq!(config.gateway.listeners, [plain("127.0.0.1:1883")]);
    assert_eq!(config.routes.len(), 3);
    assert_eq!(config.sinks.len(), 3);
    assert_eq!(config.tables.len(), 3);
    assert_eq!(config.log.dir, Path::new("./messina-data/log"));
    let readings = &config.tables[2];
    assert_eq!(readings.partition_key, [0, 1]);
    assert_eq!(readings.columns[2].name, "ts");
    assert_eq!(
        readings.default_ttl,
        Some(std::time::Duration::from_hours(168))
    );
}

#[test]
fn later_places_win_and_keep_what_they_do_not_name() {
    let inputs = Inputs {
        environment: vec![
            ("MESSINA__GATEWAY__LISTEN".into(), "0.0.0.0:1884".into()),
            ("MESSINA__LOG__PARTITIONS".into(), "3".into()),
            ("MESSINA__MQTT__ACCESS__ANONYMOUS".into(), "always".into()),
            ("HOME".into(), "/root".into()),
        ],
        set: vec!["log.partitions=4".into(), "route.2.topic = all".into()],
        data: Some("/var/lib/messina".into()),
        ..Inputs::default()
    };
    let file = Source::new(
        "messina.toml",
        "[log]\npartitions = 2\nretention = \"forever\"\n",
    );
    let config = load_text(Some(&file), &inputs).unwrap().config;
    assert_eq!(config.gateway.listeners, [plain("0.0.0.0:1884")]);
    assert_eq!(config.log.partitions, 4);
    assert_eq!(config.log.retention, None);
    assert_eq!(config.log.dir, Path::new("/var/lib/messina/log"));
    assert_eq!(config.routes[2].kafka_topic.constant(), Some("all"));
}

#[test]
fn a_route_in_the_file_replaces_the_built_in_pipeline_as_a_whole() {
    let config = load_toml("[[route]]\nfilter = 'a/+/c'\ntopic = 'x-$1'\n")
        .unwrap()
        .config;
    assert_eq!(config.routes.len(), 1);
    assert!(config.sinks.is_empty() && config.tables.is_empty() && config.topics.is_empty());
    assert_eq!(config.routes[0].name, "a/+/c");
}

#[test]
fn everything_wrong_is_said_at_once_where_it_was_typed() {
    let text = "\
[gateway]
listn = \"127.0.0.1:1883\"
unmatched = \"keep\"
limits.connect_timeout = 5
session.receive_maximum = 0

[[route]]
filter = \"a/#/b\"
topic = \"x\"

[[route]]
regex = \"(a\"
topic = \"x\"

[[route]]
filter = \"+/b\"
topic = \"x-$2\"

[[table]]
name = \"t\"
partition_key = [\"id\"]
columns = { ix = \"int\", v = \"flot\" }
";
    let expected = include_str!("testdata/problems.txt");
    assert_eq!(problems(text), expected.trim_end());
}

#[test]
fn an_error_in_the_environment_is_shown_where_it_was_typed() {
    let inputs = Inputs {
        environment: vec![("MESSINA__GATEWAY__SESSION__MAX_INFLIGHT".into(), "0".into())],
        ..Inputs::default()
    };
    let error = load_text(None, &inputs).unwrap_err().to_string();
    assert!(
        error.contains("`gateway.session.max_inflight` must be at least 1"),
        "{error}"
    );
    assert!(
        error.contains("--> environment MESSINA__GATEWAY__SESSION__MAX_INFLIGHT:1:"),
        "{error}"
    );
}

#[test]
fn nothing_that_is_configured_writes_to_messinas_own_topics() {
    let shown = problems(
        "\
[[route]]
filter = \"a\"
topic = \"__messina_sessions\"

[[route]]
filter = \"+\"
topic = \"__messina_$1\"

[[topic]]
name = \"__messina_x\"
",
    );
    assert_eq!(
        shown.matches("are Messina's own, like").count(),
        3,
        "{shown}"
    );
}

#[test]
fn an_admin_api_for_other_machines_has_to_be_asked_for() {
    let shown = problems("[admin]\nlisten = \"0.0.0.0:8080\"\n");
    assert!(
        shown.contains("could read and change everything"),
        "{shown}"
    );
    assert!(shown.contains("`allow_remote = true`"), "{shown}");
    let text =
        "[admin]\nlisten = \"0.0.0.0:8080\"\nallow_remote = true\nhosts = \"gateway.example\"\n";
    let admin = load_toml(text).unwrap().config.admin;
    assert_eq!(admin.hosts, ["gateway.example"]);
}

#[test]
fn syntax_errors_are_all_shown() {
    let shown = problems("a = \nb = [1\n");
    assert!(shown.matches("error").count() >= 2, "{shown}");
}

#[test]
fn a_sinks_options_keep_their_order_however_they_are_spelt() {
    let text = r#"
[[table]]
name = "t"
partition_key = ["id"]
columns = { id = "int" }
[[sink]]
name = "s"
topics = ["b", "a"]
value.converter = "String"
"tasks.max" = 2
connect.cassandra.kcql = "INSERT INTO t SELECT * FROM a; INSERT INTO t SELECT * FROM b"
"#;
    let tree_problems = load_toml(text);
    let sinks = match tree_problems {
        Ok(loaded) => loaded.config.sinks,
        Err(error) => panic!("{error}"),
    };
    let options: Vec<(&str, &str)> = sinks[0]
        .iter()
        .map(|(name, p)| (name, p.value.as_str()))
        .collect();
    assert_eq!(
        options,
        [
            ("topics", "b,a"),
            ("value.converter", "String"),
            ("tasks.max", "2"),
            (
                "connect.cassandra.kcql",
                "INSERT INTO t SELECT * FROM a; INSERT INTO t SELECT * FROM b"
            ),
        ]
    );
}

#[test]
fn access_is_closed_to_strangers_once_somebody_can_prove_who_they_are() {
    let access = |text: &str| load_toml(text).unwrap().config.access;
    let none = access("");
    assert_eq!(none.anonymous, Anonymous::Loopback);
    assert!(!none.authenticates() && !none.deny_by_default);
    assert!(none.missing_for(&plain("127.0.0.1:1883")).is_none());
    assert!(none.missing_for(&plain("0.0.0.0:1883")).is_some());
    let certified = access("[mqtt.access]\ncertificate_user = 'common_name'\n");
    assert_eq!(certified.anonymous, Anonymous::Never);
    assert!(certified.missing_for(&plain("0.0.0.0:1883")).is_some());
    for proof in [
        "password_file = 'p'",
        "jwt = [{ algorithm = 'HS256', key = 'x' }]",
    ] {
        let access = access(&format!("[mqtt.access]\n{proof}\n"));
        assert_eq!(access.anonymous, Anonymous::Never, "{proof}");
        assert!(access.missing_for(&plain("0.0.0.0:1883")).is_none());
    }
    let said =
        access("[mqtt.access]\npassword_file = 'p'\nanonymous = 'always'\nacl_file = '/etc/acl'\n");
    assert_eq!(said.anonymous, Anonymous::Always);
    assert_eq!(said.password_file, Some("./messina-data/p".into()));
    assert_eq!(said.acl_file, Some("/etc/acl".into()));
    assert!(said.deny_by_default);
    let open = access("[mqtt.access]\nacl_file = 'a'\ndeny_by_default = false\n");
    assert!(!open.deny_by_default);
    let limits =
        access("[mqtt.access.limits]\nconnections_per_address = 7\nbytes_per_second = '1MiB'\n")
            .limits;
    assert_eq!(limits.connections_per_address, Some(7));
    assert_eq!(limits.bytes_per_second, Some(1 << 20));
    assert_eq!(
        (limits.publishes_per_second, limits.failed_logins),
        (None, 5)
    );
}

fn plain(address: &str) -> ListenerConfig {
    ListenerConfig::plain(address.parse().unwrap())
}

#[test]
fn listeners_are_of_four_protocols() {
    let text = "\
data = '/data'
[mqtt.access]
certificate_user = 'common_name'
[[gateway.listener]]
listen = '0.0.0.0:8883'
protocol = 'mqtts'
proxy_protocol = true
tls = { certificate = 'server.pem', key = '/keys/server.pem', client_ca = 'ca.pem' }
[[gateway.listener]]
listen = '127.0.0.1:9001'
protocol = 'ws'
origins = 'https://console.example'
";
    let config = load_toml(text).unwrap().config;
    let [_, mqtts, ws] = &*config.gateway.listeners else {
        panic!("{:?}", config.gateway.listeners);
    };
    assert_eq!(
        (mqtts.to_string(), ws.to_string()),
        (
            "mqtts://0.0.0.0:8883".to_owned(),
            "ws://127.0.0.1:9001/mqtt".to_owned()
        )
    );
    assert!(mqtts.proxy_protocol && !ws.proxy_protocol);
    let tls = mqtts.tls.as_ref().unwrap();
    assert_eq!(tls.certificate, Path::new("/data/server.pem"));
    assert_eq!(tls.key, Path::new("/keys/server.pem"));
    assert!(tls.clients.as_ref().unwrap().required);
}

#[test]
fn everything_wrong_in_a_listener_is_said() {
    let text = "\
[[gateway.listener]]
listen = '127.0.0.1:8883'
protocol = 'mqtts'
[[gateway.listener]]
listen = '127.0.0.1:9001'
protocol = 'ws'
path = 'mqtt'
tls = { certificate = 'a', key = 'b', client_certificate = 'required' }
[[gateway.listener]]
listen = '127.0.0.1:9002'
protocol = 'http'
[[gateway.listener]]
listen = '127.0.0.1:9003'
protocol = 'mqtt'
origins = 'x'
";
    let said = problems(text);
    for part in [
        "`gateway.listener.0.tls` is missing",
        "the path `mqtt` does not begin with `/`",
        "`tls` has no meaning for a protocol that is not encrypted",
        "nothing says which authority client certificates are from",
        "must be one of \"mqtt\", \"mqtts\", \"ws\", \"wss\"",
        "there is no setting `gateway.listener.3.origins`",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_listener_that_others_reach_needs_a_way_to_say_who_they_are() {
    let said = problems("[gateway]\nlisten = ['127.0.0.1:1883', '0.0.0.0:1883']\n");
    assert!(
        said.contains("nobody could log in at 0.0.0.0:1883"),
        "{said}"
    );
    assert!(
        said.contains("mqtt.access.password_file = \"passwords\""),
        "{said}"
    );
    assert!(said.contains("messina.toml:2:10"), "{said}");
    // Behind a proxy clients are from elsewhere, wherever the listener is.
    let proxied = "[[gateway.listener]]\nlisten = '127.0.0.1:1884'\nprotocol = 'mqtt'\nproxy_protocol = true\n";
    let said = problems(proxied);
    assert!(
        said.contains("nobody could log in at 127.0.0.1:1884"),
        "{said}"
    );
    for access in ["password_file = 'p'", "anonymous = 'always'"] {
        let text = format!("[gateway]\nlisten = '[::]:1883'\n[mqtt.access]\n{access}\n");
        assert!(load_toml(&text).is_ok(), "{access}");
    }
}

#[test]
fn everything_wrong_in_access_is_said_and_no_key_is_shown_by_debug() {
    let text = "\
[mqtt.access]
pasword_file = 'x'
anonymous = 'maybe'
deny_by_default = 1
refused_subscription = 'silence'
[mqtt.access.limits]
publishes_per_second = 0
[[mqtt.access.jwt]]
algorithm = 'none'
key = 5
[[mqtt.access.jwt]]
algorithm = 'ES256'
key = { path = 'x' }
";
    let said = problems(text);
    for part in [
        "there is no setting `mqtt.access.pasword_file`",
        "did you mean `password_file`",
        "`mqtt.access.anonymous` must be one of",
        "`mqtt.access.deny_by_default` must be a boolean",
        "`mqtt.access.refused_subscription` must be one of",
        "`mqtt.access.limits.publishes_per_second` must be at least 1",
        "`mqtt.access.jwt.0.algorithm` must be one of",
        "`mqtt.access.jwt.0.key` must be a text, or",
        "`mqtt.access.jwt.1.key.file` is missing",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let key = "[[mqtt.access.jwt]]\nalgorithm = 'HS256'\nkey = 'hunter2'\n";
    let shown = format!("{:?}", load_toml(key).unwrap().config);
    assert!(shown.contains("Inline(***)") && !shown.contains("hunter2"));
}

#[test]
fn tables_are_cqls_once_there_is_a_cql_section_and_no_password_is_shown_by_debug() {
    let text = "[cql]\ncontact_points = [\"a\", \"b:9999\"]\nport = 9043\nkeyspace = \"iot\"\n\
                user = \"u\"\npassword = \"hunter2\"\nreplication = 3\n";
    let config = load_toml(text).unwrap().config;
    let cql = config.cql.unwrap();
    assert_eq!(cql.nodes(), ["a:9043", "b:9999"]);
    assert!(!format!("{cql:?}").contains("hunter2"));
    let replication = cql.replication.as_deref();
    assert_eq!(
        replication,
        Some("{'class': 'SimpleStrategy', 'replication_factor': 3}")
    );
    let keyspaces = config.tables.iter().map(|table| table.keyspace.as_deref());
    assert!(keyspaces.eq([Some("iot"); 3]));
    assert!(load_toml("").unwrap().config.cql.is_none());
}

#[test]
fn a_replication_factor_is_the_named_data_centres() {
    let text = "[cql]\ncontact_points = \"a\"\nkeyspace = \"iot\"\nreplication = 3\ndata_center = \"it's\"\n";
    let cql = load_toml(text).unwrap().config.cql.unwrap();
    let replication = cql.replication.as_deref();
    assert_eq!(
        replication,
        Some("{'class': 'NetworkTopologyStrategy', 'it''s': 3}")
    );
}

#[test]
fn everything_wrong_with_cql_is_said_at_once() {
    let said = problems(
        "[cql]\ncontact_points = [\"\"]\nport = 0\nkeyspace = \"Io t\"\npassword = \"x\"\n\
         consistency = \"some\"\nreplication = \"three\"\ntls = {}\ncolour = 1\n",
    );
    for part in [
        "`` is not a host",
        "`cql.port` must be at least 1",
        "`Io t` must begin with",
        "`cql.password` is set and `cql.user` is not",
        "`cql.consistency` must be one of",
        "`cql.replication` must be a factor",
        "`cql.tls.ca` is missing",
        "there is no setting `cql.colour`",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

const BUCKETED: &str = "[[table]]\nname = \"t\"\npartition_key = [\"device\", \"day\"]\nclustering_key = [\"ts desc\"]\n\
    time_bucket = { column = \"day\", of = \"ts\", every = \"1d\" }\n[table.columns]\ndevice = \"text\"\n\
    day = \"timestamp\"\nts = \"timestamp\"\nv = \"double\"\n";
const CQL: &str = "[cql]\ncontact_points = \"a\"\nkeyspace = \"iot\"\n";

#[test]
fn a_time_bucket_is_a_timestamp_of_the_partition_key_computed_from_another() {
    let config = load_toml(BUCKETED).unwrap().config;
    let bucket = config.tables[0].time_bucket.unwrap();
    assert_eq!(
        (bucket.column, bucket.of, bucket.millis),
        (1, 2, 86_400_000)
    );
    for (from, to, said) in [
        (
            "column = \"day\"",
            "column = \"v\"",
            "`v` is not a column of type timestamp",
        ),
        (
            "of = \"ts\"",
            "of = \"other\"",
            "`other` is not a column of type timestamp",
        ),
        (
            "[\"device\", \"day\"]",
            "[\"device\"]",
            "must be in the partition key",
        ),
        ("\"1d\"", "\"0\"", "cannot be empty"),
    ] {
        let wrong = problems(&BUCKETED.replace(from, to));
        assert!(wrong.contains(said), "{said}: {wrong}");
    }
}

#[test]
fn partitions_without_end_are_warned_of_in_cql() {
    let warnings = |text: String| load_toml(&text).unwrap().warnings.to_string();
    assert_eq!(warnings(format!("{CQL}{BUCKETED}")), "");
    let endless = BUCKETED.replace(
        "time_bucket = { column = \"day\", of = \"ts\", every = \"1d\" }\n",
        "",
    );
    assert!(
        warnings(format!("{CQL}{endless}")).contains("partitions of table `t` grow without end")
    );
    assert_eq!(
        warnings(endless),
        "",
        "the embedded table has no partitions"
    );
}

#[test]
fn a_connector_may_ask_for_a_consistency_of_its_own_that_exists() {
    assert_eq!(
        CqlConsistency::parse("LOCAL_QUORUM"),
        Some(CqlConsistency::LocalQuorum)
    );
    let sink = |level: &str| {
        format!(
            "{BUCKETED}[[topic]]\nname = \"t\"\n[[sink]]\nname = \"s\"\ntopics = \"t\"\n\
             \"connect.cassandra.kcql\" = \"INSERT INTO t SELECT * FROM t\"\n\
             \"connect.cassandra.consistency.level\" = \"{level}\"\n"
        )
    };
    assert!(load_toml(&sink("ALL")).is_ok());
    assert!(problems(&sink("MOST")).contains("there is no consistency `MOST`"));
}

const KAFKA: &str = "[kafka]\nbootstrap_servers = [\"a:9092\", \"b:9093\"]\n";

fn inline(text: &str) -> KeySource {
    KeySource::Inline(Secret::new(text.to_owned()))
}

#[test]
fn the_log_is_kafkas_once_there_is_a_kafka_section_and_no_value_is_shown_by_debug() {
    let text = format!(
        "{KAFKA}gateway_id = \"gate-1\"\noauth_token = {{ file = \"token\" }}\n\
         topics = {{ create = true, partitions = 6, replication = 3, config = {{ \"min.insync.replicas\" = 2 }} }}\n\
         [kafka.client]\nsecurity.protocol = \"sasl_ssl\"\n\"sasl.mechanism\" = \"SCRAM-SHA-512\"\n\
         \"sasl.username\" = \"u\"\n\"sasl.password\" = \"hunter2\"\n\"ssl.key.password\" = {{ file = \"pw\" }}\n\
         [kafka.producer]\n\"linger.ms\" = 2.5\nenable.idempotence = true\n\
         [kafka.consumer]\n\"check.crcs\" = true\n\"fetch.min.bytes\" = 1000\n\
         [[topic]]\nname = \"t\"\n[[topic]]\nname = \"u\"\npartitions = 2\n"
    );
    let config = load_toml(&text).unwrap().config;
    let partitions = config.topics.iter().map(|topic| topic.partitions);
    assert!(partitions.eq([6, 2]));
    let kafka = config.kafka.unwrap();
    assert_eq!(kafka.servers(), "a:9092,b:9093");
    assert_eq!(kafka.gateway_id, "gate-1");
    let topics = KafkaTopicConfig {
        create: true,
        partitions: 6,
        replication: Some(3),
        settings: vec![("min.insync.replicas".to_owned(), "2".to_owned())],
    };
    assert_eq!(kafka.topics, topics);
    let setting = |name: &str, value| KafkaSetting {
        name: name.to_owned(),
        value,
    };
    let file = KeySource::File("./messina-data/pw".into());
    assert!(
        kafka
            .client
            .contains(&setting("security.protocol", inline("sasl_ssl")))
    );
    assert!(kafka.client.contains(&setting("ssl.key.password", file)));
    assert_eq!(kafka.producer, [setting("linger.ms", inline("2.5"))]);
    assert_eq!(kafka.consumer.len(), 2);
    assert!(!format!("{kafka:?}").contains("hunter2"));
    assert!(load_toml("").unwrap().config.kafka.is_none());
    let id = load_toml(KAFKA).unwrap().config.kafka.unwrap().gateway_id;
    assert!(!id.is_empty());
}

#[test]
fn everything_wrong_with_kafka_is_said_at_once() {
    let said = problems(
        "[kafka]\nbootstrap_servers = [\"a\", \"b:9092, c:0\"]\ngateway_id = \"a b\"\ncolour = 1\n\
         topics = { partitions = 0, replicas = 3, config = { x = [] } }\n\
         [kafka.client]\n\"security.protocol\" = \"sasl_plaintext\"\n\"no.such.name\" = 1\n\
         \"no.such.secret\" = { file = \"x\" }\n\"bootstrap.servers\" = \"z:1\"\n\
         [kafka.producer]\nacks = 1\nenable.idempotence = false\n\"transactional.id\" = { file = \"x\" }\n\
         \"linger.ms\" = \"long\"\n\"batch.size\" = []\n\
         [kafka.consumer]\n\"group.id\" = \"g\"\n\"enable.auto.commit\" = false\n\
         \"isolation.level\" = \"read_uncommitted\"\n\"auto.offset.reset\" = \"latest\"\n",
    );
    for part in [
        "`a` is not a host and a port",
        "`c:0` is not a host and a port",
        "`kafka.gateway_id` must be up to 100 letters",
        "there is no setting `kafka.colour`",
        "`kafka.topics.partitions` must be at least 1",
        "there is no setting `kafka.topics.replicas`",
        "`kafka.topics.config.x` must be a text, a number or a boolean",
        "librdkafka has no setting `no.such.name`",
        "librdkafka has no setting `no.such.secret`",
        "`kafka.client.bootstrap.servers` is not to be set: the servers are",
        "`kafka.client.sasl.mechanism` must be PLAIN",
        "`kafka.producer.acks` can only be `all`",
        "`kafka.producer.enable.idempotence` can only be `true`",
        "`kafka.producer.transactional.id` is not to be set",
        "`kafka.producer.linger.ms` does not take this value",
        "`kafka.producer.batch.size` must be a text",
        "`kafka.consumer.group.id` is not to be set",
        "`kafka.consumer.enable.auto.commit` is not to be set",
        "`kafka.consumer.isolation.level` can only be `read_committed`",
        "`kafka.consumer.auto.offset.reset` is not to be set",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(problems("[kafka]\n").contains("`kafka.bootstrap_servers` is missing"));
    let oauth =
        "[kafka.client]\n\"security.protocol\" = \"SASL_SSL\"\nsasl.mechanism = \"OAUTHBEARER\"\n";
    assert!(problems(&format!("{KAFKA}{oauth}")).contains("OAUTHBEARER needs `kafka.oauth_token`"));
}

#[test]
fn every_way_to_log_in_to_kafka_is_known_to_the_library_that_is_built_in() {
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] {
        let text = format!(
            "{KAFKA}oauth_token = \"x\"\n[kafka.client]\n\"security.protocol\" = \"sasl_ssl\"\n\
             \"sasl.mechanism\" = \"{mechanism}\"\n\"ssl.ca.location\" = \"/none\"\n\
             \"ssl.certificate.location\" = \"/none\"\n\"ssl.key.location\" = \"/none\"\n"
        );
        assert!(load_toml(&text).is_ok(), "{mechanism}");
    }
    for compression in ["gzip", "snappy", "lz4", "zstd"] {
        let text = format!("{KAFKA}[kafka.producer]\n\"compression.type\" = \"{compression}\"\n");
        assert!(load_toml(&text).is_ok(), "{compression}");
    }
}
