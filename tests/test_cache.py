"""What is kept between runs: believed only where it is whole and nothing has changed that it depends on."""

from __future__ import annotations

import os
import pickle
import sqlite3
import zlib
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from converter.build import cache as cached
from converter.build import many
from converter.build.cache import Cache
from converter.build.gate import Gate, Pair
from converter.build.settings import Settings, TargetSettings
from converter.core.discovery import targets
from converter.core.model import Rule

NAMES = ("defender", "splunk-sysmon", "elastic-eql")
RULE = """
title: A Shell
id: 11111111-2222-4333-8444-555555555555
logsource: {category: process_creation, product: windows}
detection:
    selection: {Image|endswith: '\\\\cmd.exe', User|contains: admin}
    condition: selection
"""


def rule(text: str = RULE, path: str = "x.yml") -> Rule:
    import hashlib

    import yaml

    return Rule(path, yaml.safe_load(text), hashlib.sha256(text.encode()).hexdigest())


def made(gate: Gate, source: Rule) -> list[Pair]:
    return [gate.pair(source, targets()[name]) for name in NAMES]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "pairs.sqlite"


def keep(file: Path, source: Rule, gate: Gate | None = None) -> list[Pair]:
    gate = gate or Gate()
    pairs = made(gate, source)
    cache = Cache(gate, NAMES, file)
    cache.add(source, pairs)
    cache.flush()
    return pairs


def test_what_is_kept_is_found_as_it_was(file: Path) -> None:
    """Queries, verdicts, losses with their events and refusals."""
    sources = [rule(), rule(RULE.replace("User|contains", "NoSuchField"), "refused.yml")]
    pairs = [keep(file, source) for source in sources]
    assert any(pair.refusal for own in pairs for pair in own)
    assert any(pair.proof and pair.proof.losses for own in pairs for pair in own)
    assert repr(Cache(Gate(), NAMES, file).known(sources)) == repr(pairs)


def test_another_state_of_anything_is_not_found(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule, its path, what a pipeline made of it; targets, settings, flags, notes; the code and its tables."""
    keep(file, rule())
    gate = Gate()
    site = Settings(targets={"elastic-eql": TargetSettings(indices={"process_creation": ("own-*",)})})
    others = [
        (gate, NAMES, rule(RULE.replace("cmd", "cme"))),
        (gate, NAMES, rule(path="y.yml")),
        (gate, NAMES, replace(rule(), raw={**rule().raw, "logsource": {"category": "file_event"}})),
        (gate, NAMES[:2], rule()),
        (Gate(settings=site), NAMES, rule()),
        (Gate(unproved=True), NAMES, rule()),
        (Gate(unasked=True), NAMES, rule()),
        (Gate(proving=False), NAMES, rule()),
        (Gate(notes=("a note",)), NAMES, rule()),
    ]
    for other, names, source in others:
        assert Cache(other, names, file).known([source]) == [None]
    monkeypatch.setattr(cached, "code", lambda: b"another")
    assert Cache(gate, NAMES, file).known([rule()]) == [None]


def test_every_file_that_parity_consists_of_counts(tmp_path: Path) -> None:
    """Code, tables and evidence; a changed byte in any is another state."""
    (tmp_path / "a").mkdir()
    for name in ("x.py", "a/y.yml", "a/z.json"):
        (tmp_path / name).write_text("one")
    before = sorted(cached._contents(tmp_path, ""))
    assert [name for name, _ in before] == ["/a/y.yml", "/a/z.json", "/x.py"]
    (tmp_path / "a/y.yml").write_text("two")
    assert sorted(cached._contents(tmp_path, "")) != before


@pytest.mark.parametrize("damage", ["data", "proof", "other", "file", "short", "folder"])
def test_what_is_damaged_is_not_believed(file: Path, damage: str) -> None:
    """A changed byte, the entry of another rule, a file that is no database, a cut one, a folder: nothing is found, and
    the next run keeps again where it can."""
    other = rule(path="y.yml")
    keep(file, rule())
    keep(file, other)
    cache = Cache(Gate(), NAMES, file)
    if damage == "folder":
        file.unlink()
        file.mkdir()
    elif damage in ("file", "short"):
        file.write_bytes(b"no database" * 999 if damage == "file" else file.read_bytes()[:5000])
    else:
        with closing(sqlite3.connect(file)) as base:
            (proof, data) = base.execute("SELECT proof, data FROM pairs WHERE key = ?", (cache.key(other),)).fetchone()
            if damage == "data":
                proof, data = cached._proof(cache.key(rule()), data), data[:40] + b"?" + data[41:]
            elif damage == "proof":
                proof = bytes(len(proof))
            base.execute("UPDATE pairs SET proof = ?, data = ? WHERE key = ?", (proof, data, cache.key(rule())))
            base.commit()
    assert cache.known([rule()]) == [None]
    pairs = keep(file, rule())
    if damage != "folder":
        assert repr(Cache(Gate(), NAMES, file).known([rule()])) == repr([pairs])


class _Deed:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("made-by-a-cache",)


def test_nothing_but_pairs_is_made(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An entry that is whole and would run something is refused."""
    monkeypatch.chdir(tmp_path)
    cache = Cache(Gate(), NAMES, file)
    keep(file, rule())
    key, data = cache.key(rule()), zlib.compress(pickle.dumps([_Deed()]))
    with closing(sqlite3.connect(file)) as base:
        base.execute("UPDATE pairs SET proof = ?, data = ?", (cached._proof(key, data), data))
        base.commit()
    assert cache.known([rule()]) == [None]
    assert not (tmp_path / "made-by-a-cache").exists()


def test_it_is_bounded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the oldest entries go, and the newest stay."""
    monkeypatch.setattr(cached, "MOST_BYTES", 100_000)
    monkeypatch.setattr(cached, "_TOGETHER", 1)
    cache, pairs = Cache(Gate(), NAMES, file), made(Gate(), rule())
    sources = [rule(path=f"{number}.yml") for number in range(200)]
    for source in sources:
        cache.add(source, pairs)
    assert file.stat().st_size < 200_000
    found = cache.known(sources)
    assert found[0] is None
    assert found[-1] is not None


def test_a_file_that_cannot_be_written_is_done_without(file: Path) -> None:
    """Locked by another for long, or read-only: the run goes on, and finds nothing."""
    keep(file, rule())
    with closing(sqlite3.connect(file, isolation_level=None)) as base:
        base.execute("BEGIN EXCLUSIVE")
        assert Cache(Gate(), NAMES, file).known([rule()]) == [None]
        keep(file, rule(path="y.yml"))
    assert Cache(Gate(), NAMES, file).known([rule(path="y.yml")]) == [None]


def _keep_many(file: Path, start: int) -> None:
    for number in range(start, start + 10):
        keep(file, rule(path=f"{number}.yml"))


def test_runs_side_by_side_keep_both(file: Path) -> None:
    """Two processes that write at the same time lose nothing and damage nothing."""
    with ProcessPoolExecutor(2) as executor:
        list(executor.map(_keep_many, [file, file], [0, 10]))
    found = Cache(Gate(), NAMES, file).known([rule(path=f"{number}.yml") for number in range(20)])
    assert None not in found


def test_what_failed_is_tried_again(file: Path) -> None:
    """The fault of a rule or of Parity's own is not kept."""
    broken = rule(RULE.replace("condition: selection", "condition: nothing"))
    pairs = keep(file, broken)
    assert all(pair.fault for pair in pairs)
    assert Cache(Gate(), NAMES, file).known([broken]) == [None]


def test_a_second_run_works_nothing_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pairs come in the same order, whether they were kept or not; only what is new is worked out."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    chosen = [targets()[name] for name in NAMES]
    sources = [rule(path=f"{number}.yml") for number in range(3)]
    first = list(many.pairs(Gate(), sources, chosen, workers=1, kept=True))
    seen: list[str] = []
    usual = many._of_source

    def noted(gate: Gate, source: Rule, names: list[str]) -> list[Pair]:
        seen.append(source.path)
        return usual(gate, source, names)

    monkeypatch.setattr(many, "_of_source", noted)
    assert repr(list(many.pairs(Gate(), sources, chosen, workers=1, kept=True))) == repr(first)
    assert seen == []
    sources.insert(1, rule(path="new.yml"))
    again = list(many.pairs(Gate(), sources, chosen, workers=1, kept=True))
    assert seen == ["new.yml"]
    assert [pair.source for pair in again] == [source.path for source in sources for _ in NAMES]
    assert len([*many.pairs(Gate(), sources, chosen, workers=1)]) == len(again)
    assert len(seen) == 1 + len(sources)


def test_sets_and_mappings_have_no_order_in_the_digest() -> None:
    """Two runs of the same settings have the same digest, though Python orders their sets otherwise."""
    one = cached._canonical(Settings(disabled=frozenset("abcdef"), records={"a": ("b",), "c": ()}))
    assert one == cached._canonical(Settings(disabled=frozenset("fedcba"), records={"c": (), "a": ("b",)}))
    assert one != cached._canonical(Settings(disabled=frozenset("abcdeg"), records={"a": ("b",), "c": ()}))
