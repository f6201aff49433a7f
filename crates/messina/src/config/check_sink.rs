//! `[[sink]]`: a connector under Kafka Connect's option names, compiled once to see that it holds.

use std::sync::Arc;

use messina_connect::cluster::Cluster;
use messina_connect::config::{ConnectorConfig, Problem as ConnectorProblem, Property};
use messina_connect::plan::Plan;
use messina_connect::sink_class::SinkClass;
use messina_connect::table_schema::TableSchema;
use messina_store::log::is_internal;

use super::check_name::{not_ours, unique};
use super::problem::{Problem, Severity, Span};
use super::section::Section;
use super::tree::{Entry, Node, NodeValue};
use super::{CONSISTENCY_OPTION, ClientOverrides, CqlConsistency, OverridePolicy};

/// A connector and where its options were typed.
struct Written {
    config: ConnectorConfig,
    spans: Vec<(String, Span)>,
    whole: Span,
}

pub(super) fn sinks(
    root: &Section<'_>,
    tables: &[Arc<TableSchema>],
    has_cql: bool,
) -> Vec<ConnectorConfig> {
    let mut sinks: Vec<ConnectorConfig> = Vec::new();
    for section in root.sections("sink") {
        let named = section.required_text("name");
        if let Some((name, span)) = named {
            unique(
                &section,
                "sink",
                span,
                name,
                sinks.iter().map(|sink| sink.name.as_str()),
            );
        }
        let mut written = Written {
            config: ConnectorConfig::new(named.map_or("", |(name, _)| name)),
            spans: Vec::new(),
            whole: section.span().clone(),
        };
        for entry in section.all().iter().filter(|entry| entry.key != "name") {
            flatten(&section, "", entry, &mut written);
        }
        if let Some((option, span)) = dead_letters(&written) {
            not_ours(&section, &option, span);
        }
        compile(&section, &written, tables, has_cql);
        sinks.push(written.config);
    }
    sinks
}

/// The topic of dead letters, if it is one of Messina's own.
fn dead_letters(written: &Written) -> Option<(String, &Span)> {
    const OPTION: &str = "errors.deadletterqueue.topic.name";
    let value = &written.config.get(OPTION)?.value;
    let (_, span) = written
        .spans
        .iter()
        .rev()
        .find(|(name, _)| name == OPTION)?;
    is_internal(value).then(|| (value.clone(), span))
}

/// Turns `value.converter = ..`, written with or without quotes, into options with dots in their names.
fn flatten(section: &Section<'_>, prefix: &str, entry: &Entry, written: &mut Written) {
    let option = format!("{prefix}{}", entry.key);
    if let NodeValue::Table(entries) = &entry.node.value {
        for inner in entries {
            flatten(section, &format!("{option}."), inner, written);
        }
        return;
    }
    let Some(value) = option_text(&entry.node) else {
        section.wrong(
            &option,
            &entry.node,
            "a text, a number, a boolean or a list of texts",
        );
        return;
    };
    let position = Some(first_character(&entry.node.span).position());
    written
        .config
        .set(option.clone(), Property { value, position });
    written.spans.push((option, entry.node.span.clone()));
}

/// The span of a value without its opening quotes: positions within the text count from its first character.
fn first_character(span: &Span) -> Span {
    let written = span.source.text.get(span.range.clone()).unwrap_or_default();
    let quotes = ["\"\"\"\n", "'''\n", "\"\"\"", "'''", "\"", "'"];
    let opening = quotes.iter().find(|quotes| written.starts_with(**quotes));
    let mut inner = span.clone();
    inner.range.start += opening.map_or(0, |quotes| quotes.len());
    inner
}

fn option_text(node: &Node) -> Option<String> {
    match &node.value {
        NodeValue::Text(text) => Some(text.clone()),
        NodeValue::Integer(number) => Some(number.to_string()),
        NodeValue::Float(number) => Some(number.to_string()),
        NodeValue::Boolean(boolean) => Some(boolean.to_string()),
        NodeValue::Array(nodes) => {
            let texts: Option<Vec<String>> = nodes.iter().map(option_text).collect();
            texts.map(|texts| texts.join(","))
        }
        NodeValue::Table(_) => None,
    }
}

fn compile(section: &Section<'_>, written: &Written, tables: &[Arc<TableSchema>], has_cql: bool) {
    match check_connector(&written.config, tables, has_cql, &OverridePolicy::All) {
        Ok(warnings) => {
            for warning in &warnings {
                section.report(problem(written, warning, Severity::Warning));
            }
        }
        Err(problems) => {
            for wrong in &problems {
                section.report(problem(written, wrong, Severity::Error));
            }
        }
    }
}

/// Whether a connector's tables are in a cluster: the one it names, else `[cql]`'s where there is one.
pub fn is_on_cluster(config: &ConnectorConfig, has_cql: bool) -> bool {
    match SinkClass::of(config) {
        None | Some(SinkClass::Table) => false,
        Some(SinkClass::Classic) => has_cql || Cluster::is_named(config),
        Some(SinkClass::Lenses | SinkClass::Scylla | SinkClass::DataStax) => true,
    }
}

/// What is surprising about a connector, or everything that is wrong with it, as far as that can be told without
/// asking a cluster. `policy` says what its clients may have of their own.
pub fn check_connector(
    config: &ConnectorConfig,
    tables: &[Arc<TableSchema>],
    has_cql: bool,
    policy: &OverridePolicy,
) -> Result<Vec<ConnectorProblem>, Vec<ConnectorProblem>> {
    let compiled = if is_on_cluster(config, has_cql) {
        Plan::outline(config).map(|outline| outline.warnings)
    } else {
        Plan::compile(config, &|name| find_table(tables, name)).map(|plan| plan.warnings().to_vec())
    };
    let overrides = ClientOverrides::read(config, policy);
    let (mut warnings, overridden) = match (compiled, overrides, consistency(config)) {
        (Ok(warnings), Ok((_, more)), None) => (warnings, more),
        (compiled, overrides, wrong) => {
            let mut problems = compiled.err().unwrap_or_default();
            problems.extend(overrides.err().unwrap_or_default());
            problems.extend(wrong);
            return Err(problems);
        }
    };
    warnings.extend(overridden);
    Ok(warnings)
}

/// The consistency a connector asks for must be one.
fn consistency(config: &ConnectorConfig) -> Option<ConnectorProblem> {
    let value = config.text(CONSISTENCY_OPTION)?;
    if value.is_empty() || CqlConsistency::parse(value).is_some() {
        return None;
    }
    let message = format!("there is no consistency `{value}`");
    let help = "write for example LOCAL_QUORUM, LOCAL_ONE or ALL";
    Some(ConnectorProblem::new(config, CONSISTENCY_OPTION, message).help(help))
}

/// The declared table KCQL means by `name`: `table` or `keyspace.table`, in any case as CQL reads it.
pub fn find_table(tables: &[Arc<TableSchema>], name: &str) -> Option<Arc<TableSchema>> {
    tables.iter().find(|table| table.is_called(name)).cloned()
}

fn problem(written: &Written, wrong: &ConnectorProblem, severity: Severity) -> Problem {
    let option = written
        .spans
        .iter()
        .rev()
        .find(|(option, _)| *option == wrong.option);
    let span = match (option, &wrong.position) {
        (Some((_, span)), Some(position)) => span.narrowed_to(position),
        (Some((_, span)), None) => span.clone(),
        (None, _) => written.whole.clone(),
    };
    let subject = if wrong.option.is_empty() {
        format!("sink `{}`: ", written.config.name)
    } else {
        format!("`{}`: ", wrong.option)
    };
    Problem {
        severity,
        span: Some(span),
        message: format!("{subject}{}", wrong.message),
        help: wrong.help.clone(),
    }
}
