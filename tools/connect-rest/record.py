#!/usr/bin/env python3
"""Sends a list of requests to a real Kafka Connect worker and writes down what it answers; see README.md."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
KAFKA = os.environ.get("KAFKA", "127.0.0.1:19092")
PORT = 18083
BASE = f"http://127.0.0.1:{PORT}"
RUN = str(int(time.time()))

KCQL = "INSERT INTO readings SELECT * FROM rest-readings"
SINK = {
    "connector.class": "messina.TableSink",
    "tasks.max": "1",
    "topics": "rest-readings",
    "connect.cassandra.kcql": KCQL,
}
NAMED = {"name": "a", **SINK}
JSON = {"Content-Type": "application/json"}


def start_worker(folder, own):
    properties = {
        "bootstrap.servers": KAFKA,
        "group.id": f"rest-{RUN}",
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
        "config.storage.topic": f"rest-{RUN}-configs",
        "offset.storage.topic": f"rest-{RUN}-offsets",
        "status.storage.topic": f"rest-{RUN}-status",
        "config.storage.replication.factor": "1",
        "offset.storage.replication.factor": "1",
        "offset.storage.partitions": "1",
        "status.storage.replication.factor": "1",
        "status.storage.partitions": "1",
        "listeners": BASE,
        "offset.flush.interval.ms": "500",
        "consumer.auto.offset.reset": "earliest",
        "config.providers": "env,file,directory",
        "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
        "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
        "config.providers.directory.class": "org.apache.kafka.common.config.provider.DirectoryConfigProvider",
        "scheduled.rebalance.max.delay.ms": "0",
        **own,
    }
    path = os.path.join(folder, "worker.properties")
    with open(path, "w") as file:
        file.writelines(f"{key}={value}\n" for key, value in properties.items())
    log4j = os.path.join(folder, "log4j.properties")
    with open(log4j, "w") as file:
        file.write(
            "log4j.rootLogger=INFO, out\nlog4j.appender.out=org.apache.log4j.FileAppender\n"
            f"log4j.appender.out.File={folder}/connect.log\n"
            "log4j.appender.out.layout=org.apache.log4j.PatternLayout\n"
            "log4j.appender.out.layout.ConversionPattern=%d %p %c %m%n\n"
        )
    command = ["java", "-Xmx512m", f"-Dlog4j.configuration=file:{log4j}", "-cp"]
    command += [f"{HERE}/target/classes:{HERE}/target/libs/*"]
    command += ["org.apache.kafka.connect.cli.ConnectDistributed", path]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def send(method, path, body=None, headers=JSON):
    data = None
    if body is not None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    request = urllib.request.Request(BASE + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


def until(condition, what):
    for _ in range(600):
        try:
            if condition():
                return
        except (OSError, ValueError, KeyError, IndexError):
            pass
        time.sleep(0.1)
    raise SystemExit(f"it did not come to that: {what}")


def settled(name, connector, tasks):
    def condition():
        status = json.loads(send("GET", f"/connectors/{name}/status")[2])
        states = [task["state"] for task in status["tasks"]]
        return status["connector"]["state"] == connector and states == tasks

    until(condition, f"{name}: {connector} {tasks}")


def plain(value):
    """What differs from run to run, or is somebody's prose, replaced by a word."""
    if isinstance(value, dict):
        words = {
            "worker_id": "<worker>",
            "trace": "<trace>",
            "version": "<version>",
            "commit": "<commit>",
            "kafka_cluster_id": "<cluster>",
            "last_modified": "<time>",
            "documentation": "<text>",
        }
        return {
            key: words[key] if key in words and isinstance(item, (str, int)) else plain(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def part(body, only):
    """Of a list of options those whose name has this in it."""
    if only and "configs" in body:
        body["configs"] = [item for item in body["configs"] if only in item["value"]["name"]]
    return body


def produce(topic, values):
    jar = f"{os.path.dirname(HERE)}/../.services/kafka/libs/*"
    command = ["java", "-cp", os.environ.get("KAFKA_LIBS", jar), "org.apache.kafka.tools.ConsoleProducer"]
    command += ["--bootstrap-server", KAFKA, "--topic", topic]
    text = "".join(f"{value}\n" for value in values).encode()
    subprocess.run(command, input=text, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Recorder:
    def __init__(self, folder):
        self.folder = folder
        self.file = None

    def open(self, name):
        self.file = open(os.path.join(self.folder, f"{name}.jsonl"), "w")

    def settle(self, *arguments):
        settled(*arguments)

    def __call__(self, method, path, body=None, headers=None, only=""):
        status, answered, text = send(method, path, body, headers if headers is not None else JSON)
        case = {"request": {"method": method, "path": path}, "response": {"status": status}}
        if body is not None:
            case["request"]["body"] = body
        if headers is not None:
            case["request"]["headers"] = headers
        if answered.get("Location"):
            case["response"]["location"] = re.sub(r"^http://[^/]*", "", answered["Location"])
        if text:
            try:
                case["response"]["body"] = part(plain(json.loads(text)), only)
            except ValueError:
                case["response"]["text"] = text.replace(str(PORT), "<port>")
        self.file.write(json.dumps(case, ensure_ascii=False) + "\n")


def root(ask):
    ask("GET", "/")
    ask("GET", "/health")
    ask("GET", "/connectors")
    ask("GET", "/nothing")
    ask("POST", "/")
    ask("DELETE", "/connectors")
    ask("GET", "/connectors/")
    ask("GET", "/connector-plugins/")


def refusals(ask):
    for path in ["", "/config", "/status", "/tasks", "/tasks/0/status", "/offsets"]:
        ask("GET", f"/connectors/none{path}")
    ask("GET", "/connectors/none/topics")
    ask("PUT", "/connectors/none/topics/reset")
    ask("GET", "/connectors/none/tasks-config")
    for action in ["pause", "resume", "stop"]:
        ask("PUT", f"/connectors/none/{action}")
    ask("POST", "/connectors/none/restart")
    ask("POST", "/connectors/none/restart?includeTasks=true")
    ask("POST", "/connectors/none/tasks/0/restart")
    ask("DELETE", "/connectors/none")
    ask("DELETE", "/connectors/none/offsets")
    ask("PATCH", "/connectors/none/offsets", {"offsets": [{"partition": {"kafka_topic": "t", "kafka_partition": 0}, "offset": {"kafka_offset": 1}}]})
    ask("PATCH", "/connectors/none/config", {"tasks.max": "2"})
    ask("POST", "/connectors", "{")
    ask("POST", "/connectors", "")
    ask("POST", "/connectors", "[]")
    ask("POST", "/connectors", "null")
    ask("POST", "/connectors", {})
    ask("POST", "/connectors", {"name": "a"})
    ask("POST", "/connectors", {"name": "a", "config": {}})
    ask("POST", "/connectors", {"name": "a", "config": {"connector.class": "none.Such"}})
    ask("POST", "/connectors", {"name": "a", "config": {"name": "b", **SINK}})
    ask("POST", "/connectors", {"name": "", "config": SINK})
    ask("POST", "/connectors", {"name": "  ", "config": SINK})
    ask("POST", "/connectors", {"name": "a\u0001b", "config": SINK})
    ask("POST", "/connectors", {"config": SINK})
    ask("POST", "/connectors", {"name": "a", "config": SINK, "other": 1})
    ask("POST", "/connectors", {"name": "a", "config": SINK, "initial_state": "SLEEPING"})
    ask("POST", "/connectors", {"name": "a", "config": {**SINK, "tasks.max": "0"}})
    ask("POST", "/connectors", {"name": "a", "config": {**SINK, "tasks.max": "many"}})
    ask("POST", "/connectors", {"name": "a", "config": {k: v for k, v in SINK.items() if k != "topics"}})
    ask("POST", "/connectors", {"name": "a", "config": {**SINK, "topics.regex": "x.*"}})
    ask("POST", "/connectors", {"name": "a", "config": {k: v for k, v in SINK.items() if k != "connect.cassandra.kcql"}})
    ask("POST", "/connectors", {"name": "a", "config": {**SINK, "errors.tolerance": "some"}})
    ask("POST", "/connectors", {"name": "a", "config": {**SINK, "value.converter": "none.Such"}})
    ask("POST", "/connectors", {"name": "a", "config": {**SINK, "transforms": "x"}})
    ask("POST", "/connectors", {"name": "a", "config": {**SINK, "transforms": "x", "transforms.x.type": "none.Such"}})
    ask("POST", "/connectors", {"name": "a", "config": {**SINK, "errors.deadletterqueue.topic.name": "rest-readings"}})
    ask("POST", "/connectors", {"name": "a", "config": {**SINK, "tasks.max": 1}})
    ask("DELETE", "/connectors/a")
    ask("POST", "/connectors", {"name": "a", "config": {**SINK, "tasks.max": None}})
    ask("POST", "/connectors", {"name": "a", "config": {**SINK, "nested": {"x": 1}}})
    ask("PUT", "/connectors/a/config", "[1]")
    ask("PUT", "/connectors/a/config", "")
    ask("PUT", "/connectors/a/config", {})
    ask("PUT", "/connectors/a/config", {"name": "b", **SINK})
    ask("PUT", "/connectors/a/config", SINK, {"Content-Type": "text/plain"})
    ask("POST", "/connectors", {"name": "a", "config": SINK}, {"Content-Type": "text/plain"})
    ask("GET", "/connectors", None, {"Accept": "text/html"})


def life(ask):
    ask("POST", "/connectors", {"name": "a", "config": SINK})
    ask.settle("a", "RUNNING", ["RUNNING"])
    ask("POST", "/connectors", {"name": "a", "config": SINK})
    for path in ["", "/config", "/status", "/tasks", "/tasks/0/status", "/tasks/1/status", "/tasks/x/status"]:
        ask("GET", f"/connectors/a{path}")
    ask("GET", "/connectors")
    ask("GET", "/connectors?expand=status")
    ask("GET", "/connectors?expand=info")
    ask("GET", "/connectors?expand=status&expand=info")
    ask("GET", "/connectors?expand=nothing")
    ask("PUT", "/connectors/a/config", {**SINK, "errors.tolerance": "all"})
    ask.settle("a", "RUNNING", ["RUNNING"])
    ask("GET", "/connectors/a")
    ask("PATCH", "/connectors/a/config", {"errors.tolerance": None, "errors.log.enable": "true"})
    ask("GET", "/connectors/a/config")
    ask("PATCH", "/connectors/a/config", {})
    ask("PATCH", "/connectors/a/config", "[]")
    ask("PATCH", "/connectors/a/config", {"topics": None})
    time.sleep(1)
    ask.settle("a", "RUNNING", ["RUNNING"])
    ask("PUT", "/connectors/a/pause")
    ask.settle("a", "PAUSED", ["PAUSED"])
    ask("GET", "/connectors/a/status")
    ask("PUT", "/connectors/a/pause")
    ask("PUT", "/connectors/a/resume")
    ask.settle("a", "RUNNING", ["RUNNING"])
    ask("GET", "/connectors/a/status")
    ask("PUT", "/connectors/a/stop")
    ask.settle("a", "STOPPED", [])
    ask("GET", "/connectors/a/status")
    ask("GET", "/connectors/a/tasks")
    ask("GET", "/connectors/a")
    ask("PUT", "/connectors/a/resume")
    ask.settle("a", "RUNNING", ["RUNNING"])
    ask("POST", "/connectors/a/restart")
    time.sleep(2)
    ask.settle("a", "RUNNING", ["RUNNING"])
    ask("POST", "/connectors/a/restart?includeTasks=true")
    time.sleep(2)
    ask.settle("a", "RUNNING", ["RUNNING"])
    ask("POST", "/connectors/a/restart?onlyFailed=true")
    ask("POST", "/connectors/a/restart?includeTasks=true&onlyFailed=true")
    ask("POST", "/connectors/a/tasks/0/restart")
    time.sleep(2)
    ask.settle("a", "RUNNING", ["RUNNING"])
    ask("POST", "/connectors/a/tasks/7/restart")
    ask("POST", "/connectors/a/tasks/x/restart")
    ask("GET", "/connectors/a/status")
    ask("PUT", "/connectors/b/config", {"name": "b", **SINK})
    ask.settle("b", "RUNNING", ["RUNNING"])
    ask("GET", "/connectors/b")
    ask("DELETE", "/connectors/b")
    ask("GET", "/connectors/b")
    ask("POST", "/connectors", {"name": "p", "config": SINK, "initial_state": "paused"})
    ask.settle("p", "PAUSED", [])
    ask("GET", "/connectors/p/status")
    ask("DELETE", "/connectors/p")
    ask("POST", "/connectors", {"name": "s", "config": SINK, "initial_state": "STOPPED"})
    ask.settle("s", "STOPPED", [])
    ask("GET", "/connectors/s/status")
    ask("GET", "/connectors/s")
    ask("DELETE", "/connectors/s")
    ask("GET", "/connectors/x%2Fy")
    odd = "x%20z%C3%A4"
    ask("PUT", f"/connectors/{odd}/config", SINK)
    ask.settle(odd, "RUNNING", ["RUNNING"])
    ask("GET", f"/connectors/{odd}")
    ask("DELETE", f"/connectors/{odd}")
    ask("DELETE", "/connectors/a")
    ask("GET", "/connectors")


def offsets(ask):
    produce("rest-readings", ['{"id":%d}' % number for number in range(5)])
    ask("POST", "/connectors", {"name": "o", "config": SINK})
    ask.settle("o", "RUNNING", ["RUNNING"])
    until(
        lambda: json.loads(send("GET", "/connectors/o/offsets")[2])["offsets"][0]["offset"]["kafka_offset"] == 5,
        "five records",
    )
    ask("GET", "/connectors/o/offsets")
    ask("GET", "/connectors/o/topics")
    ask("PUT", "/connectors/o/topics/reset")
    ask("GET", "/connectors/o/topics")

    def at(partition, offset):
        return {"offsets": [{"partition": partition, "offset": offset}]}

    zero = {"kafka_topic": "rest-readings", "kafka_partition": 0}
    ask("PATCH", "/connectors/o/offsets", at(zero, {"kafka_offset": 2}))
    ask("DELETE", "/connectors/o/offsets")
    ask("PUT", "/connectors/o/stop")
    ask.settle("o", "STOPPED", [])
    ask("GET", "/connectors/o/offsets")
    ask("PATCH", "/connectors/o/offsets", at(zero, {"kafka_offset": 2}))
    ask("GET", "/connectors/o/offsets")
    ask("PATCH", "/connectors/o/offsets", at({"kafka_topic": "rest-readings", "kafka_partition": "0"}, {"kafka_offset": "3"}))
    ask("GET", "/connectors/o/offsets")
    ask("PATCH", "/connectors/o/offsets", {})
    ask("PATCH", "/connectors/o/offsets", {"offsets": []})
    ask("PATCH", "/connectors/o/offsets", {"offsets": None})
    ask("PATCH", "/connectors/o/offsets", "{")
    ask("PATCH", "/connectors/o/offsets", {"offset": []})
    ask("PATCH", "/connectors/o/offsets", at({"kafka_topic": "rest-readings"}, {"kafka_offset": 2}))
    ask("PATCH", "/connectors/o/offsets", at({"kafka_partition": 0}, {"kafka_offset": 2}))
    ask("PATCH", "/connectors/o/offsets", at({"kafka_topic": "rest-readings", "kafka_partition": "x"}, {"kafka_offset": 2}))
    ask("PATCH", "/connectors/o/offsets", at({"kafka_topic": "rest-readings", "kafka_partition": None}, {"kafka_offset": 2}))
    ask("PATCH", "/connectors/o/offsets", at(zero, {"kafka_offset": "x"}))
    ask("PATCH", "/connectors/o/offsets", at(zero, {"kafka_offset": -1}))
    ask("PATCH", "/connectors/o/offsets", at(zero, {"kafka_offset": None}))
    ask("PATCH", "/connectors/o/offsets", at(zero, {}))
    ask("PATCH", "/connectors/o/offsets", at(zero, {"other": 2}))
    ask("PATCH", "/connectors/o/offsets", at(None, {"kafka_offset": 2}))
    ask("PATCH", "/connectors/o/offsets", at(zero, None))
    ask("GET", "/connectors/o/offsets")
    ask("PATCH", "/connectors/o/offsets", at(zero, {"kafka_offset": 4}))
    ask("DELETE", "/connectors/o/offsets")
    ask("GET", "/connectors/o/offsets")
    ask("DELETE", "/connectors/o")


def plugins(ask):
    ask("GET", "/connector-plugins")
    ask("GET", "/connector-plugins?connectorsOnly=false")
    ask("GET", "/connector-plugins?connectorsOnly=maybe")
    for plugin in [
        "Cast$Value", "DropHeaders", "ExtractField$Value", "Filter", "Flatten$Value", "HeaderFrom$Value",
        "HoistField$Value", "InsertField$Value", "InsertHeader", "MaskField$Value", "RegexRouter",
        "ReplaceField$Value", "SetSchemaMetadata$Value", "TimestampConverter$Value", "TimestampRouter", "ValueToKey",
    ]:
        ask("GET", f"/connector-plugins/org.apache.kafka.connect.transforms.{plugin}/config")
    for plugin in ["HasHeaderKey", "RecordIsTombstone", "TopicNameMatches"]:
        ask("GET", f"/connector-plugins/org.apache.kafka.connect.transforms.predicates.{plugin}/config")
    for plugin in [
        "json.JsonConverter", "storage.StringConverter", "converters.ByteArrayConverter",
        "converters.IntegerConverter", "storage.SimpleHeaderConverter",
    ]:
        ask("GET", f"/connector-plugins/org.apache.kafka.connect.{plugin}/config")
    ask("GET", "/connector-plugins/RegexRouter/config")
    ask("GET", "/connector-plugins/none.Such/config")


def validation(ask):

    def validate(config, plugin="messina.TableSink"):
        ask("PUT", f"/connector-plugins/{plugin}/config/validate", config)

    validate(NAMED)
    validate(NAMED, "TableSink")
    validate({**NAMED, "connector.class": "TableSink"}, "TableSink")
    validate({})
    validate({"connector.class": "messina.TableSink"})
    validate(NAMED, "OtherSink")
    validate("[]")
    validate("{")
    validate("")
    validate({"connector.class": "none.Such"}, "Such")
    validate({**NAMED, "tasks.max": "none", "errors.tolerance": "some", "errors.retry.timeout": "-2"})
    validate({**NAMED, "config.action.reload": "never", "errors.log.enable": "perhaps"})
    validate({**NAMED, "topics.regex": "a.*"})
    validate({k: v for k, v in NAMED.items() if k != "topics"})
    validate({**NAMED, "value.converter": "none.Such"})
    validate({**NAMED, "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "x"})
    validate(
        {
            **NAMED,
            "transforms": "time,drop",
            "transforms.time.type": "org.apache.kafka.connect.transforms.InsertField$Value",
            "transforms.time.timestamp.field": "ts",
            "transforms.drop.type": "org.apache.kafka.connect.transforms.Filter",
            "transforms.drop.predicate": "gone",
            "transforms.drop.negate": "true",
            "predicates": "gone",
            "predicates.gone.type": "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
        }
    )
    validate({**NAMED, "transforms": "x"})
    validate({**NAMED, "transforms": "x,x", "transforms.x.type": "org.apache.kafka.connect.transforms.Filter"})
    validate({**NAMED, "transforms": "x", "transforms.x.type": "none.Such"})
    validate({**NAMED, "transforms": "x", "transforms.x.type": "org.apache.kafka.connect.transforms.HoistField$Value"})
    validate({**NAMED, "name": " "})


def overrides(ask):
    """Under the policy of the worker: a connector's own settings for its clients."""

    def validate(own):
        config = {**NAMED, **own}
        ask("PUT", "/connector-plugins/messina.TableSink/config/validate", config, only=".override.")

    letters = {"errors.deadletterqueue.topic.name": "rest-letters"}
    validate({"consumer.override.max.poll.records": "17"})
    validate({"consumer.override.sasl.mechanism": "PLAIN", "consumer.override.security.protocol": "PLAINTEXT"})
    validate({"consumer.override.sasl.jaas.config": "secret"})
    validate({"consumer.override.no.such.setting": "1"})
    validate({"producer.override.linger.ms": "3", "admin.override.retries": "1"})
    validate({**letters, "producer.override.linger.ms": "3", "admin.override.retries": "1"})
    ask("PUT", "/connectors/own/config", {**SINK, "consumer.override.max.poll.records": "17"})
    ask("DELETE", "/connectors/own")
    ask("PUT", "/connectors/own/config", {**SINK, "consumer.override.client.id": "own", "consumer.override.linger": "1"})
    ask("DELETE", "/connectors/own")


def wrong_overrides(ask):
    """Values that are none of their type: refused before any policy is asked."""
    for name, value in [("consumer.override.max.poll.records", "many"), ("consumer.override.fetch.min.bytes", "")]:
        config = {**NAMED, name: value}
        ask("PUT", "/connector-plugins/messina.TableSink/config/validate", config)
        ask("PUT", "/connectors/own/config", {**SINK, name: value})


def loggers(ask):
    ask("GET", "/admin/loggers/none.such")
    ask("PUT", "/admin/loggers/org.example.one", {"level": "DEBUG"})
    ask("GET", "/admin/loggers/org.example.one")
    ask("PUT", "/admin/loggers/org.example.one?scope=worker", {"level": "WARN"})
    ask("PUT", "/admin/loggers/org.example.one?scope=other", {"level": "ERROR"})
    ask("PUT", "/admin/loggers/org.example.one?scope=CLUSTER", {"level": "INFO"})
    ask("PUT", "/admin/loggers/org.example.one?scope=cluster", {"level": "trace"})
    until(lambda: "TRACE" in send("GET", "/admin/loggers/org.example.one")[2], "the level of all workers")
    ask("GET", "/admin/loggers/org.example.one")
    for scope in ["", "?scope=cluster"]:
        ask("PUT", f"/admin/loggers/org.example.one{scope}", {"level": "LOUD"})
        ask("PUT", f"/admin/loggers/org.example.one{scope}", {})
        ask("PUT", f"/admin/loggers/org.example.one{scope}", "{")
    ask("GET", "/admin/loggers/org.example.one")


POLICY = "connector.client.config.override.policy"
# Each recording, and what its worker has that others have not.
PARTS = [
    ("", {}, [root, refusals, life, offsets, plugins, validation, overrides, wrong_overrides, loggers]),
    ("-none", {POLICY: "None"}, [overrides]),
    ("-principal", {POLICY: "Principal"}, [overrides]),
]


def main():
    target, wanted = sys.argv[1], sys.argv[2:]
    for end, own, parts in PARTS:
        named = [(part.__name__.replace("_", "-") + end, part) for part in parts]
        named = [(name, part) for name, part in named if not wanted or name in wanted]
        if named:
            record(target, own, named)


def record(target, own, parts):
    os.makedirs(target, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="connect-rest-")
    worker = start_worker(folder, {"group.id": f"rest-{RUN}-{parts[0][0]}", **own})
    try:
        until(lambda: send("GET", "/connectors")[0] == 200, "the worker answers")
        ask = Recorder(target)
        produce("rest-readings", [])
        for name, part in parts:
            ask.open(name)
            part(ask)
            ask.file.close()
    finally:
        worker.terminate()
        worker.wait()
        print(f"log: {folder}/connect.log", file=sys.stderr)


main()
