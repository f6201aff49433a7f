//! The files for systemd and for containers, read as far as they can be where neither runs: that they are what they
//! should look like, that they name what exists, and that what they start is a command of ours.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use messina::config::{Inputs, load};

fn config() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = config().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether the program has this command with these options; it is not run.
fn is_ours(arguments: &[&str]) -> bool {
    let (command, rest) = arguments.split_first().unwrap();
    let help = Command::new(env!("CARGO_BIN_EXE_messina"))
        .args([command, "--help"])
        .output()
        .unwrap();
    let shown = String::from_utf8(help.stdout).unwrap();
    let options = rest.iter().filter(|own| own.starts_with("--"));
    help.status.success()
        && options
            .into_iter()
            .all(|own| shown.contains(&format!("      {own} ")))
}

// ---------------------------------------------------------------------------------------------------- systemd

/// A unit: sections, each with its settings in order.
fn unit(text: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let mut sections = BTreeMap::new();
    let mut current: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            sections.insert(name.to_owned(), Vec::new());
            current = Some(name.to_owned());
            continue;
        }
        let (name, value) = line
            .split_once('=')
            .unwrap_or_else(|| panic!("`{line}` is no setting"));
        let section = current
            .as_ref()
            .unwrap_or_else(|| panic!("`{line}` is in no section"));
        let settings: &mut Vec<_> = sections.get_mut(section).unwrap();
        settings.push((name.to_owned(), value.to_owned()));
    }
    sections
}

/// What a service may not do, whatever it is.
const HARDENED: [(&str, &str); 18] = [
    ("NoNewPrivileges", "yes"),
    ("CapabilityBoundingSet", ""),
    ("ProtectSystem", "strict"),
    ("ProtectHome", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectControlGroups", "yes"),
    ("PrivateTmp", "yes"),
    ("PrivateDevices", "yes"),
    ("RestrictNamespaces", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("LockPersonality", "yes"),
    ("MemoryDenyWriteExecute", "yes"),
    ("SystemCallFilter", "@system-service"),
    ("UMask", "0077"),
];

#[test]
fn units_start_commands_of_ours_with_the_rights_they_need_and_no_others() {
    for (file, instances) in [
        ("messina.service", [""].as_slice()),
        ("messina@.service", &["gateway", "worker"]),
        ("messina-mqtt-proxy.service", &[""]),
    ] {
        let unit = unit(&read(Path::new("systemd").join(file)));
        let names: Vec<_> = unit.keys().map(String::as_str).collect();
        assert_eq!(names, ["Install", "Service", "Unit"], "{file}");
        let service = &unit["Service"];
        let get = |name: &str| {
            service
                .iter()
                .find(|(own, _)| own == name)
                .map(|(_, value)| value.as_str())
        };
        for (name, value) in HARDENED {
            assert_eq!(get(name), Some(value), "{file}: {name}");
        }
        let families = get("RestrictAddressFamilies").unwrap();
        assert!(families.contains("AF_INET AF_INET6"), "{file}");
        assert!(
            get("TimeoutStopSec").unwrap().parse::<u32>().unwrap() > 10,
            "{file}"
        );
        for instance in instances {
            let start = get("ExecStart").unwrap().replace("%i", instance);
            let words: Vec<_> = start.split_whitespace().collect();
            let (program, arguments) = words.split_first().unwrap();
            assert_eq!(*program, "/usr/local/bin/messina", "{file}");
            assert!(is_ours(arguments), "{file}: {start}");
            // Where it writes is where it may write.
            let state = get("StateDirectory").unwrap().replace("%i", instance);
            assert!(
                start.ends_with(&format!("--data /var/lib/{state}")),
                "{file}: {start}"
            );
        }
    }
}

// ------------------------------------------------------------------------------------------------- containers

/// As much of YAML as the file has: maps by indentation, lists of one line or of one item a line, quoted texts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Yaml {
    Text(String),
    List(Vec<String>),
    Map(BTreeMap<String, Yaml>),
}

impl Yaml {
    fn parse(text: &str) -> Self {
        let lines: Vec<(usize, &str)> = text
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
            .map(|line| (line.len() - line.trim_start().len(), line.trim()))
            .collect();
        let (parsed, rest) = Self::block(&lines, 0);
        assert!(rest.is_empty(), "{rest:?} is out of line");
        parsed
    }

    fn block<'l>(lines: &'l [(usize, &'l str)], indent: usize) -> (Self, &'l [(usize, &'l str)]) {
        let mut rest = lines;
        let mut list = Vec::new();
        let mut map = BTreeMap::new();
        while let Some(((own, line), after)) = rest.split_first() {
            if *own < indent {
                break;
            }
            assert_eq!(*own, indent, "`{line}` is indented too far");
            rest = after;
            if let Some(item) = line.strip_prefix("- ") {
                list.push(unquoted(item));
                continue;
            }
            let (key, value) = line
                .split_once(':')
                .unwrap_or_else(|| panic!("`{line}` is no entry"));
            let value = value.trim();
            let value = match rest.first() {
                _ if value.starts_with('[') => Self::List(items(value)),
                _ if !value.is_empty() => Self::Text(unquoted(value)),
                Some((deeper, _)) if *deeper > indent => {
                    let (value, after) = Self::block(rest, *deeper);
                    rest = after;
                    value
                }
                _ => Self::Text(String::new()),
            };
            let before = map.insert(key.to_owned(), value);
            assert!(before.is_none(), "`{key}` is there twice");
        }
        assert!(
            list.is_empty() || map.is_empty(),
            "a list and a map at once: {list:?}"
        );
        let block = if map.is_empty() {
            Self::List(list)
        } else {
            Self::Map(map)
        };
        (block, rest)
    }

    fn map(&self) -> &BTreeMap<String, Yaml> {
        let Self::Map(map) = self else {
            panic!("{self:?} is no map")
        };
        map
    }

    fn list(&self) -> &[String] {
        let Self::List(list) = self else {
            panic!("{self:?} is no list")
        };
        list
    }

    fn text(&self) -> &str {
        let Self::Text(text) = self else {
            panic!("{self:?} is no text")
        };
        text
    }
}

fn unquoted(text: &str) -> String {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            let inner = inner.strip_suffix(quote);
            return inner
                .unwrap_or_else(|| panic!("`{text}` is not closed"))
                .to_owned();
        }
    }
    assert!(
        !text.contains([':', '#', '{', '[', '&', '*']),
        "`{text}` needs quotes"
    );
    text.to_owned()
}

/// `["a", "b"]`; commas are between quotes only.
fn items(text: &str) -> Vec<String> {
    let items: Result<Vec<String>, _> = serde_json::from_str(text);
    items.unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

#[test]
fn containers_are_of_services_that_exist_and_commands_of_ours() {
    let compose = Yaml::parse(&read("docker-compose.yml"));
    let services = compose.map()["services"].map();
    let volumes = compose.map()["volumes"].map();
    let names: Vec<_> = services.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "gateway", "kafka", "scylla-1", "scylla-2", "scylla-3", "worker"
        ]
    );
    for (name, service) in services {
        let service = service.map();
        assert!(!service["image"].text().is_empty(), "{name}");
        for mount in service["volumes"].list() {
            let (from, _) = mount.split_once(':').unwrap();
            let exists = volumes.contains_key(from)
                || (from.starts_with("./") && config().join(from).is_file());
            assert!(exists, "{name}: {mount}");
        }
        for (other, how) in service
            .get("depends_on")
            .map(Yaml::map)
            .into_iter()
            .flatten()
        {
            let how = how.map()["condition"].text();
            let other = services
                .get(other)
                .unwrap_or_else(|| panic!("{name}: there is no {other}"))
                .map();
            assert!(
                how == "service_started" || other.contains_key("healthcheck"),
                "{name}: {how}"
            );
        }
    }
    for name in ["gateway", "worker"] {
        let service = services[name].map();
        let command: Vec<_> = service["command"]
            .list()
            .iter()
            .map(String::as_str)
            .collect();
        assert!(is_ours(&command), "{name}: {command:?}");
        let environment = service["environment"].map().iter();
        let inputs = Inputs {
            file: Some(config().join("kafka-scylla.toml")),
            environment: environment
                .map(|(name, value)| (name.clone(), value.text().to_owned()))
                .collect(),
            ..Inputs::default()
        };
        let config = load(&inputs)
            .unwrap_or_else(|error| panic!("{name}: {error}"))
            .config;
        let kafka = config.kafka.unwrap();
        assert_eq!(
            (kafka.topics.create, kafka.topics.replication),
            (true, Some(1)),
            "{name}"
        );
        for server in &kafka.bootstrap_servers {
            let (host, _) = server.split_once(':').unwrap();
            assert!(services.contains_key(host), "{name}: {server}");
        }
        for host in &config.cql.unwrap().contact_points {
            assert!(services.contains_key(host), "{name}: {host}");
        }
    }
}

#[test]
fn the_image_has_the_binary_that_was_built_and_no_rights() {
    let file = read("Dockerfile");
    let lines: Vec<_> = file
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    let words: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split_once(' '))
        .collect();
    let instructions: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    let known = [
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "USER",
        "VOLUME",
        "EXPOSE",
        "ENTRYPOINT",
        "CMD",
    ];
    assert!(
        instructions.iter().all(|word| known.contains(word)),
        "{instructions:?}"
    );
    let find = |word: &str| {
        words
            .iter()
            .rev()
            .find(|(own, _)| *own == word)
            .map(|(_, rest)| *rest)
    };
    assert_eq!(find("USER"), Some("messina"));
    let workspace = std::fs::read_to_string(config().join("../Cargo.toml")).unwrap();
    let rust = workspace
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "));
    let (_, first) = words[0];
    assert!(first.contains(rust.unwrap().trim_matches('"')), "{first}");
    let entry = items(find("ENTRYPOINT").unwrap());
    assert!(
        find("COPY")
            .unwrap()
            .ends_with(&format!("/usr/local/bin/{}", entry[0]))
    );
    let command = items(find("CMD").unwrap());
    assert!(is_ours(
        &command.iter().map(String::as_str).collect::<Vec<_>>()
    ));
}
