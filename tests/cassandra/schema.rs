//! Tables that are dropped, made otherwise and altered while rows go into them: the task says what to run, and goes on
//! behind where it stood.

use std::net::SocketAddr;

use messina_e2e::cassandra::{self, Python};
use messina_e2e::patience::until_within;
use messina_e2e::server::{Site, free_addresses};

use crate::readings::{CATCH_UP, number, publish_some, settled, sink, site};

const KEYSPACE: &str = "messina_e2e_schema";

/// The table as `[[table]]` declares it, with another type of `number`.
const OTHER: &str = "(topic text, field text, ts timestamp, seq bigint, number int, text text, \
                     PRIMARY KEY ((topic, field), ts, seq)) WITH CLUSTERING ORDER BY (ts DESC, seq ASC)";

/// The shared node's client, in an empty place.
fn shared() -> Option<Python> {
    let python = cassandra::shared("tables are changed")?;
    python.ask(&format!("DROP KEYSPACE IF EXISTS {KEYSPACE}"));
    Some(python)
}

/// Waits until the sink has failed; gives what it says.
fn failed(site: &Site) -> String {
    until_within(CATCH_UP, "the sink has failed", || {
        (sink(site)["state"] == "FAILED").then_some(())
    });
    assert!(!site.admin().is_healthy(), "a failed sink is red");
    let components = &site.admin().status()["components"];
    let own = |component: &&serde_json::Value| component["name"] == "sink readings";
    let own = components.as_array().unwrap().iter().find(own).unwrap();
    own["reason"].as_str().unwrap().to_owned()
}

fn restart(rest: SocketAddr) {
    let url = format!("http://{rest}/connectors/readings/restart?includeTasks=true");
    let answer = ureq::post(&url).send_empty().expect("an answer");
    assert!(answer.status().is_success(), "{answer:?}");
}

/// What follows `CREATE TABLE` or `ALTER TABLE` in what was said, up to the end of the statement.
fn statement<'s>(said: &'s str, verb: &str) -> &'s str {
    let from = said.find(verb).unwrap_or_else(|| panic!("{said}"));
    let statement = &said[from..];
    &statement[..statement.find(';').unwrap_or(statement.len())]
}

/// Every `seq` of the table, sorted.
fn numbers(python: &Python) -> Vec<u64> {
    let rows = python.ask(&format!("SELECT seq FROM {KEYSPACE}.readings"));
    let mut numbers: Vec<u64> = rows.iter().map(|row| row[0].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_table_dropped_or_changed_while_rows_go_in_fails_the_task_says_what_to_run_and_loses_nothing() {
    let Some(python) = shared() else { return };
    let [rest] = free_addresses();
    let site = site(&python, KEYSPACE).set(format!("rest.listen={rest}"));
    let _server = site.start();
    publish_some(&site, 300);
    settled(&site, 300, 0);

    // Dropped: what it says to run makes it again, and the task goes on behind the last row.
    python.ask(&format!("DROP TABLE {KEYSPACE}.readings"));
    publish_some(&site, 300);
    let said = failed(&site);
    assert_eq!(number(&sink(&site), "written"), 300, "{said}");
    python.ask(statement(&said, "CREATE TABLE"));
    restart(rest);
    settled(&site, 600, 0);
    assert_eq!(numbers(&python), (300..600).collect::<Vec<u64>>());

    // Altered: a column more is nothing to it, one less is.
    python.ask(&format!("ALTER TABLE {KEYSPACE}.readings ADD note text"));
    publish_some(&site, 300);
    settled(&site, 900, 0);
    python.ask(&format!("ALTER TABLE {KEYSPACE}.readings DROP text"));
    publish_some(&site, 300);
    let said = failed(&site);
    python.ask(statement(&said, "ALTER TABLE"));
    restart(rest);
    settled(&site, 1_200, 0);
    assert_eq!(numbers(&python), (300..1_200).collect::<Vec<u64>>());

    // Made again with a column of another type.
    python.ask(&format!("DROP TABLE {KEYSPACE}.readings"));
    python.ask(&format!("CREATE TABLE {KEYSPACE}.readings {OTHER}"));
    publish_some(&site, 300);
    let said = failed(&site);
    assert!(
        said.contains("column `number` is int there and double here"),
        "{said}"
    );
    let held = sink(&site);
    assert_eq!(
        (number(&held, "written"), number(&held, "dead_lettered")),
        (1_200, 0),
        "{held}"
    );
    assert_eq!(numbers(&python), Vec::<u64>::new());
    python.ask(&format!("DROP TABLE {KEYSPACE}.readings"));
    restart(rest);
    let said = failed_again(&site);
    python.ask(statement(&said, "CREATE TABLE"));
    restart(rest);
    settled(&site, 1_500, 0);
    assert_eq!(numbers(&python), (1_200..1_500).collect::<Vec<u64>>());
    python.ask(&format!("DROP KEYSPACE {KEYSPACE}"));
}

/// The same once it says something else than the type.
fn failed_again(site: &Site) -> String {
    until_within(CATCH_UP, "it says that the table is missing", || {
        Some(failed(site)).filter(|said| said.contains("CREATE TABLE"))
    })
}
