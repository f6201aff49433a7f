//! What turns a record's headers into values: option `header.converter` (CONNECT-SPEC 1.3, 1.6).

use std::sync::Arc;

use bytes::Bytes;

use super::{Converter, header};
use crate::config::{ConnectorConfig, Problem};
use crate::data_error::DataError;
use crate::options::Options;
use crate::schema::Schema;
use crate::value::Value;

/// Full name of the default.
const SIMPLE: &str = "org.apache.kafka.connect.storage.SimpleHeaderConverter";

/// A converter of headers.
#[derive(Debug)]
pub enum HeaderConverter {
    /// `SimpleHeaderConverter`: a text becomes the value it looks like.
    Simple,
    /// One that converts keys and values too.
    Other(Converter),
}

impl HeaderConverter {
    /// The converter the option `own` of `config` names, with the options below it, or what is wrong with them.
    pub fn from_config(config: &ConnectorConfig, own: &str) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let converter = Self::collect(config, own, &mut problems);
        if problems.is_empty() {
            Ok(converter)
        } else {
            Err(problems)
        }
    }

    /// The converter, with what is wrong added to `problems`; the default where none is named.
    pub(crate) fn collect(
        config: &ConnectorConfig,
        own: &str,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let short = ["SimpleHeaderConverter", "Simple", ""];
        let class = config.text(own).unwrap_or(SIMPLE);
        if class == SIMPLE || short.contains(&class) {
            return Self::Simple;
        }
        let mut options = Options::new(config, own, format!("{own}."), problems);
        Converter::compile(class, &mut options).map_or(Self::Simple, Self::Other)
    }

    /// The full class name, for dead letters.
    pub const fn class_name(&self) -> &'static str {
        match self {
            Self::Simple => SIMPLE,
            Self::Other(converter) => converter.class_name(),
        }
    }

    /// Bytes to a value and its schema.
    pub fn read(&self, bytes: Option<&Bytes>) -> Result<(Option<Arc<Schema>>, Value), DataError> {
        match (self, bytes) {
            (Self::Other(converter), _) => converter.read(bytes),
            (Self::Simple, None) => Ok((None, Value::Null)),
            (Self::Simple, Some(bytes)) => Ok(header::parse(&String::from_utf8_lossy(bytes))),
        }
    }

    /// A value to bytes; `None` is null.
    pub fn write(
        &self,
        schema: Option<&Schema>,
        value: &Value,
    ) -> Result<Option<Vec<u8>>, DataError> {
        match self {
            Self::Other(converter) => converter.write(schema, value),
            Self::Simple => Ok(header::write(value).map(String::into_bytes)),
        }
    }
}
