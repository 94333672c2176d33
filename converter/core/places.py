"""YAML with places: a loader that refuses what would be dropped in silence, and where each value stands.

YAML 1.1 gives unquoted values types of its own (https://yaml.org/type/): `010` is the number 8, `yes` is true. What was
written is therefore kept beside what was read.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: A rule is five or six levels deep; whoever walks a document may rely on this bound.
MAX_DEPTH = 50
#: Values of one document, those that an alias repeats counted again: a small file can stand for a billion.
MAX_VALUES = 200_000

#: a number of YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#1032-tag-resolution)
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+")
#: The way to a value: keys of mappings (as text) and positions in lists.
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """The line of a key or list item, from 1, and the text of its value where YAML read that as anything but text, or
    where YAML 1.2 would: what is unquoted and a number there, though not in YAML 1.1."""

    line: int
    written: str | None = None


@dataclass(frozen=True)
class Document:
    """One YAML document: its value, and where each part of it stands."""

    value: Any
    places: Mapping[Path, Place]


class Loader(_Base):  # type: ignore[misc]
    """YAML's safe loader, for which a key given twice and a value that is none of its type are errors with a place."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        if isinstance(node, yaml.MappingNode):
            seen: set[Hashable] = set()
            for key, _ in node.value:
                # of two equal keys YAML's own loader keeps the last one and says nothing
                if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                    if (key.tag, key.value) in seen:
                        raise yaml.constructor.ConstructorError(
                            None, None, f"the key {key.value!r} is given twice", key.start_mark
                        )
                    seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:  # an impossible date, digits beyond count
            raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from error
        except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
            # what PyYAML makes of `!!bool x`, `!!int` and their like
            problem = f"this is no value of the type {node.tag.rsplit(':', 1)[-1]}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error


# `=` alone is a type of YAML 1.1 that nobody means: it is text
Loader.add_constructor("tag:yaml.org,2002:value", Loader.construct_yaml_str)


def read_documents(text: str) -> list[Document]:
    """The documents of a YAML text. Raises yaml.YAMLError, with a mark where there is one, for what is broken."""
    loader = Loader(text)
    try:
        found: list[Document] = []
        while loader.check_node():
            node = loader.get_node()
            if "&" in text:
                _places(node)  # for its bounds: building the values merges what aliases repeat
            value = loader.construct_document(node)
            found.append(Document(value, _places(node)))
        return found
    finally:
        loader.dispose()


def _places(root: Any) -> dict[Path, Place]:
    found: dict[Path, Place] = {}
    pending: list[tuple[Path, Any]] = [((), root)]
    count = 0
    while pending:
        path, node = pending.pop()
        count += 1
        if count > MAX_VALUES:
            raise _beyond(f"more than {MAX_VALUES:,} values", root)
        if len(path) > MAX_DEPTH:
            raise _beyond(f"nested more than {MAX_DEPTH} deep, or within itself", node)
        for step, key, value in _parts(node):
            way = (*path, step)
            found[way] = Place(key.start_mark.line + 1, _written(value))
            pending.append((way, value))
    return found


def _beyond(problem: str, node: Any) -> yaml.YAMLError:
    error: yaml.YAMLError = yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
    return error


def _parts(node: Any) -> list[tuple[str | int, Any, Any]]:
    """(step, the node whose line counts, the value) of each part of a collection."""
    if isinstance(node, yaml.MappingNode):
        return [(str(key.value), key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]
    if isinstance(node, yaml.SequenceNode):
        return [(number, value, value) for number, value in enumerate(node.value)]
    return []


def _written(node: Any) -> str | None:
    if not isinstance(node, yaml.ScalarNode) or node.tag == "tag:yaml.org,2002:value":
        return None
    text = str(node.value)
    if node.tag == "tag:yaml.org,2002:str" and (node.style or not _NUMBER.fullmatch(text)):
        return None
    return text


def line_at(places: Mapping[Path, Place], path: Path) -> int:
    """The line of the key or list item that `path` leads to, or of the last step of it that exists; 1 if none does."""
    for length in range(len(path), 0, -1):
        place = places.get(path[:length])
        if place is not None:
            return place.line
    return 1


def line_of(data: bytes, *path: str | int) -> int:
    """The line, counted from 1, of the key or list item that `path` leads to in a YAML document.

    Where the path leads nowhere it is the line of the last step that exists. The document must be one that loads.
    """
    node: Any = yaml.compose(data.decode("utf-8"), Loader=_Base)
    line = 1
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if getattr(k, "value", None) == str(step)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = (node.value[step], node.value[step])
        else:
            found = None
        if found is None:
            return line
        line, node = found[0].start_mark.line + 1, found[1]
    return line
