"""A rule as pySigma holds it, written as Sigma's detection section again: its parsed condition, test by test.

pySigma has applied the modifiers by then and may have split items, so that the section looks otherwise than what a
person wrote; it says the same. Nothing of pySigma is imported here: its classes are told apart by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: (field, or None for a search in the whole event; modifiers; value)
Test = tuple[str | None, tuple[str, ...], Any]

_FLAGS = {"IGNORECASE": "i", "MULTILINE": "m", "DOTALL": "s"}
_WILD = {"WILDCARD_MULTI": "*", "WILDCARD_SINGLE": "?"}
_JOINTS = {"ConditionAND": "and", "ConditionOR": "or"}


class NotWritable(Exception):
    """Sigma's detection section has no words for it."""


def detection_of(rule: Any) -> dict[str, Any]:
    """The detection section of a pySigma rule. Raises NotWritable, and what pySigma raises for its condition."""
    writer = _Writer()
    conditions = [writer.condition(one.parsed) for one in rule.detection.parsed_condition]
    if not conditions:
        raise NotWritable("nothing is left of the condition")
    joined = conditions[0] if len(conditions) == 1 else " or ".join(f"({one})" for one in conditions)
    return {**writer.selections, "condition": joined}


class _Writer:
    """Gathers the tests of a condition in selections `test_1`, `test_2` …"""

    def __init__(self) -> None:
        self.selections: dict[str, Any] = {}

    def condition(self, node: Any) -> str:
        """The condition of a node of pySigma's tree, as text."""
        kind = type(node).__name__
        if kind == "ConditionNOT":
            return f"not {self.bracketed(node.args[0])}"
        if kind in _JOINTS:
            return self.joined(list(_flat(node, kind)), kind == "ConditionAND")
        if node is None:
            raise NotWritable("nothing is left of the condition")
        return self.tests(_alternatives(node))

    def bracketed(self, node: Any) -> str:
        text = self.condition(node)
        return f"({text})" if " " in text else text

    def joined(self, parts: list[Any], conjunction: bool) -> str:
        """Tests of one field are alternatives of one item; tests of different fields that must all hold, one map."""
        simple: list[Test] = []
        texts: list[str] = []
        for part in parts:
            found = None if type(part).__name__ in (*_JOINTS, "ConditionNOT") or part is None else _alternatives(part)
            if found is None:
                texts.append(self.bracketed(part))
            elif not conjunction or _fits(found, simple):
                simple += found
            else:
                texts.append(self.tests(found))
        if simple and conjunction:
            texts.insert(0, self.selection({_key(test): test[2] for test in simple}))
        elif simple:
            texts.insert(0, self.tests(simple))
        return (" and " if conjunction else " or ").join(texts)

    def tests(self, found: list[Test]) -> str:
        """Tests of which one must hold, gathered by field and modifiers."""
        grouped: dict[tuple[str | None, tuple[str, ...], bool], list[Any]] = {}
        for field, modifiers, value in found:
            # null stands alone: Sigma has no list of it and others
            grouped.setdefault((field, modifiers, value is None), []).append(value)
        entries: list[Any] = []
        for (field, modifiers, _), values in grouped.items():
            if field is None:
                entries += values
            else:
                entries.append({_key((field, modifiers, None)): values if len(values) > 1 else values[0]})
        return self.selection(entries[0] if len(entries) == 1 and isinstance(entries[0], dict) else entries)

    def selection(self, content: Any) -> str:
        name = next((known for known, other in self.selections.items() if other == content), None)
        if name is None:
            name = f"test_{len(self.selections) + 1}"
            self.selections[name] = content
        return name


def _flat(node: Any, kind: str) -> Any:
    for part in node.args:
        if type(part).__name__ == kind:
            yield from _flat(part, kind)
        else:
            yield part


def _fits(found: list[Test], others: list[Test]) -> bool:
    """Whether the tests are one, of a field, that can stand in a map beside others."""
    return len(found) == 1 and found[0][0] is not None and _key(found[0]) not in map(_key, others)


def _key(test: Test) -> str:
    return "|".join((test[0] or "", *test[1]))


def _alternatives(node: Any) -> list[Test]:
    """The tests of which one must hold, for a leaf of the tree."""
    kind = type(node).__name__
    if kind == "ConditionValueExpression":
        modifiers, value = _value(node.value)
        if modifiers:
            raise NotWritable(f"a search in the whole event with {'|'.join(modifiers)}")
        return [(None, (), value)]
    if kind != "ConditionFieldEqualsValueExpression":
        raise NotWritable(f"{kind} in a condition")
    if not isinstance(node.field, str) or "|" in node.field:
        raise NotWritable(f"the field name {node.field!r}")
    values = node.value.values if type(node.value).__name__ == "SigmaExpansion" else [node.value]
    return [(node.field, *_value(value)) for value in values]


def _value(value: Any) -> tuple[tuple[str, ...], Any]:
    """The modifiers and the written form of a value."""
    kind = type(value).__name__
    write = _VALUES.get(kind)
    if write is None:
        raise NotWritable(f"a value of the kind {kind}")
    return write(value)


def _text(value: Any) -> tuple[tuple[str, ...], Any]:
    parts = list(value.s)
    expand = ("expand",) if any(type(part).__name__ == "Placeholder" for part in parts) else ()
    out = ""
    for number, part in enumerate(parts):
        if isinstance(part, str):
            if expand and "%" in part:
                raise NotWritable("a percent sign beside a placeholder")
            out += _escaped(part, last=number == len(parts) - 1)
        else:
            out += f"%{part.name}%" if type(part).__name__ == "Placeholder" else _WILD[part.name]
    cased = ("cased",) if type(value).__name__ == "SigmaCasedString" else ()
    return (*expand, *cased), out


def _escaped(text: str, last: bool) -> str:
    """A literal text, in which a backslash is doubled where it would escape what follows.

    https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-rules-specification.md#escaping
    """
    out = ""
    for number, char in enumerate(text):
        following = text[number + 1 : number + 2]
        if char in "*?" or (char == "\\" and (following in ("\\", "*", "?") or (not following and not last))):
            out += "\\"
        out += char
    return out


def _regex(value: Any) -> tuple[tuple[str, ...], Any]:
    if any(type(part).__name__ == "Placeholder" for part in value.regexp.s):
        raise NotWritable("a placeholder in a regular expression")
    flags = sorted(_FLAGS[flag.name] for flag in value.flags)
    return ("re", *flags), value.regexp.to_plain_regex()


def _comparison(value: Any) -> tuple[tuple[str, ...], Any]:
    if value.op.name not in ("LT", "LTE", "GT", "GTE"):
        raise NotWritable(f"a comparison {value.op.name}")
    return (value.op.name.lower(),), value.number.number


def _reference(value: Any) -> tuple[tuple[str, ...], Any]:
    place = {(True, False): ("startswith",), (False, True): ("endswith",), (True, True): ("contains",)}
    return ("fieldref", *place.get((value.starts_with, value.ends_with), ())), value.field


_VALUES: dict[str, Callable[[Any], tuple[tuple[str, ...], Any]]] = {
    "SigmaString": _text,
    "SigmaCasedString": _text,
    "SigmaNumber": lambda value: ((), value.number),
    "SigmaBool": lambda value: ((), bool(value)),
    "SigmaNull": lambda _: ((), None),
    "SigmaExists": lambda value: (("exists",), bool(value)),
    "SigmaRegularExpression": _regex,
    "SigmaCIDRExpression": lambda value: (("cidr",), value.cidr),
    "SigmaCompareExpression": _comparison,
    "SigmaFieldReference": _reference,
}
