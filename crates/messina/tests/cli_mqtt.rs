//! `messina pub` and `messina sub` against `messina up`, by every kind of listener.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use messina_e2e::server::free_ports;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};

/// Who comes without a password is let in.
const OPEN: &str = "anonymous = 'loopback'";

/// A running `messina up` that listens in all ways, with files beside it.
struct Up {
    child: Child,
    dir: tempfile::TempDir,
    /// Plain, TLS, WebSocket, both.
    ports: [u16; 4],
}

/// The next line; empty at the end.
fn line(shown: &mut impl BufRead) -> String {
    let mut line = String::new();
    shown.read_line(&mut line).unwrap();
    line
}

fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_messina"));
    command
        .current_dir(dir)
        .env("RUST_LOG", "warn")
        .env_remove("MESSINA_PASSWORD")
        .stdin(Stdio::null());
    command
}

/// An authority, and what it issued to the server and to a client called `pump`.
fn certificates(dir: &Path) {
    let authority = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let ours = authority("ours");
    let write = |name: &str, text: String| std::fs::write(dir.join(name), text).unwrap();
    write("ca.pem", ours.pem());
    write("theirs.pem", authority("theirs").pem());
    std::fs::create_dir(dir.join("trusted")).unwrap();
    write("trusted/ours.pem", ours.pem());
    write("trusted/README", "no certificate".to_owned());
    for (file, name) in [("server", "localhost"), ("pump", "pump")] {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        write(
            &format!("{file}.pem"),
            params.signed_by(&key, &ours).unwrap().pem(),
        );
        write(&format!("{file}.key"), key.serialize_pem());
    }
}

impl Up {
    /// `ada` has the password `hunter2`; `access` says who else may come.
    fn start(access: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        certificates(dir.path());
        let entry = messina::access::entry_for("ada", b"hunter2", None).unwrap();
        std::fs::write(dir.path().join("passwords"), entry + "\n").unwrap();
        let ports = free_ports();
        let [mqtt, mqtts, ws, wss] = ports;
        let here = dir.path().display();
        let tls = format!("certificate = '{here}/server.pem', key = '{here}/server.key'");
        let settings = format!(
            "[admin]\nlisten = 'off'\n[rest]\nlisten = 'off'\n[log]\nwal_size = '1MiB'\n\
             [mqtt.access]\npassword_file = '{here}/passwords'\n{access}\n\
             [gateway]\nlisten = '127.0.0.1:{mqtt}'\n\
             [[gateway.listener]]\nlisten = '127.0.0.1:{mqtts}'\nprotocol = 'mqtts'\n\
             tls = {{ {tls}, client_ca = '{here}/ca.pem', client_certificate = 'optional' }}\n\
             [[gateway.listener]]\nlisten = '127.0.0.1:{ws}'\nprotocol = 'ws'\npath = '/socket'\n\
             [[gateway.listener]]\nlisten = '127.0.0.1:{wss}'\nprotocol = 'wss'\ntls = {{ {tls} }}\n"
        );
        std::fs::write(dir.path().join("messina.toml"), settings).unwrap();
        let child = command(dir.path())
            .arg("up")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        for port in ports {
            let mut tries = 0;
            while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
                tries += 1;
                assert!(tries < 200, "nobody listens on {port}");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Self { child, dir, ports }
    }

    fn url(&self, kind: usize, rest: &str) -> String {
        let scheme = ["mqtt", "mqtts", "ws", "wss"].get(kind).unwrap();
        format!(
            "{scheme}://localhost:{}{rest}",
            self.ports.get(kind).unwrap()
        )
    }

    fn run(&self, line: &str) -> Output {
        let mut command = command(self.dir.path());
        command.args(line.split_whitespace()).output().unwrap()
    }

    /// Starts a command on the plain port; gives its standard output too.
    fn begin(&self, line: &str) -> (Child, BufReader<ChildStdout>) {
        let mut command = command(self.dir.path());
        command.args(line.split_whitespace());
        command.args(["-p", &self.ports[0].to_string()]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let shown = child.stdout.take().unwrap();
        (child, BufReader::new(shown))
    }

    /// Standard output of a command on the plain port that must succeed.
    fn ok(&self, line: &str) -> String {
        let line = format!("{line} -p {}", self.ports[0]);
        let output = self.run(&line);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{line}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn code(&self, line: &str) -> i32 {
        let output = self.run(&format!("{line} -p {}", self.ports[0]));
        output.status.code().unwrap()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Both fail when it has stopped already, which is fine.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

#[test]
fn a_message_goes_in_and_out_by_every_listener() {
    let up = Up::start(OPEN);
    for kind in 0..4 {
        let rest = ["/kind", "/kind", "/socket", ""][kind];
        let topic = if kind < 2 { "" } else { "-t kind" };
        let trust = ["", "--cafile ca.pem", "", "--capath trusted"][kind];
        let url = up.url(kind, rest);
        let common = format!("-L {url} {topic} {trust} -q 1");
        for version in ["311", "5"] {
            let sent = up.run(&format!("pub {common} -V {version} -r -m by-{kind}"));
            assert!(sent.status.success(), "{sent:?}");
            let got = up.run(&format!("sub {common} -V {version} -v -C 1 -W 10"));
            assert!(got.status.success(), "{got:?}");
            assert_eq!(
                String::from_utf8(got.stdout).unwrap(),
                format!("kind by-{kind}\n")
            );
        }
    }
}

#[test]
fn what_is_much_arrives_whole_by_every_listener() {
    let up = Up::start(OPEN);
    let big = "0123456789,".repeat(20_000);
    std::fs::write(up.dir.path().join("big"), &big).unwrap();
    for kind in 0..4 {
        let rest = if kind == 2 { "/socket" } else { "" };
        let trust = ["", "--cafile ca.pem", "", "--cafile ca.pem"][kind];
        let common = format!("-L {} -t big/{kind} {trust} -q 2", up.url(kind, rest));
        let sent = up.run(&format!("pub {common} -f big -r"));
        assert!(sent.status.success(), "{sent:?}");
        let got = up.run(&format!("sub {common} -N -C 1 -W 20"));
        assert!(got.stdout == big.as_bytes(), "{:?}", got.status);
    }
}

#[test]
fn a_server_that_cannot_prove_who_it_is_gets_nothing() {
    let up = Up::start(OPEN);
    let port = up.ports[1];
    let failed = |line: &str| {
        let output = up.run(&format!("pub -p {port} -t a -m b {line}"));
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), said)
    };
    let (code, said) = failed("-h localhost --cafile theirs.pem");
    assert!(code == 4 && said.contains("UnknownIssuer"), "{said}");
    // The certificate is for `localhost`.
    let (code, said) = failed("-h 127.0.0.1 --cafile ca.pem");
    assert!(code == 4 && said.contains("not valid for name"), "{said}");
    assert_eq!(failed("-h 127.0.0.1 --cafile ca.pem --insecure").0, 0);
    // Another name is let pass, another authority is not.
    assert_eq!(failed("-h localhost --cafile theirs.pem --insecure").0, 4);
    assert_eq!(
        failed("-h localhost --cafile ca.pem --tls-version tlsv1.2").0,
        0
    );
    // What is meant to be encrypted does not go out in the clear.
    assert_eq!(failed("-h localhost --insecure").0, 2);
    let (code, said) = failed("-h localhost --cafile nowhere.pem");
    assert!(code == 1 && said.contains("nowhere.pem"), "{said}");
    let (code, said) = failed("-h localhost --cafile pump.key");
    assert!(code == 1 && said.contains("no certificate"), "{said}");
}

#[test]
fn a_client_shows_its_certificate_and_is_known_by_it() {
    let up = Up::start("anonymous = 'never'\ncertificate_user = 'common_name'");
    let line = format!("pub -L {} -t a -m b -q 1 --cafile ca.pem", up.url(1, ""));
    assert_eq!(up.run(&line).status.code(), Some(5));
    let shown = up.run(&format!("{line} --cert pump.pem --key pump.key"));
    assert!(shown.status.success(), "{shown:?}");
    assert_eq!(
        up.run(&format!("{line} --cert pump.pem")).status.code(),
        Some(2)
    );
    let mixed = up.run(&format!("{line} --cert pump.pem --key server.key"));
    let said = String::from_utf8(mixed.stderr).unwrap();
    assert!(said.contains("cannot be used together"), "{said}");
}

#[test]
fn passwords_come_from_four_places_and_exit_codes_from_the_server() {
    let up = Up::start("anonymous = 'never'");
    let line = "pub -t a -m b -q 1";
    std::fs::write(up.dir.path().join("secret"), "hunter2\r\nand more\n").unwrap();
    up.ok(&format!("{line} -u ada -P hunter2"));
    up.ok(&format!("{line} -u ada --pw-file secret"));
    let url = format!("mqtt://ada:hunter%32@127.0.0.1:{}/a", up.ports[0]);
    assert!(up.run(&format!("pub -m b -L {url}")).status.success());
    let port = up.ports[0].to_string();
    let by_environment = command(up.dir.path())
        .args(line.split(' '))
        .args(["-u", "ada", "-p", &port])
        .env("MESSINA_PASSWORD", "hunter2")
        .status();
    assert!(by_environment.unwrap().success());

    assert_eq!(up.code(line), 5);
    assert_eq!(up.code(&format!("{line} -u ada -P wrong")), 4);
    assert_eq!(up.code(&format!("{line} -V 5")), 135);
    assert_eq!(up.code(&format!("{line} -V 5 -u ada -P wrong")), 134);
}

#[test]
fn properties_are_sent_and_printed() {
    let up = Up::start(OPEN);
    up.ok(
        "pub -V 5 -t props -q 1 -r -m 21.5 -D publish content-type text/plain \
           -D publish user-property unit C -D PUBLISH user-property place attic \
           -D publish response-topic answers -D publish correlation-data 17 \
           -D publish payload-format-indicator 1 -D publish message-expiry-interval 600 \
           -D connect receive-maximum 3",
    );
    let shown = up.ok(
        "sub -V 5 -t props -q 1 -C 1 -W 10 -D subscribe subscription-identifier 9 \
                       -D connect topic-alias-maximum 5 -F %t|%p|%C|%P|%R|%D|%F|%S|%r|%q|%04l|%x",
    );
    assert_eq!(
        shown,
        "props|21.5|text/plain|unit:C place:attic|answers|17|1|9|1|1|0004|32312e35\n"
    );
    let json = up.ok("sub -V 5 -t props -C 1 -W 10 -F %J");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["payload"], 21.5);
    assert_eq!(json["properties"]["content-type"], "text/plain");
    let code = |line: &str| up.code(line);
    assert_eq!(code("pub -t a -m b -D publish content-type a"), 2);
    assert_eq!(code("pub -V 5 -t a -m b -D publish nonsense a"), 2);
    assert_eq!(code("sub -t a -F %y"), 2);
    assert_eq!(code("sub -t a --retain-as-published"), 2);
}

#[test]
fn a_topic_alias_of_the_server_is_understood() {
    let up = Up::start(OPEN);
    let topic = "a/very/long/topic/for/an/alias";
    let session = format!("-V 5 -t {topic} -c -i alias -q 1 -D connect topic-alias-maximum 5");
    // Its session is there, so nothing is missed.
    up.ok(&format!("sub {session} -E"));
    up.ok(&format!(
        "pub -t {topic} -q 1 -m x --repeat 5 --repeat-delay 0.02"
    ));
    let shown = up.ok(&format!("sub {session} -C 5 -W 20 -F %A~%t~%p"));
    assert_eq!(shown, format!("1~{topic}~x\n").repeat(5));
}

#[test]
fn a_session_waits_for_who_made_it_and_forgets_what_is_unsubscribed() {
    let up = Up::start(OPEN);
    for version in ["311", "5"] {
        let session = format!("-V {version} -c -i sleeper-{version} -q 1");
        up.ok(&format!("sub {session} -t wait/# -E"));
        up.ok("pub -t wait/1 -q 1 -m one");
        up.ok("pub -t wait/2 -q 1 -m two");
        let got = up.ok(&format!("sub {session} -t wait/# -C 2 -W 10"));
        assert_eq!(got, "one\ntwo\n");
        up.ok(&format!("sub {session} -U wait/#"));
        up.ok("pub -t wait/1 -q 1 -m three");
        up.ok("pub -t other -q 1 -r -m last");
        let got = up.ok(&format!("sub {session} -t other -C 1 -W 10"));
        assert_eq!(got, "last\n");
    }
    // A session of no time is not there any more.
    up.ok("sub -V 5 -i brief -c -x 0 -t brief -q 1 -E");
    up.ok("pub -t brief -q 1 -m gone");
    assert_eq!(up.code("sub -V 5 -i brief -c -t brief -q 1 -W 0.5"), 27);
}

#[test]
fn retained_messages_are_shown_left_out_and_removed() {
    let up = Up::start(OPEN);
    for number in 1..=3 {
        up.ok(&format!("pub -t kept/{number} -q 1 -r -m {number}"));
    }
    let all = up.ok("sub -t kept/# -C 3 -W 10 -T kept/9");
    assert_eq!(all.lines().count(), 3);
    let one = up.ok("sub -t kept/# -T kept/1 -T kept/3 -C 1 -W 10");
    assert_eq!(one, "2\n");
    assert_eq!(up.code("sub -t kept/# -R -W 0.5"), 27);
    assert_eq!(
        up.code("sub -V 5 -t kept/# --retain-handling never -W 0.5"),
        27
    );
    let removed = up.ok("sub -t kept/# --remove-retained -C 3 -W 10");
    assert_eq!(removed.lines().count(), 3);
    assert_eq!(up.code("sub -t kept/# -C 1 -W 0.5"), 27);
}

#[test]
fn retained_only_ends_with_the_first_live_message() {
    let up = Up::start(OPEN);
    up.ok("pub -t live -q 1 -r -m old");
    let (sub, mut shown) = up.begin("sub -t live --retained-only -W 20");
    assert_eq!(line(&mut shown), "old\n");
    up.ok("pub -t live -q 1 -m new");
    assert_eq!(line(&mut shown), "");
    assert!(sub.wait_with_output().unwrap().status.success());
}

#[test]
fn a_will_is_published_for_who_vanishes_and_not_for_who_leaves() {
    let up = Up::start(OPEN);
    up.ok("pub -t here -q 1 -r -m here");
    let sleeper = |id: &str| {
        let will = "--will-topic gone --will-qos 1 --will-retain --will-payload";
        let (child, mut shown) = up.begin(&format!("sub -t here {will} {id} -i {id}"));
        assert_eq!(line(&mut shown), "here\n");
        child
    };
    let mut leaves = sleeper("leaves");
    let pid = leaves.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert!(leaves.wait().unwrap().success());
    assert_eq!(up.code("sub -t gone -C 1 -W 0.5"), 27);
    let mut vanishes = sleeper("vanishes");
    vanishes.kill().unwrap();
    vanishes.wait().unwrap();
    // The first may be there before the will is; then it is retained.
    let gone = "sub -t gone -C 1 -W 10 -F %p,%r,%q -q 1";
    assert!(up.ok(gone).starts_with("vanishes,"));
    assert_eq!(up.ok(gone), "vanishes,1,1\n");
    assert_eq!(up.code("pub -t a -m b --will-payload x"), 2);
}
