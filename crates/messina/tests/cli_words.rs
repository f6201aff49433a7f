//! The words operators see: help, answers of `check`, exit codes. Each is compared with a file in `snapshots/`;
//! `MESSINA_UPDATE_SNAPSHOTS=1` writes the files anew.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Runs the binary away from any configuration file or variable of the machine.
fn messina(arguments: &[&str], dir: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_messina"));
    for (name, _) in std::env::vars() {
        if name.starts_with("MESSINA__") {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn words(output: &Output) -> String {
    format!(
        "exit {}\n--- stdout\n{}--- stderr\n{}",
        output.status.code().unwrap(),
        String::from_utf8(output.stdout.clone()).unwrap(),
        String::from_utf8(output.stderr.clone()).unwrap()
    )
}

fn snapshot(name: &str, shown: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/snapshots")
        .join(name);
    if std::env::var_os("MESSINA_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, shown).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == shown,
        "{} says\n{expected}\nbut it is\n{shown}",
        path.display()
    );
}

#[test]
fn help_of_every_command_is_what_the_snapshot_says() {
    let dir = tempfile::tempdir().unwrap();
    let commands: [&[&str]; 33] = [
        &[],
        &["up"],
        &["gateway"],
        &["worker"],
        &["mqtt-proxy"],
        &["connect-standalone"],
        &["connect-distributed"],
        &["check"],
        &["config"],
        &["passwd"],
        &["status"],
        &["topics"],
        &["topics", "list"],
        &["topics", "create"],
        &["topics", "describe"],
        &["topics", "delete"],
        &["gateways"],
        &["gateways", "list"],
        &["gateways", "forget"],
        &["produce"],
        &["consume"],
        &["query"],
        &["dlq"],
        &["dlq", "list"],
        &["dlq", "replay"],
        &["log"],
        &["export"],
        &["import"],
        &["log", "check"],
        &["log", "repair"],
        &["pub"],
        &["sub"],
        &["simulate"],
    ];
    for command in commands {
        let mut arguments = command.to_vec();
        arguments.push("--help");
        let output = messina(&arguments, dir.path());
        let name = command.join("-");
        let name = if name.is_empty() {
            "messina".to_owned()
        } else {
            name
        };
        snapshot(&format!("help-{name}.txt"), &words(&output));
    }
}

#[test]
fn check_says_everything_that_is_wrong_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = "\
[gateway]
lissten = \"0.0.0.0:1883\"
limits.max_packet_size = \"1 potato\"

[[route]]
filter = \"a/+b\"
topic = \"has space\"

[[route]]
filter = \"#\"
topic = \"x-$9\"

[[table]]
name = \"readings\"
partition_key = [\"id\", \"id\"]
columns = { id = \"list<int>\" }

[[sink]]
name = \"s\"
topics = \"readings\"
\"connect.cassandra.kcql\" = \"INSERT INTO nowhere SELEC * FROM readings\"

[[sink]]
name = \"s\"
topics = \"readings\"
";
    std::fs::write(dir.path().join("wrong.toml"), wrong).unwrap();
    std::fs::write(
        dir.path().join("wrong.kcql"),
        "INSERT INTO t SELECT a FROM b WHERE x > 1",
    )
    .unwrap();
    let output = messina(&["check", "wrong.toml", "wrong.kcql"], dir.path());
    snapshot("check-wrong.txt", &words(&output));
    let output = messina(&["check", "wrong.toml", "--json"], dir.path());
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let problem: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(problem["file"], "wrong.toml");
        assert!(problem["line"].as_u64().unwrap() > 0);
    }
}

#[test]
fn a_sample_shows_the_rows_and_cql_it_would_become() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("demo.txt"), "99999,2.10# 2.13# 2.19# ").unwrap();
    std::fs::write(dir.path().join("room.json"), r#"{"value": {"celsius": 21.5, "air": {"co2": 600}}, "timestamp": 1700000000123, "headers": {"mqtt.topic": "room/1"}}"#).unwrap();
    let demo = messina(
        &["check", "--sample", "demo.txt", "--topic", "temperature"],
        dir.path(),
    );
    let room = messina(
        &["check", "--sample", "room.json", "--topic", "readings"],
        dir.path(),
    );
    snapshot(
        "check-sample.txt",
        &format!("{}\n{}", words(&demo), words(&room)),
    );
}

#[test]
fn a_sample_of_a_sink_whose_cluster_is_not_asked_shows_its_statement() {
    let dir = tempfile::tempdir().unwrap();
    let value = r#"{"id": 7, "temp": 2.5, "where": {"lat": 1, "note": "it's"}}"#;
    let sample = format!(r#"{{"key": {{"id": 7}}, "value": {value}, "timestamp": 1700000000123}}"#);
    let deleted = r#"{"key": {"id": 7}, "value": null, "timestamp": 1700000000123}"#;
    std::fs::write(dir.path().join("sample.json"), sample).unwrap();
    std::fs::write(dir.path().join("deleted.json"), deleted).unwrap();
    let of_json = "key.converter=Json\nkey.converter.schemas.enable=false\nvalue.converter=Json\nvalue.converter.schemas.enable=false\n";
    let lenses = "io.lenses.streamreactor.connect.cassandra";
    let files = [
        ("classic", format!("connector.class={lenses}.sink.CassandraSinkConnector\nconnect.cassandra.port=9042\nconnect.cassandra.key.space=iot\nconnect.cassandra.default.value=UNSET\nconnect.cassandra.delete.enabled=true\nconnect.cassandra.delete.statement=DELETE FROM meters WHERE id = ?\nconnect.cassandra.delete.struct_flds=id\nconnect.cassandra.kcql=INSERT INTO meters SELECT id, temp, where.lat AS lat FROM t TTL=60;INSERT INTO all_of_it SELECT * FROM t\n")),
        ("scylla", "connector.class=io.connect.scylladb.ScyllaDbSinkConnector\nscylladb.keyspace=iot\nscylladb.ttl=60\n".to_owned()),
        ("datastax", "connector.class=com.datastax.oss.kafka.sink.CassandraSinkConnector\ncontactPoints=127.0.0.1\nloadBalancing.localDc=dc1\ntopic.t.iot.meters.mapping=id=key.id, \"Temp\"=value.temp, place=value.where\ntopic.t.iot.log.mapping=id=key.id, t=value.temp\ntopic.t.iot.log.query=UPDATE iot.log SET t = :t WHERE id = :id\ntopic.t.iot.log.deletesEnabled=false\n".to_owned()),
        ("lenses", format!("connector.class={lenses}.CassandraSinkConnector\nconnect.cassandra.contact.points=127.0.0.1\nconnect.cassandra.kcql=INSERT INTO iot.meters SELECT _key.id AS id, temp FROM t PROPERTIES('ttl'='10','ttlTimeUnit'='MINUTES')\n")),
    ];
    let mut shown = String::new();
    for (name, text) in &files {
        let file = format!("{name}.properties");
        let text = format!("name={name}\ntopics=t\n{of_json}{text}");
        std::fs::write(dir.path().join(&file), text).unwrap();
        for sample in ["sample.json", "deleted.json"] {
            let output = messina(&["check", &file, "--sample", sample], dir.path());
            shown.push_str(&words(&output));
            shown.push('\n');
        }
    }
    snapshot("check-sample-cluster.txt", &shown);
}

#[test]
fn a_connector_is_checked_as_that_of_the_worker_whose_file_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let worker = "key.converter=String\nvalue.converter=Avro\nbootstrap.servers=127.0.0.1:1\n\
                  config.providers=file\nconfig.providers.file.class=FileConfigProvider\n\
                  connector.client.config.override.policy=None\n";
    let sink = "name=s\nconnector.class=messina.TableSink\ntopics=t\nerrors.tolerance=${file:kept:tolerance}\n\
                connect.cassandra.kcql=INSERT INTO readings SELECT * FROM t\nconsumer.override.fetch.min.bytes=2\n";
    std::fs::write(dir.path().join("worker.properties"), worker).unwrap();
    std::fs::write(dir.path().join("sink.properties"), sink).unwrap();
    let check = |files: &[&str]| words(&messina(&[&["check"], files].concat(), dir.path()));
    for files in [
        ["sink.properties", "worker.properties"],
        ["worker.properties", "sink.properties"],
    ] {
        let shown = check(&files);
        for expected in [
            "The 'None' policy does not allow 'fetch.min.bytes'",
            "`value.converter`: ",
            "warning: `errors.tolerance`: cannot read `kept`",
        ] {
            assert!(shown.contains(expected), "{expected} is not in {shown}");
        }
    }
    std::fs::write(dir.path().join("kept"), "tolerance=some\n").unwrap();
    let shown = check(&["worker.properties", "sink.properties"]);
    assert!(!shown.contains("cannot read"), "{shown}");
    assert!(shown.contains("error: `errors.tolerance`: "), "{shown}");
    let worker = worker.replace("Avro", "String").replace("=None", "=All");
    std::fs::write(dir.path().join("worker.properties"), worker).unwrap();
    std::fs::write(dir.path().join("kept"), "tolerance=all\n").unwrap();
    let shown = check(&["worker.properties", "sink.properties"]);
    assert!(shown.starts_with("exit 0"), "{shown}");
}

#[test]
fn every_example_configuration_holds() {
    // What is warned of in files that are as others wrote them.
    let known = [
        (
            "kafka-mqtt-dev.properties",
            "has everybody publish who reaches 0.0.0.0:1883",
        ),
        (
            "connect-avro-distributed.properties",
            "connectors that name no `key.converter` of their own are refused",
        ),
        (
            "connect-avro-distributed.properties",
            "connectors that name no `value.converter` of their own are refused",
        ),
    ];
    let examples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let mut count = 0;
    for entry in std::fs::read_dir(&examples).unwrap() {
        let path = entry.unwrap().path();
        let extension = path.extension().and_then(|own| own.to_str());
        if !matches!(extension, Some("toml" | "properties")) {
            continue;
        }
        let output = messina(&["check", path.to_str().unwrap()], &examples);
        assert!(output.status.success(), "{}", words(&output));
        // The files of the machine it is for are not here.
        let shown = words(&output);
        let mut expected = shown.matches("is not on this machine").count();
        for (file, warning) in known {
            if path.ends_with(file) {
                assert!(shown.contains(warning), "{shown}");
                expected += 1;
            }
        }
        let warnings = format!(", {expected} warning");
        assert!(shown.contains(&warnings), "{shown}");
        count += 1;
    }
    assert!(count >= 7, "{count}");
}

#[test]
fn config_default_is_a_file_to_start_from() {
    let dir = tempfile::tempdir().unwrap();
    let output = messina(&["config", "default"], dir.path());
    assert!(output.status.success());
    std::fs::write(dir.path().join("messina.toml"), output.stdout).unwrap();
    let checked = messina(&["check", "messina.toml"], dir.path());
    assert!(checked.status.success(), "{}", words(&checked));
}

#[test]
fn exit_codes_are_what_help_promises() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("wrong.toml"), "nonsense = 1\n").unwrap();
    let code = |arguments: &[&str]| messina(arguments, dir.path()).status.code().unwrap();
    assert_eq!(code(&["--version"]), 0);
    assert_eq!(code(&["no-such-command"]), 2);
    assert_eq!(code(&["check", "wrong.toml"]), 3);
    assert_eq!(code(&["status", "--config", "wrong.toml"]), 3);
    assert_eq!(code(&["check", "missing.toml"]), 3);
    // Port 1 on loopback: nobody listens there.
    assert_eq!(code(&["status", "--admin", "127.0.0.1:1"]), 4);
    assert_eq!(code(&["pub", "-p", "1", "-t", "a", "-m", "b"]), 4);
    assert_eq!(code(&["pub", "-t", "a/#", "-m", "b"]), 2);
}

#[test]
fn without_a_program_or_data_a_tool_says_that_nothing_answers() {
    let dir = tempfile::tempdir().unwrap();
    let output = messina(
        &["topics", "list", "--set", "admin.listen=127.0.0.1:1"],
        dir.path(),
    );
    snapshot("nothing-answers.txt", &words(&output));
    assert!(
        !dir.path().join("messina-data").exists(),
        "asking must not make a data directory"
    );
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_messina"))
        .args(["config", "default"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(output.status.success());
}

#[test]
fn check_says_what_is_weak_about_access_and_shows_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/access");
    let passwords = std::fs::read_to_string(vectors.join("mosquitto.passwd")).unwrap();
    std::fs::write(dir.path().join("passwords"), passwords).unwrap();
    private(&dir.path().join("passwords"), 0o644);
    std::fs::write(
        dir.path().join("acl"),
        "topic #\nuser ada\ntopic read sensors/#\n",
    )
    .unwrap();
    let configuration = "\
data = \".\"

[mqtt.access]
password_file = \"passwords\"
acl_file = \"acl\"
anonymous = \"always\"

[[mqtt.access.jwt]]
algorithm = \"HS256\"
key = \"hunter2\"
";
    std::fs::write(dir.path().join("weak.toml"), configuration).unwrap();
    let output = messina(&["check", "weak.toml"], dir.path());
    snapshot("check-weak-access.txt", &words(&output));

    std::fs::write(
        dir.path().join("acl"),
        "topic #\nuser ada\ntopic reed sensors/#\n",
    )
    .unwrap();
    std::fs::write(
        dir.path().join("passwords"),
        "ada:$7$101$osH+lEzK7JafDSA8\nhunter2\n",
    )
    .unwrap();
    private(&dir.path().join("passwords"), 0o600);
    let output = messina(&["check", "weak.toml"], dir.path());
    snapshot("check-wrong-access.txt", &words(&output));
}

fn private(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn passwd_adds_changes_and_removes_users() {
    use std::io::Write as _;

    let dir = tempfile::tempdir().unwrap();
    let passwd = |arguments: &[&str], password: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_messina"))
            .arg("passwd")
            .args(arguments)
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(password.as_bytes())
            .unwrap();
        words(&child.wait_with_output().unwrap())
    };
    let file = || std::fs::read_to_string(dir.path().join("passwords")).unwrap();
    assert!(passwd(&["passwords", "ada"], "hunter2\n").contains("added `ada`"));
    assert!(file().starts_with("ada:$argon2id$") && file().contains(":SCRAM-SHA-256$16384:"));
    let before = file();
    assert!(passwd(&["passwords", "grace", "--no-scram"], "hunter2").contains("added `grace`"));
    assert!(file().starts_with(&before) && !file().contains("hunter2"));
    assert!(passwd(&["passwords", "ada"], "hunter3\r\n").contains("changed `ada`"));
    assert_eq!(file().lines().count(), 2);
    assert_ne!(file().lines().next(), before.lines().next());
    assert!(passwd(&["passwords", "ada", "--delete"], "").contains("removed `ada`"));
    assert!(file().starts_with("grace:"));
    assert!(passwd(&["passwords", "ada", "--delete"], "").starts_with("exit 1\n"));
    assert!(passwd(&["passwords", "a:b"], "x\n").starts_with("exit 2\n"));
    assert!(passwd(&["passwords", "ada"], "\n").starts_with("exit 2\n"));
    std::fs::write(dir.path().join("passwords"), "ada:plain\n").unwrap();
    let refused = passwd(&["passwords", "grace"], "hunter2\n");
    assert!(
        refused.starts_with("exit 3\n") && !refused.contains("plain\n"),
        "{refused}"
    );
}
