"""A rule to begin with: all metadata in the usual order, what is still to be written marked, and a fixture made of it.

Names follow SigmaHQ's conventions, which sigma-cli's validators check too:
https://github.com/SigmaHQ/sigma-specification/blob/main/sigmahq/sigmahq-filename-convention.md
"""

from __future__ import annotations

import re
import subprocess
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from converter.artefacts.core import attack
from converter.build.examples import as_fixture, examples
from converter.build.fixtures import fixture_path
from converter.core.config import layout
from converter.core.discovery import did_you_mean, schemas
from converter.core.errors import LibraryError, UsageError
from converter.core.model import LogSource
from converter.core.taxonomy import FieldType, field_type, samples_of, shown_fields
from converter.rules.library import load_rule

#: stands in every part that only its author can write; `parity check` names each that is left
TO_WRITE = "TO WRITE"
_PREFIXES = {
    "process_creation": "proc_creation",
    "process_access": "proc_access",
    "process_tampering": "proc_tampering",
    "network_connection": "net_connection",
    "webserver": "web",
    "ps_script": "posh_ps",
    "ps_module": "posh_pm",
    "ps_classic_start": "posh_pc",
}
_SYSTEMS = {"windows": "win", "linux": "lnx", "macos": "macos"}
#: categories whose names hold no system: the registry is of one alone
_OF_ONE_SYSTEM = re.compile("registry|posh|web|proxy|antivirus")


@dataclass(frozen=True)
class Draft:
    """What is asked for. `tests` are items such as `Image|endswith=\\\\a.exe`; `author` is "" for git's own."""

    logsource: LogSource
    name: str
    title: str = ""
    author: str = ""
    level: str = "medium"
    techniques: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()


def find_logsource(text: str) -> LogSource:
    """`windows/process_creation`, `process_creation` or `windows/security` as a log source that some platform has.

    Raises UsageError with the nearest one.
    """
    known = {_short(table.logsource): table.logsource for schema in schemas().values() for table in schema.tables}
    if text in known:
        return known[text]
    alike = sorted(name for name in known if text in name.split("/"))
    if len(alike) == 1:
        return known[alike[0]]
    hint = did_you_mean(text, known) or f"one of: {', '.join(sorted(known))}"
    if alike:
        hint = f"several are called so: {', '.join(alike)}"
    raise UsageError(f"no platform has data for the log source {text!r}", hint=hint)


def _short(source: LogSource) -> str:
    return "/".join(part for part in (source.product, source.category, source.service) if part)


def write(root: Path, draft: Draft, today: date) -> tuple[Path, Path]:
    """Writes the rule and its fixture into the project; returns both paths. Raises UsageError where one is there."""
    source = draft.logsource
    folder = root / layout(root).rules / (source.product or "generic") / source.label
    path = folder / f"{file_name(source, draft.name)}.yml"
    if path.exists():
        raise UsageError(f"{path} is there already", hint="give another name")
    text = rule_text(draft, today)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8", newline="")
    try:
        rule = load_rule(path, root)
        fixture = root / fixture_path(rule, root)
        content = as_fixture(examples(rule), rule)
    except BaseException:
        path.unlink()
        raise
    fixture.parent.mkdir(parents=True, exist_ok=True)
    fixture.write_text(content, "utf-8", newline="")
    return path, fixture


def file_name(source: LogSource, name: str) -> str:
    """The name with SigmaHQ's prefix for the log source, unless it has it already. Raises UsageError."""
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise UsageError(f"{name!r} is no name for a rule file", hint="small letters, digits and _")
    first = _PREFIXES.get(source.label, source.label.replace("-", "_"))
    system = "" if _OF_ONE_SYSTEM.search(first) else _SYSTEMS.get(source.product or "", source.product or "")
    prefix = "_".join(part for part in ((first, system) if source.category else (system, first)) if part) + "_"
    return name if name.startswith(prefix) else prefix + name


def rule_text(draft: Draft, today: date) -> str:
    """The rule, in the order of SigmaHQ's rules. Raises UsageError for a technique or a test that is none."""
    source = draft.logsource
    head = {
        "title": draft.title or draft.name.replace("_", " ").title(),
        "id": str(uuid.uuid4()),
        "status": "experimental",
        "description": f"{TO_WRITE}: what the rule finds, why that matters, and what evades it.",
        "references": [f"{TO_WRITE}: the page that shows it"],
        "author": draft.author or _git_name() or "you",
        "date": today,
        "tags": _tags(draft.techniques),
        "logsource": {key: value for key, value in vars(source).items() if value},
        "detection": {"selection": _selection(draft), "condition": "selection"},
        "fields": list(_fields(draft)),
        "falsepositives": [f"{TO_WRITE}: what harmless thing looks the same"],
        "level": draft.level,
    }
    return yaml.dump(head, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, indent=4)


class _Dumper(yaml.SafeDumper):
    """Lists stand below their key, as in Sigma's own rules."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """PyYAML's own, which writes lists at the key's own column otherwise."""
        return super().increase_indent(flow, False)


def _tags(ids: Iterable[str]) -> list[str]:
    """Every tactic that the techniques serve, then the techniques: which of the tactics is meant is for a person."""
    try:
        found = [attack.technique(id_.upper()) for id_ in ids]
    except LibraryError as error:
        raise UsageError(error.message, hint=error.hint) from error
    tactics = dict.fromkeys(slug for one in found for slug in one.tactics)
    return [f"attack.{slug}" for slug in tactics] + [f"attack.{one.id.lower()}" for one in found]


def _selection(draft: Draft) -> dict[str, str | list[str]]:
    """What is tested; without tests the first path among the fields that are shown, or the first text."""
    if draft.tests:
        found: dict[str, list[str]] = {}
        for test in draft.tests:
            item, equals, value = test.partition("=")
            if not equals or not item or not value:
                raise UsageError(f"{test!r} is no test", hint=r"as in: --where 'Image|endswith=\certutil.exe'")
            found.setdefault(item, []).append(value)
        return {item: values[0] if len(values) == 1 else values for item, values in found.items()}
    shown = shown_fields(draft.logsource)
    paths = [name for name in shown if field_type(name) is FieldType.PATH]
    own = [name for name in paths if not name.startswith("Parent")]
    if own:
        slash = "\\" if draft.logsource.product == "windows" else "/"
        return {f"{own[0]}|endswith": f"{slash}example"}
    name = next((one for one in shown if one != "Computer" and field_type(one) is FieldType.TEXT), shown[0])
    return {f"{name}|contains": (samples_of(name) or ("example",))[0]}


def _fields(draft: Draft) -> Sequence[str]:
    """What an analyst reads a hit by, and the tested fields."""
    tested = (test.partition("=")[0].partition("|")[0] for test in draft.tests)
    return tuple(dict.fromkeys((*shown_fields(draft.logsource), *tested)))


def _git_name() -> str:
    try:
        done = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
