"""The `parity` command: parse, one call, render, exit code.

0: fine; 1: a rule is broken or a verdict failed; 2: wrong usage. Results go to stdout, talk to stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter import __version__, cli_semantics
from converter.config import project_root
from converter.errors import ParityError

if TYPE_CHECKING:
    from converter.model import Target
    from converter.writer import Plan

_TARGET = click.option("--target", "-t", "names", multiple=True, metavar="T", help="Only this target; may be repeated.")
_RULE = click.option(
    "--rule", "-r", "rules", multiple=True, metavar="R", help="Only this rule or detection (path or name); repeatable."
)


class _Group(click.Group):
    """Suggests the nearest command for a mistyped one, and prints our errors without a traceback."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from converter.discovery import did_you_mean

            near = did_you_mean(args[0], self.commands) if args else ""
            raise click.UsageError(f"no such command {args[0]!r}. {near}".strip(), ctx) from error

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except ParityError as error:
            from converter.render import faults

            for line in faults(error):
                click.echo(click.style("error: ", fg="red", bold=True) + line, err=True)
            sys.exit(error.exit_code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="parity")
@click.option(
    "--root", type=click.Path(path_type=Path), default=None, help="The project folder (default: found from here)."
)
@click.pass_context
def main(ctx: click.Context, root: Path | None) -> None:
    """Detections written once in Sigma, as queries for every SIEM that fire on the same events."""
    ctx.obj = root


def _targets(names: Sequence[str]) -> list[Target]:
    from converter.discovery import find_target, targets

    return [find_target(name) for name in dict.fromkeys(names)] if names else list(targets().values())


@main.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if output/ is not what the rules give.")
@_TARGET
@_RULE
@click.pass_obj
def build(root: Path | None, check: bool, names: tuple[str, ...], rules: tuple[str, ...]) -> None:
    """Write the queries of all rules for all targets to output/."""
    from converter import artefact_index, writer
    from converter import build as builder

    folder = project_root(root)
    chosen = _targets(names)
    library, built = builder.prepare(folder, chosen, rules)
    complete = not names and not rules
    files = builder.files(folder, library, built, complete)
    artefacts = (artefact_index.INDEX, *artefact_index.listed(folder))
    plan = writer.whole(folder, files, artefacts) if complete else writer.Plan(files)
    if check:
        _compare(folder, plan, "build")
        return
    writer.write(folder, plan)
    click.echo(f"wrote {len(built.queries)} queries for {len(chosen)} targets to output/", err=True)


def _compare(folder: Path, plan: Plan, command: str) -> None:
    """Tells every difference on stdout. Raises ParityError if there is one."""
    from converter import writer

    stale = writer.differences(folder, plan)
    for line in stale:
        click.echo(line)
    if stale:
        raise ParityError(f"output/ is stale in {len(stale)} places", hint=f"run `parity {command}`")
    click.echo(f"output/ is up to date: {len(plan.files)} files", err=True)


@main.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the artefacts are not what the rules give.")
@_TARGET
@click.pass_obj
def package(root: Path | None, check: bool, names: tuple[str, ...]) -> None:
    """Write what each platform imports: rules, apps, templates, guides; bundles go to output/dist/.

    The settings of your site come from parity.toml beside sigma/.
    """
    from converter import artefact_index, writer
    from converter import build as builder
    from converter import package as packaging

    folder = project_root(root)
    chosen = _targets(names)
    library, _ = builder.prepare(folder, chosen, ())
    made = packaging.package(folder, library, chosen)
    listed = artefact_index.listed(folder)
    wanted = {target.name for target in chosen}
    dropped = tuple(path for path in listed if path not in made and path.split("/")[0] in wanted)
    kept = {path: digest for path, digest in listed.items() if path not in dropped}
    index = artefact_index.index(made, kept if names else None)
    plan = writer.Plan({**made, artefact_index.INDEX: index}, dropped)
    if check:
        _compare(folder, plan, "package")
        return
    writer.write(folder, plan)
    bundles = sum(path.startswith("dist/") for path in made)
    click.echo(f"wrote {len(made) - bundles} artefacts and {bundles} bundles for {len(chosen)} targets", err=True)


@main.command()
@click.argument("rule")
@click.option("--target", "-t", "name", required=True, metavar="T", help="The target; `parity list targets`.")
@click.pass_obj
def show(root: Path | None, rule: str, name: str) -> None:
    """Print the query of RULE (a path, a name or a detection) for one target."""
    from converter import build as builder
    from converter.discovery import find_target
    from converter.library import load

    folder = project_root(root)
    target = find_target(name)
    library = load(folder)
    built = builder.build(folder, library, [target], *builder.select(library, [rule]))
    for query in built.queries:
        click.echo(query.text, nl=False)
    for why in built.unsupported.values():
        raise ParityError(why)


@main.command()
@_TARGET
@_RULE
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "markdown", "junit"]), default="text", show_default=True
)
@click.option("--strict", is_flag=True, help="Also fail when an engine is not installed (NOT_RUN).")
@click.pass_obj
def verify(root: Path | None, names: tuple[str, ...], rules: tuple[str, ...], form: str, strict: bool) -> None:
    """Run every query of output/ on every engine over the fixtures, and show where they agree."""
    from converter import build as builder
    from converter import render
    from converter.check import check
    from converter.writer import Plan, differences

    folder = project_root(root)
    chosen = _targets(names)
    library, built = builder.prepare(folder, chosen, rules)
    stale = differences(folder, Plan({q.path: q.text for q in built.queries}))
    if stale:
        raise ParityError("\n".join(stale), hint="run `parity build`: what is verified is what stands in output/")
    with _progress() as progress:
        report = check(library, built, folder, progress)
    if form == "text":
        width = max(80, min(_width(), 160))
        click.echo(render.text(report, width, sys.stdout.isatty()), nl=False)
    else:
        click.echo(render.FORMATS[form](report))
    sys.exit(0 if report.passes(tolerate_not_run=not strict) else 1)


def _width() -> int:
    import shutil

    return shutil.get_terminal_size((120, 24)).columns


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None] | None]:
    """A progress bar on stderr if that is a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("verify", total=None)
        yield lambda done, total, what: bar.update(task, completed=done, total=total, description=what)


@main.command("list")
@click.argument("what", type=click.Choice(["rules", "targets", "engines"]))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def list_(root: Path | None, what: str, form: str) -> None:
    """List the rules, targets or engines there are."""
    import json

    from converter import listing

    rows = listing.engines() if what == "engines" else listing.targets() if what == "targets" else None
    if rows is None:
        from converter.library import load

        rows = listing.rules(load(project_root(root)))
    if form == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    widths = [max(len(row[key]) for row in rows) for key in rows[0]]
    for row in rows:
        click.echo("  ".join(cell.ljust(w) for cell, w in zip(row.values(), widths, strict=True)).rstrip())


cli_semantics.register(main)

if __name__ == "__main__":
    main()
