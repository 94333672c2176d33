"""Files and sizes that nobody means well: a result or a clear refusal, soon, and never anything but our own errors."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from converter.core.errors import LibraryError, ParityError, Unsupported
from converter.rules.detection import read_detection
from converter.rules.evaluator import compile_rule
from converter.rules.files import MAX_BYTES
from converter.rules.form import form_faults
from converter.rules.library import load_rule, read_folder, read_rules
from converter.rules.meaning import meaning

HEAD = "title: T\nlogsource: {category: process_creation, product: windows}\ndetection:\n"
#: seconds of CPU; the slowest takes about 6 of them on two shared cores
MOST_SECONDS = 30


def text(selections: str, condition: str = "s") -> str:
    return f"{HEAD}{selections}\n  condition: {condition}\n"


#: name -> the file's text, and what is said of it ("" when it is read)
TEXTS: dict[str, tuple[str, str]] = {
    "parentheses": (text("  s: {f: x}", "(" * 10_000 + "s" + ")" * 10_000), "nested more than 100 deep"),
    "negations": (text("  s: {f: x}", "not " * 2_000 + "s"), "nested more than 100 deep"),
    "alternatives": (text("  s: {f: x}", " or ".join(["s"] * 20_000)), ""),
    "blanks": (text("  s: {f: x}", f"'s{' ' * 900_000}'"), ""),
    "numbers": (text("  1: {f: x}\n  2: {f: y}", "1 of them"), ""),
    "one number twice": (text("  1: {f: x}\n  '1': {f: y}", "1 of them"), "two selections '1'"),
    "a boolean": (text("  on: {f: x}", "on"), "not text"),
    "an operator": (text("  not: {f: x}\n  s: {f: x}", "s"), "is a word of the condition language"),
    "list": (text("  s:\n    f|contains:\n" + "".join(f"    - v{i}\n" for i in range(50_000))), ""),
    "maps": (text("  s:\n" + "".join(f"    - f: v{i}\n" for i in range(10_000))), ""),
    "selections": (text("".join(f"  s{i}: {{f: v{i}}}\n" for i in range(10_000)), "1 of them"), ""),
    "one long value": (text(f"  s: {{f: '{'a' * 500_000}'}}"), ""),
    "dashes": (text(f"  s: {{f|windash|contains: '{' -a' * 300}'}}"), ""),
    "encoded dashes": (text(f"  s: {{f|windash|base64: '{' -a' * 300}'}}"), "more than 625 texts"),
    "stars": (text(f"  s: {{f|contains: '{'*a' * 3_000}'}}"), ""),
    "digits": (text(f"  s: {{f: {'9' * 5_000}}}"), "broken YAML"),
    "groups": (text(f"  s: {{f|re: '{'(' * 5_000}a{')' * 5_000}'}}"), "regular expression"),
    "too large": (text(f"  s: {{f: '{'a' * MAX_BYTES}'}}"), "at most 1,000,000 are read"),
    "aliases": ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]\n" for n in range(1, 12)), "200,000"),
    "merges": (
        "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{f'*a{n - 1}, ' * 9}]}}\n" for n in range(1, 12)),
        "200,000",
    ),
    "itself": (text("  s: &s {f: *s}"), "within itself"),
    "brackets": ("a: " + "[" * 20_000, "maximum nesting depth"),
    "levels": (f"a: {'[' * 300}{']' * 300}", "nested more than 50 deep"),
    "a surrogate": (text('  s: {f: "\\ud800"}'), "broken YAML"),
}


def everything(path: Path, root: Path) -> list[str]:
    """All that is said of a file by whoever reads it."""
    rules, faults = read_rules(path, root)
    said = [str(fault) for fault in faults]
    for rule in rules:
        said += [str(fault) for fault in form_faults(rule)]
        for use in (compile_rule, meaning):
            try:
                use(rule)
            except ParityError as fault:
                said.append(str(fault))
    return said


@pytest.mark.parametrize("name", TEXTS)
def test_size(name: str, tmp_path: Path) -> None:
    """A rule of any size and depth is read, or refused in a word, in bounded time."""
    content, expected = TEXTS[name]
    path = tmp_path / "x.yml"
    path.write_text(content)
    start = time.process_time()
    said = everything(path, tmp_path)
    assert time.process_time() - start < MOST_SECONDS
    if expected:
        assert any(expected in fault for fault in said), said[:3]
        assert all(fault.startswith("x.yml") and len(fault) < 2_000 for fault in said)
    else:
        assert said == []


def _pipe(path: Path) -> None:
    os.mkfifo(path)


#: what stands under a rule's name, and what is said of it
FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "pipe": (_pipe, "is not a plain file"),
    "endless": (lambda path: path.symlink_to("/dev/zero"), "is not a plain file"),
    "loop": (lambda path: path.symlink_to(path.name), "cannot be read"),
    "dangling": (lambda path: path.symlink_to("nowhere"), "cannot be read"),
    "folder": (lambda path: path.mkdir(), "is not a plain file"),
    "latin": (lambda path: path.write_bytes("title: \xe9 ".encode("latin-1")), "is not UTF-8 text"),
    "null": (lambda path: path.write_bytes(b"title: \0"), "broken YAML"),
}


@pytest.mark.parametrize("name", FILES)
def test_file(name: str, tmp_path: Path) -> None:
    """What is no plain text file is refused at once, and the files beside it are read."""
    make, expected = FILES[name]
    make(tmp_path / "b.yml")
    for good in ("a.yml", "c.yml"):
        (tmp_path / good).write_text(text("  s: {f: x}"))
    start = time.monotonic()
    rules, faults = read_folder(tmp_path)
    assert time.monotonic() - start < MOST_SECONDS
    assert [rule.path for rule in rules] == ["a.yml", "c.yml"]
    assert len(faults) == 1
    assert str(faults[0]).startswith("b.yml")
    assert expected in str(faults[0])


UNSAFE = [
    "a\nb.yml",
    "a\rb.yml",
    "a#2.yml",
    "-rf.yml",
    "con.yml",
    "a`b.yml",
    "a$b.yml",
    "a'b.yml",
    'a"b.yml',
    "a|b.yml",
]


@pytest.mark.parametrize("name", [*UNSAFE, "a\u2028b.yml", "a\u202eb.yml", "a%b.yml", "a;b.yml", " a.yml", ".yml"])
def test_unsafe_name(name: str, tmp_path: Path) -> None:
    """A file whose name could break out of a header, a link or a command is refused, in a message of one line."""
    (tmp_path / name).write_text(text("  s: {f: x}"))
    rules, faults = read_rules(tmp_path / name, tmp_path)
    assert not rules
    assert [fault.message for fault in faults] == ["the file's name is not safe to be used for outputs"]
    assert faults[0].where.isprintable()


@pytest.mark.parametrize(
    "name", ["a.yml", "proc_creation_win_x-1.2.yml", "\u00fcber.yml", "a (copy).yml", "\u6f22.yml"]
)
def test_safe_name(name: str, tmp_path: Path) -> None:
    """Ordinary names, of any script, are fine."""
    (tmp_path / name).write_text(text("  s: {f: x}"))
    assert load_rule(tmp_path / name, tmp_path).path == name


def test_name_that_is_no_text(tmp_path: Path) -> None:
    """A file name that is not UTF-8 is refused with a message that can be printed."""
    try:
        with open(os.fsencode(tmp_path) + b"/\xff.yml", "w") as file:
            file.write(text("  s: {f: x}"))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    _, faults = read_folder(tmp_path)
    assert str(faults[0]).encode().startswith(b"\\udcff.yml: the file's name")


def test_refused_depth_is_unsupported() -> None:
    """A condition that is nested too deeply is valid Sigma, refused as such; one at the bound is read and run."""
    raw = {"detection": {"s": {"f": "x"}, "condition": "not " * 101 + "s"}}
    with pytest.raises(Unsupported) as fault:
        read_detection(raw)
    assert fault.value.feature == "condition nesting"
    for condition in ("not " * 100 + "s", "(" * 100 + "s" + ")" * 100):
        assert compile_rule({"detection": {"s": {"f": "x"}, "condition": condition}})({"f": "x"})


def test_messages_do_not_repeat_what_they_refuse() -> None:
    """A fault of a condition of any length shows its beginning."""
    with pytest.raises(LibraryError) as fault:
        read_detection({"detection": {"s": {"f": "x"}, "condition": "s and " + "q" * 100_000}})
    assert len(str(fault.value)) < 500
