"""SPL text to a syntax tree.

A query is a search, or `| multisearch`, and commands after it. Anything else is a QueryError: a construct is covered
or refused, never skipped.
"""

from __future__ import annotations

import re

from converter.core.errors import QueryError
from converter.dialects.spl.commands import parse_command
from converter.dialects.spl.nodes import (
    Append,
    Bin,
    Command,
    Eval,
    Fields,
    Multisearch,
    Pipeline,
    Regex,
    Rename,
    Rex,
    Search,
    Where,
)
from converter.dialects.spl.searching import parse_search
from converter.dialects.spl.tokens import Scanner

_COMMAND = re.compile(r"[a-z]+(?![\w=])")
_EXPLICIT_SEARCH = re.compile(r"search(?=[\s(\"])(?!\s*(?:=|!=|<|>|IN\s*\())")

#: What a subsearch of multisearch may hold: streaming commands only (https://help.splunk.com/splunk-cloud-platform/
#: spl-search-reference/10.0.2503/search-commands/multisearch); regex, rename and bin with a span are streaming too.
_STREAMING = (Search, Where, Regex, Rex, Eval, Fields, Rename, Bin)


def parse(text: str, precedence: str = "or_first") -> Pipeline:
    """The tree of `text`. `precedence` says how a search without parentheses binds: "or_first" or "and_first".

    Raises QueryError, with line and column, on what the subset does not hold.
    """
    return _parsed(Scanner(text), precedence)


def _parsed(scanner: Scanner, precedence: str) -> Pipeline:
    pipeline = _pipeline(scanner, precedence)
    if not scanner.at_end():
        scanner.fail("the query should end here")
    return pipeline


def parse_both(text: str) -> Pipeline:
    """The tree of `text` that both orders of precedence agree on.

    Splunk's search binds OR before AND; other tools read the same text the other way round. A query that depends on
    it is refused (QueryError), because no reader can tell which of the two its author meant.
    """
    scanner = Scanner(text)
    tree = _parsed(scanner, "or_first")
    if scanner.mixed and tree != parse(text, "and_first"):
        raise QueryError(
            "this search means one thing if OR binds before AND and another if AND binds before OR",
            hint="put parentheses around every OR group",
        )
    return tree


def _pipeline(scanner: Scanner, precedence: str, subsearch: bool = False) -> Pipeline:
    """Commands up to the end or a closing bracket. A `subsearch` must name its search command."""
    commands = [_source(scanner, precedence, subsearch)]
    while scanner.take("|"):
        commands.append(_command(scanner, precedence))
    return Pipeline(tuple(commands))


def _source(scanner: Scanner, precedence: str, subsearch: bool) -> Command:
    """The generating command: only one of those may follow a leading pipe."""
    if not subsearch and scanner.take("|"):
        if not scanner.take_word("multisearch"):
            scanner.fail("after a leading pipe only multisearch is covered")
        return _multisearch(scanner, precedence)
    explicit = scanner.looking_at(_EXPLICIT_SEARCH) and scanner.take_word("search")
    if subsearch and not explicit:
        scanner.fail("a subsearch starts with the search command")
    return parse_search(scanner, precedence, generating=True)


def _command(scanner: Scanner, precedence: str) -> Command:
    name = scanner.match(_COMMAND)
    if name is None:
        scanner.fail("expected a command")
    if name == "search":
        return parse_search(scanner, precedence, generating=False)
    if name == "append":
        return Append(_bracketed(scanner, precedence))
    if name == "multisearch":
        scanner.fail("multisearch must be the first command")
    return parse_command(name, scanner)


def _bracketed(scanner: Scanner, precedence: str) -> Pipeline:
    scanner.expect("[")
    inner = _pipeline(scanner, precedence, subsearch=True)
    scanner.expect("]")
    return inner


def _multisearch(scanner: Scanner, precedence: str) -> Multisearch:
    searches: list[Pipeline] = []
    while scanner.peek("["):
        search = _bracketed(scanner, precedence)
        for command in search.commands:
            if not isinstance(command, _STREAMING):
                scanner.fail(f"multisearch allows streaming commands only, not {type(command).__name__.lower()}")
        searches.append(search)
    if len(searches) < 2:
        scanner.fail("multisearch needs at least two searches")
    return Multisearch(tuple(searches))
