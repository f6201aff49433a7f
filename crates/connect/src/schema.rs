//! Schemas: the type of a value, as Kafka Connect carries it beside the value (CONNECT-SPEC 1.2).

use std::sync::Arc;

use crate::value::Value;

/// A type with its optionality, default and metadata. Equality compares all of them, as Connect's does.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// The type.
    pub kind: SchemaKind,
    /// Whether null is a value of it.
    pub optional: bool,
    /// What a null reads as; of the type `kind` says.
    pub default: Option<Value>,
    /// The name: of a record type, or of a logical type.
    pub name: Option<Arc<str>>,
    /// The version.
    pub version: Option<i32>,
    /// Documentation.
    pub doc: Option<Arc<str>>,
    /// Parameters in the order they were written.
    pub parameters: Vec<(Arc<str>, Arc<str>)>,
}

/// The type a schema stands for.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the variants are Connect's own type names")]
pub enum SchemaKind {
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Boolean,
    String,
    Bytes,
    /// A list of one element type.
    Array(Arc<Schema>),
    /// A map: key type, value type.
    Map(Arc<Schema>, Arc<Schema>),
    /// Named fields in order.
    Struct(Vec<Field>),
}

/// A field of a struct.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The field's name, unique in its struct.
    pub name: Arc<str>,
    /// The field's type.
    pub schema: Arc<Schema>,
}

/// The logical types Connect defines: a name on a base type that changes what a value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are Connect's own type names")]
pub enum Logical {
    Decimal,
    Date,
    Time,
    Timestamp,
}

/// What the names of the logical types begin with.
pub const LOGICAL_PREFIX: &str = "org.apache.kafka.connect.data.";

impl Schema {
    /// A required schema of `kind` without metadata.
    pub const fn new(kind: SchemaKind) -> Self {
        Self {
            kind,
            optional: false,
            default: None,
            name: None,
            version: None,
            doc: None,
            parameters: Vec::new(),
        }
    }

    /// The same schema, optional.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// A required schema of a logical type; `Decimal` lacks its `scale` parameter.
    pub fn logical_type(logical: Logical) -> Self {
        let (kind, name) = match logical {
            Logical::Decimal => (SchemaKind::Bytes, "Decimal"),
            Logical::Date => (SchemaKind::Int32, "Date"),
            Logical::Time => (SchemaKind::Int32, "Time"),
            Logical::Timestamp => (SchemaKind::Int64, "Timestamp"),
        };
        Self {
            name: Some(format!("{LOGICAL_PREFIX}{name}").into()),
            version: Some(1),
            ..Self::new(kind)
        }
    }

    /// The logical type the name makes of the base type, if it fits.
    pub fn logical(&self) -> Option<Logical> {
        match (
            self.name.as_deref()?.strip_prefix(LOGICAL_PREFIX)?,
            &self.kind,
        ) {
            ("Decimal", SchemaKind::Bytes) => Some(Logical::Decimal),
            ("Date", SchemaKind::Int32) => Some(Logical::Date),
            ("Time", SchemaKind::Int32) => Some(Logical::Time),
            ("Timestamp", SchemaKind::Int64) => Some(Logical::Timestamp),
            _ => None,
        }
    }

    /// The fields of a struct; none for any other kind.
    pub fn fields(&self) -> &[Field] {
        match &self.kind {
            SchemaKind::Struct(fields) => fields,
            _ => &[],
        }
    }

    /// Index of the field called `name`.
    pub fn field_index(&self, name: &str) -> Option<usize> {
        self.fields().iter().position(|field| *field.name == *name)
    }

    /// The parameter called `name`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(own, _)| **own == *name)
            .map(|(_, value)| &**value)
    }
}
