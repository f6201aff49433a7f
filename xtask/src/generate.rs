//! `cargo xtask gen`: the reference pages, written by the program they describe.

use anyhow::{Context as _, Result, bail};

use crate::command::{cargo, check, output, root, say};

/// A page of `docs/reference`, and what writes it.
struct Page {
    file: &'static str,
    text: fn() -> Result<String>,
}

const PAGES: [Page; 2] = [
    Page {
        file: "messina.toml",
        text: default_configuration,
    },
    Page {
        file: "cli.md",
        text: command_line,
    },
];

/// Writes every page, or with `--check` names those that are not what the program would write.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let only_check = arguments.iter().any(|argument| argument == "--check");
    check(&mut cargo([
        "build",
        "--quiet",
        "--package",
        "messina",
        "--locked",
    ]))?;
    let mut stale = Vec::new();
    for page in PAGES {
        let path = root().join("docs/reference").join(page.file);
        let text = (page.text)().with_context(|| format!("cannot generate `{}`", page.file))?;
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        if before == text {
            continue;
        }
        if only_check {
            stale.push(page.file);
            continue;
        }
        std::fs::write(&path, text)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
        say(&format!("wrote docs/reference/{}", page.file));
    }
    if !stale.is_empty() {
        bail!(
            "docs/reference is stale: {}; run `cargo xtask gen` and commit what it writes",
            stale.join(", ")
        );
    }
    Ok(())
}

fn messina(arguments: &[&str]) -> Result<String> {
    let mut command = cargo(["run", "--quiet", "--package", "messina", "--locked", "--"]);
    output(
        command
            .args(arguments)
            .env("NO_COLOR", "1")
            .env("COLUMNS", "100"),
    )
}

fn default_configuration() -> Result<String> {
    messina(&["config", "default"])
}

fn command_line() -> Result<String> {
    let top = messina(&["--help"])?;
    let mut page = String::from(
        "# The command line\n\nWritten by `cargo xtask gen` from the program's own help.\n",
    );
    section(&mut page, "messina", &top);
    for name in subcommands(&top) {
        let help = messina(&[name, "--help"])?;
        section(&mut page, &format!("messina {name}"), &help);
        for inner in subcommands(&help) {
            section(
                &mut page,
                &format!("messina {name} {inner}"),
                &messina(&[name, inner, "--help"])?,
            );
        }
    }
    Ok(page)
}

fn section(page: &mut String, title: &str, help: &str) {
    page.push_str("\n## ");
    page.push_str(title);
    page.push_str("\n\n```text\n");
    for line in help.trim_end().lines() {
        page.push_str(line.trim_end());
        page.push('\n');
    }
    page.push_str("```\n");
}

/// The names under `Commands:` in a help text.
fn subcommands(help: &str) -> Vec<&str> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subcommands_are_read_from_a_help_text() {
        let help = "Usage\n\nCommands:\n  up     Runs\n  query  Reads\n           more words\n  help   Prints\n\nOptions:\n  -h\n";
        assert_eq!(subcommands(help), ["up", "query"]);
    }
}
