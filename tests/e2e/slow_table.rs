//! A table that does not answer stops offset commits, not acknowledgements.

use std::io::Write as _;
use std::process::{Command, Stdio};

use messina_e2e::outside::require;
use messina_e2e::patience::until;
use messina_e2e::server::Site;
use messina_e2e::wire::{Wire, publish};

#[test]
fn while_the_table_is_locked_publishes_are_acknowledged_and_afterwards_it_catches_up() {
    if require("sqlite3", "a table that does not answer").is_none() {
        return;
    }
    let site = Site::new();
    let _server = site.start();
    let admin = site.admin();
    let mut wire = Wire::connected(site.mqtt, 4, "device");
    let mut acknowledged = |id: u16| {
        wire.send(&publish(4, 1, id, "house/door", id.to_string().as_bytes()));
        assert_eq!(wire.frame().expect("a PUBACK").number(0), id);
    };
    acknowledged(1);
    until("the first row", || {
        (admin.count("SELECT count(*) FROM readings") == 1).then_some(())
    });

    // Another program holds the database's write lock.
    let mut sqlite = Command::new("sqlite3");
    let sqlite = sqlite
        .arg(site.data().join("tables.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut sqlite = sqlite.spawn().expect("sqlite3 starts");
    let mut shell = sqlite.stdin.take().unwrap();
    shell
        .write_all(b".timeout 10000\nBEGIN IMMEDIATE;\nSELECT 'locked';\n")
        .unwrap();
    let mut answer = [0; 6];
    std::io::Read::read_exact(sqlite.stdout.as_mut().unwrap(), &mut answer).unwrap();
    assert_eq!(&answer, b"locked");

    for id in 2..=50 {
        acknowledged(id);
    }
    assert_eq!(
        admin.count("SELECT count(*) FROM readings"),
        1,
        "the table is locked"
    );
    assert_eq!(admin.consume_all("readings").len(), 50, "the log grows");

    shell.write_all(b"COMMIT;\n").unwrap();
    drop(shell);
    sqlite.wait().unwrap();
    until("the sink catches up", || {
        (admin.count("SELECT count(*) FROM readings") == 50).then_some(())
    });
}
