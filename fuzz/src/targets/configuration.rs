//! Files an operator writes.

use messina::config::{self, Inputs, LoadError, Source, properties};

use super::Target;

/// Java's properties.
pub(super) const PROPERTIES: Target = Target {
    name: "properties",
    seeds: &[
        b"# a sink\nname=cassandra-sink\ntopics : temperature\nconnect.cassandra.kcql = INSERT INTO t \\\n    SELECT * \\\r\n\tFROM x\n! end\nkey\\ with\\=x\\u00e4\\ud83d\\ude00=\\t\\n",
        b"a=b\\\\\nc=d\\",
    ],
    run: properties,
};

/// Our own file.
pub(super) const TOML: Target = Target {
    name: "config",
    seeds: &[
        b"",
        config::DEFAULT.as_bytes(),
        b"[gateway]\nlisten = \"127.0.0.1:1883\"\nmax_inflight = 0\n[[route]]\nfilter = \"a/#\"\ntopic = \"$1\"\n",
    ],
    run: toml,
};

fn properties(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().count() + text.matches('\r').count() + 1;
    match properties::parse(&text, "fuzz") {
        Ok(entries) => {
            for entry in entries {
                let line = usize::try_from(entry.value_position.line).unwrap_or(usize::MAX);
                assert!(line <= lines, "a value beyond the text's end");
                assert!(!entry.key.is_empty(), "an entry without a key");
            }
        }
        Err(problems) => assert!(!problems.is_empty(), "refused without a reason"),
    }
    match properties::connector(&text, "fuzz") {
        Ok((config, _)) => assert!(!config.name.is_empty(), "a connector without a name"),
        Err(problems) => assert!(!problems.is_empty(), "refused without a reason"),
    }
}

fn toml(bytes: &[u8]) {
    let source = Source::new("fuzz.toml", String::from_utf8_lossy(bytes));
    let set = source.text.lines().last().map(str::to_owned);
    let inputs = Inputs {
        set: set.into_iter().collect(),
        ..Inputs::default()
    };
    for inputs in [Inputs::default(), inputs] {
        match config::load_text(Some(&source), &inputs) {
            Ok(loaded) => drop(loaded.warnings.render(false)),
            Err(LoadError::Wrong(problems)) => {
                assert!(problems.has_errors(), "refused without a reason");
                drop(problems.render(false));
            }
            Err(error @ LoadError::Read { .. }) => panic!("text cannot fail to be read: {error}"),
        }
    }
}
