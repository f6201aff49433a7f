//! A keyspace's tables as the cluster itself describes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use messina_connect::cql_type::{CqlType, UdtFields};
use messina_connect::table_schema::{ClusteringOrder, TableColumn, TableSchema};
use scylla::deserialize::row::DeserializeRow;
use scylla::frame::response::result::{CollectionType, ColumnType, NativeType};
use scylla::serialize::row::SerializeRow;

use super::TableClient;
use super::definition::{DefinitionError, Found};

/// The user-defined types of a keyspace by name.
#[derive(Debug, Default)]
pub(super) struct UserTypes(BTreeMap<String, UdtFields>);

impl UserTypes {
    /// The type a text means; none where it is of a kind we do not know.
    pub(super) fn parse(&self, text: &str) -> Option<CqlType> {
        CqlType::parse_with(text, &|name| self.0.get(name).cloned()).ok()
    }
}

/// Types nested deeper than this in each other are left out.
const MAX_ROUNDS: usize = 16;

impl TableClient {
    /// All tables of a keyspace, by name. Columns of types nobody here knows are left out.
    pub async fn tables(&self, keyspace: &str) -> Result<Vec<Arc<TableSchema>>, DefinitionError> {
        const COLUMNS: &str = "SELECT table_name, column_name, type, kind, position, clustering_order \
             FROM system_schema.columns WHERE keyspace_name = ?";
        type Column = (String, String, String, String, i32, String);
        let types = self.user_types(keyspace).await?;
        let rows: Vec<Column> = self.read(COLUMNS, (keyspace,)).await?;
        let mut tables: BTreeMap<String, Vec<Found>> = BTreeMap::new();
        for (table, name, cql_type, kind, position, order) in rows {
            tables.entry(table).or_default().push(Found {
                name,
                cql_type,
                kind,
                position,
                order,
            });
        }
        let described = tables.into_iter();
        let described =
            described.filter_map(|(name, columns)| table(keyspace, name, columns, &types));
        Ok(described.map(Arc::new).collect())
    }

    /// A table as it is now; none where it is gone.
    pub(super) async fn described(
        &self,
        table: &TableSchema,
    ) -> Result<Option<TableSchema>, DefinitionError> {
        let found = self.columns(table).await?;
        let types = self.types_of(table, &found).await?;
        let keyspace = table.keyspace.as_deref().unwrap_or(&self.config.keyspace);
        Ok(self::table(keyspace, table.name.clone(), found, &types))
    }

    /// The user-defined types of a keyspace.
    pub(super) async fn user_types(&self, keyspace: &str) -> Result<UserTypes, DefinitionError> {
        const TYPES: &str = "SELECT type_name, field_names, field_types FROM system_schema.types WHERE keyspace_name = ?";
        type Type = (String, Option<Vec<String>>, Option<Vec<String>>);
        let mut open: Vec<Type> = self.read(TYPES, (keyspace,)).await?;
        let mut types = UserTypes::default();
        for _ in 0..MAX_ROUNDS {
            let before = open.len();
            // A type whose fields are of types that are known is known.
            open.retain(|(name, names, texts)| {
                let (names, texts) = (
                    names.as_deref().unwrap_or_default(),
                    texts.as_deref().unwrap_or_default(),
                );
                let field =
                    |(name, text): (&String, &String)| Some((name.clone(), types.parse(text)?));
                let fields: Option<UdtFields> = names.iter().zip(texts).map(field).collect();
                let known = fields.is_some();
                if let Some(fields) = fields {
                    types.0.insert(name.clone(), fields);
                }
                !known
            });
            if open.is_empty() || open.len() == before {
                break;
            }
        }
        Ok(types)
    }

    /// All rows of a statement about the cluster's own tables.
    pub(super) async fn read<R>(
        &self,
        statement: &str,
        values: impl SerializeRow,
    ) -> Result<Vec<R>, DefinitionError>
    where
        R: for<'f, 'm> DeserializeRow<'f, 'm>,
    {
        let unreadable = |reason: String| DefinitionError::Unreadable {
            statement: statement.to_owned(),
            reason,
        };
        let answer = self.session.query_unpaged(statement, values).await;
        let answer = answer.map_err(|source| DefinitionError::Statement {
            statement: statement.to_owned(),
            source: Box::new(source),
        })?;
        let answer = answer
            .into_rows_result()
            .map_err(|error| unreadable(error.to_string()))?;
        let rows = answer
            .rows::<R>()
            .map_err(|error| unreadable(error.to_string()))?;
        rows.collect::<Result<_, _>>()
            .map_err(|error| unreadable(error.to_string()))
    }
}

/// The table those columns make; none where its key has a type nobody here knows.
fn table(
    keyspace: &str,
    name: String,
    mut found: Vec<Found>,
    types: &UserTypes,
) -> Option<TableSchema> {
    let rank = |column: &Found| match column.kind.as_str() {
        "partition_key" => 0,
        "clustering" => 1,
        _ => 2,
    };
    found.sort_by(|one, other| {
        let place = |column: &Found| (rank(column), column.position);
        place(one)
            .cmp(&place(other))
            .then_with(|| one.name.cmp(&other.name))
    });
    let (mut columns, mut partition_key, mut clustering_key) = (Vec::new(), Vec::new(), Vec::new());
    for column in found {
        let Some(cql_type) = types.parse(&column.cql_type) else {
            let (column, cql_type) = (column.name, column.cql_type);
            tracing::warn!(
                keyspace,
                table = name,
                column,
                cql_type,
                "a column's type is unknown; it is not written"
            );
            continue;
        };
        match column.kind.as_str() {
            "partition_key" => partition_key.push(columns.len()),
            "clustering" if column.order == "desc" => {
                clustering_key.push((columns.len(), ClusteringOrder::Descending));
            }
            "clustering" => clustering_key.push((columns.len(), ClusteringOrder::Ascending)),
            _ => {}
        }
        columns.push(TableColumn {
            name: column.name,
            cql_type,
        });
    }
    (!partition_key.is_empty()).then(|| TableSchema {
        keyspace: Some(keyspace.to_owned()),
        name,
        columns,
        partition_key,
        clustering_key,
        default_ttl: None,
        time_bucket: None,
    })
}

/// The type of a prepared statement's variable; none where it is of a kind we do not know.
pub(super) fn variable(column_type: &ColumnType<'_>) -> Option<CqlType> {
    let boxed = |inner: &ColumnType<'_>| variable(inner).map(Box::new);
    Some(match column_type {
        ColumnType::Native(native) => native_type(native)?,
        ColumnType::Collection { typ, .. } => match typ {
            CollectionType::List(inner) => CqlType::List(boxed(inner)?),
            CollectionType::Set(inner) => CqlType::Set(boxed(inner)?),
            CollectionType::Map(key, value) => CqlType::Map(boxed(key)?, boxed(value)?),
            _ => return None,
        },
        ColumnType::Vector { typ, dimensions } => CqlType::Vector(boxed(typ)?, *dimensions),
        ColumnType::UserDefinedType { definition, .. } => {
            let field = |(name, own): &(_, ColumnType<'_>)| {
                let name: &std::borrow::Cow<'_, str> = name;
                Some((name.to_string(), variable(own)?))
            };
            let fields: Option<UdtFields> = definition.field_types.iter().map(field).collect();
            CqlType::Udt(definition.name.to_string(), fields?)
        }
        ColumnType::Tuple(parts) => {
            CqlType::Tuple(parts.iter().map(variable).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn native_type(native: &NativeType) -> Option<CqlType> {
    Some(match native {
        NativeType::Ascii => CqlType::Ascii,
        NativeType::Boolean => CqlType::Boolean,
        NativeType::Blob => CqlType::Blob,
        NativeType::Counter => CqlType::Counter,
        NativeType::Date => CqlType::Date,
        NativeType::Decimal => CqlType::Decimal,
        NativeType::Double => CqlType::Double,
        NativeType::Duration => CqlType::Duration,
        NativeType::Float => CqlType::Float,
        NativeType::Int => CqlType::Int,
        NativeType::BigInt => CqlType::Bigint,
        NativeType::Text => CqlType::Text,
        NativeType::Timestamp => CqlType::Timestamp,
        NativeType::Inet => CqlType::Inet,
        NativeType::SmallInt => CqlType::Smallint,
        NativeType::TinyInt => CqlType::Tinyint,
        NativeType::Time => CqlType::Time,
        NativeType::Timeuuid => CqlType::Timeuuid,
        NativeType::Uuid => CqlType::Uuid,
        NativeType::Varint => CqlType::Varint,
        _ => return None,
    })
}
