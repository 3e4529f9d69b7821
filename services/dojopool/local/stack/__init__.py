"""A real Kafka and Redis on this machine, without containers: one broker and one Redis a region, MirrorMaker between.

Problem: a claim about delivery, fencing or recovery is worth what it was tested against. So the tests, the benchmarks
and `dojo stack` all run Apache Kafka itself, from its Maven artifacts, and a Redis-compatible server.

Where to look: `stack.py` starts, ends and lists everything; `broker.py`, `mirror.py` and `redis_server.py` hold one
kind of server each, over what `process.py` says of any server; `java.py` and `jars.py` find what a broker runs from;
`layout.py` and `state.py` remember what was started; `readiness.py` proves that it works.

Left out: replication within a region, TLS, and anything else a real deployment needs. One broker a region on the
loopback address can show what the programs do, not how a cluster survives the loss of a machine.
"""

from dojopool.local.stack.broker import KafkaBroker, create_topic
from dojopool.local.stack.mirror import MirrorMaker
from dojopool.local.stack.redis_server import RedisServer
from dojopool.local.stack.stack import ServerStatus, Stack

__all__ = ["KafkaBroker", "MirrorMaker", "RedisServer", "ServerStatus", "Stack", "create_topic"]
