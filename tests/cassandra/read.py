"""Runs one CQL statement and prints each row as a JSON array: a client that is not ours.

read.py HOW STATEMENT, where HOW is JSON: address, login, tls, consistency.
"""

import json
import ssl
import sys

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile

how = json.loads(sys.argv[1])
host, port = how["address"].rsplit(":", 1)
# Not in the time a quiet machine takes.
options = {"connect_timeout": 60, "control_connection_timeout": 60}
if how["login"]:
    options["auth_provider"] = PlainTextAuthProvider(*how["login"])
if how["tls"]:
    authority, identity = how["tls"]
    context = ssl.create_default_context(cafile=authority)
    context.check_hostname = False
    context.load_cert_chain(identity)
    options["ssl_context"] = context
level = getattr(ConsistencyLevel, how["consistency"] or "LOCAL_ONE")
profile = ExecutionProfile(consistency_level=level, request_timeout=60)
cluster = Cluster([host], port=int(port), execution_profiles={EXEC_PROFILE_DEFAULT: profile}, **options)
session = cluster.connect()
for row in session.execute(sys.argv[2]):
    print(json.dumps(list(row), default=str))
cluster.shutdown()
