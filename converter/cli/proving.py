"""`parity prove`: the proofs of the project's queries, or of any rules, as they are converted now."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from converter.cli.options import (
    CACHE,
    PIPELINE,
    SITE,
    STRICT,
    TARGET,
    VERBOSE,
    changed,
    chosen_targets,
    formats,
    progress,
    project,
    site_settings,
    tell_warnings,
)


def register(group: click.Group) -> None:
    """Adds the command to `parity`."""
    group.add_command(prove)


@click.command()
@click.argument("rules", nargs=-1)
@TARGET
@click.option(
    "--rules", "folders", multiple=True, type=click.Path(exists=True, file_okay=False), metavar="DIR",
    help="The rules below this folder, as an argument names them too.",
)  # fmt: skip
@PIPELINE
@SITE
@STRICT
@CACHE
@VERBOSE
@formats("text", "json", "junit", "sarif")
@click.pass_obj
def prove(
    root: Path | None, rules: tuple[str, ...], names: tuple[str, ...], folders: tuple[str, ...],
    pipelines: tuple[str, ...], site: bool, strict: bool, fresh: bool, verbose: bool, form: str,
) -> None:  # fmt: skip
    """Decide for each query whether it means what its rule means, over all events.

    RULES are paths, folders, names or ids; the whole library without any. AGREE is a proof; DISAGREE comes with an
    event and both answers; OUT_OF_FRAGMENT names what is not covered. Exit code 1: something disagrees, failed, is
    broken, or nothing was proved; with --strict also what was refused or not examined.
    """
    from converter.build.gate import Gate
    from converter.build.many import pairs
    from converter.build.named import find
    from converter.cli.render import proofs as render
    from converter.cli.run import Run
    from converter.core.errors import UsageError

    folder = project(root)
    wanted = [*rules, *folders]
    if folder is None and not wanted:
        raise UsageError("no project here, and no rules given", hint="parity prove RULE or FOLDER, or give --root")
    named = find(folder, wanted)
    tell_warnings(named.sources)
    after = changed(named, pipelines)
    gate = Gate(named.parts, site_settings(folder, named.library, site), notes=after.notes)
    with progress("prove") as done:
        found = tuple(pairs(gate, named.sources, chosen_targets(names), done, kept=not fresh))
    run = Run.of(found, named, strict)
    if form == "text":
        click.echo(render.text(run, verbose, sys.stdout.isatty()), nl=False)
    else:
        click.echo(render.FORMATS[form](run), nl=False)
    sys.exit(0 if run.ok else 1)
