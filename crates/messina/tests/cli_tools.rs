//! The tools against a running `messina up`, and against its data once it has stopped.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use messina_e2e::server::free_ports;

/// A running `messina up` with ports and data of its own.
struct Up {
    child: Child,
    dir: tempfile::TempDir,
    mqtt: u16,
    admin: u16,
}

/// A port nobody uses now.
fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_messina"));
    command.current_dir(dir).env("RUST_LOG", "warn");
    command
}

impl Up {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [mqtt, admin] = free_ports();
        let settings = format!(
            "[gateway]\nlisten = \"127.0.0.1:{mqtt}\"\n[admin]\nlisten = \"127.0.0.1:{admin}\"\n[rest]\nlisten = \"off\"\n[log]\nwal_size = \"1MiB\"\n"
        );
        std::fs::write(dir.path().join("messina.toml"), settings).unwrap();
        let child = command(dir.path())
            .arg("up")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let up = Self {
            child,
            dir,
            mqtt,
            admin,
        };
        up.wait_for(&["status"], |output| output.status.success());
        up
    }

    fn run(&self, arguments: &[&str]) -> Output {
        command(self.dir.path())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Standard output of a command that must succeed.
    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn publish(&self, arguments: &[&str]) {
        let port = self.mqtt.to_string();
        self.ok(&[&["pub", "-p", &port], arguments].concat());
    }

    fn wait_for(&self, arguments: &[&str], is_there: impl Fn(&Output) -> bool) -> String {
        for _ in 0..200 {
            let output = self.run(arguments);
            if is_there(&output) {
                return String::from_utf8(output.stdout).unwrap();
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let last = self.run(arguments);
        assert!(
            is_there(&last),
            "{arguments:?} never came to that: {last:?}"
        );
        String::new()
    }

    fn stop(&mut self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(sent.success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Both fail when it has stopped already, which is fine.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn has(text: &'static str) -> impl Fn(&Output) -> bool {
    move |output| String::from_utf8_lossy(&output.stdout).contains(text)
}

#[test]
fn a_reading_can_be_followed_from_the_publish_to_the_row_and_after_the_stop() {
    let mut up = Up::start();
    up.publish(&[
        "-t",
        "temperature",
        "-q",
        "2",
        "-m",
        "99999,2.10# 2.13# 2.19# ",
    ]);
    up.publish(&["-t", "room/1", "-q", "1", "-m", "{\"celsius\": 21.5}"]);
    up.publish(&["-t", "temperature", "-q", "1", "-m", "nonsense"]);

    let rows = [
        "query",
        "--format",
        "csv",
        "SELECT event_id, idx, reading FROM temperature ORDER BY idx",
    ];
    let csv = up.wait_for(&rows, has("2.19"));
    assert_eq!(
        csv,
        "event_id,idx,reading\n99999,0,2.1\n99999,1,2.13\n99999,2,2.19\n"
    );
    let room = up.wait_for(
        &[
            "query",
            "--json",
            "SELECT topic, field, number FROM readings",
        ],
        has("21.5"),
    );
    assert_eq!(
        room,
        "{\"field\":\"celsius\",\"number\":21.5,\"topic\":\"room/1\"}\n"
    );

    let records = up.ok(&["consume", "-t", "temperature", "-e", "-f", "%o %k %s\n"]);
    assert_eq!(
        records,
        "0 temperature 99999,2.10# 2.13# 2.19# \n1 temperature nonsense\n"
    );
    let letters = up.wait_for(&["dlq", "list"], has("VALUE_CONVERTER"));
    assert!(letters.contains("temperature[0]@1"), "{letters}");
    assert!(up.ok(&["dlq", "show", "0"]).contains("value      nonsense"));

    up.stop();
    assert_eq!(up.ok(&rows), csv);
    assert_eq!(
        up.ok(&["consume", "-t", "temperature", "-e", "-f", "%o %k %s\n"]),
        records
    );
    assert_eq!(up.ok(&["dlq", "list"]), letters);
    assert!(up.ok(&["topics", "list"]).contains("messina.dead-letters"));
    assert!(up.ok(&["log", "check"]).contains("no damage"));
    assert_eq!(up.run(&["status"]).status.code(), Some(4));
}

#[test]
fn topics_are_made_filled_read_and_deleted() {
    let up = Up::start();
    up.ok(&["topics", "create", "pairs", "-p", "3", "--retention", "1h"]);
    assert_eq!(
        up.run(&["topics", "create", "pairs"]).status.code(),
        Some(1)
    );
    let mut produce = command(up.dir.path())
        .args([
            "produce",
            "-t",
            "pairs",
            "-K",
            ":",
            "-H",
            "from=test",
            "-p",
            "1",
        ])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    produce
        .stdin
        .take()
        .unwrap()
        .write_all(b"a:1\nb:2\nc:3\n")
        .unwrap();
    assert!(produce.wait().unwrap().success());
    assert_eq!(
        up.ok(&["consume", "-t", "pairs", "-e", "-K", "="]),
        "a=1\nb=2\nc=3\n"
    );
    assert_eq!(
        up.ok(&[
            "consume", "-t", "pairs", "-p", "1", "-o", "-1", "-c", "1", "-f", "%p %h %s"
        ]),
        "1 from=test 3"
    );
    up.ok(&["topics", "delete", "pairs"]);
    assert_eq!(
        up.run(&["consume", "-t", "pairs", "-e"]).status.code(),
        Some(1)
    );
}

#[test]
fn a_fleet_with_faults_finds_everything_it_was_promised() {
    let up = Up::start();
    let server = format!("127.0.0.1:{}", up.mqtt);
    let report = up.ok(&[
        "simulate",
        "--server",
        &server,
        "--count",
        "5",
        "--rate",
        "100",
        "--duration",
        "2s",
        "--profile",
        "json",
        "--drops",
        "0.05",
        "--storms",
        "1s",
        "--duplicates",
        "0.05",
        "--late",
        "0.05",
        "--seed",
        "7",
        "--json",
    ]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert!(report["acknowledged"].as_u64().unwrap() >= 200, "{report}");
    assert!(report["reconnects"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report["verdict"]["missing"], 0, "{report}");
    assert_eq!(report["verdict"]["repeated"], 0, "{report}");
    assert_eq!(report["verdict"]["out_of_order"], 0, "{report}");
    assert_ne!(up.admin, up.mqtt);
}

#[test]
fn a_second_up_on_the_same_data_is_refused() {
    let up = Up::start();
    let [port] = free_ports();
    let listen = format!("gateway.listen=127.0.0.1:{port}");
    let second = up.run(&[
        "up",
        "--set",
        &listen,
        "--set",
        "admin.listen=off",
        "--set",
        "rest.listen=off",
    ]);
    let words = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{words}");
    assert!(words.contains("in use"), "{words}");
}
