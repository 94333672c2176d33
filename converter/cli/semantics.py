"""The commands that compare what rules mean: `diff` and `lint`. What they need is imported when they run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NoReturn

import click

from converter.cli.options import STRICT, chosen_targets, formats, progress, project, tell_warnings
from converter.cli.render import sarif


def register(group: click.Group) -> None:
    """Adds the commands to `parity`."""
    for command in (diff, lint):
        group.add_command(command)


@click.command()
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.option("--target", "-t", "name", metavar="T", help="On this target's records; a query needs it.")
@click.option("--rev", metavar="REV", help="OLD as it stood at this git revision, against OLD as it is now.")
@click.option("--site", is_flag=True, help="OLD against OLD with the exclusions of parity.toml: what they cost.")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@click.pass_obj
def diff(
    root: Path | None, old: str | None, new: str | None, name: str | None, rev: str | None, site: bool, form: str
) -> None:
    """What a change loses and gains, with an example event for each cause.

    OLD and NEW are rule files, queries (.kql .spl .eql .esql .json .lucene, with --target), or rules and detections of
    the library by path or name. With --rev and a folder, a detection, or no OLD at all, everything that differs from
    the revision is told, target by target (--format markdown is for a pull request). Exit code 0: they fire on the same
    events; 1: they differ.
    """
    from converter.cli.render import diff as diff_render
    from converter.core.config import project_root
    from converter.core.discovery import find_target
    from converter.core.errors import OutOfFragment, UsageError
    from converter.explain.diff import diff as compare
    from converter.explain.sources import Loader
    from converter.explain.views import notes, views
    from converter.rules.library import load

    if rev is not None and new is None and not site and (old is None or _several(root, old)):
        _since(root, rev, old, name, form)
    if old is None or [new is not None, rev is not None, site].count(True) != 1:
        hint = "parity diff RULE --rev HEAD~1, or parity diff RULE --site"
        raise UsageError("give two things to compare, or one and --rev or --site", hint=hint)
    folder = project(root) or Path.cwd()
    target = find_target(name) if name else None
    loader = Loader(folder, lambda: load(project_root(root)), target)
    try:
        before = loader.at_revision(old, rev) if rev else loader.load(old)
        after = loader.at_site(old) if site else loader.load(new if new is not None else old)
        seen = views(before, after, target)
        found = compare(before.name, after.name, seen, notes=notes(before, after, target))
    except OutOfFragment as fault:
        raise OutOfFragment(f"cannot be compared: {fault.message}", fault.where, fault.hint) from fault
    if form == "text":
        click.echo(diff_render.text(found, sys.stdout.isatty()), nl=False)
    else:
        click.echo(diff_render.FORMATS[form](found), nl=False)
    sys.exit(0 if found.same else 1)


def _several(root: Path | None, old: str) -> bool:
    """Whether a folder or a detection is named, whose rules are compared one by one."""
    from converter.rules.library import read

    folder = project(root)
    if Path(old).is_dir():
        return True
    if folder is None or Path(old).suffix == ".yml":
        return False
    detections = read(folder)[0].detections.values()
    return any(old in (one.name, one.path, Path(one.path).name) for one in detections)


def _since(root: Path | None, rev: str, old: str | None, name: str | None, form: str) -> NoReturn:
    """Tells everything that differs from a revision; leaves with 1 where something does."""
    from converter.cli.render import changes as changes_render
    from converter.contribute.changes import REWORDED, changes
    from converter.core.config import project_root
    from converter.rules.files import relative

    folder = project_root(root)
    below = relative(Path(old), folder) if old is not None and Path(old).exists() else old or ""
    found = changes(folder, rev, chosen_targets([name] if name else []), below)
    click.echo(changes_render.FORMATS[form](found, rev), nl=False)
    sys.exit(1 if any(change.status != REWORDED for change in found) else 0)


@click.command()
@click.argument("rules", nargs=-1)
@STRICT
@formats("text", "json", "sarif")
@click.pass_obj
def lint(root: Path | None, rules: tuple[str, ...], strict: bool, form: str) -> None:
    """Find what only meaning shows, and what costs.

    Dead selections, idle filters, values and rules that others cover, queries that no index narrows down.

    RULES are rules of the project by path, name or id (all by default), rule files, or folders of rules. Exit code 1: a
    selection or a condition that never or always matches, or a broken file; what else is found is a warning.
    """
    from converter.build.named import find
    from converter.build.settings import with_placeholders
    from converter.cli.render import lint as lint_render
    from converter.cli.render import unexamined
    from converter.core.discovery import targets
    from converter.core.errors import UsageError
    from converter.lint.finding import failed
    from converter.lint.lint import lint as examine

    folder = project(root)
    if folder is None and not rules:
        raise UsageError("no project here, and no rules given", hint="parity lint RULE or FOLDER, or give --root")
    named = find(folder, rules, single=True)
    tell_warnings(named.sources)
    parts = [named.library.rules[part.rule] for one in named.detections.values() for part in one.parts]
    every = {rule.path: rule for rule in (*named.rules.values(), *parts)}.values()
    chosen = with_placeholders(every, folder, lambda: named.library)
    with progress("lint") as done:
        found = examine(chosen, done, targets=targets().values())
    ok = not (failed(found) or named.broken or not chosen or (strict and named.other))
    if form == "text":
        click.echo(lint_render.text(found, len(chosen), sys.stdout.isatty()), nl=False)
        for line in unexamined.lines(named.broken, named.other):
            click.echo(line)
    elif form == "json":
        body = {"ok": ok} | json.loads(lint_render.as_json(found, len(chosen)))
        click.echo(unexamined.dumped(body | unexamined.data(named.broken, named.other)), nl=False)
    else:
        own = lint_render.sarif(found, len(chosen))
        click.echo(sarif.joined(own, unexamined.sarif(named.broken, named.other, strict)), nl=False)
    sys.exit(0 if ok else 1)
