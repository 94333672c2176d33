"""`init` and `fixture`: what a project begins with, made by the tool."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from converter.cli.options import progress, project
from converter.core.errors import Faults, ParityError, UsageError


def register(group: click.Group) -> None:
    """Adds the commands to `parity`."""
    for command in (init, fixture):
        group.add_command(command)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), metavar="[DIR]")
def init(folder: Path) -> None:
    """Make a project in DIR (here, by default): parity.toml, rules/ and fixtures/, with an example to replace."""
    from converter.build.init import init as make

    for path in make(folder):
        click.echo(f"wrote {folder / path}", err=True)
    there = "" if folder == Path() else f"cd {folder} && "
    click.echo(f"next: {there}parity build && parity verify", err=True)


@click.command()
@click.argument("rules", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="Write over fixtures that are there already.")
@click.option("--print", "printed", is_flag=True, help="Print the fixtures, and write nothing.")
@click.pass_obj
def fixture(root: Path | None, rules: tuple[str, ...], force: bool, printed: bool) -> None:
    """Write events for RULES, made by the prover: a match for each value that a rule tests, and near misses.

    RULES are paths, folders, names or ids. The files go to the project's fixtures, or beside a rule of no project, and
    `parity verify` executes the queries over them. Read them: they say what the rule does, not what it should do.
    Exit code 1: no events could be made for a rule, or a rule is broken.
    """
    from converter.build.examples import as_fixture, examples
    from converter.build.fixtures import fixture_path
    from converter.build.named import find
    from converter.cli.render.words import count
    from converter.core.config import project_root

    folder = project(root)
    named = find(folder, rules, single=True)
    if named.broken or not named.rules:
        raise (
            Faults([*named.broken, *named.other])
            if named.broken or named.other
            else UsageError(
                "no rule is named", hint="of a correlation, events are written by hand: docs/correlations.md"
            )
        )
    failed: list[ParityError] = []
    with progress("fixture") as done:
        for number, rule in enumerate(named.rules.values()):
            base = named.bases.get(rule.path) or project_root(root)
            path = base / fixture_path(rule, base)
            if path.exists() and not (force or printed):
                click.echo(f"{path} is there already; --force writes over it", err=True)
                continue
            try:
                found = examples(rule)
            except ParityError as error:
                failed.append(error)
                continue
            text = as_fixture(found, rule)
            if printed:
                click.echo(text, nl=False)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8", newline="")
                matches = sum(case.match for case in found.cases)
                misses = count(len(found.cases) - matches, "near miss", "near misses")
                click.echo(f"wrote {path}: {count(matches, 'match', 'matches')}, {misses}", err=True)
            for name in found.without:
                click.echo(f"  no event for {name}: a dead value, or too hard to decide (parity lint)", err=True)
            done(number + 1, len(named.rules))
    if failed:
        raise Faults(failed)
    sys.exit(0)
