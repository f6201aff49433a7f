//! The copy of the workspace that is instrumented: the crate with the rules, the switch, the replay.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// What is copied as it is.
const COPIED: [&str; 3] = ["crates/connect", "mutations/switch", "mutations/replay"];

/// Files and folders below `crates/connect/src` whose rules the vectors hold.
const RULES: [&str; 14] = [
    "converter/header.rs",
    "converter/header_",
    "converter/json/",
    "converter/mod.rs",
    "converter/primitive.rs",
    "converter/string.rs",
    "java_date/",
    "java_number.rs",
    "java_text.rs",
    "options.rs",
    "record.rs",
    "schema.rs",
    "transform/",
    "value.rs",
];

/// What stands there and is ours alone: no original to compare with.
const OURS: [&str; 5] = [
    "converter/delimited.rs",
    "transform/explode.rs",
    "transform/readings.rs",
    "transform/topic_fields.rs",
    "tests.rs",
];

/// Copies the crates from `root` to `copy`, with a manifest of their own.
pub(crate) fn lay_out(root: &Path, copy: &Path) -> Result<()> {
    // What was instrumented, and files that are gone from the source.
    let rules = copy.join(COPIED[0]);
    if rules.exists() {
        fs::remove_dir_all(&rules)
            .with_context(|| format!("cannot remove `{}`", rules.display()))?;
    }
    for folder in COPIED {
        copy_folder(&root.join(folder), &copy.join(folder))?;
    }
    let manifest = read(&root.join("Cargo.toml"))?;
    let package = manifest
        .split_once("[workspace.package]")
        .and_then(|(_, rest)| rest.split_once("\n\n"))
        .context("the workspace's manifest lacks [workspace.package]")?
        .0;
    let members = COPIED.map(|member| format!("\"{member}\"")).join(", ");
    let text = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{members}]\n\n[workspace.package]{package}\n\n\
         [workspace.dependencies]\nmessina-connect = {{ path = \"crates/connect\" }}\n\n\
         [workspace.lints.rust]\n\n[profile.dev]\nopt-level = 1\ndebug = false\n"
    );
    write(&copy.join("Cargo.toml"), &text)?;
    write(&copy.join("Cargo.lock"), &read(&root.join("Cargo.lock"))?)?;
    let own = copy.join("crates/connect/Cargo.toml");
    let switch = "[dependencies]\nmessina-mutation-switch = { path = \"../../mutations/switch\" }";
    write(&own, &read(&own)?.replace("[dependencies]", switch))
}

/// Paths below the crate's `src` of the files with rules, in order; those with one of `parts` in them, if there are
/// any.
pub(crate) fn files(root: &Path, parts: &[String]) -> Result<Vec<String>> {
    let source = root.join("crates/connect/src");
    let mut found = Vec::new();
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).with_context(|| format!("cannot read `{}`", folder.display()))?
        {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(&source)?.to_string_lossy().into_owned());
            }
        }
    }
    found.retain(|file| {
        RULES.iter().any(|rule| file.starts_with(rule))
            && !OURS.iter().any(|own| file.ends_with(own))
            && (parts.is_empty() || parts.iter().any(|part| file.contains(part.as_str())))
    });
    found.sort();
    Ok(found)
}

/// Where a file of the crate is in a workspace.
pub(crate) fn source(root: &Path, file: &str) -> PathBuf {
    root.join("crates/connect/src").join(file)
}

pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// Writes a file, but for one that already is so: its build is then still good.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|own| own == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make `{}`", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read `{}`", from.display()))? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            write(&target, &read(&path)?)?;
        }
    }
    Ok(())
}
