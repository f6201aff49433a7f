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
    let commands: [&[&str]; 22] = [
        &[],
        &["up"],
        &["check"],
        &["config"],
        &["status"],
        &["topics"],
        &["topics", "list"],
        &["topics", "create"],
        &["topics", "describe"],
        &["topics", "delete"],
        &["produce"],
        &["consume"],
        &["query"],
        &["dlq"],
        &["dlq", "list"],
        &["dlq", "replay"],
        &["log"],
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
fn every_example_configuration_holds() {
    let examples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let mut count = 0;
    for entry in std::fs::read_dir(&examples).unwrap() {
        let path = entry.unwrap().path();
        let output = messina(&["check", path.to_str().unwrap()], &examples);
        assert!(output.status.success(), "{}", words(&output));
        assert!(words(&output).contains("0 warnings"), "{}", words(&output));
        count += 1;
    }
    assert!(count >= 3, "{count}");
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
