//! `topic.regex.list` and `mqtt.unmatched`: which MQTT topic goes to which Kafka topic.

use std::collections::BTreeMap;

use messina_store::log::is_internal;
use regex::Regex;

use super::written::{Properties, Written};
use crate::config::check_name::kafka_topic;
use crate::config::{
    Problem, RouteConfig, RouteHeaders, RouteMatch, Template, TemplatePart, Unmatched,
};

const LIST: &str = "topic.regex.list";
const UNMATCHED: &str = "mqtt.unmatched";
const HEADERS: &str = "mqtt.headers.enable";

const COMMA: &str =
    "a comma separates entries, also within a regular expression: write `a{1,3}` as `aa?a?`";

/// The routes in order, and what becomes of the rest.
pub(super) fn routes(properties: &mut Properties) -> (Vec<RouteConfig>, Unmatched) {
    let enabled = properties.choice(HEADERS, &[("true", true), ("false", false)], false);
    let headers = RouteHeaders {
        topic: enabled,
        client_id: enabled,
        qos: enabled,
        retain: enabled,
        ..RouteHeaders::default()
    };
    let mut routes = Vec::new();
    let mut problems = Vec::new();
    match properties.get(LIST) {
        Some(list) => entries(list, headers, &mut routes, &mut problems),
        None => properties.error(
            LIST,
            "is missing: nothing says which MQTT topic goes to which Kafka topic",
            "add a line such as `topic.regex.list=temperature:.*temperature, brightness:.*brightness`",
        ),
    }
    properties.problems.extend(problems);
    let unmatched = unmatched(properties, headers, &mut routes);
    (routes, unmatched)
}

fn entries(
    list: &Written,
    headers: RouteHeaders,
    routes: &mut Vec<RouteConfig>,
    problems: &mut Vec<Problem>,
) {
    if let Some(lost) = list.lost_backslash() {
        let message = format!(
            "in a file of properties `\\{lost}` is `{lost}`: the regular expression has no backslash"
        );
        let help = format!("write `\\\\{lost}`");
        problems.push(Problem::warning(&list.value_span, message).help(help));
    }
    let mut offset = 0;
    for part in list.value.split(',') {
        let entry = part.trim();
        let start = offset + (part.len() - part.trim_start().len());
        offset += part.len() + 1;
        match self::entry(entry) {
            Ok((topic, regex)) => routes.push(route(topic, regex, headers, routes)),
            Err((message, help)) => {
                let span = list.part(start, entry.len().max(1));
                problems.push(Problem::error(&span, message).help(help));
                // What follows is the rest of this one, as likely as not.
                if help == COMMA {
                    return;
                }
            }
        }
    }
}

/// `KAFKA-TOPIC:REGEX`, the latter for the whole MQTT topic.
fn entry(entry: &str) -> Result<(&str, Regex), (String, &'static str)> {
    let Some((topic, regex)) = entry.split_once(':') else {
        return Err((format!("`{entry}` is not `KAFKA-TOPIC:REGEX`"), COMMA));
    };
    let (topic, written) = (topic.trim(), regex.trim());
    check_topic(topic)
        .map_err(|message| (message, "the part before the first `:` is the Kafka topic"))?;
    // Alone first: what would close our group early is refused.
    let compiled = Regex::new(written).and_then(|_alone| Regex::new(&format!("^(?:{written})$")));
    match compiled {
        Ok(regex) => Ok((topic, regex)),
        Err(error) => {
            let reason = match &error {
                regex::Error::Syntax(text) => text.lines().last().unwrap_or_default().to_owned(),
                other => other.to_string(),
            };
            let reason = reason.trim_start_matches("error: ");
            let message = format!("`{written}` is not a regular expression: {reason}");
            let is_cut = ['{', '[', '('].iter().any(|open| written.contains(*open));
            let help = if is_cut {
                COMMA
            } else {
                "the part behind the first `:` is a regular expression"
            };
            Err((message, help))
        }
    }
}

fn check_topic(topic: &str) -> Result<(), String> {
    kafka_topic(topic)?;
    if is_internal(topic) {
        return Err(format!(
            "topics whose names begin with `__` are Messina's own, like `{topic}`"
        ));
    }
    Ok(())
}

/// A route to `topic`; its key is the MQTT topic, as the original's.
fn route(topic: &str, regex: Regex, headers: RouteHeaders, before: &[RouteConfig]) -> RouteConfig {
    let taken = before.iter().any(|own| own.name == topic);
    let name = if taken {
        format!("{topic}:{}", regex.as_str())
    } else {
        topic.to_owned()
    };
    RouteConfig {
        name,
        matches: RouteMatch::Regex(regex),
        kafka_topic: Template::of(vec![TemplatePart::Text(topic.to_owned())]),
        key: Some(Template::of(vec![TemplatePart::Topic])),
        headers,
        constant_headers: BTreeMap::new(),
    }
}

fn unmatched(
    properties: &mut Properties,
    headers: RouteHeaders,
    routes: &mut Vec<RouteConfig>,
) -> Unmatched {
    let Some(written) = properties.text(UNMATCHED).map(str::to_owned) else {
        return Unmatched::Drop;
    };
    match written.split_once(':') {
        None if written.eq_ignore_ascii_case("drop") => Unmatched::Drop,
        None if written.eq_ignore_ascii_case("disconnect") => Unmatched::Disconnect,
        Some((word, topic)) if word.trim().eq_ignore_ascii_case("default") => {
            let topic = topic.trim();
            if let Err(message) = check_topic(topic) {
                let message = format!("has no Kafka topic: {message}");
                properties.error(UNMATCHED, &message, "write `default:TOPIC`");
            } else if let Ok(all) = Regex::new("(?s)^(?:.*)$") {
                routes.push(route(topic, all, headers, routes));
            }
            Unmatched::Drop
        }
        _ => {
            let help = "one of `drop`, `disconnect`, `default:TOPIC`";
            properties.error(UNMATCHED, &format!("is `{written}`"), help);
            Unmatched::Drop
        }
    }
}
