//! What `messina check` says of the files: what is wrong, and what is weak.

use std::path::Path;

use super::acl::Acl;
use super::control::{self, AccessError, key_text, place, read};
use super::token::VerifyingKey;
use crate::config::{
    AccessConfig, Anonymous, PasswordForm, Problem, Severity, Span, TokenKeyConfig,
};

/// Reads the files of a configuration and says everything that is wrong or weak, none of it with a secret in it.
pub fn inspect(config: &AccessConfig) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(path) = &config.password_file {
        passwords(path, config.password_form, &mut problems);
    }
    if let Some(path) = &config.acl_file {
        rules(path, config, &mut problems);
    }
    for token in &config.tokens {
        self::token(token, &mut problems);
    }
    problems
}

fn passwords(path: &Path, form: PasswordForm, problems: &mut Vec<Problem>) {
    let what = match form {
        PasswordForm::Hashed => "password hashes",
        PasswordForm::Clear => "passwords",
    };
    private(path, what, problems);
    match control::passwords(path, form) {
        Ok(file) => problems.extend(file.warnings()),
        Err(error) => add(error, problems),
    }
}

fn rules(path: &Path, config: &AccessConfig, problems: &mut Vec<Problem>) {
    let parsed = read(path).and_then(|source| {
        let acl = Acl::parse(&source, config.deny_by_default).map_err(AccessError::Wrong)?;
        Ok((source, acl))
    });
    let (source, acl) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return add(error, problems),
    };
    let span = |range| Span {
        source: source.clone(),
        range,
    };
    if let Some(range) = acl
        .anonymous_free_for_all()
        .filter(|_| config.anonymous != Anonymous::Never)
    {
        let message = "clients that do not say who they are may publish to every topic";
        let help = "name the topics, or write the rule below a `user` line";
        problems.push(Problem::warning(&span(range), message).help(help));
    }
    for range in acl.constant_patterns() {
        let message = "a pattern without `%c` and `%u` holds for every client";
        let help = "as a `topic` line it would hold for one user";
        problems.push(Problem::warning(&span(range), message).help(help));
    }
}

fn token(config: &TokenKeyConfig, problems: &mut Vec<Problem>) {
    let text = match key_text(config) {
        Ok(text) => text,
        Err(error) => return add(error, problems),
    };
    if let Some(weakness) = VerifyingKey::weakness(config, &text) {
        let message = format!("{weakness} (the key {})", place(config));
        problems.push(placeless(Severity::Warning, message));
    }
    if let crate::config::KeySource::File(path) = &config.key
        && config.algorithm == crate::config::TokenAlgorithm::Hs256
    {
        private(path, "the secret that tokens are signed with", problems);
    }
    if let Err(source) = VerifyingKey::new(config.clone(), &text) {
        let algorithm = config.algorithm.name();
        let message = format!(
            "the {algorithm} key {} cannot be used: {source}",
            place(config)
        );
        problems.push(placeless(Severity::Error, message));
    }
}

/// Warns if others on this machine may read a file with secrets.
pub(crate) fn private(path: &Path, what: &str, problems: &mut Vec<Problem>) {
    use std::os::unix::fs::PermissionsExt as _;

    let Ok(metadata) = std::fs::metadata(path) else {
        return; // whoever reads it says so
    };
    let mode = metadata.permissions().mode();
    if mode & 0o004 != 0 {
        let message = format!(
            "everybody on this machine may read {what} in `{}`",
            path.display()
        );
        let mut problem = placeless(Severity::Warning, message);
        problem.help = Some(format!("chmod o-rwx {}", path.display()));
        problems.push(problem);
    }
}

fn add(error: AccessError, problems: &mut Vec<Problem>) {
    match error {
        AccessError::Wrong(list) => problems.extend(list.iter().cloned()),
        // What is checked here may run elsewhere.
        AccessError::Read { path, source } if source.kind() == std::io::ErrorKind::NotFound => {
            let message = format!("`{}` is not on this machine", path.display());
            let mut problem = placeless(Severity::Warning, message);
            problem.help = Some("`messina up` does not start without it".to_owned());
            problems.push(problem);
        }
        AccessError::Read { path, source } => {
            let message = format!("cannot read `{}`: {source}", path.display());
            problems.push(placeless(Severity::Error, message));
        }
        other => problems.push(placeless(Severity::Error, other.to_string())),
    }
}

fn placeless(severity: Severity, message: String) -> Problem {
    Problem {
        severity,
        span: None,
        message,
        help: None,
    }
}
