"""Microsoft's own binder for KQL: which names and types of a query do not exist or do not fit.

It is the npm package `@kusto/language-service-next` (MIT), run in V8 by `mini-racer`. It is the authority on names and
types and knows nothing of matching: `int == "80"`, `isnull(string)` and malformed regular expressions pass it.
Development only: `npm install` fetches the version pinned in `package.json`.
"""

from __future__ import annotations

import atexit
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.core.errors import EngineUnavailable, QueryError
from converter.core.processes import no_more_forks
from converter.engines.versions import distributions

VARIABLE = "PARITY_KUSTO_LANGUAGE_SERVICE"
_PACKAGE = Path("node_modules", "@kusto", "language-service-next")
_SCRIPTS = ("bridge.min.js", "Kusto.Language.Bridge.min.js")

#: What the scripts expect of a browser: a window to wait on (they are ready at once) and a console to be silent on.
_SHIM = """
var window = globalThis, self = globalThis, global = globalThis;
window.addEventListener = function () {};
var console = {log: function () {}, warn: function () {}, error: function () {}, info: function () {}};
"""
_GLUE = """
var parityGlobals = {};
function parityDeclare(key, types) {
    var S = Kusto.Language.Symbols, tables = [];
    for (var table in types) {
        var columns = Object.keys(types[table]).map(function (c) { return "['" + c + "']:" + types[table][c]; });
        tables.push(new S.TableSymbol.$ctor7(table, "(" + columns.join(", ") + ")", null));
    }
    var database = new S.DatabaseSymbol.$ctor1("db", tables, false);
    parityGlobals[key] = Kusto.Language.GlobalState.Default.WithDatabase(database);
}
function parityDiagnose(key, text) {
    var code = Kusto.Language.KustoCode.ParseAndAnalyze(text, parityGlobals[key]), found = [];
    var each = Bridge.getEnumerator(code.GetDiagnostics(), Kusto.Language.Diagnostic);
    while (each.moveNext()) {
        var d = each.Current;
        found.push([d.Code, d.Severity, d.Message, [d.Start, d.Length]]);
    }
    return JSON.stringify(found);
}
"""


@dataclass(frozen=True)
class Diagnostic:
    """One finding: `code` such as KS142, `severity` such as Error; `start` and `length` count the text's characters."""

    code: str
    severity: str
    message: str
    start: int
    length: int


class KustoBinder:
    """The binder, loaded at the first query (about two seconds) and kept until the process ends."""

    def __init__(self) -> None:
        self._context: Any = None
        self._declared: dict[str, str] = {}

    def diagnose(self, text: str, types: Mapping[str, Mapping[str, str]]) -> list[Diagnostic]:
        """What the binder says of `text` where the tables and columns are `types` (table -> column -> KQL type).

        Raises EngineUnavailable when mini-racer or the npm package is missing, and QueryError when the binder itself
        fails on the text.
        """
        if self._context is None:
            no_more_forks()
            self._context = _load()
            atexit.register(self.close)
        shape = json.dumps({table: dict(columns) for table, columns in types.items()})
        if shape not in self._declared:
            key = f"schema{len(self._declared)}"
            self._evaluate(f"parityDeclare({json.dumps(key)}, {shape})")
            self._declared[shape] = key
        found = json.loads(self._evaluate(f"parityDiagnose({json.dumps(self._declared[shape])}, {json.dumps(text)})"))
        return [Diagnostic(code, level, message, *_characters(text, *span)) for code, level, message, span in found]

    def close(self) -> None:
        """Shut V8 down: left open, it can keep the interpreter from ending. The next query loads it again."""
        if self._context is not None:
            self._context.close()
            self._context = None
            self._declared = {}
            atexit.unregister(self.close)

    def _evaluate(self, script: str) -> Any:
        from py_mini_racer import JSEvalException

        try:
            return self._context.eval(script)
        except JSEvalException as error:
            raise QueryError(f"Kusto's binder failed: {_brief(error)}") from error


def package_folder() -> Path:
    """Where the npm package lies: the folder that the environment names, or `node_modules` below the project root.

    Raises EngineUnavailable when its scripts are not there.
    """
    named = os.environ.get(VARIABLE)
    folder = Path(named) if named else Path(__file__).parents[3] / _PACKAGE
    missing = [script for script in _SCRIPTS if not (folder / script).is_file()]
    if missing:
        place = f"the folder that {VARIABLE} names" if named else _PACKAGE.as_posix()
        raise EngineUnavailable(f"no {missing[0]} in {place}", hint="run `npm install` in the project root")
    return folder


def version() -> str:
    """The versions of what makes the binder. Raises EngineUnavailable for what is missing."""
    package = json.loads((package_folder() / "package.json").read_text(encoding="utf-8"))
    return f"language-service-next {package['version']}, {distributions('mini-racer')}"


def _load() -> Any:
    folder = package_folder()
    try:
        from py_mini_racer import JSEvalException, MiniRacer
    except ImportError as error:
        raise EngineUnavailable(f"Kusto's binder needs V8: {error}", hint="pip install mini-racer") from error
    context = MiniRacer()
    try:
        context.eval(_SHIM)
        for script in _SCRIPTS:
            context.eval((folder / script).read_text(encoding="utf-8"))
        context.eval(_GLUE)
    except JSEvalException as error:
        context.close()
        raise EngineUnavailable(f"Kusto's binder does not load: {_brief(error)}") from error
    return context


def _brief(error: Exception) -> str:
    """The first words of a V8 message, which otherwise repeats the script."""
    return str(error)[:200].splitlines()[0] if str(error) else type(error).__name__


def _characters(text: str, start: int, length: int) -> tuple[int, int]:
    """A start and a length in UTF-16 units, as JavaScript counts, in characters of `text`."""
    units = text.encode("utf-16-le", "surrogatepass")
    first, last = (len(units[: 2 * end].decode("utf-16-le", "surrogatepass")) for end in (start, start + length))
    return first, last - first
