"""`new` and `check`: from an idea to a rule that can be taken in."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from converter.cli.options import SITE, TARGET, chosen_targets, formats, project, site_settings, tell_warnings
from converter.core.config import project_root
from converter.core.errors import Faults, UsageError


def register(group: click.Group) -> None:
    """Adds the commands to `parity`."""
    for command in (new, check):
        group.add_command(command)


@click.command()
@click.argument("logsource")
@click.argument("name")
@click.option("--title", default="", help="The rule's title (default: the name).")
@click.option("--technique", "-k", "techniques", multiple=True, metavar="T1059.001", help="May be repeated.")
@click.option(
    "--where", "-w", "tests", multiple=True, metavar="ITEM=VALUE",
    help=r"A test, such as 'Image|endswith=\certutil.exe'; of the same item several are a list.",
)  # fmt: skip
@click.option("--author", default="", help="Default: the name that git knows.")
@click.option(
    "--level", type=click.Choice(["informational", "low", "medium", "high", "critical"]), default="medium",
    show_default=True,
)  # fmt: skip
@click.pass_obj
def new(
    root: Path | None, logsource: str, name: str, title: str, techniques: tuple[str, ...], tests: tuple[str, ...],
    author: str, level: str,
) -> None:  # fmt: skip
    """Begin a rule NAME for LOGSOURCE (windows/process_creation, dns_query …), with a fixture that its tests give.

    Metadata, fields and ATT&CK's names are filled in; what only you can write is marked, and `parity check` names what
    is left of it. `parity fixture RULE --force` makes the fixture anew when the tests have changed.
    """
    from converter.contribute.scaffold import Draft, find_logsource, write

    folder = project_root(root)
    draft = Draft(find_logsource(logsource), name, title, author, level, techniques, tests)
    rule, fixture = write(folder, draft, datetime.now(UTC).date())
    for path in (rule, fixture):
        click.echo(f"wrote {path.relative_to(folder)}", err=True)
    click.echo(f"next: write what is marked, then parity check {rule.stem}", err=True)


@click.command()
@click.argument("rules", nargs=-1, required=True)
@TARGET
@SITE
@click.option("--rev", default="HEAD", show_default=True, metavar="REV", help="What a change is compared with.")
@click.option("--mutants", "most", type=click.IntRange(0, 1000), default=12, show_default=True, help="Of each query.")
@formats("text", "json")
@click.pass_obj
def check(
    root: Path | None, rules: tuple[str, ...], names: tuple[str, ...], site: bool, rev: str, most: int, form: str
) -> None:
    """Say all there is to say of a rule, on one page: form, build, proof, execution, lint, mutants, and its change.

    RULES are paths, names or ids; each is looked at alone, on the engines that start at once, so that it takes seconds.
    Exit code 1: something must be mended before the rule can be taken in. Cases that the fixture lacks are advice.
    """
    from converter.build.gate import Gate
    from converter.build.named import find
    from converter.cli.render import examinations as render
    from converter.contribute.examine import examine

    folder = project(root)
    named = find(folder, rules, single=True)
    tell_warnings(named.sources)
    if named.broken or named.other:
        raise Faults([*named.broken, *named.other])
    if not named.rules:
        raise UsageError("no rule is named", hint="a detection's parts are checked one by one")
    gate = Gate(named.parts, site_settings(folder, named.library, site))
    chosen = chosen_targets(names)
    failed = []
    for number, rule in enumerate(named.rules.values()):
        base = named.bases.get(rule.path) or folder or Path.cwd()
        found = examine(rule, base, gate, chosen, named.library, rev, most)
        if form == "json":
            click.echo(render.as_json(found), nl=False)
        else:
            click.echo(("\n" if number else "") + render.text(found, sys.stdout.isatty()), nl=False)
        failed += [rule.name] if found.failed else []
    if failed and len(named.rules) > 1:
        click.echo(render.summary(failed), err=True)
    sys.exit(1 if failed else 0)
