"""How commands end: an interrupt is no verdict, no process outlives its parent, output/ is never lost."""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from converter.build.output import Plan, whole, write
from tests.project import ROOT

RULE = ROOT / "sigma/windows/process_creation/proc_creation_win_webserver_spawns_shell.yml"
PARITY = [sys.executable, "-m", "converter"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough rules for several processes and some time."""
    place = tmp_path_factory.mktemp("rules")
    for number in range(60):
        shutil.copy(RULE, place / f"rule_{number}.yml")
    return place


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _until(condition: Callable[[], object], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize(
    ("number", "group", "code"),
    [
        (signal.SIGINT, True, 130),
        (signal.SIGINT, False, 130),
        (signal.SIGTERM, False, 143),
        (signal.SIGKILL, False, -signal.SIGKILL),
    ],
)
def test_a_run_that_is_ended_leaves_nothing(folder: Path, number: signal.Signals, group: bool, code: int) -> None:
    """Ctrl-C (to the whole group, or to the parent alone) is 130, SIGTERM 143, both without a word of result; every
    worker goes, and the pipe is closed, after SIGKILL too."""
    run = subprocess.Popen(
        [*PARITY, "prove", str(folder), "--format", "json"],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    workers: list[int] = []

    def several() -> bool:
        workers[:] = _children(run.pid)
        return len(workers) > 1 or len(os.sched_getaffinity(0)) == 1

    assert _until(several, 120)
    (os.killpg if group else os.kill)(run.pid, number)
    out, err = run.communicate(timeout=60)  # returns when nobody holds the pipe any more
    assert run.returncode == code
    assert out == ""
    assert "Traceback" not in err
    assert _until(lambda: not any(map(_alive, workers)), 10)


#: what is run, with the time it takes at least: an interrupt comes while it is being loaded, and while it works
COMMANDS = {
    "list": ["list", "schemas"],
    "convert": ["convert", str(RULE), "-t", "all"],
    "show": ["show", str(RULE), "-t", "defender"],
    "lint": ["lint", str(RULE)],
    "diff": ["diff", str(RULE), str(RULE)],
    "build": ["build", "--check"],
    "package": ["package", "--check"],
    "verify": ["verify", "-t", "elastic-dsl"],
}


@pytest.mark.parametrize("after", [0.25, 1.0])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_ends_with_130(command: str, after: float) -> None:
    """Ctrl-C at any time of any command, from the moment that Parity's own code runs: no result and no traceback."""
    code, out, err = _interrupted(COMMANDS[command], after)
    assert (code, out) == (130, "")
    assert "Traceback" not in err


def _interrupted(command: list[str], after: float) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command that is interrupted after some seconds, or earlier if it gives its
    result by then: a quick machine needs less for it, and a long result may wait for its reader."""
    code = f"import sys; print('begun', file=sys.stderr, flush=True); sys.argv[1:] = {command!r}"
    while True:
        run = subprocess.Popen(
            [sys.executable, "-c", f"{code}; from converter.__main__ import parity; parity()"],
            cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        assert run.stderr is not None
        assert run.stderr.readline() == "begun\n"
        time.sleep(after)
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGINT)
        asked = time.monotonic()
        out, err = run.communicate(timeout=60)
        if not out or time.monotonic() - asked > 0.5 or not _whole(tuple(command)).startswith(out):
            return run.returncode, out, err
        after *= 0.7
        assert after > 0.01, "it ends at once whatever it is told"


@functools.cache
def _whole(command: tuple[str, ...]) -> str:
    return subprocess.run(
        [*PARITY, *command], check=False, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize("redirect", ["> /dev/full", ">&-"])
@pytest.mark.parametrize("command", ["list targets", f"show {RULE} -t defender", f"convert {RULE} -t defender"])
def test_a_result_that_cannot_be_written_is_an_error(redirect: str, command: str) -> None:
    """One line on stderr, exit code 1, no traceback."""
    line = f"{sys.executable} -m converter --root {ROOT} {command} {redirect}"
    done = subprocess.run(["bash", "-c", line], check=False, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert any(text in done.stderr for text in ("error: No space left on device", "error: stdout is closed"))
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_is_no_error() -> None:
    """`parity … | head -1`."""
    line = f"{sys.executable} -m converter --root {ROOT} convert {RULE} -t all | head -1"
    done = subprocess.run(["bash", "-c", line], check=False, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "Broken pipe" not in done.stderr


# --- output/ ----------------------------------------------------------------------------------------------------------


def test_an_output_that_a_killed_command_moved_away_comes_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed between the two renames: the next command has the old folder again, and says so; scratch is swept."""
    write(tmp_path, whole(tmp_path, {"a/one.kql": "one\n"}))
    (tmp_path / ".output-dead").mkdir()
    (tmp_path / "output").rename(tmp_path / ".output-dead" / "old")
    (tmp_path / ".output-older" / "new").mkdir(parents=True)
    write(tmp_path, Plan({"b/two.kql": "two\n"}))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["output"]
    assert (tmp_path / "output" / "a" / "one.kql").read_text() == "one\n"
    assert (tmp_path / "output" / "b" / "two.kql").read_text() == "two\n"
    assert "it is back" in capsys.readouterr().err


def test_an_output_that_is_there_is_not_replaced_by_an_older_one(tmp_path: Path) -> None:
    """Killed after the renames: what was left is the old folder, and goes."""
    write(tmp_path, whole(tmp_path, {"one.kql": "new\n"}))
    (tmp_path / ".output-dead" / "old").mkdir(parents=True)
    (tmp_path / ".output-dead" / "old" / "one.kql").write_text("old\n")
    write(tmp_path, Plan({"two.kql": "two\n"}))
    assert (tmp_path / "output" / "one.kql").read_text() == "new\n"
    assert not (tmp_path / ".output-dead").exists()


def test_builds_at_once_lose_nothing(tmp_path: Path) -> None:
    """Two partial builds of different targets: the manifest has the entries of both."""
    for name in ("sigma", "tests/fixtures"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "parity.toml").write_text("")
    chosen = ("defender", "splunk-sysmon", "elastic-lucene")
    runs = [
        subprocess.Popen(
            [*PARITY, "--root", str(tmp_path), "build", "-t", name], env=ENVIRONMENT, stderr=subprocess.PIPE
        )
        for name in chosen
    ]
    for run in runs:
        _, err = run.communicate(timeout=300)
        assert run.returncode == 0, err
    entries = json.loads((tmp_path / "output" / "manifest.json").read_text("utf-8"))["queries"]
    assert {entry["target"] for entry in entries} == set(chosen)
    assert all((tmp_path / "output" / entry["path"]).is_file() for entry in entries)
