//! What is wrong with a connector's options, option by option: Kafka Connect's `ConfigInfos`.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use messina_connect::converter::Converter;
use serde::Serialize;

use super::answer::{Failure, read};
use super::connectors::Given;
use super::definition::{Definition, Kind, plugin_options, section};
use super::plugins::{self, HEADER_CONVERTER, PREDICATES, Plugin, SINKS, TRANSFORMS, full_name};
use super::routes::Api;
use super::{overrides, stages};
use crate::herder::{Connectors, Properties};

/// What `PUT /connector-plugins/{plugin}/config/validate` gives.
#[derive(Debug, Serialize)]
pub(super) struct ConfigInfos {
    name: String,
    error_count: usize,
    groups: Vec<String>,
    pub(super) configs: Vec<ConfigInfo>,
}

/// One option, defined and judged.
#[derive(Debug, Serialize)]
pub(super) struct ConfigInfo {
    /// None for a client's setting that nobody knows.
    pub(super) definition: Option<Definition>,
    pub(super) value: ConfigValue,
}

/// What an option is set to.
#[derive(Debug, Serialize)]
pub(super) struct ConfigValue {
    pub(super) name: String,
    pub(super) value: Option<String>,
    pub(super) recommended_values: Vec<String>,
    pub(super) errors: Vec<String>,
    visible: bool,
}

impl ConfigInfo {
    /// An option that nobody has defined: it is as it is.
    pub(super) fn undefined(name: &str, raw: &str) -> Self {
        Self {
            definition: None,
            value: ConfigValue {
                name: name.to_owned(),
                value: Some(raw.to_owned()),
                recommended_values: Vec::new(),
                errors: Vec::new(),
                visible: true,
            },
        }
    }

    /// An option judged by its definition alone. `label` is what texts call it.
    pub(super) fn judge(definition: &Definition, label: &str, raw: Option<&str>) -> Self {
        let (value, errors) = judge(definition, label, raw);
        Self {
            value: ConfigValue {
                name: definition.name.clone(),
                value,
                recommended_values: Vec::new(),
                errors,
                visible: true,
            },
            definition: Some(definition.clone()),
        }
    }

    pub(super) fn recommend(mut self, values: impl IntoIterator<Item = &'static str>) -> Self {
        let values = values.into_iter().map(str::to_owned);
        self.value.recommended_values = values.collect();
        self
    }

    /// Adds an error that makes the value none.
    pub(super) fn refuse(&mut self, error: String) {
        self.value.value = None;
        self.value.errors.push(error);
    }
}

fn judge(definition: &Definition, label: &str, raw: Option<&str>) -> (Option<String>, Vec<String>) {
    let Some(raw) = raw else {
        let missing =
            format!("Missing required configuration \"{label}\" which has no default value.");
        let errors = definition.required.then_some(missing);
        return (
            definition.default_value.clone(),
            errors.into_iter().collect(),
        );
    };
    let raw = raw.trim();
    let invalid = |why: &str| format!("Invalid value {raw} for configuration {label}: {why}");
    let number = |kind: &str, fits: bool| {
        let wrong = || invalid(&format!("Not a number of type {kind}"));
        fits.then(|| raw.to_owned()).ok_or_else(wrong)
    };
    let parsed = match definition.kind {
        Kind::Boolean => {
            let word = raw.to_ascii_lowercase();
            let known = word == "true" || word == "false";
            let wrong = || invalid("Expected value to be either true or false");
            known.then_some(word).ok_or_else(wrong)
        }
        Kind::Int => number("INT", raw.parse::<i32>().is_ok()),
        Kind::Short => number("SHORT", raw.parse::<i16>().is_ok()),
        Kind::Long => number("LONG", raw.parse::<i64>().is_ok()),
        Kind::Double => number("DOUBLE", raw.parse::<f64>().is_ok()),
        Kind::List => Ok(items(raw).join(",")),
        Kind::Password => Ok("[hidden]".to_owned()),
        Kind::String | Kind::Class => Ok(raw.to_owned()),
    };
    match parsed {
        Ok(value) => {
            let error = stages::constraint(&definition.name, &value).map(|why| invalid(&why));
            (Some(value), error.into_iter().collect())
        }
        Err(error) => {
            let mut errors = vec![error];
            if definition.name == "tasks.max" {
                errors.push(format!(
                    "Invalid value null for configuration {label}: Value must be non-null"
                ));
            }
            (None, errors)
        }
    }
}

/// The items of a list, blanks around them gone.
pub(super) fn items(raw: &str) -> Vec<&str> {
    let items = raw.split(',').map(str::trim);
    items.filter(|item| !item.is_empty()).collect()
}

/// Judges all options; an error where there is no class to judge them by.
fn infos(
    herder: Option<&Connectors>,
    name: &str,
    properties: &Properties,
) -> Result<ConfigInfos, Failure> {
    let class = properties.get("connector.class").map(|class| class.trim());
    let Some(class) = class.filter(|class| !class.is_empty()) else {
        let all = properties.iter();
        let all: Vec<String> = all
            .map(|(option, value)| format!("{option}={value}"))
            .collect();
        let message = format!(
            "Connector config {{{}}} contains no connector type",
            all.join(", ")
        );
        return Err(Failure::bad_request(message));
    };
    let Some(full) = full_name(&SINKS, "Connector", class) else {
        return Err(Failure::bad_request(format!(
            "Failed to find any class that implements Connector and which name matches {class}, available connectors \
             are: {}",
            SINKS.join(", ")
        )));
    };
    let mut sheet = common(properties);
    let mut groups: Vec<String> = ["Common", "Transforms", "Predicates", "Error Handling"]
        .map(str::to_owned)
        .to_vec();
    for section_name in plugins::sections(full) {
        for definition in section(section_name).unwrap_or_default() {
            if let Some(group) = definition
                .group
                .as_ref()
                .filter(|own| !groups.contains(own))
            {
                groups.push(group.clone());
            }
            let known = sheet.iter().any(|info| info.value.name == definition.name);
            if !known {
                let raw = properties.get(&definition.name).map(String::as_str);
                sheet.push(ConfigInfo::judge(definition, &definition.name, raw));
            }
        }
    }
    stages::topics(&mut sheet, properties);
    stages::converters(&mut sheet, &mut groups, properties);
    stages::chain(&mut sheet, &mut groups, properties);
    let policy = herder.map(Connectors::overrides).unwrap_or_default();
    overrides::judge(&mut sheet, properties, &policy);
    let good = sheet.iter().all(|info| info.value.errors.is_empty());
    if let Some(herder) = herder.filter(|_| good) {
        compiled(&mut sheet, herder, name, full, properties);
    }
    let errors = sheet.iter().map(|info| info.value.errors.len()).sum();
    Ok(ConfigInfos {
        name: class.to_owned(),
        error_count: errors,
        groups,
        configs: sheet,
    })
}

fn common(properties: &Properties) -> Vec<ConfigInfo> {
    let definitions = section("common").unwrap_or_default().iter();
    let judge = |definition: &Definition| {
        let raw = properties.get(&definition.name).map(String::as_str);
        let info = ConfigInfo::judge(definition, &definition.name, raw);
        match definition.name.as_str() {
            "key.converter" | "value.converter" => info.recommend(Converter::CLASSES),
            "header.converter" => {
                info.recommend(Converter::CLASSES.into_iter().chain([HEADER_CONVERTER]))
            }
            _ => info,
        }
    };
    definitions.map(judge).collect()
}

/// Last, what only the sink itself finds: KCQL, tables, what a transform does not take.
fn compiled(
    sheet: &mut [ConfigInfo],
    herder: &Connectors,
    name: &str,
    class: &str,
    properties: &Properties,
) {
    let mut properties = properties.clone();
    properties.insert("connector.class".to_owned(), class.to_owned());
    for problem in herder.check(name, &properties) {
        let option = match problem.option.as_str() {
            "" => "connector.class",
            option => option,
        };
        // The refusal of a request is a list of errors without their options, so each names its own.
        let mut text = format!("`{option}`: {}", problem.message);
        if let Some(help) = problem.help {
            text = format!("{text}; {help}");
        }
        let known = sheet.iter_mut().find(|info| info.value.name == option);
        if let Some(info) = known {
            info.value.errors.push(text);
        } else if let Some(first) = sheet.first_mut() {
            first.value.errors.push(text);
        }
    }
}

/// Refuses options that are wrong, in Kafka Connect's words.
pub(super) fn must_be_valid(
    herder: &Connectors,
    name: &str,
    properties: &Properties,
) -> Result<(), Failure> {
    let infos = infos(Some(herder), name, properties)?;
    if infos.error_count == 0 {
        return Ok(());
    }
    let count = infos.error_count;
    let mut message =
        format!("Connector configuration is invalid and contains the following {count} error(s):");
    for error in infos.configs.iter().flat_map(|info| &info.value.errors) {
        message.push('\n');
        message.push_str(error);
    }
    message.push_str(
        "\nYou can also find the above list of errors at the endpoint \
         `/connector-plugins/{connectorType}/config/validate`",
    );
    Err(Failure::bad_request(message))
}

/// `PUT /connector-plugins/{plugin}/config/validate`
pub(super) async fn validate(
    State(api): State<Arc<Api>>,
    Path(plugin): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ConfigInfos>, Failure> {
    let given: Given = read(&headers, body, api.max_body).await?;
    let properties = given.properties()?;
    if let Some(class) = properties.get("connector.class") {
        let stripped = |name: &str| name.strip_suffix("Connector").unwrap_or(name).to_owned();
        if !stripped(class).ends_with(&stripped(&plugin)) {
            return Err(Failure::bad_request(format!(
                "Included connector type {class} does not match request type {plugin}"
            )));
        }
    }
    let name = properties.get("name").cloned().unwrap_or_default();
    infos(Some(&api.herder), &name, &properties).map(Json)
}

/// Judges a request's body by the definitions of options alone, as `validate` does before it compiles: gives how many
/// options there are and how many errors, or why the body is refused. For fuzzing; no worker is needed.
pub fn judge_body(bytes: &[u8]) -> Result<(usize, usize), String> {
    let given: Given = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let judged = given
        .properties()
        .and_then(|properties| infos(None, "", &properties));
    let judged = judged.map_err(|failure| failure.to_string())?;
    Ok((judged.configs.len(), judged.error_count))
}

/// `GET /connector-plugins`
pub(super) async fn plugins(RawQuery(query): RawQuery) -> Json<Vec<Plugin>> {
    let query = query.unwrap_or_default();
    let mut pairs = query.split('&');
    let asked = pairs.find_map(|pair| pair.strip_prefix("connectorsOnly="));
    let sinks_only = asked.is_none_or(|value| value.eq_ignore_ascii_case("true"));
    Json(plugins::plugins(sinks_only))
}

/// `GET /connector-plugins/{plugin}/config`
pub(super) async fn options(Path(plugin): Path<String>) -> Result<Json<Vec<Definition>>, Failure> {
    if let Some(class) = full_name(&SINKS, "Connector", &plugin) {
        let sections = plugins::sections(class).iter();
        let all = sections.filter_map(|name| section(name)).flatten();
        return Ok(Json(all.cloned().collect()));
    }
    let converter = full_name(&Converter::CLASSES, "Converter", &plugin)
        .or_else(|| full_name(&[HEADER_CONVERTER], "Converter", &plugin));
    let class = converter
        .or_else(|| full_name(&TRANSFORMS, "", &plugin))
        .or_else(|| full_name(&PREDICATES, "", &plugin));
    let unknown = || Failure::not_found(format!("Unknown plugin {plugin}."));
    Ok(Json(plugin_options(class.ok_or_else(unknown)?).to_vec()))
}
