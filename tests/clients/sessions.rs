//! Sessions of mosquitto's clients: which outlive a connection, what waits in them, and what a crash leaves.

use messina_e2e::outside::require;

use crate::house::House;

/// A kind of session: the arguments that ask for it, and whether it is there when the client comes back.
const KINDS: [(&str, &[&str], bool); 6] = [
    ("clean-3", &["-V", "mqttv311"], false),
    ("kept-3", &["-V", "mqttv311", "-c"], true),
    ("clean-5", &["-V", "mqttv5"], false),
    ("kept-5", &["-V", "mqttv5", "-c"], true),
    ("an-hour-5", &["-V", "mqttv5", "-c", "-x", "3600"], true),
    // It begins with what was kept, and nothing is.
    ("ends-at-once-5", &["-V", "mqttv5", "-c", "-x", "0"], false),
];

/// Subscribes as that client, and goes.
fn subscribe_and_go(house: &House, kind: &[&str], id: &str, qos: &str) {
    let filter = format!("away/{id}/#");
    let own = ["-i", id, "-q", qos, "-t", &filter, "-E"];
    let output = house.plain.run("mosquitto_sub", &[kind, &own[..]].concat());
    assert!(output.status.success(), "{id}: {output:?}");
}

/// Comes back, and says what had waited.
fn what_waited(house: &House, kind: &[&str], id: &str, qos: &str) -> Vec<String> {
    let filter = format!("away/{id}/#");
    let own = ["-i", id, "-q", qos, "-t", &filter];
    let back = house.tls.subscribe(&[kind, &own[..]].concat(), "%q %p");
    let topic = format!("away/{id}/end");
    house.plain.publish(&["-q", "2", "-t", &topic, "-m", "end"]);
    back.until(" end")
}

/// At one QoS: publishes of different ones may overtake each other.
fn publish_while_away(house: &House, id: &str, from: u32, qos: u8) {
    let qos = qos.to_string();
    for (number, version) in (from..).zip(["mqttv311", "mqttv5", "mqttv311", "mqttv5"]) {
        let (topic, text) = (format!("away/{id}/x"), number.to_string());
        let arguments = ["-V", version, "-q", &qos, "-t", &topic, "-m", &text];
        house.plain.publish(&arguments);
    }
}

/// A client's session: its name, what asks for it, whether it stays, the QoS granted, the QoS of publishes.
struct Case {
    id: String,
    kind: &'static [&'static str],
    stays: bool,
    granted: u8,
    published: u8,
}

impl Case {
    fn all() -> Vec<Self> {
        let case = |(name, kind, stays): (&str, _, _), granted, published| Self {
            id: format!("{name}-{published}-{granted}"),
            kind,
            stays,
            granted,
            published,
        };
        let qos = [(1, 1), (1, 2), (2, 1), (2, 2)];
        let of_kind = |own| qos.map(|(granted, published)| case(own, granted, published));
        KINDS.into_iter().flat_map(of_kind).collect()
    }

    fn leave_and_publish(&self, house: &House, from: u32) {
        subscribe_and_go(house, self.kind, &self.id, &self.granted.to_string());
        publish_while_away(house, &self.id, from, self.published);
    }

    fn comes_back(&self, house: &House, from: u32) {
        let waited = what_waited(house, self.kind, &self.id, &self.granted.to_string());
        let qos = self.granted.min(self.published);
        let promised = (from..from + 4).map(|number| format!("{qos} {number}"));
        let promised: Vec<String> = promised.filter(|_| self.stays).collect();
        assert_eq!(waited, promised, "{}", self.id);
    }
}

#[test]
fn a_session_keeps_what_it_promised_to_keep_and_no_other() {
    if require("mosquitto_sub", "mosquitto's clients: sessions").is_none() {
        return;
    }
    let mut house = House::open();
    let cases = Case::all();
    for case in &cases {
        case.leave_and_publish(&house, 0);
    }
    for case in &cases {
        case.comes_back(&house, 0);
    }
    // The same over a crash of the server.
    for case in &cases {
        case.leave_and_publish(&house, 10);
    }
    house.kill_and_restart();
    for case in &cases {
        case.comes_back(&house, 10);
    }
}

#[test]
fn an_unsubscribed_filter_gives_nothing_any_more() {
    if require("mosquitto_sub", "mosquitto's clients: unsubscribing").is_none() {
        return;
    }
    let house = House::open();
    for version in ["mqttv311", "mqttv5"] {
        let id = format!("fickle-{version}");
        let kept: &[&str] = &["-V", version, "-c"];
        subscribe_and_go(&house, kept, &id, "1");
        // The filter that goes and one that stays: its SUBACK says that the server has read the other.
        let gone = format!("away/{id}/#");
        let own = ["-i", &id, "-q", "1", "-U", &gone, "-t", "other"];
        let back = house.plain.subscribe(&[kept, &own[..]].concat(), "%p");
        let topic = format!("away/{id}/x");
        house
            .plain
            .publish(&["-q", "1", "-t", &topic, "-m", "missed"]);
        house
            .plain
            .publish(&["-q", "1", "-t", "other", "-m", "end"]);
        assert_eq!(back.until("end"), Vec::<String>::new(), "{version}");
    }
}
