//! A row on its way to a table, and the values it is made of.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use num_bigint::BigInt;

/// A value bound to a column.
///
/// `Unset` leaves the column as it is; `Null` deletes it (CQL protocol v4 section 2.2).
#[derive(Debug, Clone, PartialEq)]
pub enum CqlValue {
    /// The column is not written.
    Unset,
    /// The column is deleted (a tombstone in CQL).
    Null,
    /// `boolean`
    Boolean(bool),
    /// `tinyint`
    Tinyint(i8),
    /// `smallint`
    Smallint(i16),
    /// `int`
    Int(i32),
    /// `bigint`
    Bigint(i64),
    /// `varint`
    Varint(BigInt),
    /// `float`
    Float(f32),
    /// `double`
    Double(f64),
    /// `decimal`: unscaled value and scale (digits right of the point; may be negative).
    Decimal(BigInt, i32),
    /// `text`, `varchar`, `ascii`
    Text(Arc<str>),
    /// `blob`
    Blob(Bytes),
    /// `timestamp`: milliseconds since 1970-01-01 UTC.
    Timestamp(i64),
    /// `date`: days since 1970-01-01.
    Date(i32),
    /// `time`: nanoseconds since midnight.
    Time(i64),
    /// `uuid`, `timeuuid`
    Uuid(uuid::Uuid),
    /// `inet`
    Inet(IpAddr),
    /// `duration`: months, days, nanoseconds.
    Duration(i32, i32, i64),
    /// `list`, `vector`: elements in order.
    List(Vec<CqlValue>),
    /// `set`: elements in order of arrival; equal ones may repeat and become one in the table.
    Set(Vec<CqlValue>),
    /// `map`: entries in order of arrival; the last of equal keys wins.
    Map(Vec<(CqlValue, CqlValue)>),
    /// `tuple`: elements in order.
    Tuple(Vec<CqlValue>),
    /// A user-defined type: values in the order of its fields.
    Udt(Vec<CqlValue>),
}

/// One row to write: upsert by primary key.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// One value for each column of the table's [`TableSchema`](crate::table_schema::TableSchema), in its order.
    pub values: Vec<CqlValue>,
    /// Write timestamp, microseconds since 1970-01-01 UTC: record time x 1000 plus a tie-breaker from the
    /// offset, so that a replay writes the same cell and a later record wins.
    pub write_timestamp: i64,
    /// Shelf life in seconds; `None` takes the table's default, `Some(0)` keeps the row for ever.
    pub ttl_seconds: Option<u32>,
}
