//! A gateway over a real log, without sockets, and clients that speak to it in packets.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use messina::access::Access;
use messina::config::{self, Config, Inputs, Source};
use messina::gateway::connection::{Connection, Peer};
use messina::gateway::produce::Topics;
use messina::gateway::route::Routes;
use messina::gateway::server::{Gateway, Parts};
use messina::record_log::LogWriter;
use messina::runtime::clock::SystemClock;
use messina::runtime::shutdown::Shutdown;
use messina::telemetry::metrics::Metrics;
use messina_mqtt::packet::{
    ClientId, Codec, ConnAck, Connect, Packet, PacketId, Publish, QoS, Subscribe,
    SubscribeProperties, Subscription, SubscriptionOptions, Version,
};
use messina_mqtt::reason::ReasonCode;
use messina_mqtt::topic::{Topic, TopicFilter};
use messina_store::disk::{CrashKeeps, SimDisk};
use messina_store::log::{Log, LogOptions, TopicConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;

/// One route; everything else as built in.
pub(crate) const ROUTE: &str = "[[route]]\nname = \"all\"\nfilter = \"#\"\ntopic = \"readings\"\n";

/// A test's patience with what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The queue of a log here, bytes.
pub(crate) const QUEUE: usize = 4 << 20;

/// A gateway without sockets.
pub(crate) struct Bench {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) log: Log,
    pub(crate) metrics: Arc<Metrics>,
}

impl Bench {
    pub(crate) async fn open(log: Log, settings: &str) -> Self {
        let source = Source::new("test.toml", format!("{settings}\n{ROUTE}"));
        let loaded = config::load_text(Some(&source), &Inputs::default());
        let config: Config = loaded.unwrap().config;
        let metrics = Arc::new(Metrics::new());
        let routes = Routes::new(&config.routes, config.gateway.unmatched, &metrics).unwrap();
        let writer = LogWriter::Embedded(log.clone());
        let topics = Topics::new(writer.clone(), TopicConfig::default(), 10);
        let gateway = Gateway::restore(Parts {
            config: config.gateway,
            log: writer,
            topics,
            routes: Arc::new(routes),
            metrics: Arc::clone(&metrics),
            access: Access::open(config.access, Arc::new(SystemClock)).unwrap(),
            clock: Arc::new(SystemClock),
            shutdown: Shutdown::default(),
        });
        Self {
            gateway: gateway.await.unwrap(),
            log,
            metrics,
        }
    }

    pub(crate) async fn in_dir(dir: &Path) -> Self {
        Self::open(open_log(dir), "").await
    }

    /// A connection whose pipe holds `room` bytes each way.
    pub(crate) fn dial(&self, version: Version, room: usize) -> Client {
        let (near, far) = duplex(room);
        let peer: SocketAddr = "127.0.0.1:9".parse().unwrap();
        let served = Connection::new(Arc::clone(&self.gateway), far, Peer::from(peer)).serve();
        Client {
            stream: near,
            codec: Codec::device(version, 1 << 22),
            incoming: BytesMut::new(),
            served: tokio::spawn(served),
        }
    }

    /// A client that is in.
    pub(crate) async fn client(&self, connect: Connect) -> Client {
        let mut client = self.dial(connect.version, 1 << 16);
        assert_eq!(client.connect(connect).await.reason, ReasonCode::Success);
        client
    }

    /// Payloads of the records in the log.
    pub(crate) fn records(&self) -> Vec<String> {
        payloads(&self.log)
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.metrics.route("all").accepted.get()
    }
}

/// A gateway on a disk that can crash.
pub(crate) struct Machine {
    disk: SimDisk,
    settings: &'static str,
    pub(crate) bench: Bench,
}

impl Machine {
    pub(crate) async fn new(settings: &'static str) -> Self {
        Self::start(SimDisk::new(), settings).await
    }

    async fn start(disk: SimDisk, settings: &'static str) -> Self {
        let options = LogOptions {
            disk: Arc::new(disk.clone()),
            wal_bytes: 1 << 20,
            segment_bytes: 1 << 20,
            ..LogOptions::default()
        };
        let log = Log::open(Path::new("/log"), options).unwrap();
        let bench = Bench::open(log, settings).await;
        Self {
            disk,
            settings,
            bench,
        }
    }

    /// The disk takes no more, or does again.
    pub(crate) fn is_full(&self, full: bool) {
        self.disk.set_capacity(full.then_some(0));
    }

    /// Power fails, and only what was synced is there afterwards.
    pub(crate) async fn crash(self) -> Self {
        Self::start(self.disk.after_crash(CrashKeeps::Synced), self.settings).await
    }
}

pub(crate) fn open_log(dir: &Path) -> Log {
    let options = LogOptions {
        wal_bytes: 1 << 20,
        segment_bytes: 1 << 20,
        queue_bytes: QUEUE,
        ..LogOptions::default()
    };
    Log::open(dir, options).unwrap()
}

pub(crate) fn payloads(log: &Log) -> Vec<String> {
    let Some(handle) = log.partition("readings", 0) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    let mut offset = handle.start_offset();
    while offset < handle.end_offset() {
        for record in log.read(&handle, offset, 1 << 20).unwrap() {
            offset = record.offset + 1;
            all.push(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
        }
    }
    all
}

/// A device's end of a connection.
pub(crate) struct Client {
    pub(crate) stream: DuplexStream,
    pub(crate) codec: Codec,
    pub(crate) incoming: BytesMut,
    pub(crate) served: JoinHandle<()>,
}

impl Client {
    pub(crate) async fn connect(&mut self, connect: Connect) -> ConnAck {
        self.send(Packet::Connect(Box::new(connect))).await;
        match self.next().await {
            Packet::ConnAck(connack) => *connack,
            other => panic!("{other:?} is not a CONNACK"),
        }
    }

    pub(crate) async fn send(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        self.codec.encode(&packet, &mut bytes).unwrap();
        self.raw(&bytes).await;
    }

    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        let write = tokio::time::timeout(PATIENCE, self.stream.write_all(bytes));
        write.await.unwrap().unwrap();
    }

    /// The next packet; `None` at the end of the stream.
    pub(crate) async fn receive(&mut self) -> Option<Packet> {
        loop {
            if let Some(packet) = self.codec.decode(&mut self.incoming).unwrap() {
                return Some(packet);
            }
            let read = self.stream.read_buf(&mut self.incoming);
            let read = tokio::time::timeout(PATIENCE, read).await.unwrap();
            if read.unwrap() == 0 {
                return None;
            }
        }
    }

    pub(crate) async fn next(&mut self) -> Packet {
        self.receive().await.unwrap()
    }

    /// Whether nothing comes for a while.
    pub(crate) async fn hears_nothing(&mut self) -> bool {
        let wait = tokio::time::timeout(Duration::from_millis(100), self.receive());
        wait.await.is_err()
    }

    /// The connection is being closed for this reason.
    pub(crate) async fn is_told_to_go(&mut self, reason: ReasonCode) {
        match self.next().await {
            Packet::Disconnect(disconnect) => assert_eq!(disconnect.reason, reason),
            other => panic!("{other:?} is not a DISCONNECT"),
        }
        assert!(self.receive().await.is_none());
    }

    pub(crate) async fn publish(&mut self, payload: &str, packet_id: u16) -> ReasonCode {
        let qos = QoS::AtLeastOnce;
        self.send(publish(payload, qos, packet_id)).await;
        match self.next().await {
            Packet::PubAck(ack) => ack.reason,
            other => panic!("{other:?} is not a PUBACK"),
        }
    }

    pub(crate) async fn subscribe(&mut self, qos: QoS) {
        self.send(Packet::Subscribe(subscribe_all(qos))).await;
        assert!(matches!(self.next().await, Packet::SubAck(_)));
    }

    /// Cuts the connection, and waits until the gateway has noticed.
    pub(crate) async fn cut(self) {
        drop(self.stream);
        let served = tokio::time::timeout(PATIENCE, self.served).await;
        served.unwrap().unwrap();
    }
}

pub(crate) fn id(value: u16) -> PacketId {
    PacketId::new(value).unwrap()
}

pub(crate) fn connect(name: &str) -> Connect {
    Connect::new(Version::V5, ClientId::new(name).unwrap())
}

/// A session that outlives its connection.
pub(crate) fn lasting(name: &str) -> Connect {
    let mut connect = connect(name);
    connect.clean_start = false;
    connect.properties.session_expiry_interval = Some(600);
    connect
}

pub(crate) fn subscribe_all(qos: QoS) -> Subscribe {
    Subscribe {
        packet_id: id(1),
        properties: SubscribeProperties::default(),
        subscriptions: vec![Subscription {
            filter: TopicFilter::new("#").unwrap(),
            options: SubscriptionOptions {
                qos,
                ..SubscriptionOptions::default()
            },
        }],
    }
}

pub(crate) fn publish(payload: &str, qos: QoS, packet_id: u16) -> Packet {
    let mut publish = Publish::new(Topic::new("room/1").unwrap(), payload.to_owned());
    publish.qos = qos;
    publish.packet_id = PacketId::new(packet_id);
    Packet::Publish(publish)
}
