//! A Kafka Connect worker's `.properties` file: which of it matters here, and what is said about the rest.

use messina_connect::config::{ConnectorConfig, Position, Problem, Property};

use super::section::nearest;
use super::{
    DistributedConfig, KafkaConfig, OverridePolicy, RestConfig, WorkerRest, properties,
    worker_group, worker_kafka, worker_rest,
};
use crate::herder::{Provider, Providers};

/// What a worker's file says that matters here.
#[derive(Debug, Clone, Default)]
pub struct Worker {
    /// What it says of the REST API.
    pub rest: WorkerRest,
    /// Converters and their options, for connectors that name none.
    pub converters: Vec<(String, String)>,
    /// What variables in connectors' options may stand for.
    pub providers: Providers,
    /// Which of their clients' settings connectors may have of their own.
    pub overrides: OverridePolicy,
    /// The Kafka it names.
    pub kafka: Option<KafkaConfig>,
    /// Its group, for a worker that is one of several; or what is wrong with that, which matters to nobody else.
    pub distributed: Option<Result<DistributedConfig, Vec<Problem>>>,
    /// What is accepted and may surprise.
    pub warnings: Vec<Problem>,
}

impl Worker {
    /// Puts what is said of connectors into the configuration.
    pub fn apply_to_connectors(&self, rest: &mut RestConfig) {
        rest.converters.clone_from(&self.converters);
        rest.providers = self.providers.clone();
        rest.overrides = self.overrides.clone();
    }
}

/// Names that are read.
const READ: [&str; 22] = [
    "key.converter",
    "value.converter",
    "header.converter",
    "config.providers",
    "connector.client.config.override.allowlist",
    "connector.client.config.override.policy",
    "bootstrap.servers",
    "config.storage.replication.factor",
    "config.storage.topic",
    "group.id",
    "heartbeat.interval.ms",
    "offset.storage.partitions",
    "offset.storage.replication.factor",
    "offset.storage.topic",
    "rebalance.timeout.ms",
    "rest.advertised.host.name",
    "rest.advertised.port",
    "session.timeout.ms",
    "status.storage.partitions",
    "status.storage.replication.factor",
    "status.storage.topic",
    "task.shutdown.graceful.timeout.ms",
];

/// Names that are accepted without effect: a matter of Java's plug-ins, or of Java's way to share work.
const WITHOUT_EFFECT: [&str; 24] = [
    "access.control.allow.methods",
    "access.control.allow.origin",
    "connect.protocol",
    "exactly.once.source.support",
    "inter.worker.key.generation.algorithm",
    "inter.worker.key.size",
    "inter.worker.key.ttl.ms",
    "inter.worker.signature.algorithm",
    "inter.worker.verification.algorithms",
    "internal.key.converter",
    "internal.key.converter.schemas.enable",
    "internal.value.converter",
    "internal.value.converter.schemas.enable",
    "metric.reporters",
    "offset.flush.interval.ms",
    "offset.flush.timeout.ms",
    "offset.storage.file.filename",
    "plugin.discovery",
    "plugin.path",
    "response.http.headers.config",
    "scheduled.rebalance.max.delay.ms",
    "topic.creation.enable",
    "worker.sync.timeout.ms",
    "worker.unsync.backoff.ms",
];

/// Beginnings of names that are read or accepted.
const PREFIXES: [&str; 13] = [
    "key.converter.",
    "value.converter.",
    "header.converter.",
    "config.providers.",
    "consumer.",
    "producer.",
    "admin.",
    "ssl.",
    "sasl.",
    "metrics.",
    "config.storage.",
    "offset.storage.",
    "status.storage.",
];

/// Whether a file of properties is a worker's, and not a connector's.
pub fn is_worker(text: &str) -> bool {
    let entries = properties::parse(text, "").unwrap_or_default();
    let has = |names: &[&str]| {
        let mut all = entries.iter();
        all.any(|entry| names.contains(&entry.key.as_str()))
    };
    let of_connectors = ["connector.class", "name", "topics", "topics.regex"];
    let of_workers = [
        "bootstrap.servers",
        "plugin.path",
        "config.storage.topic",
        "offset.storage.topic",
        "offset.storage.file.filename",
    ];
    !has(&of_connectors) && has(&of_workers)
}

/// Reads a worker's file.
pub fn worker(text: &str, file: &str) -> Result<Worker, Vec<Problem>> {
    let mut config = ConnectorConfig::new("worker");
    let mut places = Vec::new();
    for entry in properties::parse(text, file)? {
        places.push((entry.key.clone(), entry.key_position));
        let position = Some(entry.value_position);
        let value = entry.value;
        config.set(entry.key, Property { value, position });
    }
    let mut reader = Reader {
        config: &config,
        problems: Vec::new(),
        worker: Worker::default(),
    };
    reader.converters(file);
    reader.rest();
    reader.providers();
    reader.overrides();
    reader.registry();
    reader.kafka();
    reader.others(&places);
    if reader.problems.is_empty() {
        Ok(reader.worker)
    } else {
        Err(reader.problems)
    }
}

struct Reader<'a> {
    config: &'a ConnectorConfig,
    problems: Vec<Problem>,
    worker: Worker,
}

impl Reader<'_> {
    fn refuse(&mut self, option: &str, message: impl Into<String>, help: &str) {
        let problem = Problem::new(self.config, option, message).help(help);
        self.problems.push(problem);
    }

    fn warn(&mut self, option: &str, message: &str, help: &str) {
        let problem = Problem::new(self.config, option, message).help(help);
        self.worker.warnings.push(problem);
    }

    fn converters(&mut self, file: &str) {
        let classes = ["key.converter", "value.converter", "header.converter"];
        let own = |name: &str| {
            let of = |class: &&str| name.strip_prefix(*class).is_some_and(is_below);
            classes.iter().any(of)
        };
        let written = self.config.iter().filter(|(name, _)| own(name));
        let written = written.map(|(name, property)| (name.to_owned(), property.value.clone()));
        self.worker.converters = written.collect();
        for required in ["key.converter", "value.converter"] {
            if self.config.text(required).is_none_or(str::is_empty) {
                let position = Position {
                    file: file.into(),
                    line: 1,
                    column: 1,
                };
                self.problems.push(Problem {
                    position: self.config.position(required).or(Some(position)),
                    option: required.to_owned(),
                    message: "is missing, and a worker needs it".to_owned(),
                    help: Some(format!(
                        "add a line such as `{required}=org.apache.kafka.connect.json.JsonConverter`"
                    )),
                });
            }
        }
    }

    fn providers(&mut self) {
        let mut known = Vec::new();
        let aliases = self.config.text("config.providers").unwrap_or_default();
        for alias in aliases.split(',').map(str::trim) {
            if alias.is_empty() {
                continue;
            }
            let option = format!("config.providers.{alias}.class");
            let class = self.config.text(&option).unwrap_or_default();
            match Provider::of_class(class) {
                Some(provider) => known.push((alias.to_owned(), provider)),
                None if class.is_empty() => {
                    let help = format!("add `{option}=...FileConfigProvider`");
                    let message = format!("`{alias}` has no class");
                    self.refuse("config.providers", message, &help);
                }
                None => self.refuse(
                    &option,
                    format!("unknown provider `{class}`"),
                    "available are FileConfigProvider, DirectoryConfigProvider, EnvVarConfigProvider",
                ),
            }
        }
        self.worker.providers = Providers::new(known);
    }

    fn rest(&mut self) {
        let (problems, warnings) = (&mut self.problems, &mut self.worker.warnings);
        self.worker.rest = worker_rest::rest(self.config, problems, warnings);
    }

    fn overrides(&mut self) {
        let option = "connector.client.config.override.policy";
        let class = self.config.text(option).unwrap_or("All").trim().to_owned();
        match OverridePolicy::of_class(&class) {
            None => self.refuse(
                option,
                format!("unknown policy `{class}`"),
                "available are All, None, Principal and Allowlist",
            ),
            Some(OverridePolicy::Allowlist(_)) => {
                let list = "connector.client.config.override.allowlist";
                let list = self.config.text(list).unwrap_or_default();
                let settings = list.split(',').map(str::trim).map(str::to_owned);
                let settings = settings.filter(|setting| !setting.is_empty());
                self.worker.overrides = OverridePolicy::Allowlist(settings.collect());
            }
            Some(policy) => self.worker.overrides = policy,
        }
    }

    /// Converters of a Schema Registry are no reason to refuse the file: connectors may name others.
    fn registry(&mut self) {
        for option in ["key.converter", "value.converter"] {
            let class = self.config.text(option).unwrap_or_default();
            if class.starts_with("io.confluent.connect.") {
                let message =
                    format!("`{class}` needs a Schema Registry, which is not available yet");
                let help = format!("connectors that name no `{option}` of their own are refused");
                self.warn(option, &message, &help);
            }
        }
    }

    fn kafka(&mut self) {
        let read = worker_kafka::kafka(self.config);
        self.problems.extend(read.problems);
        self.worker.warnings.extend(read.warnings);
        self.worker.kafka = read.kafka;
        self.worker.distributed = Some(worker_group::group(self.config));
    }

    /// What is not read: known to have no effect here, or not known at all.
    fn others(&mut self, places: &[(String, Position)]) {
        let known = READ.into_iter().chain(WITHOUT_EFFECT);
        let known = known.chain(worker_rest::READ);
        let known: Vec<&str> = known.chain(worker_kafka::CLIENT).collect();
        for (name, position) in places {
            let mut prefixes = PREFIXES.iter().chain(&worker_rest::PREFIXES);
            let has_prefix = prefixes.any(|prefix| name.starts_with(prefix));
            if has_prefix || known.contains(&name.as_str()) {
                continue;
            }
            // Nobody meant a name by one that is longer than any.
            let short = name.len() <= 64;
            let meant = short.then(|| nearest(name, &known)).flatten();
            let help = meant.map(|meant| format!("did you mean `{meant}`?"));
            self.worker.warnings.push(Problem {
                position: Some(position.clone()),
                option: name.clone(),
                message: "is not known and has no effect".to_owned(),
                help,
            });
        }
    }
}

fn is_below(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shape of the file the demo starts its worker with: the Avro converter, a registry, internal converters.
    const DISTRIBUTED: &str = include_str!("testdata/connect-avro-distributed.properties");

    fn shown(problems: &[Problem]) -> Vec<String> {
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_demos_worker_file_is_accepted_as_it_is() {
        let worker = worker(DISTRIBUTED, "connect-avro-distributed.properties").unwrap();
        assert!(!worker.rest.asks_for_passwords);
        let options: Vec<&str> = worker
            .converters
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(
            options,
            [
                "key.converter",
                "key.converter.schema.registry.url",
                "value.converter",
                "value.converter.schema.registry.url"
            ]
        );
        let warned = |option: &str, column: usize, line: usize| {
            format!(
                "connect-avro-distributed.properties:{line}:{column}: `{option}`: \
                 `io.confluent.connect.avro.AvroConverter` needs a Schema Registry, which is not available yet; \
                 connectors that name no `{option}` of their own are refused"
            )
        };
        assert_eq!(
            shown(&worker.warnings),
            [
                warned("key.converter", 15, 6),
                warned("value.converter", 17, 8)
            ]
        );
        let kafka = worker.kafka.unwrap();
        assert_eq!(kafka.bootstrap_servers, ["localhost:9092"]);
        let group = worker.distributed.unwrap().unwrap();
        assert_eq!(
            (group.group.as_str(), group.worker_id("127.0.0.1:8083")),
            ("connect-cluster", "127.0.0.1:8083".to_owned())
        );
        let topics = [&group.configs, &group.offsets, &group.statuses]
            .map(|topic| (topic.name.as_str(), topic.partitions, topic.replication));
        assert_eq!(
            topics,
            [
                ("connect-configs", 1, Some(1)),
                ("connect-offsets", 25, Some(1)),
                ("connect-statuses", 5, Some(1))
            ]
        );
    }

    #[test]
    fn listeners_converters_and_providers_are_read() {
        let text = "key.converter=String\nvalue.converter=Json\nvalue.converter.schemas.enable=false\n\
                    listeners=HTTP://:8084\nconfig.providers=f , e\n\
                    config.providers.f.class=org.apache.kafka.common.config.provider.FileConfigProvider\n\
                    config.providers.e.class=EnvVarConfigProvider\n\
                    connector.client.config.override.policy=Allowlist\n\
                    connector.client.config.override.allowlist=a.b, c\noffset.storage.file.filename=/tmp/connect.offsets\n";
        let worker = worker(text, "w").unwrap();
        let mut config = crate::config::load_text(None, &crate::config::Inputs::default());
        let rest = &mut config.as_mut().unwrap().config.rest;
        worker.rest.apply(rest);
        let listening: Vec<_> = rest.listeners.iter().map(|own| own.listen).collect();
        assert_eq!(listening, ["127.0.0.1:8084".parse().unwrap()]);
        assert_eq!(worker.converters.len(), 3);
        let allowed = ["a.b", "c"].map(str::to_owned);
        assert_eq!(
            worker.overrides,
            OverridePolicy::Allowlist(allowed.into_iter().collect())
        );
        assert!(worker.warnings.is_empty());
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once_and_where() {
        let text = "key.converter=String\nvalue.convertor=Json\nlisteners=ftp://:8083\nconfig.providers=v\n\
                    config.providers.v.class=com.example.VaultProvider\n\
                    connector.client.config.override.policy=com.example.Some\n";
        let refused = worker(text, "w").unwrap_err();
        assert_eq!(
            shown(&refused),
            [
                "w:1:1: `value.converter`: is missing, and a worker needs it; add a line such as \
                 `value.converter=org.apache.kafka.connect.json.JsonConverter`",
                "w:3:11: `listeners`: `ftp://:8083` is neither http nor https; write it as `http://127.0.0.1:8083` or \
                 `https://127.0.0.1:8443`",
                "w:5:26: `config.providers.v.class`: unknown provider `com.example.VaultProvider`; available are \
                 FileConfigProvider, DirectoryConfigProvider, EnvVarConfigProvider",
                "w:6:41: `connector.client.config.override.policy`: unknown policy `com.example.Some`; available are \
                 All, None, Principal and Allowlist",
            ]
        );
        let text = "key.converter=String\nvalue.converter=Json\n group.idd=x\n";
        let accepted = worker(text, "w").unwrap();
        assert_eq!(
            shown(&accepted.warnings),
            ["w:3:2: `group.idd`: is not known and has no effect; did you mean `group.id`?"]
        );
    }
}
