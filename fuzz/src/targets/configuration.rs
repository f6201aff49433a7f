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

/// A Kafka Connect worker's file.
pub(super) const WORKER: Target = Target {
    name: "worker",
    seeds: &[
        b"key.converter=String\nvalue.converter=Json\nlisteners=http://:8083,https://x:1\nrest.port=8083\nrest.host.name=[::1]\n",
        b"key.converter=a\nvalue.converter=b\nvalue.converter.x=1\nconfig.providers=f,\nconfig.providers.f.class=FileConfigProvider\ngroup.idd=2\n",
    ],
    run: worker,
};

/// The body of a request to the REST API: options, and how they are judged.
pub(super) const REST_BODY: Target = Target {
    name: "rest-body",
    seeds: &[
        br#"{"name":"a","connector.class":"messina.TableSink","topics":"a,b","tasks.max":1,"connect.cassandra.kcql":"x"}"#,
        br#"{"connector.class":"TableSink","transforms":"x,y,x","transforms.x.type":"Cast$Value","transforms.x.spec":"int8","predicates":"p","predicates.p.type":"HasHeaderKey","value.converter":"Json","value.converter.schemas.enable":"maybe"}"#,
        br#"{"connector.class":"com.datamountaineer.streamreactor.connect.cassandra.sink.CassandraSinkConnector","connect.cassandra.port":"x","topics.regex":".*","errors.tolerance":"some"}"#,
    ],
    run: rest_body,
};

fn worker(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match config::worker::worker(&text, "fuzz") {
        Ok(worker) => assert!(worker.converters.len() >= 2, "a worker without converters"),
        Err(problems) => assert!(!problems.is_empty(), "refused without a reason"),
    }
}

fn rest_body(bytes: &[u8]) {
    if let Ok((options, _errors)) = messina::rest::judge_body(bytes) {
        // A transform of few characters brings its class's options, no more.
        assert!(
            options <= 100 + bytes.len() * 20,
            "options out of proportion"
        );
    }
}

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
