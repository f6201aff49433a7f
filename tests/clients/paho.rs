//! Eclipse Paho's Python client: TCP, TLS, WebSocket, and what mosquitto's clients cannot ask for.
//!
//! The cases stand in `paho_cases.py`, which says of each that it held, and at the end how many there are.

use std::path::{Path, PathBuf};
use std::process::Command;

use messina_e2e::outside::skip;
use messina_e2e::server::Site;

use crate::house::House;

const PASSWORD: &str = "grey-heron-lifts-off";

/// Python with the client, as `cargo xtask services up paho` installs it.
fn python(test: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.services/paho");
    let python = folder.join("bin/python");
    if python.exists() {
        return Some(python);
    }
    skip(&format!(
        "{test}: it is not installed, see `cargo xtask services up paho`"
    ));
    None
}

/// Runs a set of cases; every one must have held.
fn run(python: &Path, house: &House, set: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/paho_cases.py");
    let mut command = Command::new(python);
    command.args([script, set]).arg(house.authority_file());
    for address in [
        house.plain.address,
        house.tls.address,
        house.web_socket,
        house.secure_web_socket,
    ] {
        command.arg(address.to_string());
    }
    let output = command.output().expect("Python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    let held = said
        .lines()
        .filter(|line| line.starts_with("held "))
        .count();
    let closing = format!("{held} cases held");
    assert!(held > 0 && said.trim_end().ends_with(&closing), "{said}");
}

#[test]
fn what_paho_can_ask_for_by_every_way_in_is_as_the_specification_says() {
    let Some(python) = python("Paho's client: everything but rights") else {
        return;
    };
    run(&python, &House::open(), "open");
}

#[test]
fn paho_is_told_what_it_may_not() {
    let Some(python) = python("Paho's client: rights") else {
        return;
    };
    let house = House::with(|folder, site| {
        let here = folder.path().display();
        let rules = "user ada\ntopic readwrite a/#\n";
        std::fs::write(folder.path().join("acl"), rules).unwrap();
        Site::passwd(&folder.path().join("passwords"), "ada", PASSWORD);
        site.set(format!("mqtt.access.password_file='{here}/passwords'"))
            .set(format!("mqtt.access.acl_file='{here}/acl'"))
    });
    run(&python, &house, "guarded");
    assert!(!house.site.said().contains(PASSWORD));
}
