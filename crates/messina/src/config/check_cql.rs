//! `[cql]`: present, the tables are `ScyllaDB`'s or Cassandra's. Nothing is connected to here.

use std::path::Path;
use std::time::Duration;

use super::check_access::key;
use super::check_table::identifier;
use super::problem::Problem;
use super::section::Section;
use super::tree::NodeValue;
use super::{ClientTls, CqlConfig, CqlConsistency, replication_map};

/// The port CQL has everywhere.
const PORT: u16 = 9042;
/// Five times what a server itself waits for its replicas.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// A node that is there answers at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Beyond this a node only queues.
pub(super) const MAX_IN_FLIGHT: usize = 512;

pub(super) const CONSISTENCIES: [(&str, CqlConsistency); 9] = [
    ("any", CqlConsistency::Any),
    ("one", CqlConsistency::One),
    ("two", CqlConsistency::Two),
    ("three", CqlConsistency::Three),
    ("quorum", CqlConsistency::Quorum),
    ("all", CqlConsistency::All),
    ("local_one", CqlConsistency::LocalOne),
    ("local_quorum", CqlConsistency::LocalQuorum),
    ("each_quorum", CqlConsistency::EachQuorum),
];

pub(super) fn cql(section: &Section<'_>, data: &Path) -> CqlConfig {
    let text = |field| section.text(field).map(|(text, _)| text.to_owned());
    let tls = section.section("tls").and_then(|tls| tls_files(&tls, data));
    let keyspace = section.required_text("keyspace");
    if let Some((name, span)) = keyspace {
        identifier(section, name, span);
    }
    let contact_points = contact_points(section);
    let password = section
        .get("password")
        .and_then(|_| key(section, "password", data));
    let user = text("user");
    if user.is_none()
        && let Some(node) = section.get("password")
    {
        let problem = Problem::error(&node.span, "`cql.password` is set and `cql.user` is not");
        section.report(problem);
    }
    let config = CqlConfig {
        contact_points,
        port: section.integer("port", 1..=65_535).unwrap_or(PORT),
        translation: Vec::new(),
        data_center: text("data_center"),
        keyspace: keyspace
            .map(|(name, _)| name.to_owned())
            .unwrap_or_default(),
        user,
        password,
        tls,
        token_aware: true,
        use_keyspace: false,
        connect_timeout: CONNECT_TIMEOUT,
        consistency: section
            .choice("consistency", &CONSISTENCIES)
            .unwrap_or(CqlConsistency::LocalQuorum),
        replication: replication(section, text("data_center").as_deref()),
        request_timeout: section
            .duration("request_timeout")
            .unwrap_or(REQUEST_TIMEOUT),
        speculative_delay: section.duration_or("speculative_delay", "off", None),
        max_in_flight: section
            .integer("max_in_flight", 1..=32_768)
            .unwrap_or(MAX_IN_FLIGHT),
        options: CqlConfig::own_options(),
    };
    section.finish();
    config
}

/// Files of certificates; those of `[cql]` are always asked whom they name.
fn tls_files(tls: &Section<'_>, data: &Path) -> Option<ClientTls> {
    let ca = tls.required_text("ca");
    let identity = tls.text("identity");
    tls.finish();
    Some(ClientTls {
        ca: data.join(ca?.0),
        identity: identity.map(|(path, _)| data.join(path)),
        verify_names: true,
    })
}

fn contact_points(section: &Section<'_>) -> Vec<String> {
    section.required("contact_points");
    let points = section.texts("contact_points").unwrap_or_default();
    if let (true, Some(node)) = (points.is_empty(), section.get("contact_points")) {
        let problem = Problem::error(&node.span, "`cql.contact_points` names no host");
        section.report(problem);
    }
    for (point, span) in &points {
        if point.is_empty() || point.contains(char::is_whitespace) {
            let message = format!("`{point}` is not a host, or a host and a port");
            section.report(Problem::error(span, message));
        }
    }
    points
        .into_iter()
        .map(|(point, _)| point.to_owned())
        .collect()
}

/// A number for one data centre, or the map CQL wants.
fn replication(section: &Section<'_>, data_center: Option<&str>) -> Option<String> {
    let node = section.get("replication")?;
    let (text, span) = match &node.value {
        NodeValue::Integer(factor) => (factor.to_string(), &node.span),
        _ => section
            .text("replication")
            .map(|(text, span)| (text.to_owned(), span))?,
    };
    if let Ok(factor @ 1..=99) = text.parse::<u8>() {
        return Some(replication_map(factor.into(), data_center));
    }
    let is_map = text.starts_with('{') && text.ends_with('}') && !text.contains(';');
    if !is_map {
        let message = "`cql.replication` must be a factor such as \"3\", or CQL's map";
        let help = "write for example \"{'class': 'NetworkTopologyStrategy', 'dc1': 3}\"";
        section.report(Problem::error(span, message).help(help));
    }
    Some(text)
}
