//! A table of a cluster, or a statement a connector brings, ready to be written to.

use std::borrow::Cow;
use std::fmt;
use std::hash::RandomState;
use std::sync::Arc;

use messina_connect::cql_type::CqlType;
use messina_connect::row::{CqlValue, Row};
use messina_connect::table_schema::{TableColumn, TableSchema};
use scylla::errors::PrepareError;
use scylla::serialize::SerializationError;
use scylla::serialize::row::{RowSerializationContext, SerializeRow};
use scylla::serialize::writers::RowWriter;
use scylla::statement::prepared::PreparedStatement;

use super::TableClient;
use super::definition::DefinitionError;
use super::keyspace::variable as variable_type;
use super::limit::Limit;
use super::statement::{count, delete, insert};
use super::value::encode;
use super::watch::{Watch, changes};
use crate::config::CqlConsistency;

/// A table of a keyspace, verified and ready to be written.
pub struct CqlTable {
    pub(super) client: TableClient,
    pub(super) schema: Arc<TableSchema>,
    statement: PreparedStatement,
    pub(super) key: Vec<usize>,
    pub(super) limit: Limit,
    pub(super) hasher: RandomState,
    pub(super) watch: Watch,
    /// Whether a row that is sent twice does more than one that is sent once.
    pub(super) adds_up: bool,
    /// Whether the cluster's own time is the write timestamp: counters have no other.
    untimed: bool,
    form: Form,
}

/// What a row is to the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A row of a table the configuration declares.
    Declared,
    /// A row of a table that is as the cluster has described it.
    Described,
    /// What is added to the counters of a table that is as the cluster has described it.
    Counters,
    /// The values of a statement: of what deletes, or of a connector's own.
    Statement,
}

impl fmt::Debug for CqlTable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CqlTable")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl CqlTable {
    /// Creates the table if that was asked for, verifies it, and prepares the statement that writes to it.
    pub async fn open(
        client: &TableClient,
        schema: &Arc<TableSchema>,
    ) -> Result<Self, DefinitionError> {
        client.create(schema).await?;
        client.verify(schema).await?;
        Self::prepare(client, schema, Form::Declared).await
    }

    /// The table as the cluster has just described it: prepares the statement that writes to it.
    pub async fn described(
        client: &TableClient,
        schema: &Arc<TableSchema>,
    ) -> Result<Self, DefinitionError> {
        Self::prepare(client, schema, Form::Described).await
    }

    /// The counters of a table as the cluster has just described it: a row is what is added to them.
    pub async fn counters(
        client: &TableClient,
        schema: &Arc<TableSchema>,
    ) -> Result<Self, DefinitionError> {
        let statement = prepared(client, &count(schema)).await?;
        Ok(Self::of(client, schema, statement, Form::Counters).adding_up(true))
    }

    /// A connector's own statement as a table: its variables are the columns, a row is its values. `adds_up` says that
    /// a row that is sent twice does more than one that is sent once.
    pub async fn statement(
        client: &TableClient,
        name: &str,
        text: &str,
        adds_up: bool,
    ) -> Result<Self, DefinitionError> {
        let statement = prepared(client, text).await?;
        let schema = variables(name, &statement, text)?;
        // Rows of one partition go in order; where the statement itself names the partition, all do.
        let key = statement.get_variable_pk_indexes().iter();
        let key = key.map(|own| usize::from(own.index)).collect();
        let own = Self::of(client, &Arc::new(schema), statement, Form::Statement);
        Ok(Self { key, ..own }.adding_up(adds_up))
    }

    /// What deletes rows of a table by their key: `deletion` has the key's columns, a row is their values.
    pub async fn deletion(
        client: &TableClient,
        deletion: &Arc<TableSchema>,
        table: &TableSchema,
    ) -> Result<Self, DefinitionError> {
        let statement = prepared(client, &delete(deletion, table)).await?;
        let own = Self::of(client, deletion, statement, Form::Statement);
        Ok(Self {
            untimed: table.counts(),
            ..own
        })
    }

    async fn prepare(
        client: &TableClient,
        schema: &Arc<TableSchema>,
        form: Form,
    ) -> Result<Self, DefinitionError> {
        let statement = prepared(client, &insert(schema)).await?;
        Ok(Self::of(client, schema, statement, form))
    }

    fn of(
        client: &TableClient,
        schema: &Arc<TableSchema>,
        mut statement: PreparedStatement,
        form: Form,
    ) -> Self {
        // The write timestamp is ours: the same row twice is one row.
        statement.set_is_idempotent(true);
        Self {
            client: client.clone(),
            key: schema.key_columns().collect(),
            schema: Arc::clone(schema),
            statement,
            limit: Limit::new(client.config.max_in_flight),
            hasher: RandomState::new(),
            watch: Watch::default(),
            adds_up: false,
            untimed: schema.counts(),
            form,
        }
    }

    fn adding_up(mut self, adds_up: bool) -> Self {
        self.statement.set_is_idempotent(!adds_up);
        self.adds_up = adds_up;
        self
    }

    /// The same table, written to at another consistency: as one connector wants it.
    #[must_use]
    pub fn at(&self, consistency: CqlConsistency) -> Self {
        let mut statement = self.statement.clone();
        statement.set_consistency(consistency.into());
        Self {
            client: self.client.clone(),
            schema: Arc::clone(&self.schema),
            statement,
            key: self.key.clone(),
            limit: Limit::new(self.client.config.max_in_flight),
            hasher: self.hasher.clone(),
            watch: Watch::default(),
            adds_up: self.adds_up,
            untimed: self.untimed,
            form: self.form,
        }
    }

    /// A row as the statement's values.
    pub(super) fn bound<'r>(&'r self, row: &'r Row) -> Bound<'r> {
        Bound {
            row,
            schema: &self.schema,
            form: self.form,
        }
    }

    /// The statement, with the row's time where that is not one of its variables. Counters keep their own time: a later
    /// deletion would else be of an earlier one.
    pub(super) fn statement_for(&self, row: &Row) -> Cow<'_, PreparedStatement> {
        if self.untimed || self.form != Form::Statement {
            return Cow::Borrowed(&self.statement);
        }
        let mut statement = self.statement.clone();
        statement.set_timestamp(Some(row.write_timestamp));
        Cow::Owned(statement)
    }

    /// Whether the table or statement still is what it was: what was refused is the row's fault then.
    pub(super) async fn verify(&self) -> Result<(), DefinitionError> {
        match self.form {
            Form::Declared => self.client.verify(&self.schema).await,
            Form::Described | Form::Counters => {
                let now = self.client.described(&self.schema).await?;
                compared(&self.schema, now.as_ref())
            }
            Form::Statement => {
                let text = self.statement.get_statement();
                let statement = prepared(&self.client, text).await?;
                // Its values may be called otherwise here: what counts is what the cluster calls them.
                let was = variables(&self.schema.name, &self.statement, text)?;
                compared(&was, Some(&variables(&self.schema.name, &statement, text)?))
            }
        }
    }
}

/// An error where a table now is another than it was.
fn compared(was: &TableSchema, now: Option<&TableSchema>) -> Result<(), DefinitionError> {
    if now == Some(was) {
        return Ok(());
    }
    Err(DefinitionError::Changed {
        table: was.name.clone(),
        differences: changes(was, now),
    })
}

/// A statement's variables as the columns of a table.
fn variables(
    name: &str,
    statement: &PreparedStatement,
    text: &str,
) -> Result<TableSchema, DefinitionError> {
    let mut columns = Vec::new();
    for variable in statement.get_variable_col_specs().iter() {
        let cql_type = variable_type(variable.typ());
        let cql_type = cql_type.ok_or_else(|| DefinitionError::Variable {
            variable: variable.name().to_owned(),
            statement: text.to_owned(),
        })?;
        columns.push(TableColumn {
            name: variable.name().to_owned(),
            cql_type,
        });
    }
    Ok(TableSchema {
        keyspace: None,
        name: name.to_owned(),
        partition_key: (0..columns.len()).collect(),
        columns,
        clustering_key: Vec::new(),
        default_ttl: None,
        time_bucket: None,
    })
}

async fn prepared(client: &TableClient, text: &str) -> Result<PreparedStatement, DefinitionError> {
    let prepared = client.session.prepare(text).await;
    prepared.map_err(|source: PrepareError| DefinitionError::Statement {
        statement: text.to_owned(),
        source: Box::new(source.into()),
    })
}

/// A row as the values of the prepared statement: its columns, its write timestamp, its shelf life.
pub(super) struct Bound<'r> {
    row: &'r Row,
    schema: &'r TableSchema,
    form: Form,
}

impl SerializeRow for Bound<'_> {
    fn serialize(
        &self,
        _context: &RowSerializationContext<'_>,
        writer: &mut RowWriter<'_>,
    ) -> Result<(), SerializationError> {
        let mut bytes = Vec::with_capacity(32);
        let mut put = |value: &CqlValue, cql_type: &CqlType| {
            let cell = writer.make_cell_writer();
            match value {
                CqlValue::Unset => {
                    cell.set_unset();
                }
                CqlValue::Null => {
                    cell.set_null();
                }
                _ => {
                    bytes.clear();
                    encode(value, cql_type, &mut bytes);
                    cell.set_value(&bytes).map_err(SerializationError::new)?;
                }
            }
            Ok(())
        };
        let cells = || self.row.values.iter().zip(&self.schema.columns);
        match self.form {
            // The key stands behind what is added.
            Form::Counters => {
                let keys = self.schema.key_length();
                for (value, column) in cells().skip(keys).chain(cells().take(keys)) {
                    put(value, &column.cql_type)?;
                }
                return Ok(());
            }
            Form::Statement | Form::Declared | Form::Described => {
                for (value, column) in cells() {
                    put(value, &column.cql_type)?;
                }
            }
        }
        if self.form == Form::Statement {
            return Ok(());
        }
        put(
            &CqlValue::Bigint(self.row.write_timestamp),
            &CqlType::Bigint,
        )?;
        let ttl = self.row.ttl_seconds;
        let ttl = ttl.map_or(CqlValue::Unset, |ttl| {
            CqlValue::Int(i32::try_from(ttl).unwrap_or(i32::MAX))
        });
        put(&ttl, &CqlType::Int)
    }

    fn is_empty(&self) -> bool {
        false
    }
}
