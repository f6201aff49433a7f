//! A column's CQL type in CQL's words and in SQLite's.

use messina_connect::cql_type::CqlType;

/// Quotes a name for SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The declared type of a column in SQLite.
///
/// SQLite derives a column's affinity from the letters of this name, so that only those of CQL's names are used
/// whose affinity stores the value unchanged: `decimal` as CQL spells it would turn `1.10` into `1.1`.
pub(super) fn sqlite_type(cql_type: &CqlType) -> &'static str {
    match cql_type {
        CqlType::Bigint | CqlType::Counter => "BIGINT",
        CqlType::Int => "INT",
        CqlType::Smallint => "SMALLINT",
        CqlType::Tinyint => "TINYINT",
        CqlType::Boolean => "BOOLEAN",
        CqlType::Timestamp => "TIMESTAMP",
        CqlType::Date => "DATE",
        CqlType::Time => "TIME",
        CqlType::Double => "DOUBLE",
        CqlType::Float => "FLOAT",
        CqlType::Blob => "BLOB",
        CqlType::Ascii
        | CqlType::Text
        | CqlType::Decimal
        | CqlType::Varint
        | CqlType::Duration
        | CqlType::Inet
        | CqlType::Uuid
        | CqlType::Timeuuid
        | CqlType::List(_)
        | CqlType::Set(_)
        | CqlType::Map(..)
        | CqlType::Tuple(_)
        | CqlType::Vector(..)
        | CqlType::Udt(..) => "TEXT",
    }
}

/// The type's name as CQL writes it; what the file remembers.
pub(super) fn cql_name(cql_type: &CqlType) -> String {
    let list = |types: &[CqlType]| types.iter().map(cql_name).collect::<Vec<_>>().join(", ");
    match cql_type {
        CqlType::Ascii => "ascii".to_owned(),
        CqlType::Bigint => "bigint".to_owned(),
        CqlType::Blob => "blob".to_owned(),
        CqlType::Boolean => "boolean".to_owned(),
        CqlType::Counter => "counter".to_owned(),
        CqlType::Date => "date".to_owned(),
        CqlType::Decimal => "decimal".to_owned(),
        CqlType::Double => "double".to_owned(),
        CqlType::Duration => "duration".to_owned(),
        CqlType::Float => "float".to_owned(),
        CqlType::Inet => "inet".to_owned(),
        CqlType::Int => "int".to_owned(),
        CqlType::Smallint => "smallint".to_owned(),
        CqlType::Text => "text".to_owned(),
        CqlType::Time => "time".to_owned(),
        CqlType::Timestamp => "timestamp".to_owned(),
        CqlType::Timeuuid => "timeuuid".to_owned(),
        CqlType::Tinyint => "tinyint".to_owned(),
        CqlType::Uuid => "uuid".to_owned(),
        CqlType::Varint => "varint".to_owned(),
        CqlType::List(element) => format!("list<{}>", cql_name(element)),
        CqlType::Set(element) => format!("set<{}>", cql_name(element)),
        CqlType::Map(key, value) => format!("map<{}, {}>", cql_name(key), cql_name(value)),
        CqlType::Tuple(elements) => format!("tuple<{}>", list(elements)),
        CqlType::Vector(element, size) => format!("vector<{}, {size}>", cql_name(element)),
        CqlType::Udt(name, _) => name.clone(),
    }
}
