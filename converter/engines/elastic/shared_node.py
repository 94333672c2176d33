"""The Elasticsearch node of this process, which all engines share: started on first use, started again if it dies."""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
from collections.abc import Callable
from typing import TypeVar

from converter.core.errors import EngineError
from converter.engines.elastic import installation
from converter.engines.elastic.corpora import Corpora
from converter.engines.elastic.place import Place
from converter.engines.elastic.process import NodeProcess
from converter.engines.elastic.transport import Loopback, Lost, accepted

PROVENANCE = f"executed by Elasticsearch {installation.VERSION}"
#: Field types whose modules are not to be had as jars; the stand-ins answer alike (`installation.MISSING_PARTS`), but
#: that every document of an index has the value of a `constant_keyword`, and here it is what each record says it is:
#: https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/keyword#constant-keyword-field-type
STAND_INS = {
    "wildcard": "keyword",
    "constant_keyword": "keyword",
    "match_only_text": "text",
    "unsigned_long": "long",  # a value from 2^63 on is refused
}
#: The node's limits of ES|QL's rows: the most that its two settings take.
ROW_LIMITS = (10_000, 1_000_000)

_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)


class Node:
    """A running node with its corpora."""

    def __init__(self) -> None:
        """Raises EngineUnavailable if Elasticsearch is not installed and EngineError if it does not start."""
        self.process = NodeProcess()
        try:
            transport = Loopback(self.process.address)
            default, most = ROW_LIMITS
            settings = {"result_truncation_default_size": default, "result_truncation_max_size": most}
            body = json.dumps({"persistent": {f"esql.query.{name}": value for name, value in settings.items()}})
            accepted(transport.send("PUT", "/_cluster/settings", body.encode()), "the settings")
        except BaseException:
            self.process.close()
            raise
        self.place = Place(transport, Corpora(transport, "parity", STAND_INS, shared=True), ROW_LIMITS)


class _Shared:
    """The node of this process. One that could not be started is not tried again: each query would wait as long."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.node: Node | None = None
        self.failure: EngineError | None = None

    def running(self) -> Node:
        if self.failure is not None:
            raise self.failure
        if self.node is not None and not self.node.process.alive:
            _log.warning("the Elasticsearch node died and is started again")
            self.close()
        if self.node is None:
            try:
                self.node = Node()
            except EngineError as error:
                self.failure = error
                raise
        return self.node

    def close(self) -> None:
        node, self.node = self.node, None
        if node is not None:
            node.process.close()


_shared = _Shared()


def on_node(work: Callable[[Place], _Result]) -> _Result:
    """What `work` gives at the node. If the node dies of it, it is started again and the work done once more.

    Raises EngineUnavailable if Elasticsearch is not installed, and EngineError if the node does not start, dies twice,
    or does not answer in time.
    """
    with _shared.lock:
        try:
            return work(_shared.running().place)
        except Lost:
            _shared.close()
            _log.warning("the Elasticsearch node was lost and is started again")
        try:
            return work(_shared.running().place)
        except Lost:
            _shared.close()
            raise


def close() -> None:
    """End the node, if there is one; the next query starts another."""
    with _shared.lock:
        _shared.close()


def _forget() -> None:
    """In a forked child: the node is the parent's, and must end with it although the child goes on."""
    _shared.lock = threading.RLock()
    _shared.close()


atexit.register(close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
