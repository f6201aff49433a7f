//! The classes there are.

use messina_connect::converter::Converter;
use messina_connect::sink_class::SinkClass;
use serde::Serialize;

/// A class a configuration may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Plugin {
    pub(super) class: &'static str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) version: &'static str,
}

/// Our sink, and the names of those whose configurations are understood.
pub(super) const SINKS: [&str; SinkClass::NAMES.len()] = SinkClass::NAMES;

/// The sections of options a sink has.
pub(super) fn sections(class: &str) -> &'static [&'static str] {
    match SinkClass::named(class) {
        None | Some(SinkClass::Table) => &["kcql"],
        Some(SinkClass::Classic) => &["kcql", "classic"],
        Some(SinkClass::Lenses) => &["kcql", "lenses"],
        Some(SinkClass::Scylla) => &["scylladb"],
        Some(SinkClass::DataStax) => &["datastax"],
    }
}

/// The converter of headers.
pub(super) const HEADER_CONVERTER: &str = "org.apache.kafka.connect.storage.SimpleHeaderConverter";

/// Transforms, each whole name as it is written.
pub(super) const TRANSFORMS: [&str; 32] = [
    "org.apache.kafka.connect.transforms.Cast$Key",
    "org.apache.kafka.connect.transforms.Cast$Value",
    "org.apache.kafka.connect.transforms.DropHeaders",
    "org.apache.kafka.connect.transforms.ExtractField$Key",
    "org.apache.kafka.connect.transforms.ExtractField$Value",
    "org.apache.kafka.connect.transforms.Filter",
    "org.apache.kafka.connect.transforms.Flatten$Key",
    "org.apache.kafka.connect.transforms.Flatten$Value",
    "org.apache.kafka.connect.transforms.HeaderFrom$Key",
    "org.apache.kafka.connect.transforms.HeaderFrom$Value",
    "org.apache.kafka.connect.transforms.HoistField$Key",
    "org.apache.kafka.connect.transforms.HoistField$Value",
    "org.apache.kafka.connect.transforms.InsertField$Key",
    "org.apache.kafka.connect.transforms.InsertField$Value",
    "org.apache.kafka.connect.transforms.InsertHeader",
    "org.apache.kafka.connect.transforms.MaskField$Key",
    "org.apache.kafka.connect.transforms.MaskField$Value",
    "org.apache.kafka.connect.transforms.RegexRouter",
    "org.apache.kafka.connect.transforms.ReplaceField$Key",
    "org.apache.kafka.connect.transforms.ReplaceField$Value",
    "org.apache.kafka.connect.transforms.SetSchemaMetadata$Key",
    "org.apache.kafka.connect.transforms.SetSchemaMetadata$Value",
    "org.apache.kafka.connect.transforms.TimestampConverter$Key",
    "org.apache.kafka.connect.transforms.TimestampConverter$Value",
    "org.apache.kafka.connect.transforms.TimestampRouter",
    "org.apache.kafka.connect.transforms.ValueToKey",
    "messina.Explode$Key",
    "messina.Explode$Value",
    "messina.Readings$Key",
    "messina.Readings$Value",
    "messina.TopicFields$Key",
    "messina.TopicFields$Value",
];

/// Predicates.
pub(super) const PREDICATES: [&str; 3] = [
    "org.apache.kafka.connect.transforms.predicates.HasHeaderKey",
    "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
    "org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
];

/// Sinks only, or all there is, sorted by kind as Kafka Connect does.
pub(super) fn plugins(sinks_only: bool) -> Vec<Plugin> {
    let of = |kind: &'static str| {
        move |class: &&'static str| Plugin {
            class,
            kind,
            version: env!("CARGO_PKG_VERSION"),
        }
    };
    let mut all: Vec<Plugin> = SINKS.iter().map(of("sink")).collect();
    if sinks_only {
        return all;
    }
    all.extend(TRANSFORMS.iter().map(of("transformation")));
    all.extend(PREDICATES.iter().map(of("predicate")));
    all.extend(Converter::CLASSES.iter().map(of("converter")));
    all.extend(Converter::CLASSES.iter().map(of("header_converter")));
    all.extend([HEADER_CONVERTER].iter().map(of("header_converter")));
    all
}

/// The full name of a class that may be written short: without its package, and the conventional end of its kind.
pub(super) fn full_name(
    classes: &[&'static str],
    end: &str,
    written: &str,
) -> Option<&'static str> {
    let fits = |class: &&&'static str| {
        let simple = class.rsplit('.').next().unwrap_or(class);
        let short = |name: &str| name.strip_suffix(end).is_some_and(|name| name == written);
        **class == written || simple == written || short(class) || short(simple)
    };
    let without_part = |class: &&&'static str| {
        let whole = class.strip_suffix("$Value").unwrap_or(class);
        whole == written || whole.rsplit('.').next() == Some(written)
    };
    let found = classes.iter().find(fits);
    found.or_else(|| classes.iter().find(without_part)).copied()
}
