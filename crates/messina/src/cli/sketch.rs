//! What a record becomes in a cluster, as CQL a person would type: sketched without asking the cluster, or with its
//! tables.

use messina_connect::plan::{Act, Effect, Plan, Sketch};
use messina_connect::row::Row;
use messina_connect::table_schema::TableSchema;
use serde_json::Value;

use super::cql::{insert, literal};
use crate::table::cql::name;

/// A sketched row, deletion or run of a statement.
pub(super) fn sketched(sketch: &Sketch) -> String {
    let table = match &sketch.keyspace {
        Some(keyspace) => format!("{}.{}", name(keyspace), sketch.table),
        None => sketch.table.clone(),
    };
    let ttl = sketch.ttl_seconds.map(|ttl| format!(" AND TTL {ttl}"));
    let using = format!(
        "USING TIMESTAMP {}{}",
        sketch.write_timestamp,
        ttl.unwrap_or_default()
    );
    let fields = sketch.fields.iter();
    match sketch.act {
        Act::InsertJson { unset } => {
            let members =
                fields.map(|(name, json)| format!("{}: {json}", Value::from(name.as_str())));
            let members: Vec<String> = members.collect();
            let object = format!("{{{}}}", members.join(", ")).replace('\'', "''");
            let unset = if unset { "DEFAULT UNSET " } else { "" };
            format!("INSERT INTO {table} JSON '{object}' {unset}{using};")
        }
        Act::Insert => {
            let (names, values): (Vec<String>, Vec<String>) =
                fields.map(|(own, json)| (name(own), of_json(json))).unzip();
            let (names, values) = (names.join(", "), values.join(", "));
            format!("INSERT INTO {table} ({names}) VALUES ({values}) {using};")
        }
        Act::Delete => {
            let conditions = fields.map(|(own, json)| format!("{} = {}", name(own), of_json(json)));
            let conditions: Vec<String> = conditions.collect();
            let at = sketch.write_timestamp;
            format!(
                "DELETE FROM {table} USING TIMESTAMP {at} WHERE {};",
                conditions.join(" AND ")
            )
        }
        Act::Run => {
            let variables = fields.map(|(own, json)| format!("{own} = {}", of_json(json)));
            let variables: Vec<String> = variables.collect();
            format!("-- {} with {}", sketch.table, variables.join(", "))
        }
    }
}

/// JSON as a CQL literal; what is made of other values by CQL's own function.
fn of_json(json: &str) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    match serde_json::from_str(json) {
        Ok(Value::String(text)) => quoted(&text),
        Ok(Value::Array(_) | Value::Object(_)) => format!("fromJson({})", quoted(json)),
        _ => json.to_owned(),
    }
}

/// A row of one of a plan's tables, as it is written there.
pub(super) fn written(plan: &Plan, index: usize, table: &TableSchema, row: &Row) -> String {
    let cells = || {
        let cells = table.columns.iter().zip(&row.values);
        cells.map(|(column, value)| (name(&column.name), literal(value)))
    };
    let pairs = |cells: &mut dyn Iterator<Item = (String, String)>, between: &str| {
        let pairs = cells.map(|(name, value)| format!("{name} = {value}"));
        pairs.collect::<Vec<_>>().join(between)
    };
    match plan.effect_of(index) {
        // The connector's own statements are of no keyspace.
        Effect::Write if table.keyspace.is_none() => {
            format!("-- {} with {}", table.name, pairs(&mut cells(), ", "))
        }
        Effect::Write => insert(table, row),
        Effect::Delete(of) => format!(
            "DELETE FROM {} WHERE {};",
            super::cql::table_name(of),
            pairs(&mut cells(), " AND ")
        ),
        Effect::Count => {
            let keys = table.key_length();
            let sums = cells().skip(keys).filter(|(_, value)| value != "UNSET");
            let sums = sums.map(|(name, value)| format!("{name} = {name} + {value}"));
            format!(
                "UPDATE {} SET {} WHERE {};",
                super::cql::table_name(table),
                sums.collect::<Vec<_>>().join(", "),
                pairs(&mut cells().take(keys), " AND ")
            )
        }
    }
}
