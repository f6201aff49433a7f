//! A worker as a process.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use messina_e2e::admin::agent;
use serde_json::Value;

use super::place::Place;

/// A running worker; dropped, it is killed.
pub(crate) struct Worker {
    child: Child,
    pub(crate) rest: String,
    /// Where it has `/admin`, if that is elsewhere.
    pub(crate) loggers: Option<String>,
    log: PathBuf,
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprintln!("what {} said:\n{}", self.id(), self.said());
        }
    }
}

/// The options of a test's worker, in Kafka Connect's words.
pub(crate) fn properties(place: &Place) -> String {
    let (kafka, name) = (&place.kafka, place.topic("connect"));
    format!(
        "bootstrap.servers={kafka}\ngroup.id={name}\nkey.converter=org.apache.kafka.connect.storage.StringConverter\n\
         value.converter=org.apache.kafka.connect.json.JsonConverter\nvalue.converter.schemas.enable=false\n\
         config.storage.topic={name}-configs\nconfig.storage.replication.factor=1\n\
         offset.storage.topic={name}-offsets\noffset.storage.replication.factor=1\noffset.storage.partitions=2\n\
         status.storage.topic={name}-status\nstatus.storage.replication.factor=1\n\
         session.timeout.ms=6000\nheartbeat.interval.ms=1000\nlisteners=http://127.0.0.1:0\n"
    )
}

/// The command that starts a worker with these options.
pub(crate) fn command(place: &Place, name: &str, properties: &str) -> Command {
    let file = place.path().join(format!("{name}.properties"));
    std::fs::write(&file, properties).unwrap();
    let mut command = messina(place, name);
    command.arg("connect-distributed").arg(&file);
    command
}

fn messina(place: &Place, name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_messina"));
    command.current_dir(place.path()).env("NO_COLOR", "1");
    let data = place.path().join(name);
    command.env("MESSINA__DATA", format!("\"{}\"", data.display()));
    command.env("MESSINA__ADMIN__LISTEN", "\"127.0.0.1:0\"");
    command
}

impl Worker {
    pub(crate) fn start(place: &Place, name: &str) -> Self {
        Self::start_with(place, name, &properties(place))
    }

    pub(crate) fn start_with(place: &Place, name: &str, properties: &str) -> Self {
        Self::run(place, name, &mut command(place, name, properties))
    }

    /// The command that starts a worker of one, with a connector's file.
    pub(crate) fn standalone(place: &Place, properties: &str, connector: &Path) -> Command {
        let file = place.path().join("standalone.properties");
        std::fs::write(&file, properties).unwrap();
        let mut command = messina(place, "standalone");
        command.arg("connect-standalone").arg(&file).arg(connector);
        command
    }

    pub(crate) fn run(place: &Place, name: &str, command: &mut Command) -> Self {
        let log = place.path().join(format!("{name}.log"));
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&log);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(file.unwrap())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let Some(line) = lines.find(|line| line.starts_with("connect")) else {
            panic!(
                "it did not start: {}",
                std::fs::read_to_string(&log).unwrap()
            );
        };
        let rest = base(&line);
        let more = lines.take_while(|line| !line.starts_with("Kafka"));
        let mut loggers = more.filter(|line| line.starts_with("loggers"));
        let loggers = loggers.next().map(|line| base(&line));
        Self {
            child,
            rest,
            loggers,
            log,
        }
    }

    /// What it is called in a status.
    pub(crate) fn id(&self) -> &str {
        self.rest.split("://").last().unwrap()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// SIGTERM, and the orderly end of it.
    pub(crate) fn stop(mut self) {
        self.signal("-TERM");
        assert!(self.child.wait().unwrap().success(), "{}", self.said());
    }

    /// What it has logged.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The status and the body of an answer.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        Self::ask_at(&self.rest, method, path, body)
    }

    /// The same of one of its listeners.
    pub(crate) fn ask_at(
        listener: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let agent = agent();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{listener}{path}"))
            .header("Content-Type", "application/json");
        let mut answered = match body {
            Some(body) => agent.run(request.body(body.to_string()).unwrap()).unwrap(),
            None => agent.run(request.body(()).unwrap()).unwrap(),
        };
        let text = answered.body_mut().read_to_string().unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (answered.status().as_u16(), body)
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.ask("GET", path, None).1
    }

    /// `RUNNING RUNNING,FAILED`: the connector's state and its tasks'.
    pub(crate) fn states(&self, name: &str) -> String {
        let status = self.get(&format!("/connectors/{name}/status"));
        let Some(tasks) = status["tasks"].as_array() else {
            return String::new();
        };
        let tasks: Vec<&str> = tasks
            .iter()
            .filter_map(|task| task["state"].as_str())
            .collect();
        let own = status["connector"]["state"].as_str().unwrap_or_default();
        format!("{own} {}", tasks.join(","))
    }

    /// The workers that have a connector's tasks, one for each task.
    pub(crate) fn holders(&self, name: &str) -> Vec<String> {
        let status = self.get(&format!("/connectors/{name}/status"));
        let tasks = status["tasks"].as_array().cloned().unwrap_or_default();
        let holder = |task: &Value| task["worker_id"].as_str().map(str::to_owned);
        tasks.iter().filter_map(holder).collect()
    }
}

/// `scheme://host:port` of a line that ends with a URL.
fn base(line: &str) -> String {
    let url = line.split_whitespace().last().unwrap();
    url.split('/').take(3).collect::<Vec<_>>().join("/")
}
