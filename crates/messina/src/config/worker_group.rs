//! The group of a worker that is one of several, from its file.

use std::time::Duration;

use messina_connect::config::{ConnectorConfig, Problem};

use super::check_name::kafka_topic;
use super::{DistributedConfig, StorageTopic, worker_rest};

/// The group and its topics, under Kafka Connect's names and with its defaults.
pub(super) fn group(config: &ConnectorConfig) -> Result<DistributedConfig, Vec<Problem>> {
    let mut reader = Reader {
        config,
        problems: Vec::new(),
    };
    let (advertised_host, advertised_port) = reader.advertised();
    let advertised_tls = reader.advertised_tls();
    reader.required("bootstrap.servers", "localhost:9092");
    let group = DistributedConfig {
        group: reader.required("group.id", "connect-cluster"),
        configs: reader.topic("config.storage", "connect-configs", 1),
        offsets: reader.topic("offset.storage", "connect-offsets", 25),
        statuses: reader.topic("status.storage", "connect-status", 5),
        session_timeout: reader.millis("session.timeout.ms", 10_000),
        heartbeat: reader.millis("heartbeat.interval.ms", 3_000),
        rebalance_timeout: reader.millis("rebalance.timeout.ms", 60_000),
        stop_patience: reader.millis("task.shutdown.graceful.timeout.ms", 5_000),
        advertised_host,
        advertised_port,
        advertised_tls,
    };
    reader.consistent(&group);
    if reader.problems.is_empty() {
        Ok(group)
    } else {
        Err(reader.problems)
    }
}

struct Reader<'a> {
    config: &'a ConnectorConfig,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn text(&self, option: &str) -> Option<&str> {
        let text = self.config.text(option).map(str::trim);
        text.filter(|text| !text.is_empty())
    }

    fn refuse(&mut self, option: &str, message: impl Into<String>, help: &str) {
        let problem = Problem::new(self.config, option, message);
        self.problems.push(problem.help(help));
    }

    fn required(&mut self, option: &str, example: &str) -> String {
        let text = self.text(option).map(str::to_owned);
        if text.is_none() {
            let help = format!("add a line such as `{option}={example}`");
            self.refuse(
                option,
                "is missing, and a worker of several needs it",
                &help,
            );
        }
        text.unwrap_or_default()
    }

    fn number(&mut self, option: &str, least: i64, most: i64) -> Option<i64> {
        let text = self.text(option)?.to_owned();
        let number = text
            .parse()
            .ok()
            .filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let message = format!("`{text}` is not a whole number from {least} to {most}");
            self.refuse(option, message, "leave it out for the default");
        }
        number
    }

    fn millis(&mut self, option: &str, default: u64) -> Duration {
        let millis = self.number(option, 1, 86_400_000);
        Duration::from_millis(
            millis
                .and_then(|own| u64::try_from(own).ok())
                .unwrap_or(default),
        )
    }

    fn topic(&mut self, prefix: &'static str, example: &str, partitions: u16) -> StorageTopic {
        let option = match prefix {
            "config.storage" => "config.storage.topic",
            "offset.storage" => "offset.storage.topic",
            _ => "status.storage.topic",
        };
        let name = self.required(option, example);
        if !name.is_empty()
            && let Err(why) = kafka_topic(&name)
        {
            self.refuse(option, why, &format!("write for example `{example}`"));
        }
        let stated = if partitions == 1 {
            None
        } else {
            self.number(&format!("{prefix}.partitions"), -1, 10_000)
        };
        let stated = stated
            .and_then(|own| u16::try_from(own).ok())
            .filter(|own| *own > 0);
        let replication = self.number(&format!("{prefix}.replication.factor"), -1, 1_000);
        let replication = replication.unwrap_or(3);
        let own = [
            "topic",
            "partitions",
            "replication.factor",
            "cleanup.policy",
        ];
        let settings = self.config.iter().filter_map(|(name, property)| {
            let setting = name.strip_prefix(prefix)?.strip_prefix('.')?;
            let is_setting = !own.contains(&setting) && !setting.starts_with("file.");
            is_setting.then(|| (setting.to_owned(), property.value.clone()))
        });
        StorageTopic {
            option,
            name,
            partitions: stated.unwrap_or(partitions),
            replication: u16::try_from(replication).ok().filter(|own| *own > 0),
            settings: settings.collect(),
        }
    }

    fn advertised(&mut self) -> (Option<String>, Option<u16>) {
        let host = self.text("rest.advertised.host.name").map(str::to_owned);
        let port = self.number("rest.advertised.port", 1, 65_535);
        (host, port.and_then(|port| u16::try_from(port).ok()))
    }

    /// Whether the other workers find this one under a listener that encrypts: they must know who signs certificates.
    fn advertised_tls(&mut self) -> bool {
        let encrypts = match worker_rest::advertises_tls(self.config) {
            Ok(encrypts) => encrypts,
            Err(why) => {
                self.refuse("rest.advertised.listener", why, "leave it out");
                return false;
            }
        };
        let prefix = worker_rest::tls_prefix(self.config, worker_rest::HTTPS);
        let store = format!("{prefix}truststore.location");
        if encrypts && self.text(&store).is_none() {
            let message = "is missing, and workers that listen with TLS know each other by it";
            let help = format!(
                "name a PEM file of who signs the workers' certificates, and add `{prefix}truststore.type=PEM`"
            );
            self.refuse(&store, message, &help);
        }
        encrypts
    }

    fn consistent(&mut self, group: &DistributedConfig) {
        let names = [
            &group.configs.name,
            &group.offsets.name,
            &group.statuses.name,
        ];
        let [configs, offsets, statuses] = names;
        if !configs.is_empty() && (configs == offsets || configs == statuses || offsets == statuses)
        {
            let message = "is the name of another of the three topics too";
            self.refuse(
                "status.storage.topic",
                message,
                "give each of the topics a name of its own",
            );
        }
        if group.heartbeat >= group.session_timeout {
            let message = "is not less than `session.timeout.ms`";
            self.refuse("heartbeat.interval.ms", message, "make it a third of that");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::worker::worker;
    use super::*;

    const REST: &str = "key.converter=String\nvalue.converter=Json\n";

    fn read(text: &str) -> Result<DistributedConfig, Vec<String>> {
        let read = worker(&format!("{REST}{text}"), "w")
            .unwrap()
            .distributed
            .unwrap();
        read.map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_group_has_kafka_connects_defaults_and_what_the_file_says() {
        let least = "bootstrap.servers=a:1\ngroup.id=g\nconfig.storage.topic=c\noffset.storage.topic=o\n\
                     status.storage.topic=s\n";
        let group = read(least).unwrap();
        assert_eq!(
            (group.statuses.partitions, group.statuses.replication),
            (5, Some(3))
        );
        assert_eq!(group.session_timeout, Duration::from_secs(10));
        assert_eq!(group.worker_id("[::1]:8083"), "[::1]:8083");
        let group = read(&format!(
            "{least}status.storage.partitions=8\nstatus.storage.replication.factor=-1\nrest.advertised.host.name=h\n\
             rest.advertised.port=80\nconfig.storage.min.insync.replicas=2\nsession.timeout.ms=6000\n\
             heartbeat.interval.ms=2000\n"
        ))
        .unwrap();
        assert_eq!(
            (group.statuses.partitions, group.statuses.replication),
            (8, None)
        );
        let setting = [("min.insync.replicas".to_owned(), "2".to_owned())];
        assert_eq!(group.configs.settings, setting);
        assert_eq!(group.worker_id("127.0.0.1:8083"), "h:80");
        assert_eq!(group.host_names()[0], "h");
        let everywhere = DistributedConfig {
            advertised_host: None,
            ..group.clone()
        };
        assert_eq!(
            everywhere.worker_id("0.0.0.0:8083"),
            format!("{}:80", everywhere.host_names()[0])
        );
        assert_eq!(group.heartbeat, Duration::from_secs(2));
        assert_eq!(group.address("h:80"), "h:80");
        let encrypts = "listeners=https://:1\nssl.keystore.location=/own.pem\n";
        let refused = read(&format!("{least}{encrypts}")).unwrap_err();
        assert!(
            refused[0].starts_with("`ssl.truststore.location`: is missing"),
            "{refused:?}"
        );
        let group = read(&format!(
            "{least}{encrypts}ssl.truststore.location=/ca.pem\n"
        ));
        assert_eq!(group.unwrap().address("h:80"), "https://h:80");
        // Once one option is https's own, those at the top are nobody's: not the one that names who signs either.
        let refused = read(&format!(
            "{least}listeners=https://:1\nlisteners.https.ssl.keystore.location=/own.pem\n\
             ssl.truststore.location=/ca.pem\n"
        ))
        .unwrap_err();
        assert!(
            refused[0].starts_with("`listeners.https.ssl.truststore.location`: is missing"),
            "{refused:?}"
        );
    }

    #[test]
    fn everything_that_is_wrong_with_a_group_is_said() {
        let refused = read(
            "bootstrap.servers=a:1\nconfig.storage.topic=a b\noffset.storage.topic=o\nstatus.storage.topic=o\n\
             status.storage.partitions=many\nheartbeat.interval.ms=20000\nrest.advertised.listener=https\n",
        )
        .unwrap_err();
        for expected in [
            "`group.id`: is missing, and a worker of several needs it; add a line such as `group.id=connect-cluster`",
            "w:4:22: `config.storage.topic`",
            "w:6:22: `status.storage.topic`: is the name of another",
            "w:7:27: `status.storage.partitions`: `many` is not a whole number",
            "w:8:23: `heartbeat.interval.ms`: is not less than",
            "w:9:26: `rest.advertised.listener`: is `https`, which is not among `listeners`",
        ] {
            let found = refused.iter().any(|own| own.contains(expected));
            assert!(found, "{expected} is not in {refused:#?}");
        }
        assert_eq!(refused.len(), 6, "{refused:#?}");
    }
}
