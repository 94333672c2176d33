"""The design's module layers, read off the import statements: they go one way, and what must not meet does not meet."""

from __future__ import annotations

import ast
import functools
import graphlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.project import ROOT

#: A module's layer is that of its longest listed prefix. What is not listed is on the layer of the applications, which
#: only the command line imports.
APPLICATIONS = 5
LAYERS = {
    "converter": 0,
    "converter.errors": 0,
    "converter.model": 1,
    "converter.config": 2,
    "converter.discovery": 2,
    "converter.addresses": 2,
    "converter.places": 2,
    "converter.semantics": 2,
    "converter.form": 3,
    "converter.library": 3,
    "converter.sigma_condition": 3,
    "converter.sigma_values": 3,
    "converter.meaning": 3,
    "converter.plausible": 3,
    "converter.evaluator": 3,
    "converter.schemas": 3,
    "converter.fixtures": 3,
    "converter.dialects": 3,
    "converter.targets": 3,
    "converter.engines": 3,
    "converter.lower": 4,
    "converter.convert": 4,
    "converter.prove": 4,
    "converter.verify": 4,
    "converter.binder_check": 4,
    "converter.artefacts": 4,
    "converter.cli": 6,
    "converter.__main__": 6,
}

#: The only modules that import pySigma.
PYSIGMA = {"converter.convert", "converter.lower"}

#: What a dialect's reader and its writer may both stand on: no notion of a query is in here. Of `addresses` they must
#: use different functions.
COMMON = {"converter", "converter.dialects", "converter.errors", "converter.model"}
ARITHMETIC = "converter.addresses"

DIALECTS = sorted(p.parent.name for p in (ROOT / "converter" / "dialects").glob("*/writer.py"))

MOST_LINES = 400
#: file -> why it may be longer
LONG: dict[str, str] = {}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@functools.cache
def trees() -> dict[str, ast.Module]:
    """module -> its syntax tree, for every file of converter/."""
    return {name_of(p): ast.parse(p.read_text("utf-8"), str(p)) for p in sorted((ROOT / "converter").rglob("*.py"))}


def imported(tree: ast.AST) -> Iterable[tuple[str, str]]:
    """(module, name) of every import statement, wherever it stands; the name is "" for `import module`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from ((node.module or "", alias.name) for alias in node.names)


@functools.cache
def edges() -> dict[str, set[str]]:
    """module -> the modules of converter/ that it imports; `from package import module` counts as that module."""
    found: dict[str, set[str]] = {}
    for module, tree in trees().items():
        targets = set()
        for source, name in imported(tree):
            whole = f"{source}.{name}"
            target = whole if whole in trees() else source
            if target in trees() and target != module:
                targets.add(target)
        found[module] = targets
    return found


def layer(module: str) -> int:
    prefix = module
    while prefix not in LAYERS or (prefix == "converter" and module != "converter"):
        if "." not in prefix:
            return APPLICATIONS
        prefix = prefix.rpartition(".")[0]
    return LAYERS[prefix]


@functools.cache
def reach(module: str) -> frozenset[str]:
    """Everything that comes along with a module, itself included."""
    seen = {module}
    todo = [module]
    while todo:
        fresh = edges()[todo.pop()] - seen
        seen |= fresh
        todo.extend(fresh)
    return frozenset(seen)


def below(*packages: str) -> list[str]:
    return [m for m in trees() if any(m.startswith(f"{p}.") or m == p for p in packages)]


def test_imports_go_towards_layer_zero() -> None:
    """No module imports one of a higher layer."""
    wrong = [
        f"{module} ({layer(module)}) imports {target} ({layer(target)})"
        for module, targets in edges().items()
        for target in sorted(targets)
        if layer(target) > layer(module)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_named_module_exists() -> None:
    """The list of layers holds nothing that is gone."""
    assert [module for module in LAYERS if module not in trees()] == []


def test_there_is_no_cycle() -> None:
    """The modules have an order in which each comes after what it imports."""
    order = list(graphlib.TopologicalSorter(edges()).static_order())
    assert set(order) == set(trees())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("converter.targets", "converter.engines"),
        ("converter.engines", "converter.targets"),
        ("converter.semantics", "converter.dialects"),
        ("converter.schemas", "converter.dialects"),
        ("converter.schemas", "converter.targets"),
        ("converter.evaluator", "converter.dialects"),
        ("converter.evaluator", "converter.semantics"),
        ("converter.evaluator", "converter.meaning"),
        ("converter.verify", "converter.engines"),
    ],
)
def test_what_must_not_know_each_other_does_not(one: str, other: str) -> None:
    """Not even by way of a third module."""
    met = {m: sorted(set(below(other)) & reach(m)) for m in below(one)}
    assert below(one)
    assert below(other)
    assert not {m: found for m, found in met.items() if found}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_reader_and_writer_share_no_code(dialect: str) -> None:
    """A mistake in one cannot be repeated by the other."""
    package = f"converter.dialects.{dialect}"
    reader, writer = reach(f"{package}.reader"), reach(f"{package}.writer")
    assert reader & writer - COMMON - {package, ARITHMETIC} == set()


def test_reader_and_writer_use_different_arithmetic() -> None:
    """Of the module about IP ranges, what writers use no reader uses."""
    writers = {m for d in DIALECTS for m in reach(f"converter.dialects.{d}.writer")}
    readers = {m for d in DIALECTS for m in reach(f"converter.dialects.{d}.reader")}
    used = [
        {name for m in side for source, name in imported(trees()[m]) if source == ARITHMETIC}
        for side in (writers, readers)
    ]
    assert not used[0] & used[1]


def test_pysigma_is_imported_in_two_places() -> None:
    """`sigma.*` is pySigma; only what calls it imports it, so the rest runs without and starts fast."""
    found = {m for m, tree in trees().items() if any(s.split(".")[0] == "sigma" for s, _ in imported(tree))}
    assert found == PYSIGMA


def test_files_read_in_one_sitting() -> None:
    """No file of converter/ is longer than the limit but the ones that say why."""
    files = {p.relative_to(ROOT).as_posix(): p.read_text("utf-8") for p in ROOT.glob("converter/**/*.py")}
    assert {path for path, text in files.items() if len(text.splitlines()) > MOST_LINES} == set(LONG)


def test_nothing_shadows_pysigma() -> None:
    """pySigma's `sigma` is a namespace package: Python files below sigma/, or a folder tests/sigma, would break it."""
    assert list((ROOT / "sigma").rglob("*.py")) == []
    assert not (ROOT / "tests" / "sigma").exists()
    import sigma.rule

    assert ROOT / "sigma" not in Path(sigma.rule.__file__).parents
