//! CQL's types, and how a value becomes a column of one (CONNECT-SPEC 3.6).

/// A CQL data type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are CQL's own type names")]
pub enum CqlType {
    Ascii,
    Bigint,
    Blob,
    Boolean,
    Counter,
    Date,
    Decimal,
    Double,
    Duration,
    Float,
    Inet,
    Int,
    Smallint,
    Text,
    Time,
    Timestamp,
    Timeuuid,
    Tinyint,
    Uuid,
    Varint,
    List(Box<CqlType>),
    Set(Box<CqlType>),
    Map(Box<CqlType>, Box<CqlType>),
    Tuple(Vec<CqlType>),
    /// A vector of `n` elements.
    Vector(Box<CqlType>, u16),
    /// A user-defined type: its name, and its fields in order.
    Udt(String, Vec<(String, CqlType)>),
}
