"""YAML with places: a loader that refuses what would be dropped in silence, and the line where a key stands."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Loader(_Base):  # type: ignore[misc]
    """YAML's safe loader, for which a key given twice and an impossible date are errors with a place."""

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

    def timestamp(self, node: Any) -> Any:
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError as error:
            raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from error


Loader.add_constructor("tag:yaml.org,2002:timestamp", Loader.timestamp)


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
