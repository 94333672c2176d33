"""`parity audit`: what is true of queries that others wrote."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli.options import STRICT, VERBOSE, formats, progress, project
from converter.core.errors import Faults, ParityError, UsageError

if TYPE_CHECKING:
    from converter.build.named import Named
    from converter.cli.render import audits as render


def register(group: click.Group) -> None:
    """Adds the command to `parity`."""
    group.add_command(audit)


@click.command()
@click.argument("rules", nargs=-1, metavar="[RULES]...")
@click.option(
    "--target", "-t", "names", multiple=True, metavar="T",
    help="Only this target; may be repeated. By default all that a stock backend has the same data for.",
)  # fmt: skip
@click.option(
    "--query", "query", type=click.Path(path_type=Path), metavar="FILE", help="This query instead (- is stdin)."
)
@click.option("--rule", "-r", "rule", metavar="R", help="With --query: the rule that it stands for.")
@STRICT
@VERBOSE
@formats("text", "json", "markdown")
@click.pass_obj
def audit(
    root: Path | None, rules: tuple[str, ...], names: tuple[str, ...], query: Path | None, rule: str | None,
    strict: bool, verbose: bool, form: str,
) -> None:  # fmt: skip
    """Decide what the stock converters make of RULES: whether each query fires on the events that its rule means.

    RULES are paths, folders, names or ids. Each rule is converted by pySigma's backends for Kusto, Splunk and
    Elasticsearch with the pipelines that people use (the extra `[stock]`), and each query is read back and compared
    with its rule: AGREE, or the event on which it goes wrong, or why the platform would not take it. With --query one
    query of your own is decided instead: parity audit --query FILE --rule R -t T. Exit code 1: a query is wrong or
    rejected, a rule is broken, or nothing agrees.
    """
    from converter.build.named import find
    from converter.cli.render import audits as render

    if (query is None) != (rule is None) or (query is not None and (rules or len(names) != 1)):
        raise UsageError("a query goes with one rule and one target", hint="parity audit --query FILE --rule R -t T")
    wanted = rules if rule is None else (rule,)
    if not wanted:
        raise UsageError("no rules given", hint="parity audit RULE or FOLDER")
    named = find(project(root), wanted, single=True)
    if named.broken and not named.rules:
        raise Faults([*named.broken, *named.other])
    found = _stock(named, names, strict) if query is None else _own(named, query, names[0], strict)
    if form == "text":
        click.echo(render.text(found, verbose, sys.stdout.isatty()), nl=False)
    else:
        click.echo(render.as_json(found) if form == "json" else render.markdown(found), nl=False)
    sys.exit(0 if found.ok else 1)


def _stock(named: Named, names: tuple[str, ...], strict: bool) -> render.Audit:
    """The audit of the stock conversions."""
    from converter.audit.audit import audit as examine
    from converter.audit.stock import STOCK, require, versions
    from converter.cli.render import audits as render
    from converter.core.discovery import find_target, targets

    chosen = [find_target(name) for name in names if name != "all"]
    if not chosen or "all" in names:
        chosen = [targets()[name] for name in STOCK]
    require([target.name for target in chosen])
    with progress("audit") as done:
        found = tuple(examine(list(named.rules.values()), chosen, done))
    whose = {target.name: f"sigma convert -t {STOCK[target.name].name}" for target in chosen}
    return render.Audit(found, whose, versions(), tuple(named.broken), tuple(named.other), strict)


def _own(named: Named, query: Path, name: str, strict: bool) -> render.Audit:
    """The audit of one query from a file."""
    from converter.audit.audit import audit_query
    from converter.cli.render import audits as render
    from converter.core.discovery import find_target

    if len(named.rules) != 1:
        raise UsageError(f"--rule names {len(named.rules)} rules", hint="name one; a rule of several is x.yml#2")
    try:
        text = sys.stdin.read() if str(query) == "-" else query.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ParityError(f"cannot be read: {error}", str(query)) from error
    (rule,) = named.rules.values()
    found = audit_query(rule, find_target(name), text)
    return render.Audit((found,), {name: str(query)}, {}, tuple(named.broken), tuple(named.other), strict)
