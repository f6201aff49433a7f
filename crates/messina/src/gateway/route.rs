//! Routing: which Kafka topic a publish goes to, by the first route that matches its MQTT topic.

use messina_mqtt::topic::{Topic, TopicFilter};
use messina_store::log::is_internal;
use regex::{Captures, Regex};

use crate::config::{RouteConfig, RouteHeaders, RouteMatch, Template, Unmatched};
use crate::telemetry::metrics::{Metrics, RouteMetrics};

/// The most characters of a Kafka topic's name.
const KAFKA_TOPIC_MAX: usize = 249;

/// How a route decides whether a publish is its own.
#[derive(Debug)]
enum Matcher {
    Filter(TopicFilter),
    Regex(Regex),
}

/// One route: which publishes it takes and what becomes of them.
#[derive(Debug)]
pub struct Route {
    /// The route's name, for the books.
    pub name: String,
    matcher: Matcher,
    kafka_topic: Template,
    key: Option<Template>,
    /// Facts about the publish that go into record headers.
    pub headers: RouteHeaders,
    /// Constant headers, sorted by name.
    pub constant_headers: Vec<(String, String)>,
    /// The route's books.
    pub books: RouteMetrics,
}

/// Where a publish goes.
#[derive(Debug)]
pub enum Routed<'a> {
    /// Into the log: the route, the Kafka topic and the record key.
    Log {
        /// The route that matched.
        route: &'a Route,
        /// Its place among the routes.
        index: usize,
        /// The Kafka topic, a legal name.
        kafka_topic: String,
        /// The record key; `None` for records without one.
        key: Option<String>,
    },
    /// A route matched, but what it makes of this MQTT topic is no Kafka topic a publish may go to.
    Illegal {
        /// The matching route's place among the routes.
        index: usize,
        /// The name that will not do.
        kafka_topic: String,
        /// Why not.
        why: &'static str,
    },
    /// No route matched.
    Unmatched(Unmatched),
}

/// A route that could not be built.
#[derive(Debug, thiserror::Error)]
#[error("route `{route}`: `{filter}` is not a topic filter")]
pub struct RouteError {
    route: String,
    filter: String,
}

/// All routes in order; the first match wins.
#[derive(Debug)]
pub struct Routes {
    routes: Vec<Route>,
    unmatched: Unmatched,
}

impl Routes {
    /// Routes in the order of the configuration.
    pub fn new(
        routes: &[RouteConfig],
        unmatched: Unmatched,
        metrics: &Metrics,
    ) -> Result<Self, RouteError> {
        let routes = routes
            .iter()
            .map(|route| Route::new(route, metrics))
            .collect::<Result<_, _>>()?;
        Ok(Self { routes, unmatched })
    }

    /// The routes in order.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }

    /// The route at `index`, as [`Routed::Log`] gave it.
    pub fn get(&self, index: usize) -> Option<&Route> {
        self.routes.get(index)
    }

    /// Where a publish of `client` to `topic` goes.
    pub fn route(&self, topic: &Topic, client: &str) -> Routed<'_> {
        for (index, route) in self.routes.iter().enumerate() {
            if let Some((kafka_topic, key)) = route.take(topic, client) {
                return match refuse(&kafka_topic) {
                    None => Routed::Log {
                        route,
                        index,
                        kafka_topic,
                        key,
                    },
                    Some(why) => Routed::Illegal {
                        index,
                        kafka_topic,
                        why,
                    },
                };
            }
        }
        Routed::Unmatched(self.unmatched)
    }
}

impl Route {
    fn new(config: &RouteConfig, metrics: &Metrics) -> Result<Self, RouteError> {
        let matcher = match &config.matches {
            RouteMatch::Regex(regex) => Matcher::Regex(regex.clone()),
            RouteMatch::Filter(filter) => {
                Matcher::Filter(TopicFilter::new(filter).map_err(|_malformed| RouteError {
                    route: config.name.clone(),
                    filter: filter.clone(),
                })?)
            }
        };
        Ok(Self {
            name: config.name.clone(),
            matcher,
            kafka_topic: config.kafka_topic.clone(),
            key: config.key.clone(),
            headers: config.headers,
            constant_headers: config.constant_headers.clone().into_iter().collect(),
            books: metrics.route(&config.name),
        })
    }

    /// The Kafka topic and the record key, if this route takes `topic`.
    fn take(&self, topic: &Topic, client: &str) -> Option<(String, Option<String>)> {
        let captured = match &self.matcher {
            Matcher::Regex(regex) => Captured::Groups(regex.captures(topic.as_str())?),
            Matcher::Filter(filter) if filter.matches(topic) => {
                Captured::Wildcards(wildcards(filter.as_str(), topic.as_str()))
            }
            Matcher::Filter(_) => return None,
        };
        let fill = |template: &Template| {
            template.fill(topic.as_str(), client, |number| captured.get(number))
        };
        Some((fill(&self.kafka_topic), self.key.as_ref().map(fill)))
    }
}

/// What a route's matcher captured, counted from 1.
enum Captured<'a> {
    Groups(Captures<'a>),
    Wildcards(Vec<&'a str>),
}

impl<'a> Captured<'a> {
    fn get(&self, number: usize) -> &'a str {
        match self {
            Self::Groups(captures) => captures.get(number).map_or("", |group| group.as_str()),
            Self::Wildcards(levels) => number
                .checked_sub(1)
                .and_then(|index| levels.get(index))
                .copied()
                .unwrap_or(""),
        }
    }
}

/// What the wildcards of `filter` stand for in `topic`, which it matches.
fn wildcards<'a>(filter: &str, topic: &'a str) -> Vec<&'a str> {
    let mut captured = Vec::new();
    let mut rest = topic;
    for level in filter.split('/') {
        let (here, after) = rest.split_once('/').unwrap_or((rest, ""));
        match level {
            "#" => captured.push(rest),
            "+" => captured.push(here),
            _ => {}
        }
        rest = after;
    }
    captured
}

/// Why no publish may go to a Kafka topic of this name: a device must not write what sessions and offsets are
/// restored from.
fn refuse(name: &str) -> Option<&'static str> {
    if !is_legal_kafka_topic(name) {
        Some("is not a Kafka topic name")
    } else if is_internal(name) {
        Some("is Messina's own")
    } else {
        None
    }
}

/// Whether `name` is a legal Kafka topic name: 1 to 249 of `A-Z a-z 0-9 . _ -`, not `.` or `..`.
pub fn is_legal_kafka_topic(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= KAFKA_TOPIC_MAX
        && name != "."
        && name != ".."
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_captured_level_by_level() {
        assert_eq!(wildcards("+/b/#", "a/b/c/d"), ["a", "c/d"]);
        assert_eq!(wildcards("a/#", "a"), [""]);
        assert_eq!(wildcards("temperature", "temperature"), [""; 0]);
    }

    #[test]
    fn the_first_matching_route_wins_and_captures_make_the_kafka_topic() {
        let route = |name: &str, matches, kafka_topic: &str| RouteConfig {
            name: name.to_owned(),
            matches,
            kafka_topic: Template::parse(kafka_topic).unwrap(),
            key: Some(Template::parse("$topic").unwrap()),
            headers: RouteHeaders::default(),
            constant_headers: std::collections::BTreeMap::new(),
        };
        let regex = Regex::new("^(?:site/(\\w+)/.*)$").unwrap();
        let routes = [
            route("sites", RouteMatch::Regex(regex), "site-$1"),
            route("rest", RouteMatch::Filter("+/x".into()), "$1"),
        ];
        let routes = Routes::new(&routes, Unmatched::Drop, &Metrics::new()).unwrap();
        let to = |topic: &str| match routes.route(&Topic::new(topic).unwrap(), "c") {
            Routed::Log { kafka_topic, .. } => kafka_topic,
            Routed::Illegal {
                kafka_topic, why, ..
            } => format!("{kafka_topic} {why}"),
            Routed::Unmatched(unmatched) => format!("{unmatched:?}"),
        };
        assert_eq!(to("site/7/t"), "site-7");
        assert_eq!(to("a/x"), "a");
        assert_eq!(to("ä/x"), "ä is not a Kafka topic name");
        assert_eq!(
            to("__messina_sessions/x"),
            "__messina_sessions is Messina's own"
        );
        assert_eq!(to("a/y"), "Drop");
    }
}
