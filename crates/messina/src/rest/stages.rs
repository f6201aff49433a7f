//! What is asked of options beyond their type: names, topics, converters, the chain of transforms.

use messina_connect::converter::Converter;

use super::definition::{Definition, Kind, plugin_options};
use super::plugins::{HEADER_CONVERTER, PREDICATES, TRANSFORMS, full_name};
use super::validation::{ConfigInfo, items};
use crate::herder::Properties;

/// Why a value that is of its option's type is wrong nonetheless.
pub(super) fn constraint(option: &str, value: &str) -> Option<String> {
    let one_of = |words: &[&str]| {
        let wrong = !words.contains(&value);
        wrong.then(|| format!("String must be one of: {}", words.join(", ")))
    };
    match option {
        "name" if value.is_empty() => Some("String may not be empty".to_owned()),
        "name" => {
            let control: Vec<String> = value
                .chars()
                .filter(|character| character.is_control())
                .map(|character| u32::from(character).to_string())
                .collect();
            let wrong = !control.is_empty();
            let why = "String may not contain control sequences but had the following ASCII chars:";
            wrong.then(|| format!("{why} {}", control.join(", ")))
        }
        "tasks.max" if value.parse::<i32>().is_ok_and(|count| count < 1) => {
            Some("Value must be at least 1".to_owned())
        }
        "errors.tolerance" => one_of(&["none", "all"]),
        "config.action.reload" => one_of(&["none", "restart"]),
        _ => None,
    }
}

/// One of `topics` and `topics.regex`, and dead letters not among them.
pub(super) fn topics(sheet: &mut [ConfigInfo], properties: &Properties) {
    let text = |option: &str| properties.get(option).map_or("", |value| value.trim());
    let (topics, regex) = (items(text("topics")), text("topics.regex"));
    let wrong = match (topics.is_empty(), regex.is_empty()) {
        (true, true) => Some("Must configure one of topics or topics.regex"),
        (false, false) => {
            Some("topics and topics.regex are mutually exclusive options, but both are set.")
        }
        _ => None,
    };
    let letters = "errors.deadletterqueue.topic.name";
    let own = text(letters);
    for info in sheet {
        let name = info.value.name.as_str();
        if let Some(wrong) = wrong.filter(|_| name.starts_with("topics")) {
            info.value.errors.push(wrong.to_owned());
        }
        if name == letters && topics.contains(&own) {
            let list = topics.join(", ");
            info.value.errors.push(format!(
                "The DLQ topic '{own}' may not be included in the list of topics ('topics=[{list}]') consumed by the \
                 connector"
            ));
        }
    }
}

/// A class must be known.
fn known(
    info: &mut ConfigInfo,
    class: Option<&'static str>,
    written: &str,
) -> Option<&'static str> {
    if class.is_none() {
        let option = &info.value.name;
        info.refuse(format!(
            "Invalid value {written} for configuration {option}: Class {written} could not be found."
        ));
    }
    class
}

/// The converters a connector names, and their options.
pub(super) fn converters(
    sheet: &mut Vec<ConfigInfo>,
    groups: &mut Vec<String>,
    properties: &Properties,
) {
    for kind in ["key", "value", "header"] {
        let option = format!("{kind}.converter");
        let Some(written) = properties.get(&option).map(|class| class.trim()) else {
            continue;
        };
        let mut class = full_name(&Converter::CLASSES, "Converter", written);
        if kind == "header" {
            class = class.or_else(|| full_name(&[HEADER_CONVERTER], "Converter", written));
        }
        let info = sheet.iter_mut().find(|info| info.value.name == option);
        let Some(class) = info.and_then(|info| known(info, class, written)) else {
            continue;
        };
        for definition in plugin_options(class) {
            if let Some(group) = definition
                .group
                .as_ref()
                .filter(|group| !groups.contains(group))
            {
                groups.push(group.clone());
            }
            let name = format!("{option}.{}", definition.name);
            let set_by_worker = (definition.name == "converter.type").then_some(kind);
            let raw = properties.get(&name).map(String::as_str).or(set_by_worker);
            let own = Definition {
                name,
                ..definition.clone()
            };
            sheet.push(ConfigInfo::judge(&own, &definition.name, raw));
        }
    }
}

/// Transforms and predicates.
pub(super) fn chain(
    sheet: &mut Vec<ConfigInfo>,
    groups: &mut Vec<String>,
    properties: &Properties,
) {
    stage(
        sheet,
        groups,
        properties,
        &Stage {
            list: "transforms",
            noun: "Transformation",
            classes: &TRANSFORMS,
            conditional: true,
        },
    );
    stage(
        sheet,
        groups,
        properties,
        &Stage {
            list: "predicates",
            noun: "Predicate",
            classes: &PREDICATES,
            conditional: false,
        },
    );
}

struct Stage {
    list: &'static str,
    noun: &'static str,
    classes: &'static [&'static str],
    conditional: bool,
}

fn stage(
    sheet: &mut Vec<ConfigInfo>,
    groups: &mut Vec<String>,
    properties: &Properties,
    stage: &Stage,
) {
    let list = stage.list;
    let written = properties.get(list).map_or("", |value| value.trim());
    let all = items(written);
    let mut aliases = all.clone();
    aliases.sort_unstable();
    aliases.dedup();
    if aliases.len() < all.len()
        && let Some(info) = sheet.iter_mut().find(|info| info.value.name == list)
    {
        let shown = all.join(", ");
        info.value.errors.push(format!(
            "Invalid value [{shown}] for configuration {list}: Duplicate alias provided."
        ));
    }
    let mut seen: Vec<&str> = Vec::new();
    for alias in all {
        if !seen.contains(&alias) {
            seen.push(alias);
            one(sheet, groups, properties, stage, alias);
        }
    }
}

/// The options of one transform or predicate: its type first, the others by name.
fn one(
    sheet: &mut Vec<ConfigInfo>,
    groups: &mut Vec<String>,
    properties: &Properties,
    stage: &Stage,
    alias: &str,
) {
    let mut capital = stage.list.to_owned();
    if let Some(first) = capital.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let group = format!("{capital}: {alias}");
    groups.push(group.clone());
    let prefix = format!("{}.{alias}.", stage.list);
    let raw = |option: &str| {
        properties
            .get(&format!("{prefix}{option}"))
            .map(String::as_str)
    };
    let build = |definition: &Definition, order: i32| {
        let name = format!("{prefix}{}", definition.name);
        let own = Definition {
            name: name.clone(),
            group: Some(group.clone()),
            order,
            ..definition.clone()
        };
        ConfigInfo::judge(&own, &name, raw(&definition.name))
    };
    let noun = stage.noun;
    let kind = own(
        "type",
        Kind::Class,
        true,
        "HIGH",
        "LONG",
        &format!("{noun} type for {alias}"),
    );
    let mut kind = build(&kind, 0).recommend(stage.classes.iter().copied());
    let mut class = None;
    if let Some(written) = raw("type").map(str::trim) {
        class = known(&mut kind, full_name(stage.classes, "", written), written);
    }
    sheet.push(kind);
    for (order, definition) in (1..).zip(&rest(stage, alias, class)) {
        sheet.push(build(definition, order));
    }
}

/// What stands behind the type: the version, then the class's own options and the condition by name.
fn rest(stage: &Stage, alias: &str, class: Option<&str>) -> Vec<Definition> {
    let version = format!("{} version for {alias}", stage.noun);
    let version = own(
        "plugin.version",
        Kind::String,
        false,
        "HIGH",
        "LONG",
        &version,
    );
    let mut options = class.map_or_else(Vec::new, |class| plugin_options(class).to_vec());
    if stage.conditional && class.is_some() {
        let mut negate = own("negate", Kind::Boolean, false, "MEDIUM", "NONE", "negate");
        negate.default_value = Some("false".to_owned());
        options.push(negate);
        let predicate = own(
            "predicate",
            Kind::String,
            false,
            "MEDIUM",
            "NONE",
            "predicate",
        );
        options.push(predicate);
    }
    options.sort_by(|one, other| one.name.cmp(&other.name));
    options.insert(0, version);
    options
}

fn own(
    name: &str,
    kind: Kind,
    required: bool,
    importance: &'static str,
    width: &'static str,
    display: &str,
) -> Definition {
    Definition {
        name: name.to_owned(),
        kind,
        required,
        default_value: None,
        importance,
        documentation: "".into(),
        group: None,
        width,
        display_name: display.to_owned(),
        dependents: [],
        order: 0,
    }
}
