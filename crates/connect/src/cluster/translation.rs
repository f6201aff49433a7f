//! Nodes that are reached by other addresses than they tell.

use crate::converter::json::Parser;
use crate::options::Options;
use crate::sink_class::SinkClass;
use crate::value::Value;

/// ScyllaDB's sink takes an object in the place of hosts: nodes' own addresses, and those by which they are reached.
pub(super) fn translation(
    options: &mut Options<'_, '_>,
    class: SinkClass,
    name: &str,
) -> Vec<(String, String)> {
    let text = options.text(name).unwrap_or_default();
    if class != SinkClass::Scylla || !text.starts_with('{') {
        return Vec::new();
    }
    let read = Parser::of(text).root(Parser::value);
    let Ok(Value::Map(map)) = read else {
        let message = "is no JSON object of addresses";
        options.refuse(name, message, Some(TRANSLATION.to_owned()));
        return Vec::new();
    };
    let mut pairs = Vec::new();
    for (own, here) in &map {
        match (own.as_str(), here.as_str()) {
            (Some(own), Some(here)) if has_port(own) && has_port(here) => {
                pairs.push((own.to_owned(), here.to_owned()));
            }
            _ => {
                let own = own.as_str().unwrap_or_default();
                let message =
                    format!("the address of `{own}`, or what it is from here, has no port");
                options.refuse(name, message, Some(TRANSLATION.to_owned()));
            }
        }
    }
    if map.is_empty() {
        options.refuse(name, "names no address", Some(TRANSLATION.to_owned()));
    }
    pairs
}

const TRANSLATION: &str =
    r#"write {"private-host:9042": "public-host:9042"}, for each node of the cluster"#;

fn has_port(address: &str) -> bool {
    let port = |(host, port): (&str, &str)| !host.is_empty() && port.parse::<u16>().is_ok();
    address.rsplit_once(':').is_some_and(port)
}
