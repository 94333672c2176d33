"""What a query asks of the platform, for its cost: each test with the operator that it is made with.

`converter/dialects/<name>/cost.py` makes these out of a query's parsed form; `cost.yml` says of each operator whether
an index answers it, and where that is said. What an answer means for a whole query is in `converter.explain.cost`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml


class Answer(enum.Enum):
    """How a platform finds the rows of a test: looked up in an index; by walking all terms that the index has of a
    field; by reading the values of every row that is left."""

    INDEX = "index"
    WALK = "walk"
    SCAN = "scan"


@dataclass(frozen=True)
class Fact:
    """What is known of an operator of a language: its answer, why, and where that is said."""

    answer: Answer
    what: str
    source: str


@dataclass(frozen=True)
class Test:
    """A test of columns by one operator. `fact` is the language's entry in `cost.yml`; `values` are compared with."""

    columns: tuple[str, ...]
    operator: str
    fact: str
    values: tuple[str, ...] = ()

    __test__ = False  # no test of pytest's


@dataclass(frozen=True)
class All:
    parts: tuple[Asked, ...]


@dataclass(frozen=True)
class AnyOf:
    parts: tuple[Asked, ...]


@dataclass(frozen=True)
class Negated:
    part: Asked


Asked = Test | All | AnyOf | Negated


@dataclass(frozen=True)
class Search:
    """One read of a table or index, with all that is asked of its rows: one for each part of a detection."""

    conjuncts: tuple[Asked, ...]


@cache
def facts() -> Mapping[str, Mapping[str, Fact]]:
    """The name of a dialect -> the name of a fact -> the fact."""
    given = yaml.safe_load(files("converter.dialects").joinpath("cost.yml").read_text("utf-8"))
    return {
        of: {name: Fact(Answer(one["answer"]), one["what"], one["source"]) for name, one in own.items()}
        for of, own in given.items()
    }


def conjuncts(asked: Iterable[Asked]) -> Iterator[Asked]:
    """What all must hold, one by one."""
    for part in asked:
        if isinstance(part, All):
            yield from conjuncts(part.parts)
        elif isinstance(part, Negated) and isinstance(part.part, Negated):
            yield from conjuncts([part.part.part])
        else:
            yield part


def tests(asked: Asked) -> Iterator[Test]:
    """Every test, in order."""
    if isinstance(asked, Test):
        yield asked
    elif isinstance(asked, Negated):
        yield from tests(asked.part)
    else:
        for part in asked.parts:
            yield from tests(part)
