"""The design's module layers, read off the import statements: they go one way, and what must not meet does not meet."""

from __future__ import annotations

import ast
import functools
import graphlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.project import ROOT

#: The folders of converter/, from the bottom up; folders on one line do not import each other.
LAYERS = (
    ("core",),
    ("semantics",),
    ("rules", "platforms"),
    ("dialects",),
    ("convert", "engines"),
    ("prove",),
    ("build",),
    ("verify", "explain"),
    ("lint", "artefacts", "audit", "mutation"),
    ("catalogue", "contribute"),
    ("cli",),
)

#: What a dialect's reader and its writer may both stand on: no notion of a query is in here. Of `addresses` they must
#: use different functions. Lucene's parser of expressions is here for the effort that an expression takes, which both
#: must know; what an expression means, a writer does not ask.
COMMON = {
    "converter",
    "converter.dialects",
    "converter.dialects.limits",  # the vendors' numbers
    *(f"converter.core.{name}" for name in ("errors", "model", "places", "platform", "verdict")),
    "converter.semantics",
    "converter.semantics.tree",
    "converter.semantics.regular",
    *(f"converter.semantics.regular.{name}" for name in ("build", "language")),
    *(f"converter.semantics.regular.lucene_{name}" for name in ("automata", "effort", "limits", "regex")),
}
ARITHMETIC = "converter.core.addresses"

DIALECTS = sorted(p.parent.name for p in (ROOT / "converter" / "dialects").glob("*/writer.py"))

CORRELATING = sorted(p.parent.name for p in (ROOT / "converter" / "dialects").glob("*/correlation_writer.py"))

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


def folder(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def layer(module: str) -> int:
    return next((number for number, names in enumerate(LAYERS) if folder(module) in names), len(LAYERS))


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


def test_imports_go_downwards() -> None:
    """A module imports from its own folder and from lower layers: never from above, never from beside."""
    wrong = [
        f"{module} imports {target}"
        for module, targets in edges().items()
        for target in sorted(targets)
        if folder(target) and folder(target) != folder(module) and layer(target) >= layer(module)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_layers_are_the_folders() -> None:
    """Each folder of converter/ is on one layer, and no module lies outside them but the package's own two."""
    folders = {folder(module) for module in trees() if module.count(".") > 1}
    assert {name for names in LAYERS for name in names} == folders
    # the targets are data
    alone = {m for m in trees() if m.count(".") == 1 and folder(m) not in folders}
    assert alone == {"converter.__main__", "converter.targets"}


def test_there_is_no_cycle() -> None:
    """The modules have an order in which each comes after what it imports."""
    order = list(graphlib.TopologicalSorter(edges()).static_order())
    assert set(order) == set(trees())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("converter.semantics", "converter.dialects"),
        ("converter.platforms", "converter.dialects"),
        ("converter.platforms", "converter.rules"),
        ("converter.platforms", "converter.engines"),
        ("converter.rules.evaluator", "converter.dialects"),
        ("converter.rules.evaluator", "converter.semantics"),
        ("converter.rules.evaluator", "converter.rules.meaning"),
        ("converter.verify.verify", "converter.engines"),
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


@pytest.mark.parametrize("dialect", CORRELATING)
def test_reader_and_writer_of_correlations_share_no_code(dialect: str) -> None:
    """Nor do those of correlations, which stand on the former two."""
    package = f"converter.dialects.{dialect}"
    reader, writer = reach(f"{package}.correlation_reader"), reach(f"{package}.correlation_writer")
    assert reader & writer - COMMON - {package, ARITHMETIC} == set()


def test_the_judge_of_correlations_shares_nothing_with_what_it_judges() -> None:
    """The evaluator knows the rule and events, and neither languages nor platforms nor engines."""
    found = reach("converter.rules.correlating")
    assert not {m for m in found if m.split(".")[1] in ("dialects", "platforms", "engines", "convert")}


def test_reader_and_writer_use_different_arithmetic() -> None:
    """Of the module about IP ranges, what writers use no reader uses."""
    writers = {m for d in DIALECTS for m in reach(f"converter.dialects.{d}.writer")}
    readers = {m for d in DIALECTS for m in reach(f"converter.dialects.{d}.reader")}
    used = [
        {name for m in side for source, name in imported(trees()[m]) if source == ARITHMETIC}
        for side in (writers, readers)
    ]
    assert not used[0] & used[1]


#: what works with pySigma itself, an extra, and imports it when it is used
WITH_PYSIGMA = {"converter.build.transform", "converter.audit.stock"}


def test_pysigma_is_imported_where_it_is_the_subject() -> None:
    """`sigma.*` is pySigma: our reading of rules is our own, and pySigma's is compared with it in the tests only. Who
    works with its pipelines or backends imports it within a function: it need not be installed."""
    found = {m for m, tree in trees().items() if any(s.split(".")[0] == "sigma" for s, _ in imported(tree))}
    assert found == WITH_PYSIGMA
    at_once = {
        m
        for m in found
        if any(s.split(".")[0] == "sigma" for s, _ in imported(ast.Module(_at_once(trees()[m]), type_ignores=[])))
    }
    assert at_once == set()


def _at_once(tree: ast.Module) -> list[ast.stmt]:
    """The statements of a module that are run when it is imported, those below `if TYPE_CHECKING` among them."""
    return [node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)]


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
