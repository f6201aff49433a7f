//! From one client to another.

use messina_e2e::outside::{MosquittoSub, mosquitto_pub, require};
use messina_e2e::server::Site;
use messina_e2e::wire::{Wire, publish, subscribe};

#[test]
fn mosquitto_sub_gets_what_mosquitto_pub_publishes_at_every_qos() {
    if require("mosquitto_sub", "publish and subscribe").is_none() {
        return;
    }
    let site = Site::new();
    let _server = site.start();
    for version in ["mqttv311", "mqttv5"] {
        let subscriber = MosquittoSub::start(site.mqtt, "room/+/light", 2);
        for qos in ["0", "1", "2"] {
            let payload = format!("on at {qos}");
            let arguments = [
                "-V",
                version,
                "-q",
                qos,
                "-t",
                "room/7/light",
                "-m",
                &payload,
            ];
            let status = mosquitto_pub(site.mqtt).args(arguments).status();
            assert!(status.expect("mosquitto_pub starts").success());
            assert_eq!(
                subscriber.next(),
                format!("room/7/light {qos} {payload}"),
                "{version}"
            );
        }
    }
}

#[test]
fn a_subscriber_gets_the_lower_of_both_qos_and_in_order() {
    // [MQTT-3.8.4-8] [MQTT-4.6.0-5] [MQTT-4.2.0-1]
    let site = Site::new();
    let _server = site.start();
    let mut subscriber = Wire::connected(site.mqtt, 4, "subscriber");
    subscriber.send(&subscribe(4, 7, "room/#", 1));
    let suback = subscriber.frame().expect("a SUBACK");
    assert_eq!((suback.packet_type(), suback.body), (9, vec![0, 7, 1]));
    let mut publisher = Wire::connected(site.mqtt, 4, "publisher");
    for id in 1..=100 {
        publisher.send(&publish(4, 2, id, "room/9", id.to_string().as_bytes()));
    }
    for id in 1..=100_u16 {
        let frame = subscriber.frame().expect("a PUBLISH");
        assert_eq!(frame.first, 0x32, "QoS 2 became 1");
        let topic = 2 + "room/9".len();
        assert_eq!(
            frame.body[topic + 2..],
            *id.to_string().as_bytes(),
            "in the order of the publishes"
        );
        let answer = [&[0x40, 2][..], &frame.body[topic..topic + 2]].concat();
        subscriber.send(&answer);
    }
}
