//! `[[sink]]`: a connector under Kafka Connect's option names, compiled once to see that it holds.

use std::sync::Arc;

use messina_connect::config::{ConnectorConfig, Problem as ConnectorProblem, Property};
use messina_connect::plan::Plan;
use messina_connect::table_schema::TableSchema;
use messina_store::log::is_internal;

use super::check_name::{not_ours, unique};
use super::problem::{Problem, Severity, Span};
use super::section::Section;
use super::tree::{Entry, Node, NodeValue};
use super::{CONSISTENCY_OPTION, CqlConsistency};

/// A connector and where its options were typed.
struct Written {
    config: ConnectorConfig,
    spans: Vec<(String, Span)>,
    whole: Span,
}

pub(super) fn sinks(root: &Section<'_>, tables: &[Arc<TableSchema>]) -> Vec<ConnectorConfig> {
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
        consistency(&section, &written);
        compile(&section, &written, tables);
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

/// The consistency a connector asks for must be one.
fn consistency(section: &Section<'_>, written: &Written) {
    let Some(value) = written.config.text(CONSISTENCY_OPTION) else {
        return;
    };
    if value.is_empty() || CqlConsistency::parse(value).is_some() {
        return;
    }
    let mut spans = written.spans.iter().rev();
    let span = spans.find(|(name, _)| name == CONSISTENCY_OPTION);
    let span = span.map_or(&written.whole, |(_, span)| span);
    let message = format!("`{CONSISTENCY_OPTION}`: there is no consistency `{value}`");
    let help = "write for example LOCAL_QUORUM, LOCAL_ONE or ALL";
    section.report(Problem::error(span, message).help(help));
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

fn compile(section: &Section<'_>, written: &Written, tables: &[Arc<TableSchema>]) {
    let find = |name: &str| find_table(tables, name);
    match Plan::compile(&written.config, &find) {
        Ok(plan) => {
            for warning in plan.warnings() {
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

/// The declared table KCQL means by `name`: `table` or `keyspace.table`, in any case as CQL reads it.
pub fn find_table(tables: &[Arc<TableSchema>], name: &str) -> Option<Arc<TableSchema>> {
    let same = |table: &&Arc<TableSchema>| {
        let qualified = table
            .keyspace
            .as_ref()
            .map(|keyspace| format!("{keyspace}.{}", table.name));
        table.name.eq_ignore_ascii_case(name)
            || qualified.is_some_and(|own| own.eq_ignore_ascii_case(name))
    };
    tables.iter().find(same).cloned()
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
