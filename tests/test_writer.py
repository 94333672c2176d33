"""The writer of output/: everything or nothing, in bytes that depend on nothing but the content."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converter.build.output import Plan, differences, replace_files, stale, whole, write
from converter.core.errors import ParityError

OLD = {"a/one.kql": "one\n", "a/two.kql": "two\n", "b/three.spl": "three\n", "manifest.json": "{}\n"}
NEW = {"a/one.kql": "one changed\n", "c/four.eql": "four\n", "manifest.json": '{"new": true}\n'}


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file below a folder, with its bytes."""
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose output/ holds OLD and a bundle in dist/."""
    write(tmp_path, whole(tmp_path, OLD))
    (tmp_path / "output" / "dist").mkdir()
    (tmp_path / "output" / "dist" / "bundle.zip").write_bytes(b"\0zip")
    return tmp_path


def test_a_complete_build_leaves_only_its_own_files_and_bundles(root: Path) -> None:
    """What no rule makes any more goes, with the folders it leaves empty; output/dist stays."""
    write(root, whole(root, NEW))
    expected = {path: text.encode() for path, text in NEW.items()} | {"dist/bundle.zip": b"\0zip"}
    assert snapshot(root / "output") == expected
    assert not (root / "output" / "b").exists()


def test_a_partial_build_touches_only_its_own_files(root: Path) -> None:
    """`--target` and `--rule` leave the rest as it is."""
    before = snapshot(root / "output")
    write(root, Plan({"a/two.kql": "changed\n"}))
    assert snapshot(root / "output") == before | {"a/two.kql": b"changed\n"}


def test_writing_twice_changes_nothing(root: Path) -> None:
    """The same content gives the same bytes, and no scratch folder is left beside them."""
    write(root, whole(root, NEW))
    first = snapshot(root)
    write(root, whole(root, NEW))
    assert snapshot(root) == first
    assert [p.name for p in root.iterdir()] == ["output"]


def test_text_is_written_as_it_is(root: Path) -> None:
    """UTF-8 and the line ends of the text on every platform: no translation."""
    write(root, whole(root, {"x.kql": "é\nu\r\n"}))
    assert (root / "output" / "x.kql").read_bytes() == b"\xc3\xa9\nu\r\n"


def test_the_first_build_makes_the_folder(tmp_path: Path) -> None:
    """There need be no output/ before."""
    write(tmp_path, whole(tmp_path, NEW))
    assert snapshot(tmp_path / "output") == {path: text.encode() for path, text in NEW.items()}


def _fails_at(number: int, original: Callable[..., Any]) -> Callable[..., Any]:
    calls = 0

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            raise OSError(28, "No space left on device")
        return original(*args, **kwargs)

    return call


FAILURES = [
    pytest.param(Path, "write_bytes", 1, id="first file"),
    pytest.param(Path, "write_bytes", 3, id="last file"),
    pytest.param(Path, "unlink", 1, id="stale file"),
    pytest.param(Path, "mkdir", 2, id="folder"),
    pytest.param(Path, "rmdir", 1, id="empty folder"),
    pytest.param(Path, "rename", 1, id="moving the old folder away"),
    pytest.param(Path, "rename", 2, id="moving the new folder in"),
    pytest.param(shutil, "copytree", 1, id="copy"),
]


@pytest.mark.parametrize(("owner", "name", "number"), FAILURES)
def test_a_failure_leaves_output_as_it_was(
    root: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, number: int
) -> None:
    """Whatever fails on the way, the old folder is there byte for byte, and one clear error says so."""
    before = snapshot(root)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, _fails_at(number, getattr(owner, name)))
        with pytest.raises(ParityError, match=r"output/ was left as it was: .*No space left on device"):
            write(root, whole(root, NEW))
    assert snapshot(root) == before
    write(root, whole(root, NEW))
    assert snapshot(root / "output").keys() == {*NEW, "dist/bundle.zip"}


def test_an_interruption_leaves_output_as_it_was(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of writing is a failure like any other."""
    before = snapshot(root)

    def interrupt(*args: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write(root, whole(root, NEW))
    assert snapshot(root) == before


def test_an_interruption_between_the_renames_leaves_output_as_it_was(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor may it lose the old folder at the worst moment, when that has been moved away."""
    before = snapshot(root)
    original, calls = Path.rename, []

    def interrupt(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write(root, whole(root, NEW))
    assert snapshot(root) == before


def test_output_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    """Somebody's file called output is not overwritten."""
    (tmp_path / "output").write_text("mine")
    with pytest.raises(ParityError, match="output/"):
        write(tmp_path, whole(tmp_path, NEW))
    assert (tmp_path / "output").read_text() == "mine"


def test_differences_name_each_file(root: Path) -> None:
    """Missing, changed and stale files, each by its path; nothing is written."""
    before = snapshot(root)
    assert differences(root, whole(root, NEW)) == [
        "output/a/one.kql differs from what the rules give",
        "output/c/four.eql is missing",
        "output/manifest.json differs from what the rules give",
        "output/a/two.kql is no longer made by anything",
        "output/b/three.spl is no longer made by anything",
    ]
    assert snapshot(root) == before


def test_differences_are_empty_exactly_after_writing(root: Path) -> None:
    """`--check` passes right after a build, for the whole and for a part."""
    assert differences(root, whole(root, OLD)) == []
    assert differences(root, Plan({"a/one.kql": "one\n"})) == []
    assert differences(root, whole(root, {"a/one.kql": "one\n"})) != []


def test_the_files_can_be_read_by_others(root: Path) -> None:
    """The folder made in a scratch place has the permissions of any other folder, not those of a private one."""
    plain = root / "plain"
    plain.mkdir()
    assert os.stat(root / "output").st_mode == os.stat(plain).st_mode


def test_generated_files_beside_output_are_replaced_and_checked(tmp_path: Path) -> None:
    """Only what differs is written, whole; what is missing or changed is named."""
    (tmp_path / "pipelines").mkdir()
    files = {"pipelines/a.yml": "a\n", "pipelines/b.yml": "b\n"}
    assert stale(tmp_path, files) == ["pipelines/a.yml is missing", "pipelines/b.yml is missing"]
    replace_files(tmp_path, files)
    assert stale(tmp_path, files) == []
    before = (tmp_path / "pipelines" / "a.yml").stat().st_ino
    (tmp_path / "pipelines" / "b.yml").write_text("edited\n")
    assert stale(tmp_path, files) == ["pipelines/b.yml differs from what the tables give"]
    replace_files(tmp_path, files)
    assert stale(tmp_path, files) == []
    assert (tmp_path / "pipelines" / "a.yml").stat().st_ino == before
    assert sorted(p.name for p in (tmp_path / "pipelines").iterdir()) == ["a.yml", "b.yml"]
