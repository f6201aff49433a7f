//! An option's definition, in the shape Kafka Connect tells it; all there are stand in `options.txt`, and the settings
//! of Kafka's Java clients in `client_options.txt`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Serialize;

use crate::config::kafka_java::{KafkaClient, note};

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Kind {
    Boolean,
    String,
    Int,
    Short,
    Long,
    Double,
    List,
    Class,
    Password,
}

/// An option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Definition {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) default_value: Option<String>,
    pub(super) importance: &'static str,
    pub(super) documentation: Cow<'static, str>,
    pub(super) group: Option<String>,
    pub(super) width: &'static str,
    pub(super) display_name: String,
    pub(super) dependents: [&'static str; 0],
    pub(super) order: i32,
}

type Sections = BTreeMap<&'static str, Vec<Definition>>;

static ALL: LazyLock<Sections> = LazyLock::new(|| read(include_str!("options.txt")));

/// The options of a section: `common`, `kcql`, `classic`, or a plugin's class without its part.
pub(super) fn section(name: &str) -> Option<&'static [Definition]> {
    ALL.get(name).map(Vec::as_slice)
}

/// The classes of plugins that have options to tell, or none.
pub(super) fn plugin_options(class: &str) -> &'static [Definition] {
    let whole = class.strip_suffix("$Key");
    let whole = whole.or_else(|| class.strip_suffix("$Value"));
    section(whole.unwrap_or(class)).unwrap_or_default()
}

static OF_CLIENTS: LazyLock<Vec<(&'static str, Definition)>> = LazyLock::new(|| {
    let lines = include_str!("client_options.txt").lines();
    lines.filter_map(client_definition).collect()
});

/// The definition of a setting of one of Kafka's Java clients.
pub(super) fn client_option(client: KafkaClient, name: &str) -> Option<Definition> {
    let word = match client {
        KafkaClient::Consumer => "consumer",
        KafkaClient::Producer => "producer",
        KafkaClient::Admin => "admin",
    };
    let mut own = OF_CLIENTS
        .iter()
        .filter(|(clients, _)| clients.contains(word));
    let (_, found) = own.find(|(_, own)| own.name == name)?;
    let documentation = note(client, name).map_or(Cow::Borrowed(""), Cow::Owned);
    Some(Definition {
        documentation,
        ..found.clone()
    })
}

fn client_definition(line: &'static str) -> Option<(&'static str, Definition)> {
    let mut columns = line.splitn(5, '|').map(str::trim);
    let mut column = || columns.next();
    let (clients, name, kind, default) = (column()?, column()?, kind(column()?)?, column()?);
    let definition = Definition {
        name: name.to_owned(),
        kind,
        required: default == "required",
        default_value: default.strip_prefix('=').map(str::to_owned),
        importance: column()?,
        documentation: Cow::Borrowed(""),
        group: None,
        width: "NONE",
        display_name: name.to_owned(),
        dependents: [],
        order: -1,
    };
    Some((clients, definition))
}

fn read(text: &'static str) -> Sections {
    let mut sections = Sections::new();
    let mut current = "";
    for line in text.lines() {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            current = name;
            sections.insert(current, Vec::new());
        } else if let Some(definition) = definition(line) {
            sections.entry(current).or_default().push(definition);
        }
    }
    sections
}

fn definition(line: &'static str) -> Option<Definition> {
    let mut columns = line.splitn(9, '|').map(str::trim);
    let mut column = || columns.next();
    let (name, kind, default) = (column()?, kind(column()?)?, column()?);
    Some(Definition {
        name: name.to_owned(),
        kind,
        required: default == "required",
        default_value: default.strip_prefix('=').map(str::to_owned),
        importance: column()?,
        group: Some(column()?.to_owned()).filter(|group| !group.is_empty()),
        width: column()?,
        display_name: column()?.to_owned(),
        order: column()?.parse().ok()?,
        documentation: column()?.into(),
        dependents: [],
    })
}

fn kind(word: &str) -> Option<Kind> {
    Some(match word {
        "BOOLEAN" => Kind::Boolean,
        "STRING" => Kind::String,
        "INT" => Kind::Int,
        "SHORT" => Kind::Short,
        "LONG" => Kind::Long,
        "DOUBLE" => Kind::Double,
        "LIST" => Kind::List,
        "CLASS" => Kind::Class,
        "PASSWORD" => Kind::Password,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_of_a_java_client_is_defined_and_what_becomes_of_it_is_known() {
        let text = include_str!("client_options.txt");
        let lines = text.lines().filter(|line| line.contains(" | "));
        assert_eq!(OF_CLIENTS.len(), lines.count());
        for (client, word) in [
            (KafkaClient::Consumer, "consumer"),
            (KafkaClient::Producer, "producer"),
            (KafkaClient::Admin, "admin"),
        ] {
            for (_, own) in OF_CLIENTS.iter().filter(|(all, _)| all.contains(word)) {
                let defined = client_option(client, &own.name).unwrap();
                assert!(!defined.documentation.is_empty(), "{word} {}", own.name);
            }
        }
        assert_eq!(client_option(KafkaClient::Admin, "linger.ms"), None);
    }

    #[test]
    fn every_line_of_the_list_is_an_option_a_section_or_a_comment() {
        let text = include_str!("options.txt");
        let options = text
            .lines()
            .filter(|line| line.contains(" | ") && !line.starts_with('#'));
        let read: usize = ALL.values().map(Vec::len).sum();
        assert_eq!(read, options.count());
        assert_eq!(section("common").unwrap().len(), 24);
        let explode = plugin_options("org.apache.kafka.connect.transforms.HoistField$Key");
        assert_eq!(explode[0].name, "field");
        assert!(explode[0].required);
    }
}
