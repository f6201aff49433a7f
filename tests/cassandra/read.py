"""Runs one CQL statement and prints each row as a JSON array: a client that is not ours."""

import json
import sys

from cassandra.cluster import Cluster

cluster = Cluster(["127.0.0.1"], port=int(sys.argv[1]))
session = cluster.connect()
session.default_timeout = 60
for row in session.execute(sys.argv[2]):
    print(json.dumps(list(row), default=str))
cluster.shutdown()
