//! Starts that must not happen, and what they say.

use std::net::TcpListener;

use messina_e2e::server::Site;

#[test]
fn a_second_up_on_the_same_data_is_refused_and_says_why() {
    let site = Site::new();
    let server = site.start();
    let data = site.data();
    let other = Site::new();
    let output = other.up_on(&data).output().expect("the binary starts");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains(&*data.to_string_lossy()),
        "it names the directory: {said}"
    );
    assert!(
        said.contains(&format!("in use by another process ({})", server.pid())),
        "it names the reason: {said}"
    );
    assert!(site.admin().is_healthy(), "the first goes on");
}

#[test]
fn a_port_in_use_is_named_with_the_setting_that_changes_it() {
    for (setting, pick) in [("gateway.listen", 0), ("admin.listen", 1)] {
        let site = Site::new();
        let address = [site.mqtt, site.admin][pick];
        let _taken = TcpListener::bind(address).expect("the port is free");
        let (status, said) = site.refused();
        assert!(!status.success(), "{said}");
        assert!(
            said.contains(&address.to_string()),
            "it names the address: {said}"
        );
        assert!(said.contains(setting), "it names the setting: {said}");
    }
}

#[test]
fn every_mistake_of_a_configuration_is_shown_at_once() {
    let site = Site::new()
        .set("gateway.nonsense=1")
        .set("gateway.unmatched=\"perhaps\"");
    let (status, said) = site.refused();
    assert!(!status.success(), "{said}");
    assert!(said.contains("nonsense"), "{said}");
    assert!(said.contains("perhaps"), "{said}");
}
