"""The site on this computer alone, with a page to paste a rule into.

The server listens on the loopback address only. A page of the web could still make a browser ask it, so a request must
name the server's own address as its host (another name that leads here is a rebound one), and a post must come from
its own pages: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Origin.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from converter import __version__
from converter.catalogue.model import Catalogue
from converter.catalogue.pasted import MOST, pasted
from converter.catalogue.render import PASTE, Pages, static_files
from converter.core.errors import ParityError
from converter.core.model import Target

ADDRESS = "127.0.0.1"
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "json": "application/json; charset=utf-8",
    "xml": "application/xml; charset=utf-8",
    "gz": "application/gzip",
}
#: a form's text is longer than what was typed: each character becomes up to twelve
_MOST_BYTES = 12 * MOST
#: seconds for a request to arrive
_PATIENCE = 30


def server(site: Mapping[str, bytes], chosen: Sequence[Target], port: int = 0) -> ThreadingHTTPServer:
    """A server of a site's files (none: of the form alone), which the caller runs and closes; port 0 is a free one."""
    pages = Pages(Catalogue("Parity", __version__, (), False, (), ()), pasting=True)
    # proofs share caches that are made for one thread
    working = threading.Lock()

    def answer(text: str) -> str:
        with working:
            try:
                return pages.pasted(pasted(text, chosen))
            except ParityError as error:
                return pages.paste(text, str(error))

    members = {
        "files": {**static_files(), **site},
        "form": staticmethod(pages.paste),
        "answer": staticmethod(answer),
        "start": "index.html" if "index.html" in site else PASTE,
    }
    return ThreadingHTTPServer((ADDRESS, port), type("Handler", (_Handler,), members))


class _Handler(BaseHTTPRequestHandler):
    """Answers from memory; a folder of the disk is never looked into."""

    files: Mapping[str, bytes]
    form: Callable[[], str]
    answer: Callable[[str], str]
    start: str
    timeout = _PATIENCE
    server_version = "parity"
    sys_version = ""

    def do_GET(self) -> None:
        """A file of the site, or the form."""
        if not self._own_host():
            return
        name = unquote(urlsplit(self.path).path).removeprefix("/") or self.start
        if name == PASTE:
            self._send(HTTPStatus.OK, self.form().encode("utf-8", "replace"), "html")
            return
        content = self.files.get(name)
        if content is None:
            self._send(HTTPStatus.NOT_FOUND, b"there is no such page", "")
        else:
            self._send(HTTPStatus.OK, content, name.rsplit(".", 1)[-1])

    def do_POST(self) -> None:
        """A pasted rule."""
        if not self._own_host():
            return
        if self.headers.get("Origin") != f"http://{self._host()}":
            self._send(HTTPStatus.FORBIDDEN, b"only this site's own page may post here", "")
            return
        length = self.headers.get("Content-Length") or ""
        if urlsplit(self.path).path != f"/{PASTE}" or not length.isdecimal() or int(length) > _MOST_BYTES:
            self._send(HTTPStatus.BAD_REQUEST, b"no rule, or too long a text", "")
            return
        form = parse_qs(self.rfile.read(int(length)).decode("utf-8", "replace"), max_num_fields=4)
        text = (form.get("rule") or [""])[0].replace("\r\n", "\n")
        self._send(HTTPStatus.OK, self.answer(text).encode("utf-8", "replace"), "html")

    def _host(self) -> str:
        return f"{ADDRESS}:{self.server.server_port}"  # type: ignore[attr-defined]

    def _own_host(self) -> bool:
        if self.headers.get("Host") == self._host():
            return True
        self._send(HTTPStatus.FORBIDDEN, b"this server answers to its own address only", "")
        return False

    def _send(self, status: HTTPStatus, content: bytes, suffix: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", _TYPES.get(suffix, "text/plain; charset=utf-8"))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_told: object) -> None:
        """Says nothing: the terminal has the address, and that is enough."""
