use proptest::prelude::*;

use super::*;
use crate::kcql::{Argument, Column, Source};

fn one(text: &str) -> Statement {
    let (mut statements, _) =
        parse(text, Mode::Strict).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    assert_eq!(statements.len(), 1);
    statements.remove(0)
}

fn lenient(text: &str) -> (Statement, Vec<Warning>) {
    let (mut statements, warnings) =
        parse(text, Mode::Lenient).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    (statements.remove(0), warnings)
}

fn refused(text: &str) -> Vec<KcqlError> {
    parse(text, Mode::Strict).expect_err(text)
}

fn path(column: &Column) -> String {
    format!(
        "{}{}",
        column.path.join("."),
        if column.wildcard { ".*" } else { "" }
    )
}

fn clause_names(statement: &Statement) -> Vec<&'static str> {
    statement
        .clauses
        .iter()
        .map(|clause| clause.keyword.name())
        .collect()
}

#[test]
fn the_blogs_statement_is_read() {
    let statement = one("INSERT INTO temperature SELECT event_id, ts FROM temperature");
    assert_eq!(statement.verb, Verb::Insert);
    assert_eq!(statement.target.unwrap().text, "temperature");
    assert_eq!(statement.topic.text, "temperature");
    assert_eq!(
        statement.columns.iter().map(path).collect::<Vec<_>>(),
        ["event_id", "ts"]
    );
}

#[test]
fn the_specifications_examples_are_read() {
    let statement = one(
        "INSERT INTO readings SELECT deviceId AS device_id, ts, sensor.temp AS temp FROM iot TTL=86400",
    );
    assert_eq!(statement.ttl(), Some(86400));
    assert_eq!(
        statement.columns[0].alias.as_ref().unwrap().text,
        "device_id"
    );
    assert_eq!(path(&statement.columns[2]), "sensor.temp");
    assert!(one("INSERT INTO readings SELECT * FROM iot").selects_everything());
    assert!(!one("INSERT INTO t SELECT sensor.* FROM iot").selects_everything());
    assert!(one("INSERT INTO t SELECT id, loc.lat FROM x WITHSTRUCTURE").with_structure());
    let (both, _) = parse(
        "INSERT INTO a SELECT * FROM x;INSERT INTO b SELECT id,temp FROM x;\n",
        Mode::Strict,
    )
    .unwrap();
    assert_eq!(both.len(), 2);
    assert_eq!(both[1].span, Span { start: 30, end: 65 });
}

#[test]
fn every_verb_is_read() {
    assert_eq!(one("UPSERT INTO t SELECT * FROM x").verb, Verb::Upsert);
    assert_eq!(
        one("upsert pk id into t select * from x").verb,
        Verb::UpsertPk("id".to_owned())
    );
    let read = one("SELECT a FROM x IGNORE b, c PK a WITHSTRUCTURE LIMIT 5 TTL=1");
    assert_eq!(read.verb, Verb::Select);
    assert_eq!(read.target, None);
    assert_eq!(read.ignored.len(), 2);
    assert_eq!(clause_names(&read), ["PK", "WITHSTRUCTURE", "LIMIT", "TTL"]);
}

#[test]
fn keywords_are_all_lower_or_all_upper_case() {
    let errors = refused("Insert INTO t SELECT * FROM x");
    assert_eq!(errors[0].span, Span { start: 0, end: 6 });
    assert!(errors[0].help.as_ref().unwrap().contains("`INSERT`"));
    assert_eq!(
        one("INSERT INTO Insert SELECT From FROM Select").topic.text,
        "Select"
    );
}

#[test]
fn numbers_of_digits_are_no_names_and_the_longest_match_wins() {
    assert_eq!(
        refused("INSERT INTO 12 SELECT * FROM x")[0].span,
        Span { start: 12, end: 14 }
    );
    assert_eq!(one("INSERT INTO 12a SELECT * FROM 1-2").topic.text, "1-2");
    assert_eq!(
        path(&one("INSERT INTO t SELECT a@b FROM x").columns[0]),
        "a@b"
    );
    assert_eq!(one("INSERT INTO t SELECT * FROM a@b-c").topic.text, "a@b-c");
    assert_eq!(
        one("INSERT INTO t SELECT * FROM /a/+/{x}:y").topic.text,
        "/a/+/{x}:y"
    );
    assert_eq!(
        one("INSERT INTO t SELECT * FROM intoxicated").topic.text,
        "intoxicated"
    );
}

#[test]
fn backticks_hold_any_name_and_quotes_any_target() {
    let statement = one("INSERT INTO `ks.t` SELECT `now()` AS id, `a b`.`ttl` FROM `from`");
    assert_eq!(statement.target.unwrap().text, "ks.t");
    assert_eq!(path(&statement.columns[0]), "now()");
    assert_eq!(statement.columns[1].path, ["a b", "ttl"]);
    assert_eq!(statement.topic.text, "from");
    assert_eq!(
        one("INSERT INTO 'a b' SELECT * FROM 'c d'").topic.text,
        "c d"
    );
}

#[test]
fn every_keyword_is_reserved_in_both_cases() {
    for keyword in ClauseOrder::WRITE.keywords() {
        for name in [
            keyword.name().to_owned(),
            keyword.name().to_ascii_lowercase(),
        ] {
            let errors = refused(&format!("INSERT INTO t SELECT {name} FROM x"));
            assert!(
                errors[0].help.as_ref().unwrap().contains("backticks"),
                "{name}: {errors:?}"
            );
            assert_eq!(
                path(&one(&format!("INSERT INTO t SELECT `{name}` FROM x")).columns[0]),
                name
            );
        }
    }
}

#[test]
fn one_quoted_character_is_no_text() {
    let errors = refused("INSERT INTO t SELECT a AS 'x' FROM y");
    assert_eq!(errors[0].span, Span { start: 26, end: 29 });
    assert!(
        refused("INSERT INTO t SELECT * FROM x PROPERTIES('k'=1)")[0]
            .help
            .as_ref()
            .unwrap()
            .contains("delimiter")
    );
    let alias = one("INSERT INTO t SELECT a AS 'b c' FROM y")
        .columns
        .remove(0)
        .alias
        .unwrap();
    assert!(alias.quoted && alias.text == "b c");
    assert_eq!(
        one("INSERT INTO t SELECT * FROM x WITHKEY(a,b) KEYDELIMITER='|'").clauses[1].argument,
        Argument::Word("|".to_owned())
    );
}

#[test]
fn dropped_characters_are_named_with_their_place() {
    for (text, at) in [
        ("INSERT INTO t SELECT \"a\" FROM x", 21),
        ("INSERT INTO t SELECT a FROM x$", 29),
        ("INSERT INTO t SELECT a FROM x'", 29),
        ("INSERT INTO t SELECT a FROM `x", 28),
        ("INSERT INTO t SELECT ä FROM x", 21),
    ] {
        let errors = refused(text);
        assert_eq!(errors[0].span.start, at, "{text}");
        assert!(
            errors[0].message.contains("does not know the character"),
            "{text}"
        );
        assert!(errors[0].help.is_some());
    }
    let (statement, warnings) = lenient("INSERT INTO t SELECT \"a\" FROM x");
    assert_eq!(path(&statement.columns[0]), "a");
    assert_eq!(warnings.len(), 2);
}

#[test]
fn clauses_out_of_order_are_refused_with_the_right_order() {
    for (tail, at, help) in [
        (
            "TTL=5 WITHSTRUCTURE",
            6,
            "write `WITHSTRUCTURE` before `TTL`",
        ),
        ("TTL=10 BATCH=10", 7, "write `BATCH` before `TTL`"),
        ("LIMIT 5 TTL=5", 8, "write `TTL` before `LIMIT`"),
        ("TTL=5 TTL=6", 6, "`TTL` may stand only once"),
        (
            "PARTITIONBY a NOPARTITION",
            14,
            "write `NOPARTITION` before `PARTITIONBY`",
        ),
    ] {
        let text = format!("INSERT INTO t SELECT * FROM b {tail}");
        let errors = refused(&text);
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        assert_eq!(errors[0].span.start, 30 + at, "{text}");
        assert!(
            errors[0].help.as_ref().unwrap().contains(help),
            "{text}: {errors:?}"
        );
        assert!(
            errors[0]
                .help
                .as_ref()
                .unwrap()
                .contains("AUTOCREATE WITHSTRUCTURE PK")
        );
    }
}

#[test]
fn lenient_reading_loses_what_the_original_loses() {
    let tail = |tail: &str| lenient(&format!("INSERT INTO t SELECT * FROM b {tail}"));
    let (statement, warnings) = tail("TTL=5 WITHSTRUCTURE");
    assert_eq!(clause_names(&statement), ["TTL"]);
    assert_eq!(warnings.len(), 1);
    assert_eq!(clause_names(&tail("TTL=10 BATCH=10").0), ["TTL"]);
    assert_eq!(clause_names(&tail("LIMIT 5 TTL=5").0), ["LIMIT"]);
    let (statement, warnings) = tail("Ttl=5");
    assert_eq!(statement.topic.text, "bTtl");
    assert!(statement.clauses.is_empty() && !warnings.is_empty());
    assert_eq!(tail("WHERE x > 1").0.topic.text, "bWHEREx");
    assert_eq!(tail("-- note").0.topic.text, "b--note");
}

#[test]
fn glued_words_are_refused_and_say_what_to_do() {
    for (tail, help) in [
        ("Ttl=5", "`TTL`"),
        ("WHERE x > 1", "KCQL has no `WHERE`"),
        ("-- note", "KCQL has no comments"),
        ("c", "without white space"),
    ] {
        let errors = refused(&format!("INSERT INTO t SELECT * FROM b {tail}"));
        assert!(errors[0].message.contains("glued"), "{errors:?}");
        assert_eq!(errors[0].span.start, 28);
        assert!(
            errors[0].help.as_ref().unwrap().contains(help),
            "{errors:?}"
        );
    }
    assert_eq!(
        one("INSERT INTO ks.a-b.c SELECT * FROM x")
            .target
            .unwrap()
            .text,
        "ks.a-b.c"
    );
    assert!(
        refused("INSERT INTO \"a b\" SELECT * FROM x")
            .iter()
            .any(|error| error.message.contains("`ab`"))
    );
}

#[test]
fn all_write_clauses_in_their_order() {
    let statement = one(
        "INSERT INTO t SELECT * FROM x IGNORE a.b AUTOCREATE WITHSTRUCTURE PK a, b.c WITHTARGET = v.w AUTOEVOLVE \
         BATCH = 7 PARTITIONBY d WITHTIMESTAMP sys_time() TIMESTAMPUNIT=MILLISECONDS WITHFORMAT AVRO WITHUNWRAP \
         STOREAS `MAP` (k=v, l=2) WITHTAG (m, n=o, p AS q) INCREMENTALMODE = now WITHTYPE r WITHDOCTYPE=s \
         WITHINDEXSUFFIX=t1 TTL=8 WITHCONVERTER=`com.x.Y` WITHJMSSELECTOR=`a > 1` WITHKEY (u, v) KEYDELIMITER='.' \
         WITHPIPELINE=w WITHSUBSCRIPTION=x WITHREGEX=`y.*` LIMIT 9 PROPERTIES('ttl'=60, z='1 2', `p.q`=r)",
    );
    let expected: Vec<_> = ClauseOrder::WRITE
        .keywords()
        .map(Keyword::name)
        .filter(|name| *name != "NOPARTITION")
        .collect();
    assert_eq!(clause_names(&statement), expected);
    let argument = |keyword| statement.clause(keyword).unwrap().argument.clone();
    let pairs = |list: &[(&str, &str)]| {
        list.iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(argument(Keyword::Batch), Argument::Number(7));
    assert_eq!(
        argument(Keyword::WithTarget),
        Argument::Word("v.w".to_owned())
    );
    assert_eq!(
        argument(Keyword::Pk),
        Argument::Paths(vec![vec!["a".into()], vec!["b".into(), "c".into()]])
    );
    assert_eq!(
        argument(Keyword::StoreAs),
        Argument::Format("MAP".into(), pairs(&[("k", "v"), ("l", "2")]))
    );
    assert_eq!(
        argument(Keyword::WithTag),
        Argument::Pairs(pairs(&[("m", "m"), ("n", "o"), ("p", "q")]))
    );
    assert_eq!(
        argument(Keyword::WithJmsSelector),
        Argument::Word("a > 1".to_owned())
    );
    assert_eq!(
        statement.properties(),
        pairs(&[("ttl", "60"), ("z", "1 2"), ("p.q", "r")])
    );
    assert!(
        one("INSERT INTO t SELECT * FROM x NOPARTITION PROPERTIES()")
            .properties()
            .is_empty()
    );
}

#[test]
fn numbers_have_limits() {
    for tail in [
        "TTL=0",
        "BATCH=0",
        "LIMIT 0",
        "TTL=-1",
        "BATCH=99999999999",
        "TTL",
        "TTL 5",
        "LIMIT=5",
        "TTL='60'",
    ] {
        assert_eq!(
            refused(&format!("INSERT INTO t SELECT * FROM x {tail}")).len(),
            1,
            "{tail}"
        );
    }
    assert!(
        refused("INSERT INTO t SELECT * FROM x TIMESTAMPUNIT=FORTNIGHTS")[0]
            .help
            .as_ref()
            .unwrap()
            .contains("SECONDS")
    );
    assert!(
        refused("INSERT INTO t SELECT * FROM x PROPERTIES(ttl=60)")[0]
            .help
            .is_some()
    );
}

#[test]
fn paths_and_functions_that_nest_without_end_are_refused() {
    let path = |steps: usize| {
        let path = vec!["a"; steps].join(".");
        format!("INSERT INTO t SELECT {path} FROM x WITHSTRUCTURE")
    };
    assert_eq!(one(&path(128)).columns[0].path.len(), 128);
    let errors = refused(&path(100_000));
    assert!(errors[0].message.contains("128 steps"), "{errors:?}");
    let functions = format!("SELECT {} FROM x", "f(".repeat(100_000));
    let errors = refused(&functions);
    assert!(errors[0].message.contains("too deep"), "{errors:?}");
}

#[test]
fn functions_and_texts_are_left_out_with_a_warning() {
    let (statements, warnings) = parse(
        "INSERT INTO t SELECT now() AS id, f(a, g(*)), 'text' AS b, c FROM x",
        Mode::Strict,
    )
    .unwrap();
    assert_eq!(
        statements[0].columns.iter().map(path).collect::<Vec<_>>(),
        ["c"]
    );
    assert_eq!(
        warnings
            .iter()
            .map(|warning| warning.span.start)
            .collect::<Vec<_>>(),
        [21, 34, 46]
    );
    let deep = format!(
        "INSERT INTO t SELECT {}a{} FROM x",
        "f(".repeat(100_000),
        ")".repeat(100_000)
    );
    assert!(refused(&deep)[0].message.contains("deep"));
}

#[test]
fn a_field_selected_twice_is_refused_at_the_top_only() {
    let errors = refused("INSERT INTO t SELECT a AS x, b, a AS y FROM z");
    assert_eq!(errors[0].message, "Field a has already been defined");
    assert_eq!(errors[0].span, Span { start: 32, end: 38 });
    assert_eq!(refused("INSERT INTO t SELECT *, * FROM z").len(), 1);
    assert_eq!(
        one("INSERT INTO t SELECT a.b, a.b, _key.b, b FROM z")
            .columns
            .len(),
        4
    );
}

#[test]
fn prefixes_select_the_part_of_the_record() {
    let columns =
        one("INSERT INTO t SELECT _key.id, _header.h AS x, _value.v, _key, _key.* FROM z").columns;
    let found: Vec<_> = columns
        .iter()
        .map(|column| (column.source, path(column)))
        .collect();
    let expected = [
        (Source::Key, "id"),
        (Source::Header, "h"),
        (Source::Value, "v"),
        (Source::Key, ""),
        (Source::Key, ".*"),
    ];
    assert_eq!(
        found,
        expected.map(|(source, path)| (source, path.to_owned()))
    );
}

#[test]
fn scripts_are_cut_at_every_semicolon() {
    assert_eq!(
        parse("SELECT a FROM b;SELECT a FROM b; ;\n", Mode::Strict)
            .unwrap()
            .0
            .len(),
        2
    );
    for text in ["", " ;SELECT a FROM b", "SELECT a FROM b;;SELECT a FROM b"] {
        assert!(refused(text)[0].message.contains("empty"), "{text}");
    }
    let errors = refused("SELECT a FROM b;\nSELECT FROM b;SELECT a FROM 'c;d'");
    assert_eq!(
        errors[0]
            .span
            .line_and_column("SELECT a FROM b;\nSELECT FROM b"),
        (2, 8)
    );
    assert!(errors.len() > 2);
}

#[test]
fn incomplete_statements_say_what_is_missing() {
    for (text, what) in [
        ("INSERT", "`INTO`"),
        ("INSERT INTO t", "`SELECT`"),
        ("INSERT INTO t SELECT", "a column"),
        ("INSERT INTO t SELECT a.", "after `.`"),
        ("INSERT INTO t SELECT a", "`FROM`"),
        ("INSERT INTO t SELECT a FROM", "the name of a topic"),
        ("INSERT INTO t SELECT a AS FROM x", "a name after `AS`"),
    ] {
        assert!(
            refused(text)[0].message.contains(what),
            "{text}: {:?}",
            refused(text)
        );
    }
}

const WORDS: &[&str] = &[
    "INSERT",
    "INTO",
    "UPSERT",
    "SELECT",
    "FROM",
    "AS",
    "a",
    "b.c",
    "*",
    "a.*",
    ",",
    "TTL",
    "=",
    "5",
    "WITHSTRUCTURE",
    "(",
    ")",
    "'x'",
    "'xy'",
    "`k v`",
    "sys_time()",
    "PROPERTIES",
    "WITHTAG",
    "IGNORE",
    "PK",
    ";",
    "$",
    "'",
    "-",
    "STOREAS",
    "WITHTIMESTAMP",
    "\n",
    "é",
];

/// The clauses that can stand together, in order.
const CLAUSES: &[&str] = &[
    "AUTOCREATE",
    "WITHSTRUCTURE",
    "PK a",
    "BATCH=1",
    "NOPARTITION",
    "TTL=2",
    "LIMIT 3",
    "PROPERTIES(a1=b1)",
];

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        check_result(&text);
    }

    #[test]
    fn any_words_are_read_or_refused(words in prop::collection::vec(prop::sample::select(WORDS), 0..40), space in prop::bool::ANY) {
        check_result(&words.join(if space { " " } else { "" }));
    }

    #[test]
    fn only_one_order_of_clauses_is_read(order in Just((0..CLAUSES.len()).collect::<Vec<_>>()).prop_shuffle(), take in 1..=CLAUSES.len()) {
        let order: Vec<usize> = order.into_iter().take(take).collect();
        let tail: Vec<&str> = order.iter().map(|index| CLAUSES[*index]).collect();
        let text = format!("INSERT INTO t SELECT a FROM x {}", tail.join(" "));
        prop_assert_eq!(parse(&text, Mode::Strict).is_ok(), order.is_sorted());
        let rising = 1 + order.windows(2).take_while(|pair| pair[0] < pair[1]).count();
        prop_assert_eq!(lenient(&text).0.clauses.len(), rising);
    }
}

fn check_result(text: &str) {
    let strict = parse(text, Mode::Strict);
    match &strict {
        Ok((statements, _)) => assert!(!statements.is_empty()),
        Err(errors) => assert!(!errors.is_empty()),
    }
    for error in strict.err().unwrap_or_default() {
        assert!(
            text.get(error.span.start..error.span.end).is_some(),
            "{error:?} in {text:?}"
        );
    }
    if let Ok((_, warnings)) = parse(text, Mode::Lenient) {
        for warning in warnings {
            assert!(text.get(warning.span.start..warning.span.end).is_some());
        }
    }
}
