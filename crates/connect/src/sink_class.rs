//! The classes `connector.class` may name, and which sink each stands for.

use crate::config::ConnectorConfig;

/// A sink: whose options it reads, and where its tables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkClass {
    /// Our own, over the tables the program's configuration declares.
    Table,
    /// Lenses' Cassandra sink as it was until version 9, under both its names.
    Classic,
}

impl SinkClass {
    /// The names there are, our own first.
    pub const NAMES: [&'static str; 3] = [
        "messina.TableSink",
        "io.lenses.streamreactor.connect.cassandra.sink.CassandraSinkConnector",
        "com.datamountaineer.streamreactor.connect.cassandra.sink.CassandraSinkConnector",
    ];

    /// The sink of that name.
    pub fn named(name: &str) -> Option<Self> {
        let index = Self::NAMES.iter().position(|own| *own == name)?;
        Some(match index {
            0 => Self::Table,
            _ => Self::Classic,
        })
    }

    /// The sink a connector's options name: our own where they name none, none where the name is unknown.
    pub fn of(config: &ConnectorConfig) -> Option<Self> {
        match config.text("connector.class") {
            None => Some(Self::Table),
            Some(name) => Self::named(name),
        }
    }
}
