//! A keyspace of a test's own, and a connection that is not the one under test.

use std::io::Write as _;

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::ExecutionError;
use serde_json::Value;

/// Where the cluster is, and the test's keyspace.
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) port: String,
    pub(crate) keyspace: String,
    session: Session,
}

impl Place {
    /// `None`, said aloud, where no Cassandra runs; in CI that is a failure.
    pub(crate) async fn new(keyspace: &str) -> Option<Self> {
        let at = std::env::var("MESSINA_TEST_CASSANDRA").unwrap_or("127.0.0.1:19042".to_owned());
        let session = match SessionBuilder::new().known_node(&at).build().await {
            Ok(session) => session,
            Err(error) => {
                skip(&format!(
                    "{keyspace}: no Cassandra at {at}, see `cargo xtask services`: {error}"
                ));
                return None;
            }
        };
        let keyspace = format!("messina_connect_{keyspace}");
        let (host, port) = at.rsplit_once(':').unwrap();
        let place = Self {
            host: host.to_owned(),
            port: port.to_owned(),
            keyspace,
            session,
        };
        place
            .run(&format!("DROP KEYSPACE IF EXISTS {}", place.keyspace))
            .await;
        place
            .run(&format!(
                "CREATE KEYSPACE {} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}",
                place.keyspace
            ))
            .await;
        Some(place)
    }

    /// Runs a statement; `KS` in it is the keyspace.
    pub(crate) async fn run(&self, statement: &str) {
        if let Err(error) = self.try_run(statement).await {
            panic!("{statement}: {error}");
        }
    }

    /// Runs a statement that may be refused.
    pub(crate) async fn try_run(&self, statement: &str) -> Result<(), ExecutionError> {
        let statement = statement.replace("KS", &self.keyspace);
        self.session
            .query_unpaged(statement, ())
            .await
            .map(|_rows| ())
    }

    /// Rows as Cassandra itself writes them down.
    pub(crate) async fn rows(&self, select: &str) -> Vec<Value> {
        let select = select.replace("KS", &self.keyspace);
        let answer = self.session.query_unpaged(select, ()).await.unwrap();
        let answer = answer.into_rows_result().unwrap();
        let texts = answer.rows::<(String,)>().unwrap();
        texts
            .map(|row| serde_json::from_str(&row.unwrap().0).unwrap())
            .collect()
    }

    /// Waits until a `SELECT JSON` gives what is wanted.
    pub(crate) async fn until(
        &self,
        select: &str,
        wanted: impl Fn(&[Value]) -> bool,
    ) -> Vec<Value> {
        let mut found = Vec::new();
        for _ in 0..1_200 {
            found = self.rows(select).await;
            if wanted(&found) {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{select} still gives {found:?}");
    }
}

pub(crate) fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "skipped in CI: {reason}");
    eprintln!("SKIPPED: {reason}");
    if let Some(file) = std::env::var_os("MESSINA_SKIP_FILE") {
        let mut file = std::fs::File::options()
            .append(true)
            .create(true)
            .open(file)
            .unwrap();
        writeln!(file, "{reason}").unwrap();
    }
}
