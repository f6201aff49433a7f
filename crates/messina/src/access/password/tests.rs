//! Files made by other programs, and what is said of files that are wrong.

use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;
use crate::config::Source;

const MOSQUITTO: &str = include_str!("../../../../../testdata/access/mosquitto.passwd");
const ARGON2: &str = include_str!("../../../../../testdata/access/argon2.passwd");

fn file(text: &str) -> PasswordFile {
    PasswordFile::parse(&Source::new("passwords", text)).unwrap()
}

fn right(text: &str, user: &str, password: &str) -> bool {
    file(text).get(user).unwrap().verify(password.as_bytes())
}

#[test]
fn mosquittos_hashes_are_verified() {
    assert!(right(MOSQUITTO, "ada", "correct horse"));
    assert!(right(MOSQUITTO, "grace", "ünï¢ødé"));
    assert!(right(MOSQUITTO, "old", "battery staple"));
    for user in ["ada", "grace", "old"] {
        for wrong in ["", "Correct horse", "correct horse ", "battery stapl"] {
            assert!(!right(MOSQUITTO, user, wrong), "{user} {wrong}");
        }
    }
}

#[test]
fn argon2s_own_hashes_are_verified() {
    assert!(right(ARGON2, "phc", "correct horse"));
    assert!(right(ARGON2, "phc64", "battery staple"));
    assert!(!right(ARGON2, "phc", "battery staple"));
    assert!(!right(ARGON2, "phc64", ""));
}

#[test]
fn an_entry_of_ours_reads_back_with_its_scram_keys() {
    let entry = entry_for("ada", b"hunter2", NonZeroU32::new(4096)).unwrap();
    assert!(
        entry.starts_with("ada:$argon2id$v=19$m=19456,t=2,p=1$"),
        "{entry}"
    );
    assert!(!entry.contains("hunter2"));
    let file = file(&entry);
    let stored = file.get("ada").unwrap();
    assert!(stored.verify(b"hunter2") && !stored.verify(b"hunter3"));
    assert!(stored.scram().unwrap().verify(b"hunter2"));
    assert!(!stored.scram().unwrap().verify(b"hunter3"));
    assert_eq!(stored.weaknesses().count(), 0);
    assert!(
        entry_for("ada", b"hunter2", None).unwrap() != entry_for("ada", b"hunter2", None).unwrap()
    );
    for name in ["", "a:b", " a", "a\nb", "#a"] {
        assert_eq!(entry_for(name, b"x", None), None, "{name:?}");
    }
}

#[test]
fn keys_for_scram_alone_are_enough_for_a_password() {
    let entry = entry_for("ada", b"hunter2", NonZeroU32::new(4096)).unwrap();
    let keys = entry.split_once(":SCRAM").unwrap().1;
    let text = format!("ada:SCRAM{keys}");
    assert!(right(&text, "ada", "hunter2"));
    assert!(!right(&text, "ada", "hunter3"));
}

#[test]
fn weak_hashes_are_named() {
    let weak = |text: &str| -> Vec<String> {
        let warnings = file(text).warnings();
        warnings
            .into_iter()
            .map(|problem| problem.message)
            .collect()
    };
    let said = weak(MOSQUITTO);
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said[0].contains("`ada`") && said[0].contains("101 iterations"));
    assert!(said[2].contains("`old`") && said[2].contains("SHA-512"));
    assert_eq!(weak(ARGON2).len(), 1);
}

#[test]
fn problems_name_the_line_and_never_show_a_hash_or_password() {
    let text = "\
# users
ada:$7$101$osH+lEzK7JafDSA8$j97nkOuc0TK5
hunter2
grace:plain secret
ada:$8$x
:$6$x$y
old:$7$0$osH+lEzK7JafDSA8$AAAA
huge:$argon2id$v=19$m=9999999,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$L6c7kPn0Q0+pwt7HHxzhhB
";
    let problems = PasswordFile::parse(&Source::new("passwords", text)).unwrap_err();
    let shown = problems.to_string();
    for secret in ["osH", "hunter2", "plain secret", "$8$", "L6c7"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let lines: Vec<u32> = problems
        .iter()
        .map(|problem| problem.span.as_ref().unwrap().position().line)
        .collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 7, 8]);
    let parsed = PasswordFile::parse(&Source::new("passwords", MOSQUITTO)).unwrap();
    assert!(!format!("{parsed:?}").contains('$'));
}

#[test]
fn a_user_twice_is_an_error() {
    let text = format!("{MOSQUITTO}{MOSQUITTO}");
    let problems = PasswordFile::parse(&Source::new("passwords", text)).unwrap_err();
    assert!(problems.to_string().contains("`ada` is there twice"));
}

#[test]
fn a_user_that_does_not_exist_has_always_the_same_stand_in() {
    let file = file(MOSQUITTO);
    for name in ["eve", "mallory", ""] {
        let stand_in = file.stand_in(name).unwrap();
        assert!(file.stand_in(name) == Some(stand_in));
    }
    assert!(self::file("").stand_in("eve").is_none());
}

proptest! {
    #[test]
    fn parsing_never_panics(text in "(?s).{0,100}") {
        drop(PasswordFile::parse(&Source::new("passwords", text)));
    }

    #[test]
    fn hashes_that_look_right_never_panic(
        text in r"u:(\$(argon2id|6|7)(\$v=19)?(\$(m|t|p|,|=|[0-9]){0,12})?(\$[A-Za-z0-9+/=]{0,16}){0,3}|SCRAM-SHA-256\$[0-9:$a=]{0,20})"
    ) {
        drop(PasswordFile::parse(&Source::new("passwords", text)));
    }
}
