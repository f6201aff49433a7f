//! The options that name a configuration, the same for every command that needs one.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::{self, Inputs, Loaded};

use super::CommandError;

/// The file looked for when none is named.
const FILE: &str = "messina.toml";

/// Where the configuration is.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Settings {
    /// Configuration file; `messina.toml` here if there is one, the built-in configuration if not
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    config: Option<PathBuf>,
    /// Override a setting, for example gateway.listen=0.0.0.0:1883
    #[arg(long, value_name = "A.B=C", help_heading = "Configuration")]
    set: Vec<String>,
    /// Data directory
    #[arg(long, value_name = "DIR", help_heading = "Configuration")]
    data: Option<PathBuf>,
}

impl Settings {
    /// All places configuration is written in.
    pub(super) fn inputs(&self) -> Inputs {
        let here = Path::new(FILE);
        let found = here.exists().then(|| here.to_owned());
        Inputs {
            file: self.config.clone().or(found),
            environment: environment(),
            set: self.set.clone(),
            data: self.data.clone(),
        }
    }

    /// Loads it.
    pub(super) fn load(&self) -> Result<Loaded, CommandError> {
        Ok(config::load(&self.inputs())?)
    }
}

/// The environment, but for variables that are not text and thus not ours.
pub(super) fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}
