//! Topics of the cluster: which there are, and that those the configuration names are there.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::admin::{
    AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication, TopicResult,
};
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{Producer as _, ProducerContext, ThreadedProducer};
use tokio::time::Instant;

use super::client::{ClientEvents, ClientRole, client_config};
use super::error::{Asked, KafkaLogError, create_command};
use crate::config::KafkaConfig;

/// A cluster that says nothing for this long is away.
const PATIENCE: Duration = Duration::from_secs(10);
/// Changes may take longer: all brokers have to learn of them.
const CHANGE_PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked whether they have.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// A topic of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: i32,
    /// Replicas of its first partition.
    pub replicas: usize,
}

/// A topic that should be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedTopic {
    /// Its name.
    pub name: String,
    /// How many partitions it should have.
    pub partitions: i32,
    /// Whether another number of partitions is an error.
    pub exact: bool,
    /// Kafka's settings for it if it is created, before those of `kafka.topics.config`.
    pub settings: Vec<(String, String)>,
}

/// Looks at the topics of the cluster and changes them, with a connection for each use.
#[derive(Debug, Clone)]
pub struct KafkaAdmin {
    config: Arc<KafkaConfig>,
}

impl KafkaAdmin {
    /// For the cluster of this configuration. Connects to nobody.
    pub fn new(config: Arc<KafkaConfig>) -> Self {
        Self { config }
    }

    /// Partitions of topics that say nothing else.
    pub fn default_partitions(&self) -> i32 {
        i32::try_from(self.config.topics.partitions).unwrap_or(1)
    }

    /// Every topic, by name; Kafka's own (`__consumer_offsets`) included.
    pub async fn topics(&self) -> Result<Vec<TopicDescription>, KafkaLogError> {
        let config = Arc::clone(&self.config);
        blocking(move || list_topics(&config)).await
    }

    /// A topic, if there is one of that name.
    pub async fn topic(&self, name: &str) -> Result<Option<TopicDescription>, KafkaLogError> {
        let mut topics = self.topics().await?.into_iter();
        Ok(topics.find(|topic| topic.name == name))
    }

    /// Makes sure that the topics exist: creates what is missing if the configuration says so.
    pub async fn ensure(&self, wanted: &[WantedTopic]) -> Result<(), KafkaLogError> {
        let topics = self.topics().await?;
        let mut missing = Vec::new();
        for topic in wanted {
            match topics.iter().find(|known| known.name == topic.name) {
                None => missing.push(topic.clone()),
                Some(known) if topic.exact && known.partitions != topic.partitions => {
                    return Err(KafkaLogError::Partitions {
                        topic: topic.name.clone(),
                        found: known.partitions,
                        wanted: topic.partitions,
                        servers: self.config.servers(),
                    });
                }
                Some(_) => {}
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        if !self.config.topics.create {
            return Err(self.missing(&missing));
        }
        self.create(&missing).await
    }

    fn missing(&self, topics: &[WantedTopic]) -> KafkaLogError {
        let servers = self.config.servers();
        let replication = self.config.topics.replication;
        let commands = topics
            .iter()
            .map(|topic| create_command(&servers, &topic.name, topic.partitions, replication));
        KafkaLogError::Missing {
            command: commands.collect::<Vec<_>>().join(" && "),
            topics: topics.iter().map(|topic| topic.name.clone()).collect(),
        }
    }

    /// Creates topics; one that exists by now is as good. Done when the cluster's metadata has them.
    pub async fn create(&self, topics: &[WantedTopic]) -> Result<(), KafkaLogError> {
        let (config, topics) = (Arc::clone(&self.config), topics.to_vec());
        blocking(move || {
            let names = topics.iter().map(|topic| topic.name.as_str());
            let names = names.collect::<Vec<_>>().join(", ");
            let asked = asked(&config, "create", names);
            let client = admin_client(&config, &asked)?;
            let new: Vec<NewTopic<'_>> = topics.iter().map(|own| new_topic(&config, own)).collect();
            let creating = client.create_topics(&new, &options());
            let results = tokio::runtime::Handle::current().block_on(creating);
            check(results, &asked, RDKafkaErrorCode::TopicAlreadyExists)?;
            until_told(&config, &asked, &topics)
        })
        .await
    }

    /// What the cluster calls itself.
    pub async fn cluster(&self) -> Result<Option<String>, KafkaLogError> {
        let config = Arc::clone(&self.config);
        blocking(move || {
            let client = looking(
                &config,
                &asked(&config, "ask", "the cluster's name".to_owned()),
            )?;
            Ok(client.client().fetch_cluster_id(PATIENCE))
        })
        .await
    }

    /// A setting of a topic as it is in force.
    pub async fn topic_setting(
        &self,
        topic: &str,
        setting: &'static str,
    ) -> Result<Option<String>, KafkaLogError> {
        let (config, topic) = (Arc::clone(&self.config), topic.to_owned());
        blocking(move || {
            let asked = asked(&config, "describe", format!("`{topic}`"));
            let client = admin_client(&config, &asked)?;
            let resource = ResourceSpecifier::Topic(&topic);
            let (resources, options) = ([resource], options());
            let describing = client.describe_configs(&resources, &options);
            let results = tokio::runtime::Handle::current().block_on(describing);
            let results = results.map_err(|error| asked.clone().failed(error))?;
            for result in results {
                let described = result.map_err(|code| asked.clone().answered(code, None))?;
                if let Some(entry) = described.get(setting) {
                    return Ok(entry.value.clone());
                }
            }
            Ok(None)
        })
        .await
    }

    /// Deletes topics; one that does not exist is an error.
    pub async fn delete(&self, topics: &[String]) -> Result<(), KafkaLogError> {
        let (config, topics) = (Arc::clone(&self.config), topics.to_vec());
        blocking(move || {
            let asked = asked(&config, "delete", topics.join(", "));
            let client = admin_client(&config, &asked)?;
            let names: Vec<&str> = topics.iter().map(String::as_str).collect();
            let deleting = client.delete_topics(&names, &options());
            let results = tokio::runtime::Handle::current().block_on(deleting);
            check(results, &asked, RDKafkaErrorCode::NoError)
        })
        .await
    }
}

/// librdkafka's calls and the ends of its clients block.
pub(super) async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(call).await {
        Ok(result) => result,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

pub(super) fn asked(config: &KafkaConfig, operation: &'static str, subject: String) -> Asked {
    Asked {
        operation,
        subject,
        servers: config.servers(),
    }
}

pub(super) fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(CHANGE_PATIENCE))
        .operation_timeout(Some(CHANGE_PATIENCE))
}

fn new_topic<'t>(config: &'t KafkaConfig, wanted: &'t WantedTopic) -> NewTopic<'t> {
    // -1 asks for the brokers' own default.
    let replication = config.topics.replication.map_or(-1, i32::from);
    let mut topic = NewTopic::new(
        &wanted.name,
        wanted.partitions,
        TopicReplication::Fixed(replication),
    );
    for (name, value) in &wanted.settings {
        topic = topic.set(name, value);
    }
    let of_all = config.topics.settings.iter();
    for (name, value) in
        of_all.filter(|(name, _)| wanted.settings.iter().all(|(own, _)| own != name))
    {
        topic = topic.set(name, value);
    }
    topic
}

fn check(
    results: Result<Vec<TopicResult>, KafkaError>,
    asked: &Asked,
    harmless: RDKafkaErrorCode,
) -> Result<(), KafkaLogError> {
    let results = results.map_err(|error| asked.clone().failed(error))?;
    for result in results {
        if let Err((topic, code)) = result
            && code != harmless
        {
            let asked = Asked {
                subject: format!("`{topic}`"),
                ..asked.clone()
            };
            return Err(asked.answered(code, None));
        }
    }
    Ok(())
}

/// A producer that produces nothing: its thread hears why a connection fails, and renews tokens.
fn looking(
    config: &Arc<KafkaConfig>,
    asked: &Asked,
) -> Result<ThreadedProducer<Looking>, KafkaLogError> {
    let settings = client_config(config, ClientRole::Admin)?;
    let context = Looking(ClientEvents::new(Arc::clone(config), "admin"));
    let client = settings.create_with_context(context);
    client.map_err(|error| asked.clone().failed(error))
}

/// Waits until the brokers tell of new topics with their partitions: each learns of them in its turn. Blocks.
fn until_told(
    config: &Arc<KafkaConfig>,
    asked: &Asked,
    topics: &[WantedTopic],
) -> Result<(), KafkaLogError> {
    let since = Instant::now();
    loop {
        let told = list_topics(config)?;
        let is_told = |wanted: &WantedTopic| {
            let mut same = told.iter().filter(|own| own.name == wanted.name);
            same.any(|own| own.partitions > 0)
        };
        if topics.iter().all(is_told) {
            return Ok(());
        }
        if since.elapsed() > CHANGE_PATIENCE {
            let code = RDKafkaErrorCode::OperationTimedOut;
            return Err(asked.clone().answered(code, None));
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

fn list_topics(config: &Arc<KafkaConfig>) -> Result<Vec<TopicDescription>, KafkaLogError> {
    let asked = asked(config, "list", "the topics".to_owned());
    let client = looking(config, &asked)?;
    let metadata = match client.client().fetch_metadata(None, PATIENCE) {
        Ok(metadata) => metadata,
        Err(error) => {
            let why = client.context().0.last_error();
            return Err(match why {
                Some((code, said)) => asked.answered(code, Some(said)),
                None => asked.failed(error),
            });
        }
    };
    let describe = |topic: &rdkafka::metadata::MetadataTopic| TopicDescription {
        name: topic.name().to_owned(),
        partitions: i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX),
        replicas: topic
            .partitions()
            .first()
            .map_or(0, |own| own.replicas().len()),
    };
    let mut topics: Vec<_> = metadata.topics().iter().map(describe).collect();
    topics.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(topics)
}

pub(super) fn admin_client(
    config: &Arc<KafkaConfig>,
    asked: &Asked,
) -> Result<AdminClient<ClientEvents>, KafkaLogError> {
    let settings = client_config(config, ClientRole::Admin)?;
    let events = ClientEvents::new(Arc::clone(config), "admin");
    let token = config.oauth_token.is_some().then(|| events.token());
    let client: AdminClient<ClientEvents> = settings
        .create_with_context(events)
        .map_err(|error| asked.clone().failed(error))?;
    if let Some(token) = token {
        set_token(&client, &token?)?;
    }
    Ok(client)
}

/// Gives an admin client its token: it lives for one call, and nobody hears it ask for one.
#[expect(
    unsafe_code,
    reason = "the bindings' own call; rdkafka makes it only for clients that are polled"
)]
fn set_token(client: &AdminClient<ClientEvents>, token: &OAuthToken) -> Result<(), KafkaLogError> {
    use std::ffi::CString;
    let wrong = |_| KafkaLogError::Token {
        said: "it has a zero byte",
    };
    let text = CString::new(token.token.as_str()).map_err(wrong)?;
    let principal = CString::new(token.principal_name.as_str()).map_err(wrong)?;
    let mut said = [0; 512];
    // SAFETY: the client is alive, both texts end in zero and live until the call returns, and `said` is as long as is
    // told.
    let code = unsafe {
        rdkafka::bindings::rd_kafka_oauthbearer_set_token(
            client.inner().native_ptr(),
            text.as_ptr(),
            token.lifetime_ms,
            principal.as_ptr(),
            std::ptr::null_mut(),
            0,
            said.as_mut_ptr(),
            said.len(),
        )
    };
    if RDKafkaErrorCode::from(code) == RDKafkaErrorCode::NoError {
        return Ok(());
    }
    Err(KafkaLogError::Token {
        said: "librdkafka does not take it: it may have ended",
    })
}

/// The context of a client that only looks.
struct Looking(ClientEvents);

impl ClientContext for Looking {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.0.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.0.stats_raw(statistics);
    }

    fn generate_oauth_token(
        &self,
        config: Option<&str>,
    ) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.0.generate_oauth_token(config)
    }
}

impl ProducerContext for Looking {
    type DeliveryOpaque = ();

    fn delivery(&self, _result: &DeliveryResult<'_>, (): ()) {}
}
