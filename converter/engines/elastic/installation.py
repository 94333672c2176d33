"""Where Elasticsearch's parts lie on this machine, and how they get there.

Maven downloads the jars that node/pom.xml names from Maven Central, each is compared with node/jars.sha256, and javac
compiles the one class that puts a node together. Nothing of it is part of Parity: server and x-pack are under Elastic's
own licences (https://www.elastic.co/licensing/elastic-license), used here to test on one's own machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from converter.core.config import cache_folder
from converter.core.errors import EngineError, EngineUnavailable

VERSION = "8.19.21"
#: Names another folder for the installation than the platform's cache folder.
VARIABLE = "PARITY_ELASTICSEARCH_HOME"
COMMAND = "parity engines install elasticsearch"
#: Parts of Elasticsearch that are not to be had as jars, and what takes their place here.
MISSING_PARTS = (
    "field type wildcard (keyword stands in: the same answers, another cost)",
    "field type constant_keyword (keyword stands in)",
    "field type match_only_text (text stands in)",
    "field type unsigned_long (long stands in: no value from 2^63 on)",
    "EQL (run as the Query DSL that Elasticsearch makes of it, by Parity's translation)",
    "scripts (painless), security, Kibana, machine learning",
)
#: Elasticsearch 8 is compiled for it: https://www.elastic.co/support/matrix#matrix_jvm
MINIMUM_JAVA = 17
MAIN_CLASS = "org.elasticsearch.node.ParityNode"

_NODE = Path(__file__).parent / "node"
_SOURCES = ("pom.xml", "jars.sha256", "org/elasticsearch/node/ParityNode.java")
_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_MARKER = "installed.json"
_DOWNLOAD_SECONDS = 1800.0
_JAVA_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


@dataclass(frozen=True)
class Installation:
    """The jars and classes in a folder, and the Java program that runs them."""

    folder: Path
    java: str

    @property
    def class_path(self) -> str:
        return os.pathsep.join((str(self.folder / "classes"), str(self.folder / "lib" / "*")))


def folder() -> Path:
    """Where the installation is or will be: `$PARITY_ELASTICSEARCH_HOME`, or a folder in the platform's cache."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    return cache_folder() / "parity" / f"elasticsearch-{VERSION}"


def find() -> Installation:
    """The installation. Raises EngineUnavailable, with the command that would bring what is missing."""
    where = folder()
    try:
        found = json.loads((where / _MARKER).read_text())
    except (OSError, ValueError):
        raise EngineUnavailable(f"Elasticsearch {VERSION} is not installed", hint=COMMAND) from None
    if found != _marker():
        raise EngineUnavailable(
            "the installed Elasticsearch was made from other parts than this Parity wants", str(where), COMMAND
        )
    lost = [name for name in checksums() if not (where / "lib" / name).is_file()]
    if lost:
        raise EngineUnavailable(f"{lost[0]} is gone from the installed Elasticsearch", str(where), COMMAND)
    return Installation(where, _program("java"))


def version() -> str:
    """The installed version. Raises EngineUnavailable as `find` does."""
    find()
    return f"elasticsearch {VERSION}"


def install(tell: Callable[[str], None] = lambda line: None) -> Path:
    """Download, compare, compile; the folder then holds everything or is as it was. Gives the folder.

    Raises EngineUnavailable when Maven or a JDK is missing, and EngineError when a step fails or a jar is another than
    it should be.
    """
    maven, javac = _tool("mvn", "Maven, https://maven.apache.org/install.html"), _program("javac")
    where = folder()
    where.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".elasticsearch-", dir=where.parent) as name:
        fresh = Path(name)
        tell(f"downloading Elasticsearch {VERSION} with Maven (about 70 MB)")
        shutil.copy(_NODE / "pom.xml", fresh / "pom.xml")  # Maven may want to write beside it
        _run([maven, "-B", "-q", "-f", str(fresh / "pom.xml"), _GOAL, f"-DoutputDirectory={fresh / 'lib'}"], "Maven")
        tell("comparing the jars with their checksums")
        verify(fresh / "lib")
        tell("compiling the node")
        arguments = ["-proc:none", "-encoding", "UTF-8", "-cp", str(fresh / "lib" / "*"), "-d", str(fresh / "classes")]
        _run([javac, *arguments, str(_NODE / _SOURCES[-1])], "javac")
        (fresh / _MARKER).write_text(json.dumps(_marker()))
        _replace(fresh, where)
    return where


def _replace(fresh: Path, where: Path) -> None:
    for part in ("lib", "classes", _MARKER):  # the marker is last: without it nothing counts as installed
        old = where / part
        if part == "lib":
            (where / _MARKER).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(old)
        where.mkdir(exist_ok=True)
        (fresh / part).rename(old)


def verify(lib: Path) -> None:
    """Raises EngineError unless `lib` holds exactly the jars of jars.sha256, each with its SHA-256."""
    wanted = checksums()
    there = {path.name: path for path in lib.glob("*")}
    for name in sorted(wanted.keys() ^ there.keys()):
        word = "is missing" if name in wanted else "was not asked for"
        raise EngineError(f"{name} {word} among the downloaded jars", str(lib), "nothing was installed")
    for name, path in sorted(there.items()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != wanted[name]:
            raise EngineError(f"{name} has the SHA-256 {digest}, not {wanted[name]}", str(lib), "nothing was installed")


@cache
def checksums() -> dict[str, str]:
    """jar -> its SHA-256 in hexadecimal digits."""
    lines = (_NODE / "jars.sha256").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


@cache
def _marker() -> dict[str, str]:
    """What an installation was made from."""
    made_from = hashlib.sha256(b"".join((_NODE / name).read_bytes() for name in _SOURCES)).hexdigest()
    return {"version": VERSION, "sources": made_from}


def _tool(name: str, what: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise EngineUnavailable(f"{name} was not found", hint=f"install {what}")
    return found


def _program(name: str) -> str:
    """`java` or `javac`: of JAVA_HOME, or of the path. Raises EngineUnavailable if it is missing or too old."""
    hint = f"install a JDK of version {MINIMUM_JAVA} or newer, or set JAVA_HOME to one"
    home = os.environ.get("JAVA_HOME")
    found = shutil.which(name, path=str(Path(home, "bin"))) if home else shutil.which(name)
    if found is None:
        raise EngineUnavailable(f"{name} was not found{' in JAVA_HOME' if home else ''}", hint=hint)
    version = _java_version(str(Path(found).with_name(f"java{Path(found).suffix}")))
    if version < MINIMUM_JAVA:
        raise EngineUnavailable(f"{found} is of Java {version or 'unknown'}", hint=hint)
    return found


@cache
def _java_version(java: str) -> int:
    """The feature release of a `java` program, 0 if it does not tell one."""
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=True).stderr
    except (OSError, subprocess.SubprocessError):
        return 0
    match = _JAVA_VERSION.search(told)
    return int(match[1]) if match else 0


def _run(command: list[str], name: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"{name} did not finish: {error}", hint="nothing was installed") from error
    if done.returncode:
        told = [line for line in (done.stdout + done.stderr).splitlines() if line.strip() and "[INFO]" not in line]
        raise EngineError(f"{name} failed: " + "\n  ".join(told[:8]), hint="nothing was installed")
