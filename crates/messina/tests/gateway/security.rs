//! Every decision on what clients may do, both ways, over real sockets and as clients find it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use messina::config::{CertificateUser, ListenerConfig};
use messina::simulator::{Event, Link};
use messina_mqtt::device::{Input, Options, Token};
use messina_mqtt::packet::{
    ClientId, Publish, QoS, Subscription, SubscriptionOptions, Version, Will, WillProperties,
};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::{Topic, TopicFilter};

use super::bench::{Bench, PATIENCE, open_log};
use super::listeners::{Served, serve};

/// `ada` works the lamps, `bob` may not; each has a home, each client a place of its own.
const RULES: &str = "user ada\ntopic write lamps/+\ntopic readwrite public/#\ntopic read lamps/#\n\
                     user bob\ntopic read public/#\ntopic readwrite yard/#\ntopic deny yard/gate\n\
                     pattern readwrite home/%u/#\npattern readwrite clients/%c/#\n";

pub(super) const VERSIONS: [Version; 2] = [Version::V311, Version::V5];

/// A gateway with the rules, and its plain listener.
pub(super) struct Guarded {
    pub(super) bench: Bench,
    pub(super) served: Served,
    dir: tempfile::TempDir,
}

impl Guarded {
    async fn open() -> Self {
        Self::with("").await
    }

    /// `ada` and `bob` have their names as passwords; `more` goes on in `[mqtt.access]`.
    pub(super) async fn with(more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let entries = ["ada", "bob"].map(|user| {
            let entry = messina::access::entry_for(user, user.as_bytes(), None).unwrap();
            format!("{entry}\n")
        });
        std::fs::write(dir.path().join("passwords"), entries.concat()).unwrap();
        write_rules(dir.path(), RULES);
        let settings = format!(
            "[mqtt.access]\npassword_file = '{0}/passwords'\nacl_file = '{0}/acl'\n{more}\n",
            dir.path().display()
        );
        let bench = Bench::open(open_log(&dir.path().join("log")), &settings).await;
        let config = ListenerConfig::plain("127.0.0.1:0".parse().unwrap());
        let served = serve(&bench, &config, CertificateUser::Off).await;
        Self { bench, served, dir }
    }

    pub(super) async fn rules(&self, rules: &str) {
        write_rules(self.dir.path(), rules);
        self.bench.gateway.reload().await;
    }

    pub(super) async fn client(&self, name: &str, version: Version) -> Client {
        Client::enter(self.served.address, options(name, version))
            .await
            .unwrap()
    }

    fn denied(&self, action: &str) -> u64 {
        let denied = &self.bench.metrics.gateway.denied;
        denied
            .get_or_create_owned(&[("action", action.to_owned())])
            .get()
    }
}

fn write_rules(dir: &Path, rules: &str) {
    std::fs::write(dir.join("acl"), rules).unwrap();
}

/// What `ada` or `bob` says of itself on its device of this version.
pub(super) fn options(name: &str, version: Version) -> Options {
    let id = format!("device-of-{name}-{}", version.level());
    let mut options = Options::new(ClientId::new(&id).unwrap());
    options.version = version;
    options.clean_start = true;
    options.properties.session_expiry_interval = None;
    options.user_name = Some(name.try_into().unwrap());
    options.password = Some(name.to_owned().into());
    options
}

pub(super) fn publish(topic: &str, qos: QoS, payload: &str) -> Publish {
    let mut publish = Publish::new(Topic::new(topic).unwrap(), payload.to_owned());
    publish.qos = qos;
    publish
}

/// A client over TCP.
pub(super) struct Client {
    link: Link,
}

impl Client {
    /// The error is the reason of the refusal.
    pub(super) async fn enter(address: SocketAddr, options: Options) -> Result<Self, ReasonCode> {
        let mut link = Link::new(options);
        link.connect(address).await.unwrap();
        let mut client = Self { link };
        loop {
            match client.next().await {
                Event::Connected(answer) if answer.reason.is_error() => return Err(answer.reason),
                Event::Connected(_) => return Ok(client),
                Event::Closed(end) => panic!("{end:?} instead of a CONNACK"),
                _ => {}
            }
        }
    }

    pub(super) async fn next(&mut self) -> Event {
        let next = tokio::time::timeout(PATIENCE, self.link.next());
        next.await.unwrap()
    }

    pub(super) async fn publish(&mut self, publish: Publish) -> ReasonCode {
        self.link.handle(Input::Publish(Token(0), publish));
        loop {
            match self.next().await {
                Event::Published(_, reason) => return reason,
                Event::Closed(end) => panic!("{end:?} instead of an answer"),
                _ => {}
            }
        }
    }

    pub(super) async fn subscribe(&mut self, filters: &[&str]) -> Vec<ReasonCode> {
        let subscription = |filter: &&str| Subscription {
            filter: TopicFilter::new(filter).unwrap(),
            options: SubscriptionOptions::with_qos(QoS::AtLeastOnce),
        };
        let all = filters.iter().map(subscription).collect();
        self.link.handle(Input::Subscribe(all, None));
        loop {
            match self.next().await {
                Event::Subscribed(reasons) => return reasons,
                Event::Closed(end) => panic!("{end:?} instead of a SUBACK"),
                _ => {}
            }
        }
    }

    /// Payloads that come until nothing has come for a while.
    pub(super) async fn hears(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        let pause = Duration::from_millis(200);
        while let Ok(event) = tokio::time::timeout(pause, self.link.next()).await {
            match event {
                Event::Received(publish) => {
                    all.push(String::from_utf8(publish.payload.to_vec()).unwrap());
                }
                Event::Closed(end) => panic!("{end:?} while listening"),
                _ => {}
            }
        }
        all
    }
}

#[tokio::test]
async fn a_publish_goes_as_far_as_its_right() {
    let guarded = Guarded::open().await;
    let decisions = [
        ("ada", "lamps/1", true),
        ("ada", "lamps/1/2", false),
        ("ada", "lamps", false),
        ("ada", "public/news", true),
        ("ada", "home/ada/door", true),
        ("ada", "home/bob/door", false),
        ("ada", "yard/door", false),
        ("bob", "lamps/1", false),
        ("bob", "public/news", false),
        ("bob", "yard/door", true),
        ("bob", "yard/gate", false),
        ("bob", "home/bob/door", true),
        ("bob", "home/+bob", false),
        ("bob", "$SYS/broker/uptime", false),
    ];
    let mut allowed = Vec::new();
    let mut denied = 0;
    for version in VERSIONS {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            for (number, (name, topic, may)) in decisions.into_iter().enumerate() {
                let Ok(valid) = Topic::new(topic) else {
                    continue;
                };
                let text = format!("{version:?} {qos:?} {number}");
                let mut client = guarded.client(name, version).await;
                let mut publish = Publish::new(valid, text.clone());
                publish.qos = qos;
                let answer = client.publish(publish).await;
                // 3.1.1 has no word for a refusal, QoS 0 no answer.
                let told = may || version == Version::V311 || qos == QoS::AtMostOnce;
                assert_eq!(!answer.is_error(), told, "{name} {topic} {text}: {answer}");
                if !told {
                    assert_eq!(answer, ReasonCode::NotAuthorized);
                }
                // What a QoS 0 publish came to is known when something after it has been answered.
                let after = self::publish("home/none", QoS::AtLeastOnce, "");
                client.publish(after).await;
                denied += u64::from(!may) + 1;
                if may {
                    allowed.push(text);
                }
            }
        }
    }
    assert_eq!(guarded.bench.records(), allowed);
    assert_eq!(guarded.denied("publish"), denied);
}

#[tokio::test]
async fn a_subscription_gives_what_may_be_read_and_nothing_else() {
    let guarded = Guarded::open().await;
    let mut ada = guarded.client("ada", Version::V5).await;
    for version in VERSIONS {
        let mut bob = guarded.client("bob", version).await;
        let own = format!("clients/device-of-bob-{}/#", version.level());
        let (filters, granted): (Vec<&str>, Vec<bool>) = [
            ("public/#", true),
            ("yard/#", true),
            ("lamps/#", false),
            ("home/bob/+", true),
            ("home/ada/#", false),
            (own.as_str(), true),
            ("clients/device-of-ada-5/#", false),
            // Some of it may be read: that is what comes.
            ("#", true),
        ]
        .into_iter()
        .unzip();
        let reasons = bob.subscribe(&filters).await;
        let refused = match version {
            Version::V311 => ReasonCode::UnspecifiedError,
            Version::V5 => ReasonCode::NotAuthorized,
        };
        for ((filter, granted), reason) in filters.iter().zip(granted).zip(reasons) {
            let expected = if granted {
                ReasonCode::GrantedQoS1
            } else {
                refused
            };
            assert_eq!(reason, expected, "{filter}");
        }
        for (topic, text) in [
            ("lamps/1", "lamp"),
            ("public/news", "news"),
            ("home/ada/door", "home"),
            ("clients/device-of-ada-5/x", "hers"),
        ] {
            let sent = ada.publish(publish(topic, QoS::AtLeastOnce, text)).await;
            assert!(!sent.is_error(), "{topic}");
        }
        // Filters overlap, and how often a client then gets a publish is the server's choice.
        let mut heard = bob.hears().await;
        heard.dedup();
        assert_eq!(heard, ["news"]);
    }
}

#[tokio::test]
async fn a_refused_subscription_says_nothing_of_rights_where_that_is_wanted() {
    // [MQTT-3.9.3-2]
    for (said, expected) in [
        ("not_authorized", ReasonCode::NotAuthorized),
        ("unspecified_error", ReasonCode::UnspecifiedError),
    ] {
        let guarded = Guarded::with(&format!("refused_subscription = '{said}'")).await;
        for (version, expected) in [
            (Version::V5, expected),
            (Version::V311, ReasonCode::UnspecifiedError),
        ] {
            let mut bob = guarded.client("bob", version).await;
            let filters = ["lamps/#", "public/#", "$share/crew/lamps/1"];
            let answers = bob.subscribe(&filters).await;
            assert_eq!(answers, [expected, ReasonCode::GrantedQoS1, expected]);
            // It is refused, whatever it is called: nothing comes.
            let mut ada = guarded.client("ada", version).await;
            ada.publish(publish("lamps/1", QoS::AtLeastOnce, "lamp"))
                .await;
            ada.publish(publish("public/news", QoS::AtLeastOnce, "news"))
                .await;
            assert_eq!(bob.hears().await, ["news"]);
        }
        assert_eq!(guarded.denied("subscribe"), 4);
    }
}

#[tokio::test]
async fn a_right_that_is_withdrawn_ends_what_stands() {
    let guarded = Guarded::open().await;
    let mut ada = guarded.client("ada", Version::V5).await;
    let mut bob = guarded.client("bob", Version::V5).await;
    bob.subscribe(&["public/#"]).await;
    let news = || publish("public/news", QoS::AtLeastOnce, "news");
    ada.publish(news()).await;
    assert_eq!(bob.hears().await, ["news"]);
    guarded
        .rules("user ada\ntopic readwrite public/#\nuser bob\ntopic read yard/#\n")
        .await;
    assert_eq!(ada.publish(news()).await, ReasonCode::Success);
    assert!(bob.hears().await.is_empty());
    guarded.rules("user bob\ntopic read public/#\n").await;
    assert_eq!(ada.publish(news()).await, ReasonCode::NotAuthorized);
    guarded.rules(RULES).await;
    assert_eq!(ada.publish(news()).await, ReasonCode::Success);
    assert_eq!(bob.hears().await, ["news"]);
}

pub(super) fn will(topic: &str) -> Will {
    Will {
        qos: QoS::AtLeastOnce,
        retain: true,
        topic: Topic::new(topic).unwrap(),
        payload: "gone".into(),
        properties: WillProperties::default(),
    }
}

#[tokio::test]
async fn a_will_needs_its_right_when_it_is_made_and_when_it_is_due() {
    let guarded = Guarded::open().await;
    let mut watcher = guarded.client("ada", Version::V5).await;
    watcher.subscribe(&["home/ada/#", "lamps/#"]).await;
    let with_will = |name: &str, topic: &str, version| {
        let mut options = options(name, version);
        options.client_id = ClientId::new("leaving").unwrap();
        options.will = Some(will(topic));
        options
    };
    for version in VERSIONS {
        let refused = Client::enter(guarded.served.address, with_will("bob", "lamps/1", version));
        let reason = refused.await.err();
        assert_eq!(reason, Some(ReasonCode::NotAuthorized), "{version:?}");
        let ada = with_will("ada", "home/ada/will", version);
        drop(Client::enter(guarded.served.address, ada).await.unwrap());
        assert_eq!(watcher.hears().await, ["gone"]);
    }
    assert_eq!(guarded.denied("will"), 2);
    let ada = with_will("ada", "lamps/1", Version::V5);
    let leaving = Client::enter(guarded.served.address, ada).await.unwrap();
    guarded.rules("user ada\ntopic read #\n").await;
    drop(leaving);
    assert!(watcher.hears().await.is_empty());
    guarded.rules(RULES).await;
    assert_eq!(guarded.bench.records(), ["gone", "gone"]);
    // Nor is it retained.
    let mut late = guarded.client("ada", Version::V311).await;
    late.subscribe(&["lamps/#"]).await;
    assert!(late.hears().await.is_empty());
}

#[tokio::test]
async fn a_will_that_waited_is_published_by_the_rules_of_then() {
    let guarded = Guarded::open().await;
    let mut watcher = guarded.client("ada", Version::V5).await;
    watcher.subscribe(&["lamps/#"]).await;
    let waiting = |delay| {
        let mut options = options("ada", Version::V5);
        options.client_id = ClientId::new("leaving").unwrap();
        options.properties.session_expiry_interval = Some(60);
        let mut own = will("lamps/1");
        own.properties.will_delay_interval = Some(delay);
        options.will = Some(own);
        options
    };
    let upkeep = tokio::spawn(Arc::clone(&guarded.bench.gateway).expire_sessions());
    drop(
        Client::enter(guarded.served.address, waiting(1))
            .await
            .unwrap(),
    );
    let gone = async { while watcher.hears().await != ["gone"] {} };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
    drop(
        Client::enter(guarded.served.address, waiting(4))
            .await
            .unwrap(),
    );
    guarded.rules("user ada\ntopic read #\n").await;
    let denied = async {
        while guarded.denied("will") == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, denied).await.unwrap();
    let wills = || {
        let state = guarded.bench.log.read_compacted("__messina_sessions");
        let mut keys = state.unwrap().into_keys();
        keys.any(|key| key.starts_with(b"w"))
    };
    let forgotten = async {
        while wills() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, forgotten).await.unwrap();
    upkeep.abort();
    assert_eq!(guarded.bench.records(), ["gone"]);
}

#[tokio::test]
async fn what_is_retained_is_kept_and_given_as_rights_say() {
    let guarded = Guarded::open().await;
    let retained = |topic: &str, text: &str| {
        let mut publish = publish(topic, QoS::AtLeastOnce, text);
        publish.retain = true;
        publish
    };
    let mut ada = guarded.client("ada", Version::V5).await;
    let mut bob = guarded.client("bob", Version::V5).await;
    for (topic, text) in [
        ("lamps/1", "lamp"),
        ("public/1", "news"),
        ("home/ada/1", "hers"),
    ] {
        assert!(!ada.publish(retained(topic, text)).await.is_error());
    }
    // Neither written nor deleted by who may not.
    for (topic, text) in [("public/1", "lies"), ("public/1", ""), ("lamps/2", "off")] {
        let answer = bob.publish(retained(topic, text)).await;
        assert_eq!(answer, ReasonCode::NotAuthorized);
    }
    for version in VERSIONS {
        let mut bob = guarded.client("bob", version).await;
        bob.subscribe(&["#"]).await;
        assert_eq!(bob.hears().await, ["news"]);
        let mut ada = guarded.client("ada", version).await;
        ada.subscribe(&["#"]).await;
        let mut heard = ada.hears().await;
        heard.sort();
        assert_eq!(heard, ["hers", "lamp", "news"]);
    }
    guarded.rules("user bob\ntopic read yard/#\n").await;
    let mut bob = guarded.client("bob", Version::V5).await;
    bob.subscribe(&["#"]).await;
    assert!(bob.hears().await.is_empty());
}

#[tokio::test]
async fn a_share_is_given_to_who_may_read_it() {
    let guarded = Guarded::open().await;
    let mut sender = guarded.client("ada", Version::V5).await;
    let mut ada = guarded.client("ada", Version::V311).await;
    let granted = ReasonCode::GrantedQoS1;
    assert_eq!(ada.subscribe(&["$share/all/lamps/#"]).await, [granted]);
    for version in VERSIONS {
        let mut bob = guarded.client("bob", version).await;
        let reasons = bob
            .subscribe(&["$share/all/lamps/#", "$share/all/public/#"])
            .await;
        let [lamps, public] = reasons[..] else {
            panic!("{reasons:?}");
        };
        assert!(lamps.is_error() && public == granted);
        for number in 0..4 {
            let lamp = publish("lamps/1", QoS::AtLeastOnce, &format!("lamp {number}"));
            sender.publish(lamp).await;
        }
        // A member that was refused has no turn.
        assert_eq!(ada.hears().await.len(), 4);
        sender
            .publish(publish("public/1", QoS::AtLeastOnce, "news"))
            .await;
        assert_eq!(bob.hears().await, ["news"]);
    }
}
