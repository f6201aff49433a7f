//! The classes `connector.class` may name, and which sink each stands for.

use crate::config::ConnectorConfig;

/// A sink: whose options it reads, and where its tables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkClass {
    /// Our own, over the tables the program's configuration declares.
    Table,
    /// Lenses' Cassandra sink as it was until version 9, under both its names.
    Classic,
    /// Lenses' Cassandra sink since version 10: KCQL over `DataStax`'s engine.
    Lenses,
    /// ScyllaDB's sink.
    Scylla,
    /// `DataStax`'s sink, under both its names.
    DataStax,
}

const CLASSES: [SinkClass; 7] = [
    SinkClass::Table,
    SinkClass::Classic,
    SinkClass::Classic,
    SinkClass::Lenses,
    SinkClass::Scylla,
    SinkClass::DataStax,
    SinkClass::DataStax,
];

impl SinkClass {
    /// The names there are, our own first.
    pub const NAMES: [&'static str; 7] = [
        "messina.TableSink",
        "io.lenses.streamreactor.connect.cassandra.sink.CassandraSinkConnector",
        "com.datamountaineer.streamreactor.connect.cassandra.sink.CassandraSinkConnector",
        "io.lenses.streamreactor.connect.cassandra.CassandraSinkConnector",
        "io.connect.scylladb.ScyllaDbSinkConnector",
        "com.datastax.oss.kafka.sink.CassandraSinkConnector",
        "com.datastax.kafkaconnector.DseSinkConnector",
    ];

    /// The sink of that name.
    pub fn named(name: &str) -> Option<Self> {
        let mut known = Self::NAMES.into_iter().zip(CLASSES);
        known.find(|(own, _)| *own == name).map(|(_, class)| class)
    }

    /// The sink a connector's options name: our own where they name none, none where the name is unknown.
    pub fn of(config: &ConnectorConfig) -> Option<Self> {
        match config.text("connector.class") {
            None => Some(Self::Table),
            Some(name) => Self::named(name),
        }
    }

    /// Whether KCQL's projection says what is written, as in the classic sink.
    pub(crate) const fn projects(self) -> bool {
        matches!(self, Self::Table | Self::Classic)
    }
}
