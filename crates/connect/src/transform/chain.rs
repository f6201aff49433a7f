//! The transforms of a connector in order, with their predicates: options `transforms` and `predicates`.

use super::{Predicate, Transform};
use crate::config::{ConnectorConfig, Problem};
use crate::data_error::DataError;
use crate::options::Options;
use crate::record::ConnectRecord;

/// The most records transforms may make of one: bounds what a chain of them can allocate.
const MAX_RECORDS: usize = 100_000;

/// A compiled chain of transforms.
#[derive(Debug)]
pub struct Chain {
    transforms: Vec<Transform>,
}

impl Chain {
    /// The chain `config` describes, or everything that is wrong with it.
    pub fn compile(config: &ConnectorConfig) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let chain = Self::collect(config, &mut problems);
        if problems.is_empty() {
            Ok(chain)
        } else {
            Err(problems)
        }
    }

    /// The chain, with what is wrong added to `problems`.
    pub(crate) fn collect(config: &ConnectorConfig, problems: &mut Vec<Problem>) -> Self {
        let aliases = Options::new(config, "", "", problems).list("transforms");
        let mut transforms = Vec::with_capacity(aliases.len());
        for (index, alias) in aliases.iter().enumerate() {
            if alias.is_empty() || aliases.iter().take(index).any(|before| before == alias) {
                let message = format!("`{alias}` is empty or named twice");
                problems.push(Problem::new(config, "transforms", message).help("name each once"));
                continue;
            }
            let prefix = format!("transforms.{alias}.");
            let condition = condition(config, &prefix, problems);
            let own = format!("{prefix}type");
            let mut options = Options::new(config, own, prefix, problems);
            let Some(class) = options.required("type") else {
                continue;
            };
            if let Some(mut transform) = Transform::compile(class, &mut options) {
                transform.condition = condition;
                transforms.push(transform);
            }
        }
        Self { transforms }
    }

    /// How many transforms there are.
    pub fn len(&self) -> usize {
        self.transforms.len()
    }

    /// Whether there is no transform.
    pub fn is_empty(&self) -> bool {
        self.transforms.is_empty()
    }

    /// Class of the transform at `index`, for dead letters.
    pub fn class_name(&self, index: usize) -> &str {
        self.transforms
            .get(index)
            .map_or("", |transform| &transform.class_name)
    }

    /// Whether the decoded key matters to it.
    pub(crate) fn uses_key(&self) -> bool {
        self.transforms.iter().any(Transform::uses_key)
    }

    /// Whether the decoded headers matter to it.
    pub(crate) fn uses_headers(&self) -> bool {
        self.transforms.iter().any(Transform::uses_headers)
    }

    /// What becomes of `record`; on failure also the index of the transform that failed.
    pub fn apply<'a>(
        &self,
        record: ConnectRecord<'a>,
    ) -> Result<Vec<ConnectRecord<'a>>, (usize, DataError)> {
        let mut records = vec![record];
        for (index, transform) in self.transforms.iter().enumerate() {
            let mut next = Vec::with_capacity(records.len());
            for record in records {
                transform
                    .apply(record, &mut next)
                    .map_err(|error| (index, error))?;
                if next.len() > MAX_RECORDS {
                    let message = format!("one record became more than {MAX_RECORDS}");
                    return Err((index, DataError::new(message)));
                }
            }
            records = next;
        }
        Ok(records)
    }
}

/// The predicate a transform depends on, and whether it is negated.
fn condition(
    config: &ConnectorConfig,
    prefix: &str,
    problems: &mut Vec<Problem>,
) -> Option<(Predicate, bool)> {
    let mut options = Options::new(config, "transforms", prefix, problems);
    let negate = options.boolean("negate", false);
    let Some(alias) = options.raw("predicate").map(str::trim) else {
        if negate {
            options.refuse("negate", "needs a predicate to negate", None);
        }
        return None;
    };
    let known = Options::new(config, "", "", problems).list("predicates");
    if !known.contains(&alias) {
        let listed = if known.is_empty() {
            "none".into()
        } else {
            known.join(", ")
        };
        let message = format!("unknown predicate `{alias}`");
        let problem = Problem::new(config, &format!("{prefix}predicate"), message);
        problems.push(problem.help(format!("`predicates` lists {listed}")));
        return None;
    }
    let prefix = format!("predicates.{alias}.");
    let mut options = Options::new(config, format!("{prefix}type"), prefix, problems);
    let class = options.required("type")?;
    Predicate::compile(class, &mut options).map(|predicate| (predicate, negate))
}
