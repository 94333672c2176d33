"""The commands that reason about all events: `diff`, `lint` and `prove`. What they need is imported when they run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from converter.model import Rule, Target
    from converter.prove_report import Row

_TARGET = click.option("--target", "-t", "names", multiple=True, metavar="T", help="Only this target; may be repeated.")


def register(group: click.Group) -> None:
    """Adds the commands to `parity`."""
    for command in (diff, lint, prove):
        group.add_command(command)


@click.command()
@click.argument("old")
@click.argument("new", required=False)
@click.option("--target", "-t", "name", metavar="T", help="On this target's records; a query needs it.")
@click.option("--rev", metavar="REV", help="OLD as it stood at this git revision, against OLD as it is now.")
@click.option("--site", is_flag=True, help="OLD against OLD with the exclusions of parity.toml: what they cost.")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@click.pass_obj
def diff(
    root: Path | None, old: str, new: str | None, name: str | None, rev: str | None, site: bool, form: str
) -> None:
    """What a change loses and gains, with an example event for each cause.

    OLD and NEW are rule files, queries (.kql .spl .eql .esql .json .lucene, with --target), or rules and detections of
    the library by path or name. Exit code 0: they fire on the same events; 1: they differ.
    """
    from converter import diff_render, diff_sources
    from converter.diff import diff as compare
    from converter.discovery import find_target
    from converter.errors import OutOfFragment, UsageError
    from converter.library import load

    if [new is not None, rev is not None, site].count(True) != 1:
        hint = "parity diff RULE --rev HEAD~1, or parity diff RULE --site"
        raise UsageError("give two things to compare, or one and --rev or --site", hint=hint)
    folder = project(root, required=False)
    target = find_target(name) if name else None
    loader = diff_sources.Loader(folder, lambda: load(project(root)), target)
    try:
        before = loader.at_revision(old, rev) if rev else loader.load(old)
        after = loader.at_site(old) if site else loader.load(new if new is not None else old)
        views = diff_sources.views(before, after, target)
        found = compare(before.name, after.name, views, notes=diff_sources.notes(before, after, target))
    except OutOfFragment as fault:
        raise OutOfFragment(f"cannot be compared: {fault.message}", fault.where, fault.hint) from fault
    if form == "text":
        click.echo(diff_render.text(found, sys.stdout.isatty()), nl=False)
    else:
        click.echo(diff_render.FORMATS[form](found), nl=False)
    sys.exit(0 if found.same else 1)


@click.command()
@click.argument("rules", nargs=-1)
@click.option("--format", "form", type=click.Choice(["text", "json", "sarif"]), default="text", show_default=True)
@click.pass_obj
def lint(root: Path | None, rules: tuple[str, ...], form: str) -> None:
    """Find what only meaning shows: dead selections, idle filters, values and rules that others cover.

    RULES are rules of the library (all by default), rule files, or folders of rules. Exit code 1: a selection or a
    condition that never or always matches; what else is found is a warning.
    """
    from converter import lint_render
    from converter.lint import failed
    from converter.lint import lint as examine

    folder, chosen = _lint_rules(root, rules)
    with _progress("lint") as progress:
        found = examine(chosen, folder, progress)
    if form == "text":
        click.echo(lint_render.text(found, len(chosen), sys.stdout.isatty()), nl=False)
    else:
        click.echo(lint_render.FORMATS[form](found, len(chosen)), nl=False)
    sys.exit(1 if failed(found) else 0)


def _lint_rules(root: Path | None, names: tuple[str, ...]) -> tuple[Path, list[Rule]]:
    """The rules asked for, and the folder their paths start from."""
    from converter.build import select
    from converter.errors import Faults, UsageError
    from converter.library import load, load_rule
    from converter.prove_all import load_folder

    folders = [Path(name) for name in names if Path(name).is_dir()]
    if folders and len(names) > 1:
        raise UsageError("give one folder, or rules", hint="a folder is searched with all folders below it")
    if folders:
        rules, faults = load_folder(folders[0])
        for fault in faults:
            click.echo(f"skipped: {fault}", err=True)
        if not rules:
            raise Faults(faults) if faults else UsageError(f"no rules below {folders[0]}")
        return folders[0], rules
    files = [name for name in names if Path(name).suffix == ".yml" and Path(name).is_file()]
    if names and len(files) == len(names):
        folder = project(root, required=False)
        return folder, [load_rule(Path(name), folder) for name in files]
    folder = project(root)
    library = load(folder)
    rules, detections = select(library, names)
    parts = [library.rules[part.rule] for detection in detections for part in detection.parts]
    return folder, list({rule.path: rule for rule in (*rules, *parts)}.values())


@click.command()
@click.argument("rules", nargs=-1)
@_TARGET
@click.option(
    "--rules", "corpus", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR",
    help="All rules below this folder instead of the library's.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "junit", "sarif"]), default="text", show_default=True
)
@click.pass_obj
def prove(root: Path | None, rules: tuple[str, ...], names: tuple[str, ...], corpus: Path | None, form: str) -> None:
    """Decide for each query whether it means what its rule means, over all events.

    AGREE is a proof; DISAGREE comes with an event and both answers; OUT_OF_FRAGMENT names what is not covered. Exit
    code 1: something disagrees or failed.
    """
    from converter import prove_report
    from converter.discovery import find_target, targets
    from converter.errors import UsageError

    if corpus is not None and rules:
        raise UsageError("give RULES of the library or --rules DIR, not both")
    folder = project(root)
    chosen = [find_target(name) for name in dict.fromkeys(names)] if names else list(targets().values())
    with _progress("prove") as progress:
        if corpus is None:
            rows = prove_report.library_rows(folder, chosen, rules, progress)
        else:
            rows = _corpus_rows(folder, corpus, chosen, progress)
    if form == "text":
        click.echo(prove_report.text(rows, sys.stdout.isatty()), nl=False)
    else:
        click.echo(prove_report.FORMATS[form](rows), nl=False)
    sys.exit(1 if prove_report.failed(rows) else 0)


def _corpus_rows(
    folder: Path, corpus: Path, chosen: list[Target], progress: Callable[[int, int], None] | None
) -> list[Row]:
    from converter import prove_report
    from converter.prove_all import load_folder, prove_all

    rules, faults = load_folder(corpus)
    for fault in faults:
        click.echo(f"skipped: {fault}", err=True)
    lines = {rule.path: rule.lines.get("detection", 1) for rule in rules}
    found = prove_all(folder, rules, [target.name for target in chosen], done=progress)
    return [prove_report.of_pair(result, lines[result.source]) for result in found]


def project(given: Path | None, required: bool = True) -> Path:
    """The project folder; without one, and if none is `required`, the working directory."""
    from converter.config import project_root
    from converter.errors import LibraryError

    try:
        return project_root(given)
    except LibraryError:
        if required:
            raise
        return Path.cwd()


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on stderr if that is a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
