//! `messina.DelimitedConverter`: one line of separated columns, as ksqlDB's DELIMITED format.
//!
//! Options: `columns` = `name:type,...`, `delimiter` = one character, `SPACE` or `TAB` (default `,`).
//! A column may be quoted with `"` (a quote inside is doubled); an empty one is null. Where ksqlDB refuses a
//! line with more columns than declared, a last column of type string takes the remainder as it stands.

use std::borrow::Cow;
use std::sync::Arc;

use super::{SCALAR_TYPES, scalar_from_text, scalar_type};
use crate::data_error::DataError;
use crate::options::Options;
use crate::schema::{Field, Schema, SchemaKind};
use crate::value::{Struct, Value};

/// The converter with its options.
#[derive(Debug)]
pub struct DelimitedConverter {
    delimiter: char,
    schema: Arc<Schema>,
}

impl DelimitedConverter {
    /// A converter of `columns` (name and type) separated by `delimiter`; at least one column.
    pub fn new(delimiter: char, columns: Vec<(Arc<str>, SchemaKind)>) -> Self {
        let field = |(name, kind)| Field {
            name,
            schema: Arc::new(Schema::new(kind).optional()),
        };
        let fields = columns.into_iter().map(field).collect();
        Self {
            delimiter,
            schema: Arc::new(Schema::new(SchemaKind::Struct(fields))),
        }
    }

    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        let delimiter = delimiter(options)?;
        let mut columns: Vec<(Arc<str>, SchemaKind)> = Vec::new();
        for column in options.required_list("columns")? {
            let (name, kind) = column.split_once(':').unwrap_or((column, "string"));
            let Some(kind) = scalar_type(kind.trim()) else {
                let message = format!("unknown type `{}` of column `{name}`", kind.trim());
                options.refuse(
                    "columns",
                    message,
                    Some(format!("available are {SCALAR_TYPES}")),
                );
                return None;
            };
            let name = name.trim();
            if name.is_empty() || columns.iter().any(|(own, _)| **own == *name) {
                options.refuse(
                    "columns",
                    format!("column name `{name}` is empty or repeated"),
                    None,
                );
                return None;
            }
            columns.push((Arc::from(name), kind));
        }
        Some(Self::new(delimiter, columns))
    }

    /// A line to a struct of the declared columns.
    pub fn read(&self, bytes: &[u8]) -> Result<(Option<Arc<Schema>>, Value), DataError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            DataError::new(format!("not UTF-8 at byte {}", error.valid_up_to()))
        })?;
        let mut rest = Some(text.trim_end_matches(['\r', '\n']));
        let fields = self.schema.fields();
        let mut values = Vec::with_capacity(fields.len());
        for (index, field) in fields.iter().enumerate() {
            let Some(line) = rest else {
                return Err(DataError::new(format!(
                    "expected {} columns, found {index}",
                    fields.len()
                )));
            };
            let greedy = index + 1 == fields.len() && field.schema.kind == SchemaKind::String;
            let (column, after) = self.column(line, greedy)?;
            rest = after;
            let value = if column.is_empty() {
                Ok(Value::Null)
            } else {
                scalar_from_text(&field.schema.kind, &column)
            };
            values.push(
                value.map_err(|error| error.within(format_args!("column `{}`", field.name)))?,
            );
        }
        if rest.is_some() {
            return Err(DataError::new(format!(
                "expected {} columns, found more",
                fields.len()
            )));
        }
        Ok((
            Some(self.schema.clone()),
            Value::Struct(Struct {
                schema: self.schema.clone(),
                values,
            }),
        ))
    }

    /// A struct's or map's declared columns to a line.
    pub fn write(&self, value: &Value) -> Result<Vec<u8>, DataError> {
        let mut line = String::new();
        for (index, field) in self.schema.fields().iter().enumerate() {
            if index > 0 {
                line.push(self.delimiter);
            }
            let column = match value {
                Value::Struct(value) => value.get(&field.name),
                Value::Map(map) => map.get(&field.name),
                other => {
                    return Err(DataError::new(format!(
                        "a line is made of a struct or a map, not {}",
                        other.kind()
                    )));
                }
            };
            let Some(column) = column.filter(|column| !column.is_null()) else {
                continue;
            };
            let text = super::string::write(column);
            if text.contains([self.delimiter, '"', '\n', '\r']) {
                line.extend(["\"", &text.replace('"', "\"\""), "\""]);
            } else {
                line.push_str(&text);
            }
        }
        Ok(line.into_bytes())
    }

    /// The first column of `line`, and what follows its delimiter, if one follows.
    fn column<'a>(
        &self,
        line: &'a str,
        greedy: bool,
    ) -> Result<(Cow<'a, str>, Option<&'a str>), DataError> {
        if let Some(quoted) = line.strip_prefix('"')
            && let Some((column, after)) = unquote(quoted)
        {
            match after.strip_prefix(self.delimiter) {
                None if after.is_empty() => return Ok((column, None)),
                Some(rest) if !greedy => return Ok((column, Some(rest))),
                _ if greedy => {}
                _ => {
                    return Err(DataError::new(
                        "text between a closing quote and the delimiter",
                    ));
                }
            }
        }
        if greedy {
            return Ok((Cow::Borrowed(line), None));
        }
        Ok(match line.split_once(self.delimiter) {
            Some((column, rest)) => (Cow::Borrowed(column), Some(rest)),
            None => (Cow::Borrowed(line), None),
        })
    }
}

/// The text up to the closing quote with doubled quotes made single, and what follows it.
fn unquote(quoted: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut from = 0;
    loop {
        let end = from + quoted.get(from..)?.find('"')?;
        let after = quoted.get(end + 1..)?;
        if !after.starts_with('"') {
            let inner = quoted.get(..end)?;
            return Some((
                if from == 0 {
                    Cow::Borrowed(inner)
                } else {
                    inner.replace("\"\"", "\"").into()
                },
                after,
            ));
        }
        from = end + 2;
    }
}

fn delimiter(options: &mut Options<'_, '_>) -> Option<char> {
    let Some(text) = options.raw("delimiter") else {
        return Some(',');
    };
    let trimmed = text.trim();
    match trimmed {
        "SPACE" => return Some(' '),
        "TAB" => return Some('\t'),
        _ => {}
    }
    let mut characters = if trimmed.is_empty() {
        text.chars()
    } else {
        trimmed.chars()
    };
    match (characters.next(), characters.next()) {
        (Some(character), None) if character != '"' => Some(character),
        _ => {
            let message = format!("`{text}` is not a delimiter");
            options.refuse(
                "delimiter",
                message,
                Some("give one character, SPACE or TAB".to_owned()),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(columns: &[(&str, SchemaKind)], line: &str) -> Result<Vec<Value>, String> {
        let columns = columns
            .iter()
            .map(|(name, kind)| (Arc::from(*name), kind.clone()))
            .collect();
        match DelimitedConverter::new(',', columns).read(line.as_bytes()) {
            Ok((_, Value::Struct(value))) => Ok(value.values),
            Ok(_) => panic!("not a struct"),
            Err(error) => Err(error.message),
        }
    }

    #[test]
    fn the_last_string_column_takes_the_remainder() {
        let columns = [("id", SchemaKind::Int64), ("rest", SchemaKind::String)];
        for (line, rest) in [
            ("7,a", "a"),
            ("7,a,b", "a,b"),
            ("7,\"a,b\"\n", "a,b"),
            ("7,\"a\",b", "\"a\",b"),
            ("7,\"say \"\"hi\"\"\"", "say \"hi\""),
        ] {
            assert_eq!(
                read(&columns, line),
                Ok(vec![Value::I64(7), Value::text(rest)]),
                "{line}"
            );
        }
    }

    #[test]
    fn columns_have_types_and_may_be_empty() {
        let columns = [
            ("a", SchemaKind::Int32),
            ("b", SchemaKind::Float64),
            ("c", SchemaKind::Boolean),
        ];
        assert_eq!(
            read(&columns, " 1 ,2.5,TRUE"),
            Ok(vec![Value::I32(1), Value::F64(2.5), Value::Bool(true)])
        );
        assert_eq!(
            read(&columns, ",,"),
            Ok(vec![Value::Null, Value::Null, Value::Null])
        );
    }

    #[test]
    fn lines_that_do_not_fit_say_why() {
        let columns = [("a", SchemaKind::Int32), ("b", SchemaKind::Float64)];
        for (line, error) in [
            ("1", "expected 2 columns, found 1"),
            ("1,2,3", "found more"),
            ("x,2", "column `a`: `x` is not int32"),
            ("1.5,2", "column `a`"),
            ("\"1\"x,2", "closing quote"),
        ] {
            assert!(read(&columns, line).unwrap_err().contains(error), "{line}");
        }
    }
}
