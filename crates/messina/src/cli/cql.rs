//! Tables and rows as the CQL a person would type.

use messina_connect::row::{CqlValue, Row};
use messina_connect::table_schema::TableSchema;

pub(super) use crate::table::cql::create_table;
use crate::table::cql::name;

use super::timestamp::format_millis;

/// `INSERT INTO ...;` with the columns that are set.
pub(super) fn insert(table: &TableSchema, row: &Row) -> String {
    let set = || {
        let columns = table.columns.iter().zip(&row.values);
        columns.filter(|(_, value)| **value != CqlValue::Unset)
    };
    let names: Vec<String> = set().map(|(column, _)| name(&column.name)).collect();
    let values: Vec<String> = set().map(|(_, value)| literal(value)).collect();
    let ttl = row
        .ttl_seconds
        .map(|ttl| format!(" AND TTL {ttl}"))
        .unwrap_or_default();
    format!(
        "INSERT INTO {} ({}) VALUES ({}) USING TIMESTAMP {}{ttl};",
        table_name(table),
        names.join(", "),
        values.join(", "),
        row.write_timestamp
    )
}

pub(super) fn table_name(table: &TableSchema) -> String {
    match &table.keyspace {
        Some(keyspace) => format!("{}.{}", name(keyspace), name(&table.name)),
        None => name(&table.name),
    }
}

/// A value as a CQL literal.
pub(super) fn literal(value: &CqlValue) -> String {
    let list = |values: &[CqlValue]| values.iter().map(literal).collect::<Vec<_>>().join(", ");
    match value {
        CqlValue::Unset => "UNSET".to_owned(),
        CqlValue::Null => "null".to_owned(),
        CqlValue::Boolean(value) => value.to_string(),
        CqlValue::Tinyint(value) => value.to_string(),
        CqlValue::Smallint(value) => value.to_string(),
        CqlValue::Int(value) => value.to_string(),
        CqlValue::Bigint(value) => value.to_string(),
        CqlValue::Varint(value) => value.to_string(),
        CqlValue::Float(value) => value.to_string(),
        CqlValue::Double(value) => value.to_string(),
        CqlValue::Decimal(unscaled, scale) => format!("{unscaled}E{}", -scale),
        CqlValue::Text(text) => format!("'{}'", text.replace('\'', "''")),
        CqlValue::Blob(bytes) => super::format::hex(bytes),
        CqlValue::Timestamp(millis) => format!("'{}'", format_millis(*millis)),
        CqlValue::Date(days) => {
            let midnight = format_millis(i64::from(*days) * 86_400_000);
            format!("'{}'", midnight.split('T').next().unwrap_or_default())
        }
        CqlValue::Time(nanos) => nanos.to_string(),
        CqlValue::Uuid(uuid) => uuid.to_string(),
        CqlValue::Inet(address) => format!("'{address}'"),
        CqlValue::Duration(months, days, nanos) => format!("{months}mo{days}d{nanos}ns"),
        CqlValue::List(values) => format!("[{}]", list(values)),
        CqlValue::Set(values) => format!("{{{}}}", list(values)),
        CqlValue::Tuple(values) | CqlValue::Udt(values) => format!("({})", list(values)),
        CqlValue::Map(entries) => {
            let entry = |(key, value): &(CqlValue, CqlValue)| {
                format!("{}: {}", literal(key), literal(value))
            };
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_tables_are_cql_a_person_would_type() {
        let inputs = crate::config::Inputs::default();
        let config = crate::config::load_text(None, &inputs).unwrap().config;
        assert_eq!(
            create_table(&config.tables[2]),
            "CREATE TABLE readings (\n    topic text,\n    field text,\n    ts timestamp,\n    seq bigint,\n    \
             number double,\n    text text,\n    PRIMARY KEY ((topic, field), ts, seq)\n) \
             WITH CLUSTERING ORDER BY (ts DESC, seq ASC)\n    AND default_time_to_live = 604800\n    \
             AND compaction = {'class': 'TimeWindowCompactionStrategy', 'compaction_window_size': 4, \
             'compaction_window_unit': 'HOURS'};"
        );
        let row = Row {
            values: vec![
                CqlValue::Text("it's".into()),
                CqlValue::Text("f".into()),
                CqlValue::Timestamp(0),
                CqlValue::Bigint(7),
                CqlValue::Double(21.5),
                CqlValue::Unset,
            ],
            write_timestamp: 9,
            ttl_seconds: Some(60),
        };
        assert_eq!(
            insert(&config.tables[2], &row),
            "INSERT INTO readings (topic, field, ts, seq, number) VALUES ('it''s', 'f', \
             '1970-01-01T00:00:00.000Z', 7, 21.5) USING TIMESTAMP 9 AND TTL 60;"
        );
    }
}
