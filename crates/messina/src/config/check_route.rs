//! `[[route]]`: filter or regex, Kafka topic, key, headers.

use std::collections::BTreeMap;

use messina_store::log::is_internal;
use regex::Regex;

use super::check_name::{kafka_topic, not_ours, unique};
use super::problem::{Problem, Span};
use super::section::{Section, nearest};
use super::tree::NodeValue;
use super::{RouteConfig, RouteHeaders, RouteMatch, Template, TemplatePart};

/// The headers a route may ask for.
const HEADERS: [&str; 7] = [
    "mqtt.topic",
    "mqtt.client.id",
    "mqtt.qos",
    "mqtt.retain",
    "mqtt.content.type",
    "mqtt.response",
    "mqtt.user.properties",
];

pub(super) fn routes(root: &Section<'_>) -> Vec<RouteConfig> {
    let mut routes: Vec<RouteConfig> = Vec::new();
    let mut all: Option<String> = None;
    for section in root.sections("route") {
        section.known(&["topic", "key", "headers", "constant_headers"]);
        let own_name = section.text("name");
        if let Some((name, span)) = own_name {
            unique(
                &section,
                "route",
                span,
                name,
                routes.iter().map(|route| route.name.as_str()),
            );
        }
        let span = section.span().clone();
        let matches = matches(&section);
        let usable = matches.is_some();
        // A route without a match is checked all the same, and then left out.
        let nothing = || (RouteMatch::Filter(String::new()), usize::MAX);
        let (matches, captures) = matches.unwrap_or_else(nothing);
        let name = own_name.map(|(name, _)| name);
        let route = route(&section, name, matches, captures).filter(|_| usable);
        if let (Some(before), Some(_)) = (&all, &route) {
            let message =
                format!("this route is never reached: `{before}` before it takes every topic");
            section.report(Problem::warning(&span, message));
        }
        section.finish();
        let Some(route) = route else { continue };
        if matches!(&route.matches, RouteMatch::Filter(filter) if filter == "#") {
            all.get_or_insert(route.name.clone());
        }
        routes.push(route);
    }
    routes
}

fn route(
    section: &Section<'_>,
    name: Option<&str>,
    matches: RouteMatch,
    captures: usize,
) -> Option<RouteConfig> {
    let own = match &matches {
        RouteMatch::Filter(filter) => filter.clone(),
        RouteMatch::Regex(regex) => regex.as_str().to_owned(),
    };
    let (topic, span) = section.required_text("topic")?;
    let kafka_topic = template(section, topic, span, captures)?;
    check_topic(section, &kafka_topic, span);
    let key = match section.text("key") {
        None => Some(Template::parse("$topic").ok()?),
        Some(("", _)) => None,
        Some((text, span)) => Some(template(section, text, span, captures)?),
    };
    Some(RouteConfig {
        name: name.map_or(own, str::to_owned),
        matches,
        kafka_topic,
        key,
        headers: headers(section),
        constant_headers: constant_headers(section),
    })
}

/// The route's filter or regex, and how many captures it has.
fn matches(section: &Section<'_>) -> Option<(RouteMatch, usize)> {
    match (section.text("filter"), section.text("regex")) {
        (Some((filter, span)), None) => {
            if let Err(reason) = check_filter(filter) {
                section.report(Problem::error(
                    span,
                    format!("`{filter}` is not a topic filter: {reason}"),
                ));
                return None;
            }
            let wildcards = filter
                .split('/')
                .filter(|level| matches!(*level, "+" | "#"))
                .count();
            Some((RouteMatch::Filter(filter.to_owned()), wildcards))
        }
        (None, Some((text, span))) => regex(section, text, span),
        (Some(_), Some((_, span))) => {
            let message = "a route has either a `filter` or a `regex`, not both";
            section.report(Problem::error(span, message));
            None
        }
        (None, None) => {
            section.report(Problem::error(
                section.span(),
                "a route needs a `filter` or a `regex`",
            ));
            None
        }
    }
}

fn regex(section: &Section<'_>, text: &str, span: &Span) -> Option<(RouteMatch, usize)> {
    if let Err(error) = Regex::new(text) {
        let reason = match &error {
            regex::Error::Syntax(text) => text.lines().last().unwrap_or_default().to_owned(),
            other => other.to_string(),
        };
        let message = format!(
            "`{text}` is not a regular expression: {}",
            reason.trim_start_matches("error: ")
        );
        section.report(Problem::error(span, message));
        return None;
    }
    let anchored = Regex::new(&format!("^(?:{text})$")).ok()?;
    let captures = anchored.captures_len() - 1;
    Some((RouteMatch::Regex(anchored), captures))
}

/// MQTT's rules for topic filters [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1].
pub(super) fn check_filter(filter: &str) -> Result<(), &'static str> {
    if filter.is_empty() || filter.len() > 65_535 || filter.contains('\0') {
        return Err("it must have 1 to 65,535 bytes and no NUL");
    }
    if filter.starts_with("$share/") {
        return Err("a route is not a shared subscription");
    }
    let count = filter.split('/').count();
    for (index, level) in filter.split('/').enumerate() {
        if level.contains('#') && (level != "#" || index + 1 != count) {
            return Err("`#` must be the whole last level");
        }
        if level.contains('+') && level != "+" {
            return Err("`+` must be a whole level");
        }
    }
    Ok(())
}

fn template(section: &Section<'_>, text: &str, span: &Span, captures: usize) -> Option<Template> {
    let template = match Template::parse(text) {
        Ok(template) => template,
        Err(error) => {
            section.report(Problem::error(span, error.to_string()));
            return None;
        }
    };
    let asked = template.highest_capture();
    if asked > captures {
        let message = format!("`${asked}` is asked for, but the route captures {captures}");
        section.report(Problem::error(span, message));
        return None;
    }
    Some(template)
}

fn check_topic(section: &Section<'_>, topic: &Template, span: &Span) {
    if let Some(TemplatePart::Text(text)) = topic.parts().first()
        && is_internal(text)
    {
        not_ours(section, text, span);
    }
    let checked = match topic.constant() {
        Some(name) => kafka_topic(name),
        None => topic.parts().iter().try_for_each(|part| match part {
            TemplatePart::Text(text) if text != "." && text != ".." => kafka_topic(text),
            _ => Ok(()),
        }),
    };
    if let Err(reason) = checked {
        section.report(Problem::error(span, reason));
    }
}

fn headers(section: &Section<'_>) -> RouteHeaders {
    let mut headers = RouteHeaders::default();
    for (name, span) in section.texts("headers").unwrap_or_default() {
        match name {
            "mqtt.topic" => headers.topic = true,
            "mqtt.client.id" => headers.client_id = true,
            "mqtt.qos" => headers.qos = true,
            "mqtt.retain" => headers.retain = true,
            "mqtt.content.type" => headers.content_type = true,
            "mqtt.response" => headers.response = true,
            "mqtt.user.properties" => headers.user_properties = true,
            _ => {
                let message = format!("there is no header `{name}`");
                let help = match nearest(name, &HEADERS) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("one of {}", HEADERS.join(", ")),
                };
                section.report(Problem::error(span, message).help(help));
            }
        }
    }
    headers
}

fn constant_headers(section: &Section<'_>) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    let Some(table) = section.section("constant_headers") else {
        return headers;
    };
    for entry in table.all() {
        match &entry.node.value {
            NodeValue::Text(text) => {
                headers.insert(entry.key.clone(), text.clone());
            }
            _ => table.wrong(&entry.key, &entry.node, "a text"),
        }
    }
    headers
}
