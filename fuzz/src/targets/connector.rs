//! What a connector's options hold.

use messina_connect::config::{ConnectorConfig, Property};
use messina_connect::converter::JsonConverter;
use messina_connect::cql_type::CqlType;
use messina_connect::kcql::{self, AliasQuotes, Mode, Projection, RecordParts, Span, Statement};
use messina_connect::plan::Plan;
use messina_connect::value::Value;

use super::Target;

/// A KCQL script in the first line, a JSON record in the rest.
pub(super) const KCQL: Target = Target {
    name: "kcql",
    seeds: &[
        b"INSERT INTO readings SELECT deviceId AS device_id, ts, sensor.temp AS 'my temp' FROM iot TTL=86400\n{\"deviceId\":\"d\",\"ts\":1,\"sensor\":{\"temp\":2}}",
        b"INSERT INTO t SELECT *, a.b, a.*, _key.x, `now()` FROM `x y` WITHSTRUCTURE PK a, b.c PROPERTIES('ttl'=60)\n{\"a\":[{\"b\":1},{\"b\":null}],\"c\":{}}",
        b"UPSERT INTO ks.t SELECT f(a, g(*)), b FROM x IGNORE c STOREAS v (k=v) WITHTAG (a, b=c) KEYDELIMITER='|';SELECT * FROM y LIMIT 5\n{}",
    ],
    run: kcql,
};

/// A column's type as CQL writes it.
pub(super) const CQL_TYPE: Target = Target {
    name: "cql_type",
    seeds: &[
        b"map<text, frozen<list<tuple<int, uuid>>>>",
        b"vector<float, 3>",
    ],
    run: cql_type,
};

/// A connector's options, one `name=value` a line.
pub(super) const PLAN: Target = Target {
    name: "plan",
    seeds: &[
        b"topics=temperature\nconnect.cassandra.kcql=INSERT INTO temperature SELECT event_id, ts FROM temperature PK event_id TTL=60",
        b"topics=a,b\nvalue.converter=messina.Delimited\ntransforms=explode\ntransforms.explode.type=messina.Explode$Value\ntransforms.explode.field=readings",
        b"connector.class=com.datastax.oss.kafka.sink.CassandraSinkConnector\ntopics=t\ntopic.t.ks.tb.mapping=id=key, \"V\"=value.\"a.b\".c, __ttl=header.x, at=now()\ntopic.t.ks.tb.ttl=5",
        b"connector.class=io.lenses.streamreactor.connect.cassandra.CassandraSinkConnector\ntopics=t\nconnect.cassandra.kcql=INSERT INTO ks.t SELECT *, `now()` AS at FROM t PROPERTIES('ttl'='60')",
        b"connector.class=io.connect.scylladb.ScyllaDbSinkConnector\ntopics.regex=a.*\nscylladb.keyspace=ks\nscylladb.contact.points=h\ntopic.a.ks.a.mapping=id=key.id",
        b"connector.class=io.lenses.streamreactor.connect.cassandra.sink.CassandraSinkConnector\ntopics=t\nconnect.cassandra.contact.points=h\nconnect.cassandra.key.space=ks\nconnect.cassandra.kcql=INSERT INTO a SELECT * FROM t\nconnect.cassandra.delete.enabled=true\nconnect.cassandra.delete.statement=DELETE FROM a WHERE id = ?\nconnect.cassandra.delete.struct_flds=$['a'][0].b",
    ],
    run: plan,
};

fn kcql(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (script, record) = text.split_once('\n').unwrap_or((&text, "{}"));
    let strict = kcql::parse(script, Mode::Strict);
    let lenient = kcql::parse(script, Mode::Lenient);
    match &strict {
        Ok((statements, _)) => assert_eq!(
            Some(statements),
            lenient.as_ref().ok().map(|(statements, _)| statements),
            "strictness changes the meaning of a right script"
        ),
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a reason");
            for error in errors {
                assert_within(error.span, script);
            }
        }
    }
    let value = JsonConverter::new(false)
        .read(record.as_bytes())
        .map_or(Value::Null, |(_, value)| value);
    if let Ok((statements, warnings)) = lenient {
        for warning in warnings {
            assert_within(warning.span, script);
        }
        for statement in &statements {
            project(statement, &value);
        }
    }
}

fn assert_within(span: Span, text: &str) {
    assert!(
        text.get(span.start..span.end).is_some(),
        "{span:?} is not a piece of the text"
    );
}

fn project(statement: &Statement, value: &Value) {
    let Ok(projection) = Projection::compile(statement, AliasQuotes::Keep) else {
        return;
    };
    let parts = RecordParts {
        key: value,
        value,
        headers: value,
    };
    let mut outputs = 0;
    if projection.project(parts, |_, _| outputs += 1).is_ok() && !projection.has_wildcard() {
        assert!(
            outputs <= projection.names().len(),
            "more outputs than names"
        );
    }
}

fn cql_type(bytes: &[u8]) {
    if let Ok(parsed) = CqlType::parse(&String::from_utf8_lossy(bytes)) {
        let again = CqlType::parse(&parsed.to_string());
        assert_eq!(again.ok(), Some(parsed), "another type comes back");
    }
}

fn plan(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut config = ConnectorConfig::new("fuzz");
    for (option, value) in text.lines().filter_map(|line| line.split_once('=')) {
        config.set(option, Property::from(value));
    }
    if let Err(problems) = Plan::compile(&config, &|_| None) {
        assert!(!problems.is_empty(), "refused without a reason");
    }
    if let Err(problems) = Plan::outline(&config) {
        assert!(!problems.is_empty(), "refused without a reason");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_right() {
        for seed in KCQL.seeds {
            let text = String::from_utf8_lossy(seed);
            let (script, record) = text.split_once('\n').unwrap();
            kcql::parse(script, Mode::Strict).unwrap();
            JsonConverter::new(false).read(record.as_bytes()).unwrap();
        }
        for seed in CQL_TYPE.seeds {
            CqlType::parse(&String::from_utf8_lossy(seed)).unwrap();
        }
    }
}
