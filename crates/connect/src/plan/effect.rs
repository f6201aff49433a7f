//! What the rows of a plan's tables do there.

use std::sync::Arc;

use crate::table_schema::TableSchema;

/// What the rows of one of a plan's tables do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// They are written.
    Write,
    /// They delete rows of that table, by the values of its key.
    Delete(Arc<TableSchema>),
    /// They are added to the table's counters.
    Count,
}

/// A statement of a connector's own, whose variables a mapping fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What it is called: the option it stands in, or what stands for that.
    pub name: String,
    /// The statement.
    pub text: String,
}

impl Query {
    /// Whether running it twice does more than running it once: it adds to a counter or a collection.
    pub fn adds_up(&self) -> bool {
        let tokens = tokens(&self.text);
        let in_place = |window: &[&str]| matches!(window, ["+" | "-", "="]);
        let sets = (0..tokens.len()).filter_map(|at| match tokens.get(at..) {
            Some([name, "=", set @ ..]) => Some((*name, set)),
            _ => None,
        });
        let mut adds = sets.map(|(name, set)| {
            let is = |token: &str| token.eq_ignore_ascii_case(name);
            let begins = matches!(set, [first, "+" | "-", ..] if is(first));
            let added = |window: &[&str]| matches!(window, ["+", last] if is(last));
            begins || set.windows(2).any(added)
        });
        tokens.windows(2).any(in_place) || adds.any(|adds| adds)
    }
}

/// Words and signs; what is in single quotes is one word.
fn tokens(text: &str) -> Vec<&str> {
    let (mut tokens, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | ':' | '.' | '?');
        let end = match first {
            '\'' => rest
                .get(1..)
                .and_then(|inner| inner.find('\''))
                .map_or(rest.len(), |at| at + 2),
            word if is_word(word) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            sign => sign.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_adds_is_told_from_one_that_sets() {
        let adds = |text: &str| {
            let name = String::new();
            Query {
                name,
                text: text.to_owned(),
            }
            .adds_up()
        };
        for text in [
            "UPDATE k.t SET c = c + :c WHERE id = :id",
            "update k.t set a=:a,C=c-:c where id=:id",
            "UPDATE k.t SET l = :l + l WHERE id = :id",
            "UPDATE k.t SET c += :c WHERE id = :id",
            "UPDATE k.t SET l = [:v] + l WHERE id = :id",
            "UPDATE k.t SET a = :a, l=[ :v, 'l', :w ]+l WHERE id = :id",
            "UPDATE k.t SET l = l + [:v], m = {:k: :v} WHERE id = :id",
        ] {
            assert!(adds(text), "{text}");
        }
        for text in [
            "UPDATE k.t SET c = :c WHERE id = :id",
            "INSERT INTO k.t (a, b) VALUES (:a, 'b = b + 1')",
            "DELETE FROM k.t WHERE id = :id",
            "UPDATE k.t SET c = :a + :b WHERE id = :id",
            "UPDATE k.t SET l = [:v, :w], m = {'+': 'l'} WHERE id = :id",
        ] {
            assert!(!adds(text), "{text}");
        }
    }
}
