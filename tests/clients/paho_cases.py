"""Cases for Eclipse Paho's Python client: SET AUTHORITY, then HOST:PORT of TCP, TLS, WebSocket, secure WebSocket.

Prints `held NAME` for each case, and how many there were. The first that does not hold ends the run.
"""

import itertools
import queue
import socket
import ssl
import sys
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

PATIENCE = 60
AUTHORITY = sys.argv[2]
WAYS = {
    name: (*address.split(":"), transport, encrypted)
    for address, (name, transport, encrypted) in zip(
        sys.argv[3:],
        [
            ("tcp", "tcp", False),
            ("tls", "tcp", True),
            ("ws", "websockets", False),
            ("wss", "websockets", True),
        ],
    )
}
VERSIONS = {"3.1.1": mqtt.MQTTv311, "5": mqtt.MQTTv5}
NUMBERS = itertools.count()


def properties(packet, **values):
    """Properties of a packet of version 5."""
    own = Properties(packet)
    for name, value in values.items():
        setattr(own, name, value)
    return own


class Peer:
    """A client whose callbacks go into queues, so that a case reads from top to bottom."""

    def __init__(self, version="5", way="tcp", name=None, **options):
        self.version, self.way = version, way
        self.name = f"peer-{next(NUMBERS)}" if name is None else name
        self.connected, self.ended = queue.Queue(), queue.Queue()
        self.answers, self.heard = queue.Queue(), queue.Queue()
        host, port, transport, encrypted = WAYS[way]
        more = {} if version == "5" else {"clean_session": options.get("clean", True)}
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.name,
            protocol=VERSIONS[version],
            transport=transport,
            reconnect_on_failure=False,
            manual_ack=options.get("manual", False),
            **more,
        )
        if encrypted:
            self.client.tls_set(AUTHORITY, tls_version=ssl.PROTOCOL_TLS_CLIENT)
        if transport == "websockets":
            self.client.ws_set_options(path="/mqtt")
        if "user" in options:
            self.client.username_pw_set(options["user"], options.get("password"))
        if "will" in options:
            self.client.will_set(**options["will"])
        self.client.on_connect = lambda *said: self.connected.put(said[2:])
        self.client.on_disconnect = lambda *said: self.ended.put(said[2])
        self.client.on_subscribe = lambda *said: self.answers.put((said[2], said[3]))
        self.client.on_unsubscribe = lambda *said: self.answers.put((said[2], said[3]))
        self.client.on_publish = lambda *said: self.answers.put((said[2], said[3]))
        self.client.on_message = lambda *said: self.heard.put(said[2])
        arguments = {"port": int(port), "keepalive": 60}
        if version == "5":
            asked = options.get("asked", {})
            arguments["clean_start"] = options.get("clean", True)
            arguments["properties"] = properties(PacketTypes.CONNECT, **asked)
        self.client.connect(host, **arguments)
        self.client.loop_start()
        flags, self.reason, self.granted = self.connected.get(timeout=PATIENCE)
        self.was_present = flags.session_present

    def subscribe(self, topic, qos=2, **more):
        """Subscribes; the server's answer."""
        _, number = self.client.subscribe(topic, qos, **more)
        return self.answer(number)[0].value

    def subscribe_with(self, topic, identifier=None, **options):
        """The same with version 5's options."""
        more = {}
        if identifier is not None:
            more["properties"] = properties(PacketTypes.SUBSCRIBE, SubscriptionIdentifier=identifier)
        _, number = self.client.subscribe(topic, options=SubscribeOptions(**options), **more)
        return self.answer(number)[0].value

    def unsubscribe(self, topic):
        _, number = self.client.unsubscribe(topic)
        return [code.value for code in self.answer(number)]

    def publish(self, topic, payload, qos=1, retain=False, **more):
        """Publishes; the server's answer."""
        if more:
            more = {"properties": properties(PacketTypes.PUBLISH, **more)}
        info = self.client.publish(topic, payload, qos, retain, **more)
        return self.answer(info.mid).value

    def answer(self, number):
        found, answer = self.answers.get(timeout=PATIENCE)
        assert found == number, f"an answer to {found}, not to {number}"
        return answer

    def hears(self):
        return self.heard.get(timeout=PATIENCE)

    def hears_until(self, topic):
        """Everything before the publish to that topic."""
        all_before = []
        while (message := self.hears()).topic != topic:
            all_before.append(message)
        return all_before

    def leave(self):
        self.client.disconnect()
        self.ended.get(timeout=PATIENCE)
        self.client.loop_stop()

    def cut(self):
        """The connection is gone without a word."""
        own = self.client.socket()
        raw = getattr(own, "_socket", own)
        raw.shutdown(socket.SHUT_RDWR)
        self.ended.get(timeout=PATIENCE)
        self.client.loop_stop()


def same(found, expected):
    assert found == expected, f"{found!r} instead of {expected!r}"


OPEN, GUARDED = [], []


def case(cases, **table):
    """A case for each combination of the table's values."""

    def add(function):
        for values in itertools.product(*table.values()):
            cases.append((function, dict(zip(table, values))))
        return function

    return add


@case(OPEN, way=WAYS, version=VERSIONS)
def every_qos_and_size_arrives(way, version):
    topic = f"size/{way}/{version}"
    receivers = [Peer(version, way), Peer("5", "tcp"), Peer("3.1.1", "wss")]
    for receiver in receivers:
        same(receiver.subscribe(topic + "/#"), 2)
    sender = Peer(version, way)
    for qos in range(3):
        for size in (0, 1, 130, 70_000):
            payload = bytes(at * 7 % 256 for at in range(size))
            same(sender.publish(f"{topic}/{qos}", payload, qos), 0)
            for receiver in receivers:
                message = receiver.hears()
                same((message.topic, message.qos, message.retain), (f"{topic}/{qos}", qos, False))
                assert message.payload == payload, f"{size} bytes came changed"
    for peer in (sender, *receivers):
        peer.leave()


@case(OPEN, way=WAYS, version=VERSIONS)
def many_in_flight_come_once_and_in_order(way, version):
    topic = f"many/{way}/{version}"
    receiver, sender = Peer(version, way), Peer(version, way)
    receiver.subscribe(topic)
    for number in range(500):
        sender.client.publish(topic, str(number), 2)
    same([int(receiver.hears().payload) for _ in range(500)], list(range(500)))
    receiver.leave()
    sender.leave()


@case(OPEN, version=VERSIONS)
def what_is_retained_is_given_to_who_comes_later(version):
    topic = f"retained/{version}"
    sender = Peer(version)
    for qos in range(3):
        sender.publish(f"{topic}/{qos}", f"kept {qos}", qos, retain=True)
    late = Peer(version, "ws")
    late.subscribe(topic + "/#", 1)
    heard = sorted((late.hears() for _ in range(3)), key=lambda message: message.topic)
    same([(m.payload, m.qos, m.retain) for m in heard], [(b"kept 0", 0, True), (b"kept 1", 1, True), (b"kept 2", 1, True)])
    for qos in range(3):
        sender.publish(f"{topic}/{qos}", b"", qos, retain=True)
    later = Peer(version)
    later.subscribe(topic + "/#")
    sender.publish(topic + "/end", "end")
    same(later.hears_until(topic + "/end"), [])


# Publishes of different QoS may overtake each other, so they are of one.
@case(OPEN, version=VERSIONS, way=("tcp", "wss"), qos="12")
def a_session_is_there_again_with_what_waited(version, way, qos):
    asked = {"asked": {"SessionExpiryInterval": 3600}} if version == "5" else {}
    name = f"sleeper-{version}-{way}-{qos}"
    sleeper = Peer(version, way, name, clean=False, **asked)
    same(sleeper.was_present, False)
    sleeper.subscribe(name + "/#")
    sleeper.leave()
    sender = Peer(version)
    for number in range(20):
        sender.publish(f"{name}/x", str(number), int(qos))
    sleeper = Peer(version, way, name, clean=False, **asked)
    same(sleeper.was_present, True)
    same([int(sleeper.hears().payload) for _ in range(20)], list(range(20)))
    sleeper.leave()
    sleeper = Peer(version, way, name, clean=True)
    same(sleeper.was_present, False)
    sleeper.leave()


@case(OPEN, version=VERSIONS, way=WAYS)
def a_will_is_published_for_who_is_cut_off(version, way):
    topic = f"will/{version}/{way}"
    watcher = Peer("5")
    watcher.subscribe(topic)
    will = {"topic": topic, "payload": "gone", "qos": 1}
    Peer(version, way, will=will).leave()
    Peer(version, way, will=will).cut()
    same(watcher.hears().payload, b"gone")
    watcher.leave()
    same(watcher.heard.qsize(), 0)


@case(OPEN, version=VERSIONS)
def a_second_client_of_the_same_name_takes_over(version):
    first = Peer(version, name=f"twin-{version}")
    second = Peer(version, name=f"twin-{version}")
    ended = first.ended.get(timeout=PATIENCE)
    # Paho reads the reason only where properties follow it.
    same(ended.is_disconnect_packet_from_server, version == "5")
    same(second.publish("a", "still here"), 0)


@case(OPEN, version=VERSIONS)
def a_client_without_a_name_is_given_one(version):
    peer = Peer(version, name="")
    same(peer.reason.value, 0)
    if version == "5":
        assert peer.granted.AssignedClientIdentifier, "no name"


@case(OPEN)
def properties_of_a_publish_come_as_they_were():
    receiver, sender = Peer("5", "wss"), Peer("5", "tls")
    receiver.subscribe("properties")
    sent = {
        "ContentType": "text/plain",
        "ResponseTopic": "answers",
        "CorrelationData": b"\x00\x01\xff",
        "PayloadFormatIndicator": 1,
        "UserProperty": [("room", "7"), ("room", "8"), ("floor", "2")],
    }
    sender.publish("properties", "text", MessageExpiryInterval=3600, **sent)
    found = receiver.hears().properties
    same({name: getattr(found, name) for name in sent}, sent)
    assert 3000 <= found.MessageExpiryInterval <= 3600, found.MessageExpiryInterval


@case(OPEN)
def options_of_a_subscription_are_kept():
    peer, other = Peer(), Peer()
    peer.subscribe_with("options/own", qos=1, noLocal=True)
    peer.subscribe_with("options/mark", qos=1, retainAsPublished=True)
    peer.subscribe_with("options/no-mark", qos=1)
    peer.publish("options/own", "mine")
    other.publish("options/own", "not mine")
    same(peer.hears().payload, b"not mine")
    for topic, is_marked in (("options/mark", True), ("options/no-mark", False)):
        other.publish(topic, "x", retain=True)
        same(peer.hears().retain, is_marked)


@case(OPEN)
def what_is_retained_is_given_as_the_subscription_asks():
    peer, other = Peer(), Peer()
    other.publish("handling/x", "kept", retain=True)

    def gives(handling):
        peer.subscribe_with("handling/#", qos=1, retainHandling=handling)
        other.publish("handling/end", "end")
        return [message.payload for message in peer.hears_until("handling/end")]

    same(gives(2), [])
    # It is subscribed already.
    same(gives(1), [])
    same(gives(0), [b"kept"])
    peer.unsubscribe("handling/#")
    same(gives(1), [b"kept"])


@case(OPEN)
def a_publish_says_which_subscriptions_it_came_for():
    peer = Peer()
    peer.subscribe_with("identified/#", identifier=7, qos=1)
    peer.subscribe_with("identified/+", identifier=300_000, qos=1)
    peer.subscribe_with("identified/end", qos=0)
    peer.publish("identified/x", "x")
    peer.publish("identified/x/y", "y")
    peer.publish("other", "z")
    peer.publish("identified/end", "end", 1)
    found = {b"x": [], b"y": []}
    for message in peer.hears_until("identified/end"):
        found[message.payload] += message.properties.SubscriptionIdentifier
    same({payload: sorted(all_of) for payload, all_of in found.items()}, {b"x": [7, 300_000], b"y": [7]})


@case(OPEN)
def members_of_a_share_divide_what_comes():
    members, sender = [Peer("5"), Peer("3.1.1", "ws"), Peer("5", "tls")], Peer()
    for member in members:
        member.subscribe("$share/crew/shared/#", 1)
        member.subscribe("shared-end", 1)
    for number in range(60):
        sender.publish("shared/x", str(number))
    sender.publish("shared-end", "end")
    shares = [[int(m.payload) for m in member.hears_until("shared-end")] for member in members]
    same(sorted(sum(shares, [])), list(range(60)))
    assert all(shares), shares


@case(OPEN)
def no_more_is_sent_at_a_time_than_the_client_takes():
    asked = {"SessionExpiryInterval": 3600, "ReceiveMaximum": 3}
    slow = Peer(name="slow", clean=False, asked=asked)
    slow.subscribe("slow/#", 1)
    slow.leave()
    sender = Peer()
    for number in range(30):
        sender.publish("slow/x", str(number))
    slow = Peer(name="slow", clean=False, asked=asked, manual=True)
    waiting = []
    for number in range(30):
        message = slow.hears()
        same(int(message.payload), number)
        waiting.append(message)
        most = len(waiting) + slow.heard.qsize()
        assert most <= 3, f"{most} are on their way at a time"
        if len(waiting) == 3:
            # All that may come have come; acknowledged together, as many more may.
            for each in waiting:
                slow.client.ack(each.mid, each.qos)
            waiting = []


@case(OPEN)
def what_is_larger_than_the_client_takes_is_left_out():
    small, sender = Peer(asked={"MaximumPacketSize": 500}), Peer()
    small.subscribe("sizes", 1)
    for size in (400, 600, 10):
        sender.publish("sizes", b"x" * size)
    same([len(small.hears().payload) for _ in range(2)], [400, 10])


@case(OPEN)
def a_topic_may_be_said_by_its_alias():
    receiver, sender = Peer(), Peer()
    receiver.subscribe("aliased/+", 1)
    assert sender.granted.TopicAliasMaximum >= 2, "no aliases"
    sender.publish("aliased/1", "a", TopicAlias=1)
    sender.publish("aliased/2", "b", TopicAlias=2)
    sender.publish("", "c", TopicAlias=1)
    sender.publish("aliased/3", "d", TopicAlias=1)
    sender.publish("", "e", TopicAlias=1)
    found = [receiver.hears() for _ in range(5)]
    same([m.topic[-1] + m.payload.decode() for m in found], ["1a", "2b", "1c", "3d", "3e"])


@case(OPEN)
def a_will_waits_for_its_delay_and_is_void_when_the_client_is_back():
    watcher = Peer()
    watcher.subscribe("delayed")
    asked = {"SessionExpiryInterval": 3600}

    def dying(payload):
        delayed = properties(PacketTypes.WILLMESSAGE, WillDelayInterval=2)
        will = {"topic": "delayed", "payload": payload, "qos": 1, "properties": delayed}
        return Peer(name="dying", clean=False, asked=asked, will=will)

    dying("first").cut()
    dying("second").cut()
    start = time.monotonic()
    same(watcher.hears().payload, b"second")
    waited = time.monotonic() - start
    assert waited > 1, f"it came after {waited} s"


@case(OPEN)
def a_session_ends_when_it_has_expired():
    asked = {"SessionExpiryInterval": 1}
    Peer(name="short", clean=False, asked=asked).leave()
    deadline = time.monotonic() + PATIENCE
    # Each look makes it wait anew, so the looks are further apart than the second it lives.
    while True:
        time.sleep(2)
        short = Peer(name="short", clean=False, asked=asked)
        short.leave()
        if not short.was_present:
            return
        assert time.monotonic() < deadline, "it never ends"


@case(OPEN)
def an_answer_says_what_became_of_the_request():
    peer = Peer()
    same(peer.subscribe("answers/a", 1), 1)
    same(peer.subscribe("answers/b", 2), 2)
    same(peer.unsubscribe("answers/a"), [0])
    # [MQTT-3.11.3-1] There is no such subscription.
    same(peer.unsubscribe("answers/never"), [17])


@case(GUARDED, version=VERSIONS, way=WAYS)
def who_comes_in_and_with_which_answer(version, way):
    # Version 3.1.1's codes are told by Paho as those of version 5.
    for who, code in (
        ({"user": "ada", "password": "grey-heron-lifts-off"}, 0),
        ({"user": "ada", "password": "blue"}, 134),
        ({"user": "ada"}, 134),
        ({}, 135),
    ):
        same(Peer(version, way, **who).reason.value, code)


@case(GUARDED)
def what_may_not_be_is_answered_with_the_reason():
    who = {"user": "ada", "password": "grey-heron-lifts-off"}
    new, old = Peer("5", **who), Peer("3.1.1", **who)
    same((new.subscribe("a/#", 1), new.subscribe("b/#", 1)), (1, 135))
    same((old.subscribe("a/#", 1), old.subscribe("b/#", 1)), (1, 128))
    for qos in (1, 2):
        # Paho releases at QoS 2 even what was refused, and tells what that came to: no such packet identifier.
        refused = 135 if qos == 1 else 146
        same((new.publish("a/1", "x", qos), new.publish("b/1", "x", qos)), (0, refused))
        # 3.1.1 has no word for a refusal.
        same((old.publish("a/1", "x", qos), old.publish("b/1", "x", qos)), (0, 0))
    will = {"topic": "b/1", "payload": "x", "qos": 1}
    same(Peer("5", will=will, **who).reason.value, 135)
    same(Peer("3.1.1", will=will, **who).reason.value, 135)
    heard = [new.hears().topic for _ in range(4)]
    same(heard, ["a/1"] * 4)


CASES = {"open": OPEN, "guarded": GUARDED}[sys.argv[1]]
for function, arguments in CASES:
    name = " ".join([function.__name__, *arguments.values()])
    print(f"case {name}", flush=True)
    function(**arguments)
    print(f"held {name}", flush=True)
print(f"{len(CASES)} cases held")
