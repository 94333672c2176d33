"""Laws of size for rules: at the bound a rule is converted, above it refused in a word, at once."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from converter.build.gate import Gate, Pair
from converter.build.settings import DEFAULTS
from converter.build.transform import Pipelines
from converter.cli.main import main
from converter.convert.convert import Converter
from converter.core.discovery import find_target
from converter.core.errors import LibraryError, OutOfFragment, ParityError
from converter.core.model import Rule
from converter.core.verdict import Outcome
from converter.rules.bounds import LONGEST_VALUE, MOST_TESTS, check_size
from converter.rules.library import load_rule

HEAD = "title: T\nlogsource: {category: process_creation, product: windows}\ndetection:\n"


def rule(tmp_path: Path, selections: str, condition: str = "s") -> Rule:
    path = tmp_path / "x.yml"
    path.write_text(f"{HEAD}{selections}\n  condition: {condition}\n")
    return load_rule(path, tmp_path)


def listed(count: int) -> str:
    return "  s:\n    CommandLine|contains:\n" + "".join(f"      - v{n}x\n" for n in range(count))


def pair(of: Rule, target: str = "defender") -> Pair:
    return Gate().pair(of, find_target(target))


#: (selections, condition, the feature that is refused)
TOO_LARGE = {
    "a list": (listed(50_000), "s", "rule size"),
    "a list, again and again": (listed(500), "s and (" * 50 + "s" + ")" * 50, "rule size"),
    "offsets": (listed(MOST_TESTS // 2).replace("contains", "base64offset|contains"), "s", "rule size"),
    "a repeated selection": ("  s: {CommandLine: x}", " or ".join(["s"] * (MOST_TESTS + 1)), "rule size"),
    "selections": ("".join(f"  s{n}: {{Image: v{n}}}\n" for n in range(MOST_TESTS + 1)), "1 of them", "rule size"),
    "a value": (f"  s: {{CommandLine: {'a' * 500_000}}}", "s", "value length"),
    "nesting": ("  s: {CommandLine: x}", "not " * 10_000 + "s", "condition nesting"),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_what_is_too_large_is_refused(name: str, tmp_path: Path) -> None:
    """UNSUPPORTED with its feature and its line, within ten seconds, whatever it is that is large."""
    selections, condition, feature = TOO_LARGE[name]
    large = rule(tmp_path, selections, condition)
    start = time.process_time()
    refusal = pair(large).refusal
    assert time.process_time() - start < 10
    assert refusal is not None
    assert (refusal.outcome, refusal.feature) == (Outcome.UNSUPPORTED, feature)
    assert refusal.where.startswith("x.yml:")
    assert len(refusal.reason) < 500


def test_the_bounds_are_what_they_say(tmp_path: Path) -> None:
    """One test, one character more is too much."""
    nothing = DEFAULTS.placeholders
    check_size(rule(tmp_path, listed(MOST_TESTS)), nothing)
    with pytest.raises(ParityError, match=f"{MOST_TESTS + 1:,} tests"):
        check_size(rule(tmp_path, listed(MOST_TESTS + 1)), nothing)
    check_size(rule(tmp_path, f"  s: {{CommandLine: {'a' * LONGEST_VALUE}}}"), nothing)
    with pytest.raises(ParityError, match="32,768 characters"):
        check_size(rule(tmp_path, f"  s: {{CommandLine: {'a' * (LONGEST_VALUE + 1)}}}"), nothing)


def test_a_long_list_is_converted_and_proved(tmp_path: Path) -> None:
    """Two thousand values, one of them several selections, are an answer within ten seconds."""
    several = "".join(f"  s{n}: {{CommandLine|contains: v{n}x}}\n" for n in range(2_000))
    many = rule(tmp_path, several, "1 of s*")
    start = time.process_time()
    assert pair(many).proof is not None
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    ("error", "outcome"), [(OutOfFragment("too large"), Outcome.OUT_OF_FRAGMENT), (LibraryError("broken"), None)]
)
def test_what_has_no_place_gets_one(
    error: ParityError, outcome: Outcome | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is refused deep inside, without a line, is told with the rule's; out of the fragment is not broken."""

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(Converter, "query", refuse)
    found = pair(rule(tmp_path, "  s: {CommandLine: x}"))
    told = found.refusal or found.fault
    assert told is not None
    assert told.where == "x.yml:3"
    assert (found.refusal.outcome if found.refusal else None) is outcome


@pytest.mark.parametrize("value", ["zq@", "300.", "1.2.3.4.", "1.2.3.4/5", "::1%eth0", "\u0661.2.3.4", "1.2.3.4 "])
def test_what_is_no_address_is_refused(value: str, tmp_path: Path) -> None:
    """A text that no column of addresses holds is refused where such a column is searched, never written."""
    text = HEAD.replace("process_creation", "network_connection")
    path = tmp_path / "x.yml"
    for key in ("DestinationIp", "DestinationIp|startswith"):
        path.write_text(f"{text}  s: {{{key}: '{value}'}}\n  condition: s\n")
        for target in ("elastic-dsl", "elastic-eql", "elastic-esql", "elastic-lucene"):
            found = pair(load_rule(path, tmp_path), target)
            assert found.refusal is not None
            assert found.refusal.outcome is Outcome.UNSUPPORTED


def test_one_bad_file_stops_no_folder(tmp_path: Path) -> None:
    """Whatever else stands beside it, the sound rule is listed, examined, converted and proved; the bad files are
    named, and the exit code says that there are some."""
    (tmp_path / "parity.toml").write_text("")
    folder = tmp_path / "sigma"
    folder.mkdir()
    good = f"{HEAD}  s: {{CommandLine|contains: good}}\n  condition: s\n"
    (folder / "good.yml").write_text(good.replace("title: T", "title: T\nid: 8a1b2c3d-0000-4000-8000-000000000003"))
    (folder / "broken.yml").write_text("a: [")
    (folder / "empty.yml").write_text("")
    (folder / "latin.yml").write_bytes(b"title: \xe9")
    (folder / "no_condition.yml").write_text(f"{HEAD}  s: {{CommandLine: x}}\n")
    (folder / "deep.yml").write_text(f"{HEAD}  s: {{CommandLine: x}}\n  condition: {'not ' * 10_000}s\n")
    (folder / "list.yml").write_text(f"{HEAD}{listed(50_000)}  condition: s\n")
    (folder / "loop.yml").symlink_to("loop.yml")
    (folder / "again").symlink_to(".")
    for arguments in (["list", "rules"], ["lint"], ["prove", str(folder), "-t", "defender"],
                      ["convert", str(folder), "-t", "defender"], ["lint", str(folder)]):  # fmt: skip
        start = time.process_time()
        done = CliRunner().invoke(main, ["--root", str(tmp_path), *arguments])
        assert time.process_time() - start < 30
        said = done.stdout + done.stderr
        assert done.exit_code == 1, said
        assert "Traceback" not in said
        assert "good" in said or "AGREE" in said or "examined" in said
        for bad in ("broken.yml", "latin.yml", "no_condition.yml", "loop.yml"):
            assert bad in said, arguments


@pytest.mark.parametrize(
    "transformation",
    [
        "{type: field_name_mapping, mapping: {Image: {a: b}}}",
        "{type: field_name_mapping, mapping: {Image: [[a]]}}",
        "{type: field_name_mapping, mapping: [1]}",
        "{type: replace_string, regex: 1, replacement: 2}",
    ],
)
def test_a_pipeline_of_wrong_types_is_refused(transformation: str, tmp_path: Path) -> None:
    """Whatever pySigma makes of its parameters, and whenever, it is an error of ours that names the file."""
    path = tmp_path / "p.yml"
    path.write_text(f"name: p\npriority: 1\ntransformations:\n  - {transformation}\n")
    with pytest.raises(ParityError, match=r"p\.yml"):
        Pipelines([str(path)]).apply(rule(tmp_path, "  s: {Image: x}"))


def test_a_pipeline_that_never_ends_is_refused(tmp_path: Path) -> None:
    """A device or a pipe is no pipeline."""
    os.mkfifo(tmp_path / "p.yml")
    for path in ("/dev/zero", str(tmp_path / "p.yml")):
        with pytest.raises(ParityError, match="is not a plain file"):
            Pipelines([path])
