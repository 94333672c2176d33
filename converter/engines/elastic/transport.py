"""Requests to an Elasticsearch, whichever it is: what goes there, what comes back, and what a refusal is."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from converter.core.errors import EngineError, NotRepresentable, ParityError, QueryError

REQUEST_SECONDS = 60.0
# https://www.rfc-editor.org/rfc/rfc7234#section-5.5: code, agent, quoted text (in which \" and \\ are escapes)
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')


class Lost(EngineError):
    """The connection broke: the Elasticsearch behind it may have died."""


@dataclass(frozen=True)
class Reply:
    """The status, the JSON object, and the texts of the `Warning` headers of an answer."""

    status: int
    body: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


class Transport(Protocol):
    """Sends one request. Raises EngineError when no answer came, and Lost when the connection broke."""

    def send(self, method: str, path: str, body: bytes | None = None, media: str = "application/json") -> Reply: ...


class Loopback:
    """One kept-alive connection to a node on this machine."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=REQUEST_SECONDS)

    def send(self, method: str, path: str, body: bytes | None = None, media: str = "application/json") -> Reply:
        try:
            self._connection.request(method, path, body, {"Content-Type": media})
            response = self._connection.getresponse()
            data = response.read()
        except TimeoutError as error:
            self.close()
            raise EngineError(f"Elasticsearch did not answer within {REQUEST_SECONDS:.0f} s") from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Lost(f"Elasticsearch did not answer: {error!r}") from error
        except BaseException:  # an interrupt in the middle: the next request must not read this one's answer
            self.close()
            raise
        return reply(response.status, data, response.headers.get_all("Warning") or ())

    def close(self) -> None:
        self._connection.close()


def reply(status: int, data: bytes, warnings: Sequence[str]) -> Reply:
    """A Reply from what came over the wire. Raises EngineError when it is no JSON object."""
    try:
        body = json.loads(data) if data else {}
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise EngineError(f"Elasticsearch answered ({status}) with something else than an object: {data[:200]!r}")
    return Reply(status, body, warning_texts(warnings))


def warning_texts(headers: Sequence[str]) -> tuple[str, ...]:
    """The texts in `Warning` headers, of which one may hold several."""
    found = (match[1] for header in headers for match in _WARNING.finditer(header))
    return tuple(re.sub(r"\\(.)", r"\1", text) for text in found)


def accepted(
    answer: Reply, what: str, refusal: type[QueryError] | type[NotRepresentable] = QueryError
) -> Mapping[str, Any]:
    """The body of an answer that is no refusal.

    Raises `refusal` for what Elasticsearch refuses, and EngineError for what it could not do (5xx, and 429: its memory
    or queues are full) or does not let us do (401 and 403).
    """
    if answer.status < 400:
        return answer.body
    ours = answer.status < 500 and answer.status not in (401, 403, 429)
    error: type[ParityError] = refusal if ours else EngineError
    raise error(f"Elasticsearch refused {what} ({answer.status}): {reason(answer.body.get('error'))}")


def reason(error: Any) -> str:
    """The causes in an Elasticsearch error object, outermost first, each once."""
    if not isinstance(error, Mapping):
        return str(error)
    causes = [error, *error.get("root_cause", ())]
    told = [f"{cause.get('type', 'error')}: {cause.get('reason', '')}" for cause in causes]
    if isinstance(error.get("caused_by"), Mapping):
        told.append(reason(error["caused_by"]))
    return "; ".join(dict.fromkeys(told))
