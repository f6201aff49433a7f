//! What workers of one group have in common, in its checked form.

use std::time::Duration;

/// A group of workers that share connectors and tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistributedConfig {
    /// The group; workers with the same one work together.
    pub group: String,
    /// The topic of connectors' configurations. It has one partition.
    pub configs: StorageTopic,
    /// The topic of source connectors' offsets. Sinks have none there; a Java worker wants it.
    pub offsets: StorageTopic,
    /// The topic of connectors' and tasks' statuses. Workers share its partitions, and with them the tasks.
    pub statuses: StorageTopic,
    /// A worker that is not heard of for this long is gone.
    pub session_timeout: Duration,
    /// How often a worker is heard of.
    pub heartbeat: Duration,
    /// How long a worker may take to give up tasks that another is to get.
    pub rebalance_timeout: Duration,
    /// How long a task may take to finish what it is writing.
    pub stop_patience: Duration,
    /// The host under which the other workers find this one; `None` for where it listens.
    pub advertised_host: Option<String>,
    /// The port under which they find it.
    pub advertised_port: Option<u16>,
    /// Whether they find it under a listener that encrypts.
    pub advertised_tls: bool,
}

impl DistributedConfig {
    /// What the worker is called whose REST API listens at `listening`: where the others find it.
    pub fn worker_id(&self, listening: &str) -> String {
        let (host, port) = listening.rsplit_once(':').unwrap_or((listening, ""));
        let everywhere = matches!(host, "0.0.0.0" | "[::]").then(host_name);
        let host = everywhere.as_deref().unwrap_or(host);
        let host = self.advertised_host.as_deref().unwrap_or(host);
        match self.advertised_port {
            Some(port) => format!("{host}:{port}"),
            None => format!("{host}:{port}"),
        }
    }

    /// Where the other workers find the REST API of the worker that is called so.
    pub fn address(&self, worker_id: &str) -> String {
        if self.advertised_tls {
            format!("https://{worker_id}")
        } else {
            worker_id.to_owned()
        }
    }

    /// The names the other workers may call this one by.
    pub fn host_names(&self) -> Vec<String> {
        self.advertised_host
            .iter()
            .cloned()
            .chain([host_name()])
            .collect()
    }
}

/// What the system calls itself: where a worker that listens everywhere is found.
fn host_name() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}

/// One of the group's topics: compacted, and created where it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageTopic {
    /// The worker's option that names it.
    pub option: &'static str,
    /// Its name.
    pub name: String,
    /// Partitions it is created with.
    pub partitions: u16,
    /// Replicas it is created with; `None` for as many as the brokers think right.
    pub replication: Option<u16>,
    /// Kafka's settings for it if it is created.
    pub settings: Vec<(String, String)>,
}
