//! A service's jars: the runtime dependencies of a generated pom, copied into `.services/<name>/libs`, once for all nodes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command::{check, root};

/// Copies the artifacts, each `group:name:version`, and all they need, unless that was done before; says where they
/// are.
pub(super) fn provide(name: &str, artifacts: &[&str]) -> Result<PathBuf> {
    let folder = root().join(".services").join(name);
    let libs = folder.join("libs");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    let pom = pom(artifacts);
    let pom_path = folder.join("pom.xml");
    let complete = libs.join("complete");
    if complete.exists() && fs::read_to_string(&pom_path).is_ok_and(|before| before == pom) {
        return Ok(libs);
    }
    fs::write(&pom_path, pom).with_context(|| format!("cannot write `{}`", pom_path.display()))?;
    let mut maven = Command::new("mvn");
    maven.args([
        "-q",
        "-B",
        "dependency:copy-dependencies",
        "-DoutputDirectory=libs",
        "-DincludeScope=runtime",
    ]);
    check(maven.current_dir(&folder))?;
    fs::write(&complete, "").with_context(|| format!("cannot write `{}`", complete.display()))?;
    Ok(libs)
}

fn pom(artifacts: &[&str]) -> String {
    let dependency = |artifact: &&str| {
        let mut parts = artifact.split(':');
        let mut part = || parts.next().unwrap_or_default();
        let (group, name, version) = (part(), part(), part());
        format!(
            "    <dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version></dependency>\n"
        )
    };
    let dependencies: String = artifacts.iter().map(dependency).collect();
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  <modelVersion>4.0.0</modelVersion>\n  \
         <groupId>messina</groupId><artifactId>services</artifactId><version>1</version>\n  \
         <dependencies>\n{dependencies}  </dependencies>\n</project>\n"
    )
}
