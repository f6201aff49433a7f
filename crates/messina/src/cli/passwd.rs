//! `messina passwd`: sets a user's password in a password file, or removes the user.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::num::NonZeroU32;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::access::{PasswordFile, entry_for};
use crate::config::{LoadError, Secret, Source};

use super::CommandError;
use super::output::Output;

/// Who else may read a file that is made: nobody.
const MODE: u32 = 0o600;

/// The most bytes of a password, as CONNECT has it.
const MOST_BYTES: usize = 65_535;

/// `messina passwd`
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Asks for the password on a terminal; otherwise it is the first line of standard input. What is kept is an
argon2id hash, and keys for MQTT 5's SCRAM-SHA-256, from which the password can be guessed but not read. Other
lines stay as they are, mosquitto's among them. `messina up` reads the file again on SIGHUP.

  messina passwd passwords pump-7
  pwgen -s 24 1 | messina passwd passwords pump-7")]
pub(super) struct Args {
    /// The password file; it is made if it does not exist
    file: PathBuf,
    /// The user
    user: String,
    /// Remove the user
    #[arg(short = 'D', long)]
    delete: bool,
    /// Keep no keys for SCRAM
    #[arg(long, conflicts_with = "delete")]
    no_scram: bool,
    /// Rounds of SCRAM's keys; each client computes them at every log-in
    #[arg(long, value_name = "N", default_value = "16384", conflicts_with = "delete",
          value_parser = clap::value_parser!(u32).range(4096..=10_000_000))]
    scram_iterations: u32,
}

pub(super) fn run(args: &Args, out: &mut Output) -> Result<(), CommandError> {
    let before = read(&args.file)?;
    let source = Source::new(args.file.display().to_string(), before.as_str());
    let users = PasswordFile::parse(&source).map_err(LoadError::Wrong)?;
    let known = users.get(&args.user).is_some();
    if args.delete {
        if !known {
            let (user, file) = (&args.user, args.file.display());
            return Err(CommandError::Found(format!(
                "there is no user `{user}` in `{file}`"
            )));
        }
        write(&args.file, &edited(&before, &args.user, None))?;
        return out.line(format_args!("removed `{}`", args.user));
    }
    let password = ask()?;
    if password.reveal().is_empty() {
        return Err(CommandError::Usage(
            "an empty password protects nothing".to_owned(),
        ));
    }
    if password.reveal().len() > MOST_BYTES {
        return Err(CommandError::Usage(format!(
            "MQTT has no password above {MOST_BYTES} bytes"
        )));
    }
    let iterations = NonZeroU32::new(args.scram_iterations).filter(|_| !args.no_scram);
    let entry = entry_for(&args.user, password.reveal().as_bytes(), iterations);
    let entry = entry.ok_or_else(|| {
        let user = &args.user;
        CommandError::Usage(format!(
            "`{user}` cannot stand in a password file: a name has no `:`, does not begin with `#`, and has no \
             blank at its ends"
        ))
    })?;
    write(&args.file, &edited(&before, &args.user, Some(&entry)))?;
    let did = if known { "changed" } else { "added" };
    out.line(format_args!("{did} `{}`", args.user))
}

/// The text with the line of a user replaced, added or removed.
fn edited(text: &str, user: &str, entry: Option<&str>) -> String {
    let mut out = String::new();
    let mut entry = entry;
    for line in text.lines() {
        let name = line.split_once(':').map(|(name, _)| name.trim());
        let kept = if name == Some(user) && !line.trim_start().starts_with('#') {
            entry.take()
        } else {
            Some(line)
        };
        if let Some(line) = kept {
            out.extend([line, "\n"]);
        }
    }
    if let Some(entry) = entry {
        out.extend([entry, "\n"]);
    }
    out
}

fn read(path: &Path) -> Result<String, CommandError> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other.map_err(|source| failed("read", path, source)),
    }
}

/// Replaces the file as a whole, so that a running program never reads half of it.
fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    // The file itself, not a link to it.
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_absent| path.to_owned());
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let replaced = replace(path, &new, text);
    if replaced.is_err() {
        // What is left would stop the next attempt; that it cannot be removed changes nothing about this error.
        let _removed = std::fs::remove_file(&new);
    }
    replaced.map_err(|source| failed("write", path, source))
}

fn replace(path: &Path, new: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(new)?;
    if let Ok(old) = std::fs::metadata(path) {
        file.set_permissions(old.permissions())?;
        let ours = file.metadata()?;
        if (ours.uid(), ours.gid()) != (old.uid(), old.gid()) {
            chown(new, Some(old.uid()), Some(old.gid()))?;
        }
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(new, path)?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    File::open(dir.unwrap_or(Path::new(".")))?.sync_all()
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> CommandError {
    CommandError::File {
        action,
        path: path.display().to_string(),
        source,
    }
}

/// The password: typed twice without being shown, or one line of standard input.
fn ask() -> Result<Secret<String>, CommandError> {
    if !io::stdin().is_terminal() {
        return line();
    }
    let hidden = Hidden::new().map_err(CommandError::Input)?;
    let first = prompted("Password: ")?;
    let second = prompted("Again: ")?;
    drop(hidden);
    if first == second {
        Ok(first)
    } else {
        Err(CommandError::Found(
            "the two are not the same; nothing was changed".to_owned(),
        ))
    }
}

fn prompted(prompt: &str) -> Result<Secret<String>, CommandError> {
    let mut terminal = io::stderr();
    // A prompt that nobody sees is still answered.
    let _shown = write!(terminal, "{prompt}");
    let typed = line();
    let _shown = writeln!(terminal);
    typed
}

fn line() -> Result<Secret<String>, CommandError> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.map_err(CommandError::Input)?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes -= LocalModes::ECHO;
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // The terminal may be gone, and then nobody misses its echo.
        let _restored = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_changes_and_the_others_stay() {
        let text = "# users\nada:old\n#ada:note\ngrace:x\n";
        assert_eq!(
            edited(text, "ada", Some("ada:new")),
            "# users\nada:new\n#ada:note\ngrace:x\n"
        );
        assert_eq!(
            edited(text, "eve", Some("eve:new")),
            format!("{text}eve:new\n")
        );
        assert_eq!(edited(text, "grace", None), "# users\nada:old\n#ada:note\n");
        assert_eq!(edited("a:b", "c", Some("c:d")), "a:b\nc:d\n");
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt as _;

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passwords");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        write(&path, "one\n").unwrap();
        assert_eq!(mode(), MODE);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        write(&path, "two\n").unwrap();
        assert_eq!((mode(), read(&path).unwrap().as_str()), (0o640, "two\n"));
        let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(names.len(), 1);
    }
}
