"""`parity cost`: what the index answers of each query, and what is read row by row."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from converter.cli.options import SITE, TARGET, VERBOSE, chosen_targets, formats, progress, project, site_settings


def register(group: click.Group) -> None:
    """Adds the command to `parity`."""
    group.add_command(cost)


@click.command()
@click.argument("rules", nargs=-1, metavar="[RULES]...")
@TARGET
@SITE
@VERBOSE
@formats("text", "json")
@click.pass_obj
def cost(
    root: Path | None, rules: tuple[str, ...], names: tuple[str, ...], site: bool, verbose: bool, form: str
) -> None:
    """Say of each query which of its tests an index answers, and which are read row by row.

    RULES are paths, folders, names or ids; the whole library without any. Each query is read back and each test that
    must hold is weighed by what the platform's vendor documents, or what was measured (converter/dialects/cost.yml).
    `scans` marks a query that nothing looked up narrows down: it reads all that its log source has.
    No data is looked at: what is in the index may still be true of half the rows. Several queries are told in short,
    with -v in full. Exit code 1: a rule is broken, or no query was weighed.
    """
    from converter.build.gate import Gate
    from converter.build.many import pairs
    from converter.build.named import find
    from converter.cli.render import costs as render
    from converter.core.errors import ParityError, UsageError
    from converter.explain.cost import cost as weighed

    folder = project(root)
    if folder is None and not rules:
        raise UsageError("no project here, and no rules given", hint="parity cost RULE or FOLDER, or give --root")
    named = find(folder, rules)
    chosen = {target.name: target for target in chosen_targets(names)}
    gate = Gate(named.parts, site_settings(folder, named.library, site), proving=False)
    found: list[render.Row] = []
    left: list[tuple[str, str, str]] = []
    with progress("cost") as done:
        for pair in pairs(gate, named.sources, list(chosen.values()), done):
            if pair.query is None:
                why = pair.refusal.reason if pair.refusal else pair.fault.message if pair.fault else ""
                left.append((pair.source, pair.target, why))
                continue
            try:
                found.append(render.Row(pair.source, pair.target, weighed(pair.query, chosen[pair.target])))
            except ParityError as error:
                left.append((pair.source, pair.target, error.message))
    report = render.Costs(tuple(found), tuple(left), tuple(named.broken))
    click.echo(render.as_json(report) if form == "json" else render.text(report, verbose or len(found) < 20), nl=False)
    sys.exit(0 if found and not named.broken else 1)
