//! `TimestampRouter`: the record's time in its topic (CONNECT-SPEC 2.3).

use std::borrow::Cow;

use crate::data_error::DataError;
use crate::java_date::DateFormat;
use crate::options::Options;
use crate::record::ConnectRecord;

#[derive(Debug)]
pub(super) struct TimestampRouter {
    topic: String,
    timestamp: DateFormat,
}

impl TimestampRouter {
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        let text = |name, default| options.raw(name).map_or(default, str::trim);
        let topic = text("topic.format", "${topic}-${timestamp}").to_owned();
        match DateFormat::compile(text("timestamp.format", "yyyyMMdd")) {
            Ok(timestamp) => Some(Self { topic, timestamp }),
            Err(message) => {
                options.refuse("timestamp.format", message, None);
                None
            }
        }
    }

    pub(super) fn apply(&self, record: &mut ConnectRecord<'_>) -> Result<(), DataError> {
        let Some(millis) = record.timestamp else {
            return Err(DataError::new("timestamp missing on record"));
        };
        let topic = self.topic.replace("${topic}", &record.topic);
        let topic = topic.replace("${timestamp}", &self.timestamp.format(millis));
        record.topic = Cow::Owned(topic);
        Ok(())
    }
}
