"""`parity serve`: a pasted rule is proved, what is wrong with it is said, and nobody else can ask the server."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator, Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest

from converter.catalogue.pasted import MOST
from converter.catalogue.serve import ADDRESS, server
from converter.catalogue.write import read_site, write
from converter.core.discovery import targets
from converter.core.errors import UsageError
from tests.site.made import HOSTILE, files, project

RULE = (project() / "sigma/windows/process_creation/hostile.yml").read_text("utf-8")


@pytest.fixture(scope="module")
def running() -> Iterator[ThreadingHTTPServer]:
    with server(files(), [targets()["defender"], targets()["splunk-sysmon"]]) as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield found
        found.shutdown()
        thread.join(10)


def ask(
    running: ThreadingHTTPServer, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """The status and the text of an answer; headers that are not given are those of the server's own page."""
    own = f"{ADDRESS}:{running.server_port}"
    connection = http.client.HTTPConnection(ADDRESS, running.server_port, timeout=60)
    connection.request(method, path, body, {"Host": own, "Origin": f"http://{own}", **(headers or {})})
    answer = connection.getresponse()
    text = answer.read().decode("utf-8")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    connection.close()
    return answer.status, text


def paste(running: ThreadingHTTPServer, text: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    return ask(running, "POST", "/paste.html", urlencode({"rule": text}), headers)


def test_a_pasted_rule_is_converted_and_proved(running: ThreadingHTTPServer) -> None:
    """The answer is the rule's page, with each target's query and its verdict; its text stays text."""
    status, text = paste(running, RULE)
    assert status == 200
    assert text.count('role="tabpanel"') == 2
    assert text.count("<b>PROVED</b>") == 2
    assert HOSTILE not in text  # escaped
    assert "<script>window" not in text


@pytest.mark.parametrize("text", ["title: x\n", "a: [", "", "x" * (MOST + 1), RULE + "\n---\n" + RULE])
def test_what_is_no_rule_is_told(running: ThreadingHTTPServer, text: str) -> None:
    """What is wrong is said above the form."""
    status, answer = paste(running, text)
    assert status == 200
    assert 'role="alert"' in answer
    assert "<textarea" in answer


def test_the_site_is_shown(running: ThreadingHTTPServer) -> None:
    """The site's own files and the form are there, and nothing else, above all no file of the disk."""
    assert ask(running, "GET", "/")[1] == files()["index.html"].decode("utf-8")
    assert "<textarea" in ask(running, "GET", "/paste.html")[1]
    for path in ("/nothing", "/../pyproject.toml", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd"):
        assert ask(running, "GET", path)[0] == 404, path


def test_others_are_refused(running: ThreadingHTTPServer) -> None:
    """A request for another host is a rebound name, a post from another page is forged; both are refused."""
    assert ask(running, "GET", "/", headers={"Host": "evil.example"})[0] == 403
    assert paste(running, RULE, {"Host": "evil.example"})[0] == 403
    for origin in ("http://evil.example", "null", f"https://{ADDRESS}:{running.server_port}", ""):
        assert paste(running, RULE, {"Origin": origin})[0] == 403, origin
    assert running.server_address[0] == ADDRESS


@pytest.mark.parametrize("length", ["-1", "x", "99999999999"])
def test_lengths_are_checked(running: ThreadingHTTPServer, length: str) -> None:
    """A post says how long it is, and that is not too long."""
    assert ask(running, "POST", "/paste.html", headers={"Content-Length": length})[0] == 400


def test_a_folder_without_a_site(tmp_path: Path) -> None:
    """Only what `parity site` wrote is shown."""
    with pytest.raises(UsageError):
        read_site(tmp_path)
    write(tmp_path / "site", files())
    assert read_site(tmp_path / "site") == files()
