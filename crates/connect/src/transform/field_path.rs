//! Names of fields: literal, or a path of steps (option `field.syntax.version`, CONNECT-SPEC 2.3).

use crate::options::Options;

/// The steps from a part to one of its fields.
#[derive(Debug)]
pub(super) struct FieldPath(Vec<String>);

impl FieldPath {
    /// The options `field` and `field.syntax.version`.
    pub(super) fn compile(options: &mut Options<'_, '_>) -> Option<Self> {
        // An empty name is one.
        let Some(field) = options.raw("field").map(str::trim) else {
            return options.required("field").map(|_| Self(Vec::new()));
        };
        let version = options.text("field.syntax.version").unwrap_or("V1");
        match version.to_ascii_uppercase().as_str() {
            "V1" => Some(Self(vec![field.to_owned()])),
            "V2" => match steps(field) {
                Ok(steps) => Some(Self(steps)),
                Err(message) => {
                    options.refuse("field", message, None);
                    None
                }
            },
            _ => {
                let message = format!("`{version}` is neither V1 nor V2");
                options.refuse("field.syntax.version", message, None);
                None
            }
        }
    }

    pub(super) fn steps(&self) -> &[String] {
        &self.0
    }
}

/// Steps are parted by dots; one that holds dots stands between backticks, which end only before a dot or at
/// the end. A backtick that ends a step in the middle is written with a backslash.
fn steps(path: &str) -> Result<Vec<String>, String> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('`') {
            let (step, behind) = quoted_step(quoted)
                .ok_or_else(|| format!("`{path}` has a backtick that is not closed"))?;
            steps.push(step);
            rest = behind;
        } else {
            let (step, behind) = rest.split_once('.').unwrap_or((rest, ""));
            steps.push(step.to_owned());
            if behind.is_empty() && rest.ends_with('.') {
                steps.push(String::new());
            }
            rest = behind;
        }
    }
    Ok(steps)
}

/// The step up to the closing backtick, and what follows the dot behind it.
fn quoted_step(quoted: &str) -> Option<(String, &str)> {
    let (mut step, mut rest) = (String::new(), quoted);
    loop {
        let (before, behind) = rest.split_once('`')?;
        step.push_str(before);
        let ends = behind.is_empty() || behind.starts_with('.');
        if ends && !step.ends_with('\\') {
            return Some((step, behind.get(1..).unwrap_or_default()));
        }
        // Only before a dot does a backslash say that the step goes on; elsewhere it is itself.
        if ends {
            step.pop();
        }
        step.push('`');
        rest = behind;
    }
}
