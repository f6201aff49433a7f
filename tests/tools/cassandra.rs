//! `messina query` where the tables are Cassandra's; Python's driver has written what is read.

use messina_e2e::cassandra::{Python, SHARED, shared};
use serde_json::{Value, json};

use crate::house::House;

const TYPES: &str = "
    id int PRIMARY KEY, ascii_ ascii, bigint_ bigint, blob_ blob, boolean_ boolean, date_ date, decimal_ decimal,
    double_ double, duration_ duration, float_ float, inet_ inet, smallint_ smallint, text_ text, time_ time,
    timestamp_ timestamp, timeuuid_ timeuuid, tinyint_ tinyint, uuid_ uuid, varint_ varint, list_ list<int>,
    set_ set<text>, map_ map<text, double>, pairs_ map<int, boolean>, tuple_ tuple<int, text>, place_ frozen<place>,
    vector_ vector<float, 3>, nothing_ text";

const VALUES: &str = "
    1, 'ascii', 9007199254740993, 0x00ff, true, '2024-02-29', 1.10, 2.5, 1mo2d3ns, 0.1, '::1', -7, 'it''s, \"quoted\"',
    '08:12:54.123456789', '1970-01-01T00:00:01.500Z', 50554d6e-29bb-11e5-b345-feff819cdc9f, -1,
    123e4567-e89b-12d3-a456-426614174000, 170141183460469231731687303715884105728, [1, 2], {'b', 'a'}, {'x': 0.5},
    {1: true}, (1, 'one'), {lat: 38.19, name: 'Messina'}, [1.5, 2.5, 3.5], null";

/// Runs a statement with Python's driver.
fn run(statement: &str) {
    Python::at(SHARED).ask(statement);
}

/// A keyspace of its own, dropped in the end; none, aloud, where there is no Cassandra.
struct Keyspace(String);

impl Keyspace {
    fn new(test: &str) -> Option<Self> {
        shared(&format!("queries in Cassandra: {test}"))?;
        let name = format!("messina_tools_{test}_{}", std::process::id());
        run(&format!(
            "CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
        ));
        Some(Self(name))
    }

    fn house(&self) -> House {
        House::new(&format!(
            "[cql]\ncontact_points = [\"{SHARED}\"]\nkeyspace = \"{}\"\n\
             replication = \"1\"\n",
            self.0
        ))
    }
}

impl Drop for Keyspace {
    fn drop(&mut self) {
        run(&format!("DROP KEYSPACE {}", self.0));
    }
}

/// Who asks: `messina query` with its options.
struct Asking<'a> {
    house: &'a House,
    query: &'a [&'a str],
}

impl Asking<'_> {
    fn query(&self, arguments: &[&str]) -> String {
        self.house.ok(&[self.query, arguments].concat())
    }

    fn refused(&self, arguments: &[&str]) -> String {
        self.house.refused(&[self.query, arguments].concat())
    }
}

fn every_type(asking: &Asking<'_>) {
    let row = asking.query(&["--json", "SELECT * FROM types"]);
    let row: Value = serde_json::from_str(&row).expect("JSON");
    let expected = json!({
        "id": 1, "ascii_": "ascii", "bigint_": 9_007_199_254_740_993_i64, "blob_": "0x00ff", "boolean_": true,
        "date_": "2024-02-29", "decimal_": "1.10", "double_": 2.5, "duration_": "1mo2d3ns", "float_": 0.1,
        "inet_": "::1", "smallint_": -7, "text_": "it's, \"quoted\"", "time_": "08:12:54.123456789",
        "timestamp_": 1_500, "timeuuid_": "50554d6e-29bb-11e5-b345-feff819cdc9f", "tinyint_": -1,
        "uuid_": "123e4567-e89b-12d3-a456-426614174000", "varint_": "170141183460469231731687303715884105728",
        "list_": [1, 2], "set_": ["a", "b"], "map_": {"x": 0.5}, "pairs_": [[1, true]], "tuple_": [1, "one"],
        "place_": {"lat": 38.19, "name": "Messina"}, "vector_": [1.5, 2.5, 3.5], "nothing_": null,
    });
    assert_eq!(row, expected);

    let some = "SELECT id, timestamp_, text_, list_, place_, nothing_ FROM types";
    assert_eq!(
        asking.query(&["--format", "csv", some]),
        "id,timestamp_,text_,list_,place_,nothing_\n\
         1,1970-01-01T00:00:01.500Z,\"it's, \"\"quoted\"\"\",\"[1,2]\",\"{\"\"lat\"\":38.19,\"\"name\"\":\"\"Messina\"\"}\",\n"
    );
    let table = asking.query(&["SELECT id, timestamp_ FROM types"]);
    assert_eq!(table, "id  timestamp_\n 1  1970-01-01T00:00:01.500Z\n");
}

fn pages_and_limits(asking: &Asking<'_>, keyspace: &str) {
    let all = asking.query(&["--format", "csv", "SELECT part, n FROM many"]);
    let mut rows: Vec<&str> = all.lines().skip(1).collect();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), 2_500);
    let limited = &["--max-rows", "1500", "SELECT * FROM many"];
    let limited = asking.house.run(&[asking.query, limited].concat());
    assert_eq!(limited.status.code(), Some(1));
    let shown = String::from_utf8_lossy(&limited.stdout);
    assert_eq!(shown.lines().count(), 1_501);
    let said = String::from_utf8_lossy(&limited.stderr);
    assert!(said.contains("more rows than the 1500 shown"), "{said}");

    for statement in [
        "INSERT INTO many (part, n) VALUES (1, 99999)",
        "TRUNCATE many",
        "/* SELECT */ DROP TABLE many",
    ] {
        let refused = asking.refused(&[statement]);
        assert!(
            refused.contains("only SELECT can be asked here"),
            "{refused}"
        );
        assert!(refused.contains("cqlsh 127.0.0.1 19042"), "{refused}");
    }
    let wrong = asking.refused(&["SELECT nobody FROM many"]);
    assert!(wrong.contains("nobody"), "{wrong}");
    let count = asking.query(&["--json", "SELECT count(*) FROM many"]);
    assert_eq!(count, "{\"count\":2500}\n");
    // A keyspace may be named, too.
    let named = format!("SELECT count(*) FROM {keyspace}.types");
    assert_eq!(asking.query(&["--json", &named]), "{\"count\":1}\n");
}

#[test]
fn a_select_reads_every_type_page_by_page_and_nothing_else_is_run() {
    let Some(keyspace) = Keyspace::new("query") else {
        return;
    };
    let own = &keyspace.0;
    run(&format!("CREATE TYPE {own}.place (lat double, name text)"));
    run(&format!("CREATE TABLE {own}.types ({TYPES})"));
    let columns: Vec<&str> = TYPES.split(", ").collect();
    let columns: Vec<&str> = columns
        .iter()
        .flat_map(|part| part.split(",\n"))
        .filter_map(|part| part.split_whitespace().next())
        .filter(|word| *word == "id" || word.ends_with('_'))
        .collect();
    run(&format!(
        "INSERT INTO {own}.types ({}) VALUES ({VALUES})",
        columns.join(", ")
    ));
    run(&format!(
        "CREATE TABLE {own}.many (part int, n int, PRIMARY KEY (part, n))"
    ));
    for part in 0..5 {
        let rows: Vec<String> = (0..500)
            .map(|n| format!("INSERT INTO {own}.many (part, n) VALUES ({part}, {n});"))
            .collect();
        let rows = rows.concat();
        run(&format!("BEGIN UNLOGGED BATCH {rows} APPLY BATCH"));
    }

    // Without a process, and through one.
    let house = keyspace.house();
    let ask = |query: &[&str]| {
        let asking = Asking {
            house: &house,
            query,
        };
        every_type(&asking);
        pages_and_limits(&asking, own);
    };
    ask(&["query"]);
    let _up = house.start("up");
    let status = house.ok(&["status"]);
    assert!(
        status.contains("tables in CQL at 127.0.0.1:19042"),
        "{status}"
    );
    ask(&["query", "--admin", &house.admin()]);
}

#[test]
fn a_process_beside_that_has_other_tables_is_not_asked() {
    let Some(keyspace) = Keyspace::new("beside") else {
        return;
    };
    let own = &keyspace.0;
    run(&format!("CREATE TABLE {own}.things (id int PRIMARY KEY)"));
    run(&format!("INSERT INTO {own}.things (id) VALUES (7)"));
    let house = keyspace.house();
    let embedded = House::new("");
    let _up = embedded.start("up");
    let admin = format!("admin.listen=\"{}\"", embedded.admin());
    let rows = house.ok(&["query", "--set", &admin, "--json", "SELECT id FROM things"]);
    assert_eq!(rows, "{\"id\":7}\n");
}

#[test]
fn a_cluster_that_is_away_is_named() {
    let house = House::new("[cql]\ncontact_points = [\"127.0.0.1:1\"]\nkeyspace = \"k\"\n");
    let refused = house.refused(&["query", "SELECT * FROM t"]);
    assert!(
        refused.contains("cannot connect to CQL at 127.0.0.1:1"),
        "{refused}"
    );
}
