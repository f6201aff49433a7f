//! Configuration providers: `${file:/path:key}`, `${env:NAME}`, `${directory:/path:file}` in an option's value
//! stand for a secret that is kept elsewhere. They are resolved when a connector starts and nowhere shown.

use std::fs;
use std::path::Path;

use messina_connect::config::{ConnectorConfig, Problem, Property};

use crate::config::properties;

/// The most that is read of a file.
const MAX_BYTES: u64 = 1 << 20;

/// Where a provider looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// A `.properties` file: Kafka's `FileConfigProvider`.
    File,
    /// A directory with a file for each key: Kafka's `DirectoryConfigProvider`.
    Directory,
    /// The environment: Kafka's `EnvVarConfigProvider`.
    Environment,
}

impl Provider {
    /// The provider of that class, full or simple name.
    pub fn of_class(class: &str) -> Option<Self> {
        match class.rsplit('.').next()? {
            "FileConfigProvider" => Some(Self::File),
            "DirectoryConfigProvider" => Some(Self::Directory),
            "EnvVarConfigProvider" => Some(Self::Environment),
            _ => None,
        }
    }

    fn get(self, path: &str, key: &str) -> Result<String, String> {
        match self {
            Self::File => {
                let text = read(Path::new(path))?;
                let entries = properties::parse(&text, path)
                    .map_err(|_broken| format!("`{path}` is not a properties file"))?;
                let found = entries.into_iter().rev().find(|entry| entry.key == key);
                let value = found.map(|entry| entry.value);
                value.ok_or_else(|| format!("`{path}` has no `{key}`"))
            }
            Self::Directory if key.contains('/') || key == ".." => {
                Err(format!("`{key}` is not the name of a file"))
            }
            Self::Directory => read(&Path::new(path).join(key)),
            Self::Environment => {
                std::env::var(key).map_err(|_unset| format!("the environment has no `{key}`"))
            }
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let size = fs::metadata(path).map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    if !size.is_file() || size.len() > MAX_BYTES {
        return Err(format!("`{shown}` is not a file of at most 1 MiB"));
    }
    fs::read_to_string(path).map_err(|error| format!("cannot read `{shown}`: {error}"))
}

/// The providers a worker has, each under its alias.
#[derive(Debug, Clone, Default)]
pub struct Providers {
    known: Vec<(String, Provider)>,
}

impl Providers {
    /// Providers under these aliases.
    pub fn new(known: Vec<(String, Provider)>) -> Self {
        Self { known }
    }

    /// The configuration with every variable resolved, or which could not be. Reads files.
    pub fn resolve(&self, config: &ConnectorConfig) -> Result<ConnectorConfig, Vec<Problem>> {
        let mut resolved = ConnectorConfig::new(config.name.clone());
        let mut problems = Vec::new();
        for (option, property) in config.iter() {
            match self.replace(&property.value) {
                Ok(value) => {
                    let position = property.position.clone();
                    resolved.set(option, Property { value, position });
                }
                Err(message) => problems.push(Problem::new(config, option, message)),
            }
        }
        if problems.is_empty() {
            Ok(resolved)
        } else {
            Err(problems)
        }
    }

    /// Replaces variables of known providers, once and not in what they stand for; everything else stays.
    fn replace(&self, text: &str) -> Result<String, String> {
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            replaced.push_str(before);
            let Some((variable, behind)) = after.split_once('}') else {
                replaced.push_str("${");
                rest = after;
                continue;
            };
            if let Some(value) = self.value(variable)? {
                replaced.push_str(&value);
                rest = behind;
            } else {
                replaced.push_str("${");
                rest = after;
            }
        }
        replaced.push_str(rest);
        Ok(replaced)
    }

    fn value(&self, variable: &str) -> Result<Option<String>, String> {
        let Some((alias, named)) = variable.split_once(':') else {
            return Ok(None);
        };
        let Some((_, provider)) = self.known.iter().find(|(known, _)| known == alias) else {
            return Ok(None);
        };
        let (path, key) = named.rsplit_once(':').unwrap_or(("", named));
        provider.get(path, key).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_key_and_a_directorys_file_stand_in_for_their_variable() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("s.properties"), "user=ada\npw=a b").unwrap();
        fs::write(dir.path().join("token"), "t${file:x:y}").unwrap();
        let path = dir.path().display();
        let providers = Providers::new(vec![
            ("file".to_owned(), Provider::File),
            ("dir".to_owned(), Provider::Directory),
        ]);
        let replace = |text: String| providers.replace(&text);
        assert_eq!(
            replace(format!(
                "<${{file:{path}/s.properties:user}}:${{file:{path}/s.properties:pw}}>"
            )),
            Ok("<ada:a b>".to_owned())
        );
        // What a variable stands for is not looked at again.
        assert_eq!(
            replace(format!("${{dir:{path}:token}}")),
            Ok("t${file:x:y}".to_owned())
        );
        for kept in ["${none:a}", "${file", "$1 ${}", "a}b"] {
            assert_eq!(replace(kept.to_owned()), Ok(kept.to_owned()));
        }
        for refused in ["s.properties:none", "absent:x"] {
            assert!(replace(format!("${{file:{path}/{refused}}}")).is_err());
        }
        assert!(replace(format!("${{dir:{path}:../x}}")).is_err());
    }
}
