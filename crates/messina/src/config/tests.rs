//! What operators see: the built-in configuration holds, and everything wrong is said at once, each in its place.

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
    assert_eq!(config.gateway.listen, ["127.0.0.1:1883".parse().unwrap()]);
    assert_eq!(config.routes.len(), 3);
    assert_eq!(config.sinks.len(), 3);
    assert_eq!(config.tables.len(), 3);
    assert_eq!(config.log.dir, std::path::Path::new("./messina-data/log"));
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
    assert_eq!(config.gateway.listen, ["0.0.0.0:1884".parse().unwrap()]);
    assert_eq!(config.log.partitions, 4);
    assert_eq!(config.log.retention, None);
    assert_eq!(config.log.dir, std::path::Path::new("/var/lib/messina/log"));
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
