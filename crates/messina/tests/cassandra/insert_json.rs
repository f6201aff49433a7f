//! What our bound rows are beside the server's own `INSERT ... JSON` of the same record: the same row, or both refused.

use std::sync::Arc;

use bytes::Bytes;
use messina::config::{Inputs, Source, load_text};
use messina::table::Table as _;
use messina::table::cql::{CqlTable, TableClient};
use messina_connect::config::ConnectorConfig;
use messina_connect::plan::{Keyspace, Outcome, Plan};
use messina_connect::record::SinkRecord;
use serde_json::Value;

use crate::place::Place;

/// What comes of a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcomes {
    /// The same value from both.
    Same,
    /// Neither takes it.
    Neither,
    /// We take it and Cassandra does not, but ScyllaDB (whole numbers with a point, timestamps that fit 32 bits, blanks
    /// around a boolean, tuples that end early, fields of a type by their exact name); or the JSON converter has
    /// wrapped an integer beyond 64 bits, as Kafka Connect's does.
    OnlyWe,
    /// Cassandra takes it and we do not: an empty text as an empty value, which reads as nothing; an address by its
    /// name, as that would ask somebody else; an hour that is the next day's.
    OnlyServer,
    /// Both take it, as different values: an integer beyond 64 bits that the JSON converter has wrapped, as Kafka
    /// Connect's does.
    Different,
}

use Outcomes::{Different, Neither, OnlyServer, OnlyWe, Same};

/// A type, a literal of JSON, and what comes of it.
type Case = (&'static str, &'static str, Outcomes);

const CASES: &[Case] = &[
    ("ascii", r#""plain""#, Same),
    ("ascii", r#""é""#, Neither),
    ("ascii", "1", Neither),
    ("text", r#""Grüße""#, Same),
    ("text", r#""""#, Same),
    ("text", "1", Neither),
    ("text", "true", Neither),
    ("text", "{}", Neither),
    ("text", "[1]", Neither),
    ("text", "null", Same),
    ("tinyint", "127", Same),
    ("tinyint", "-128", Same),
    ("tinyint", "128", Neither),
    ("tinyint", r#""5""#, Same),
    ("tinyint", "1.0", OnlyWe),
    ("tinyint", "1.5", Neither),
    ("smallint", "32767", Same),
    ("smallint", "32768", Neither),
    ("smallint", r#""-7""#, Same),
    ("int", "2147483647", Same),
    ("int", "2147483648", Neither),
    ("int", "12.0", OnlyWe),
    ("int", "1.3e8", OnlyWe),
    ("int", r#""42""#, Same),
    ("int", r#"" 42""#, Neither),
    ("int", r#""+42""#, Same),
    ("int", r#""x""#, Neither),
    ("int", r#""""#, OnlyServer),
    ("int", "true", Neither),
    ("int", "[1]", Neither),
    ("bigint", "9223372036854775807", Same),
    ("bigint", "9223372036854775808", OnlyWe),
    ("bigint", "12.0", OnlyWe),
    ("bigint", r#""42""#, Same),
    ("bigint", "1", Same),
    ("varint", "123456789012345678901", Different),
    ("varint", r#""123456789012345678901""#, Same),
    ("varint", "1.0", Neither),
    ("varint", r#""1.0""#, Neither),
    ("varint", "1", Same),
    ("varint", "true", Neither),
    ("float", "1", Same),
    ("float", "1.5", Same),
    ("float", "0.1", Same),
    ("float", "1e39", Same),
    ("float", r#""2.5""#, Same),
    ("float", r#""NaN""#, Same),
    ("float", r#""x""#, Neither),
    ("float", "true", Neither),
    ("double", "1", Same),
    ("double", "0.1", Same),
    ("double", "1e308", Same),
    ("double", r#""2.5""#, Same),
    ("double", r#""NaN""#, Same),
    ("double", r#""Infinity""#, Same),
    ("double", r#""x""#, Neither),
    ("double", "9223372036854775807", Same),
    ("decimal", "1.5", Same),
    ("decimal", "1.50", Same),
    ("decimal", "12", Same),
    ("decimal", "1e3", Same),
    ("decimal", "0.1", Same),
    ("decimal", r#""1.50""#, Same),
    ("decimal", r#""-1e3""#, Same),
    ("decimal", r#""x""#, Neither),
    ("decimal", "true", Neither),
    ("boolean", "true", Same),
    ("boolean", r#""true""#, Same),
    ("boolean", r#""TRUE""#, Same),
    ("boolean", r#"" False ""#, OnlyWe),
    ("boolean", r#""yes""#, Neither),
    ("boolean", "1", Neither),
    ("timestamp", "1700000000000", Same),
    ("timestamp", "1700000000", OnlyWe),
    ("timestamp", r#""1700000000000""#, Same),
    ("timestamp", r#""1700000000""#, Same),
    ("timestamp", r#""2024-05-01""#, Same),
    ("timestamp", r#""2024-05-01T12:30""#, Same),
    ("timestamp", r#""2024-05-01 12:30:15""#, Same),
    ("timestamp", r#""2024-05-01T12:30:15.5Z""#, Same),
    ("timestamp", r#""2024-05-01T12:30:15.123Z""#, Same),
    ("timestamp", r#""2024-05-01T12:30:15.123+02:00""#, Same),
    ("timestamp", r#""2024-05-01T12:30:15.123+0200""#, Same),
    ("timestamp", r#""2024-05-01T12:30:15+02""#, Same),
    ("timestamp", r#""2024-05-01T12:30:15.123456Z""#, Same),
    ("timestamp", r#""2024-13-01""#, Neither),
    ("timestamp", r#""yesterday""#, Neither),
    ("timestamp", "1.5", Neither),
    ("timestamp", "true", Neither),
    ("date", r#""2024-05-01""#, Same),
    ("date", r#""1969-12-31""#, Same),
    ("date", r#""2147483649""#, Same),
    ("date", r#""2024-02-30""#, Neither),
    ("date", r#""2024-5-1""#, Neither),
    ("date", "19000", Neither),
    ("date", r#""2024-05-01T00:00:00.000Z""#, Neither),
    ("time", r#""12:30:15""#, Same),
    ("time", r#""12:30:15.123456789""#, Same),
    ("time", r#""45015000000000""#, Same),
    ("time", r#""12:30""#, Neither),
    ("time", r#""24:00:00""#, Neither),
    ("time", r#""12:30:15.123+0000""#, Neither),
    ("time", "1", Neither),
    ("uuid", r#""f47ac10b-58cc-4372-a567-0e02b2c3d479""#, Same),
    ("uuid", r#""F47AC10B-58CC-4372-A567-0E02B2C3D479""#, Same),
    ("uuid", r#""f47ac10b58cc4372a5670e02b2c3d479""#, Neither),
    (
        "uuid",
        r#""{f47ac10b-58cc-4372-a567-0e02b2c3d479}""#,
        Neither,
    ),
    ("uuid", r#""nope""#, Neither),
    ("uuid", "1", Neither),
    (
        "timeuuid",
        r#""5f3dbdb0-0b5c-11ef-9d2a-0242ac120002""#,
        Same,
    ),
    (
        "timeuuid",
        r#""f47ac10b-58cc-4372-a567-0e02b2c3d479""#,
        Neither,
    ),
    ("inet", r#""10.1.2.3""#, Same),
    ("inet", r#""2001:db8::1""#, Same),
    ("inet", r#""::ffff:10.1.2.3""#, Same),
    ("inet", r#""300.1.1.1""#, Neither),
    ("inet", "1", Neither),
    ("duration", r#""1y2mo3w4d5h6m7s8ms9us10ns""#, Same),
    ("duration", r#""-1d12h""#, Same),
    ("duration", r#""P1Y2M3DT4H5M6S""#, Same),
    ("duration", r#""P3W""#, Same),
    ("duration", r#""1x""#, Neither),
    ("duration", "1", Neither),
    ("blob", r#""0xCAfe""#, Same),
    ("blob", r#""0x""#, Same),
    ("blob", r#""yv4=""#, Neither),
    ("blob", r#""0xabc""#, Neither),
    ("blob", r#""cafe""#, Neither),
    ("blob", "1", Neither),
    ("list<int>", "[3,1,3]", Same),
    ("list<int>", "[]", Same),
    ("list<int>", "[1,null]", Neither),
    ("list<int>", r#"["1"]"#, Same),
    ("list<int>", r#""[1]""#, Same),
    ("list<int>", "1", Neither),
    ("list<int>", "{}", Neither),
    ("set<text>", r#"["b","a","b"]"#, Same),
    ("set<text>", "[1]", Neither),
    ("set<text>", "[null]", Neither),
    ("map<text, int>", r#"{"b":2,"a":1}"#, Same),
    ("map<text, int>", r#"{"a":null}"#, Neither),
    ("map<text, int>", "{}", Same),
    ("map<text, int>", "[1]", Neither),
    ("map<int, text>", r#"{"1":"a"}"#, Same),
    ("map<int, text>", r#"{"x":"a"}"#, Neither),
    ("map<frozen<list<int>>, boolean>", r#"{"[1]":true}"#, Same),
    ("map<date, int>", r#"{"2024-05-01":1}"#, Same),
    ("tuple<int, text>", r#"[1,"x"]"#, Same),
    ("tuple<int, text>", "[1]", OnlyWe),
    ("tuple<int, text>", "[1,null]", Same),
    ("tuple<int, text>", r#"[1,"x",2]"#, Neither),
    ("tuple<int, text>", "1", Neither),
    ("vector<float, 2>", "[1.5,2]", Same),
    ("vector<float, 2>", "[1.5]", Neither),
    ("vector<float, 2>", "[1.5,null]", Neither),
    ("frozen<place>", r#"{"lat":1.5,"\"Lon\"":2}"#, Same),
    ("frozen<place>", r#"{"lat":null}"#, Same),
    ("frozen<place>", "{}", Same),
    ("frozen<place>", r#"{"LAT":1}"#, Same),
    ("frozen<place>", r#"{"lon":1}"#, Neither),
    ("frozen<place>", r#"{"Lon":1}"#, OnlyWe),
    ("frozen<place>", r#"{"alt":1}"#, Neither),
    ("frozen<place>", "[1]", Neither),
    ("list<frozen<place>>", r#"[{"lat":1},{"lat":2}]"#, Same),
    ("tuple<int, text>", r#""[1,null]""#, Same),
    ("frozen<place>", r#""{\"lat\":1}""#, Same),
    ("map<text, int>", r#""{\"a\":1}""#, Same),
    ("vector<float, 2>", r#""[1,2]""#, Same),
    ("list<int>", r#""x""#, Neither),
    ("int", r#""1e3""#, Neither),
    ("int", r#""1.0""#, Neither),
    ("bigint", r#""""#, OnlyServer),
    ("varint", r#""""#, Neither),
    ("double", r#""""#, OnlyServer),
    ("double", r#"" 2.5 ""#, Same),
    ("double", r#""1d""#, Same),
    ("double", r#""0x1p3""#, Same),
    ("double", r#""inf""#, Neither),
    ("float", r#""nan""#, Neither),
    ("float", r#""1f""#, Same),
    ("decimal", r#""""#, OnlyServer),
    ("decimal", r#"" 1 ""#, Neither),
    ("decimal", r#"".5""#, Same),
    ("decimal", r#""5.""#, Same),
    ("decimal", "1e21", Same),
    ("decimal", "1e-7", Same),
    ("decimal", "123456789.125", Same),
    ("boolean", r#""""#, OnlyServer),
    ("timestamp", r#""""#, OnlyServer),
    ("timestamp", r#"" 2024-05-01 ""#, Neither),
    ("timestamp", r#""2024-5-1""#, Neither),
    ("timestamp", "-1", OnlyWe),
    ("timestamp", "-1700000000000", Same),
    ("timestamp", r#""2024-05-01T24:00:00Z""#, OnlyServer),
    ("timestamp", r#""2024-05-01T12:30:15.1Z""#, Same),
    ("timestamp", r#""2024-05-01T12:30:15.12Z""#, Same),
    ("timestamp", r#""2024-05-01T12:30:15.1234Z""#, Same),
    ("timestamp", r#""2024-05-01 12:30+0100""#, Same),
    ("timestamp", r#""2024-05-01T12:30:15 +0100""#, Same),
    ("timestamp", r#""1700000000000.0""#, Neither),
    ("date", r#"" 2024-05-01""#, Neither),
    ("date", r#""0001-01-01""#, Same),
    ("date", r#""-5""#, Neither),
    ("date", r#""4294967296""#, Neither),
    ("time", r#""1:02:03""#, Same),
    ("time", r#""12:30:15.""#, Neither),
    ("time", r#""12:30:15.1234567891""#, Neither),
    ("time", r#""86400000000000""#, Neither),
    ("inet", r#""""#, OnlyServer),
    ("inet", r#""10.1""#, OnlyServer),
    ("inet", r#""localhost""#, OnlyServer),
    ("uuid", r#""""#, OnlyServer),
    ("blob", r#""0XCAFE""#, Neither),
    ("blob", r#""""#, Neither),
    ("duration", r#""""#, OnlyServer),
    ("duration", r#""1Y2MO""#, Same),
    ("duration", r#""1h1h""#, Neither),
    ("duration", r#""1h1d""#, Neither),
    ("duration", r#""P1Y-2M""#, Neither),
    ("duration", r#""P0001-02-03T04:05:06""#, Same),
    ("duration", r#""-P1D""#, Same),
    ("duration", r#""1us2ns""#, Same),
    ("ascii", r#""""#, Same),
    ("set<text>", r#"{"a":1}"#, Neither),
    ("map<boolean, int>", r#"{"true":1}"#, Same),
    ("map<blob, int>", r#"{"0x01":1}"#, Same),
    ("map<double, int>", r#"{"1.5":1}"#, Same),
    ("map<timestamp, int>", r#"{"2024-05-01":1}"#, Same),
    ("map<timestamp, int>", r#"{"1700000000":1}"#, Same),
    (
        "map<uuid, int>",
        r#"{"f47ac10b-58cc-4372-a567-0e02b2c3d479":1}"#,
        Same,
    ),
    ("map<inet, int>", r#"{"10.0.0.1":1}"#, Same),
    ("map<frozen<place>, int>", r#"{"{\"lat\":1}":1}"#, Same),
];

/// A column for each type, and the names of the types in the same order.
fn columns() -> (Vec<&'static str>, String) {
    let mut types: Vec<&str> = Vec::new();
    for (cql_type, _, _) in CASES {
        if !types.contains(cql_type) {
            types.push(cql_type);
        }
    }
    let numbered = types.iter().enumerate();
    let columns: Vec<String> = numbered
        .map(|(index, own)| format!("c{index} {own}"))
        .collect();
    (types, columns.join(", "))
}

/// Our way: a record through the plan of a classic sink into the table.
struct Bound {
    plan: Plan,
    table: CqlTable,
}

impl Bound {
    async fn new(place: &Place) -> Self {
        let at = format!("{}:{}", place.host, place.port);
        let text = format!(
            "[cql]\ncontact_points = \"{at}\"\nkeyspace = \"{}\"\n",
            place.keyspace
        );
        let config = load_text(Some(&Source::new("test", text)), &Inputs::default());
        let client = TableClient::connect(config.unwrap().config.cql.as_ref().unwrap())
            .await
            .unwrap();
        let tables = client.tables(&place.keyspace).await.unwrap();
        let keyspace = Keyspace {
            name: &place.keyspace,
            tables: &tables,
            deletes: None,
            queries: &[],
        };
        let config = ConnectorConfig::of(
            "json",
            &[
                (
                    "connector.class",
                    "io.lenses.streamreactor.connect.cassandra.sink.CassandraSinkConnector",
                ),
                ("topics", "t"),
                (
                    "connect.cassandra.kcql",
                    "INSERT INTO types SELECT * FROM t",
                ),
                ("connect.cassandra.default.value", "UNSET"),
            ],
        );
        let plan = Plan::compile_on(&config, &keyspace).unwrap();
        let table = CqlTable::described(&client, &plan.tables()[0])
            .await
            .unwrap();
        Self { plan, table }
    }

    async fn write(&self, json: &str) -> Result<(), String> {
        let value = Bytes::copy_from_slice(json.as_bytes());
        let record = SinkRecord {
            topic: "t",
            partition: 0,
            offset: 0,
            timestamp: Some(1_700_000_000_000),
            key: None,
            value: Some(&value),
            headers: &[],
        };
        let mut rows = Vec::new();
        if let Outcome::Rejected(error) = self.plan.apply(&record, &mut rows) {
            return Err(error.message);
        }
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        let written = self.table.write(Arc::new(rows)).await;
        written.map_err(|error| error.to_string())
    }
}

async fn outcome(
    place: &Place,
    bound: &Bound,
    case: usize,
    column: usize,
    literal: &str,
) -> (Outcomes, String) {
    let json = |key: &str| format!("{{\"k\":\"{key}{case}\",\"c{column}\":{literal}}}");
    let own = bound.write(&json("own")).await;
    let theirs = json("server").replace('\'', "''");
    let theirs = place
        .try_run(&format!(
            "INSERT INTO KS.types JSON '{theirs}' DEFAULT UNSET"
        ))
        .await;
    let theirs = theirs.map_err(|error| error.to_string());
    let shown = format!("{own:?} / {theirs:?}");
    match (&own, &theirs) {
        (Err(_), Err(_)) => return (Neither, shown),
        (Ok(()), Err(_)) => return (OnlyWe, shown),
        (Err(_), Ok(())) => return (OnlyServer, shown),
        (Ok(()), Ok(())) => {}
    }
    let read = |key: &str| format!("SELECT JSON c{column} FROM KS.types WHERE k = '{key}{case}'");
    let (own, theirs) = (
        place.rows(&read("own")).await,
        place.rows(&read("server")).await,
    );
    let shown = format!(
        "{} / {}",
        Value::Array(own.clone()),
        Value::Array(theirs.clone())
    );
    (if own == theirs { Same } else { Different }, shown)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_row_is_what_the_servers_own_json_insert_leaves_or_both_refuse() {
    let Some(place) = Place::new("json").await else {
        return;
    };
    place
        .run("CREATE TYPE KS.place (lat double, \"Lon\" double)")
        .await;
    let (types, columns) = columns();
    place
        .run(&format!(
            "CREATE TABLE KS.types (k text PRIMARY KEY, {columns})"
        ))
        .await;
    let bound = Bound::new(&place).await;
    let mut wrong = Vec::new();
    for (number, (cql_type, literal, expected)) in CASES.iter().enumerate() {
        let column = types.iter().position(|own| own == cql_type).unwrap();
        let (found, shown) = outcome(&place, &bound, number, column, literal).await;
        if found != *expected {
            wrong.push(format!(
                "{cql_type} {literal}: {found:?}, not {expected:?}: {shown}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        CASES.len(),
        wrong.join("\n")
    );
}
