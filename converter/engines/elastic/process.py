"""The Java process that is an Elasticsearch node: started, watched, ended, and its folder removed."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from converter.core.errors import EngineError
from converter.engines.elastic import installation

STARTUP_SECONDS = 120.0
_CLOSING_SECONDS = 5.0
#: Compiling with the first compiler only halves the time to start; the node does not live long enough for the second.
_JVM_OPTIONS = ("-Xmx1g", "-XX:+ExitOnOutOfMemoryError", "-XX:TieredStopAtLevel=1")
#: Elasticsearch writes each change of an index through to the disk, and waiting for that takes longer than all else: on
#: a busy machine a corpus of three indices took 2.5 s on a disk and 0.7 s in memory. A node has less than 100 MB.
MEMORY, ROOM = Path("/dev/shm"), 2 * 2**30
#: https://www.elastic.co/docs/reference/elasticsearch/configuration-reference
_SETTINGS = (
    "node.name=parity",
    "discovery.type=single-node",
    "network.host=127.0.0.1",
    "http.port=0",
    "transport.port=0",
    "http.type=netty4",
    "transport.type=netty4",
    "xpack.security.enabled=false",
    # a disk that is nearly full is no reason to refuse some megabytes for some minutes
    "cluster.routing.allocation.disk.threshold_enabled=false",
    # ES|QL warns of each test that meets several values, in a header of its own, and Python reads a hundred headers
    "http.max_warning_header_count=50",
)


def place() -> Path | None:
    """Where the node's folder is made: in memory where there is room (Linux), None for the usual place.

    TMPDIR goes before, and so does a system that runs no programs from there: Java keeps libraries in the folder.
    """
    try:
        about = os.statvfs(MEMORY)
    except (OSError, AttributeError):
        return None
    room = about.f_bavail * about.f_frsize >= ROOM and os.access(MEMORY, os.W_OK)
    return MEMORY if room and not about.f_flag & os.ST_NOEXEC and not os.environ.get("TMPDIR") else None


class NodeProcess:
    """A running node; it ends with `close()`, and by itself when this process ends, however that happens."""

    def __init__(self) -> None:
        """Start it and wait until it serves. Raises EngineUnavailable if it is not installed, else EngineError."""
        found = installation.find()
        self._owner = os.getpid()
        self._folder = Path(tempfile.mkdtemp(prefix="parity-elasticsearch-", dir=place()))
        home = self._folder
        (home / "tmp").mkdir()
        command = [found.java, *_JVM_OPTIONS, f"-Djava.io.tmpdir={home / 'tmp'}"]
        command += ["-cp", found.class_path, installation.MAIN_CLASS, str(home), *_SETTINGS]
        try:
            with (home / "log").open("wb") as log:
                # A session of its own: an interrupt at the terminal is for us, and ending the node is ours as well.
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=home, start_new_session=True
                )
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise EngineError(f"Elasticsearch could not be started: {error}") from error
        try:
            self.address = self._ready(home / "address")
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def _ready(self, address: Path) -> str:
        end = time.monotonic() + STARTUP_SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(FileNotFoundError):
                return address.read_text()
            if not self.alive:
                raise EngineError(f"Elasticsearch ended while it started:\n  {self._log()}")
            time.sleep(0.05)
        raise EngineError(f"Elasticsearch was not ready within {STARTUP_SECONDS:.0f} s:\n  {self._log()}")

    def _log(self) -> str:
        lines = (self._folder / "log").read_text(errors="replace").splitlines()
        return "\n  ".join(line[:300] for line in lines if "SLF4J" not in line and not line.startswith("\t"))[-2000:]

    def close(self) -> None:
        """End the node and remove its folder; in a forked child this only lets go of it."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        if os.getpid() != self._owner:
            return
        try:
            self._process.wait(_CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
