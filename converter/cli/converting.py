"""`parity convert`: any rules to queries, each proved, whatever is wrong with the others."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli.options import (
    CACHE,
    PIPELINE,
    SITE,
    STRICT,
    TARGET,
    UNPROVED,
    VERBOSE,
    changed,
    chosen_targets,
    formats,
    progress,
    project,
    site_settings,
    tell_warnings,
)

if TYPE_CHECKING:
    from converter.build.named import Named
    from converter.build.transform import Changed
    from converter.cli.run import Run


def register(group: click.Group) -> None:
    """Adds the command to `parity`."""
    group.add_command(convert)


@click.command()
@click.argument("rules", nargs=-1, required=True)
@TARGET
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), metavar="DIR", help="Write files below DIR.")
@PIPELINE
@SITE
@UNPROVED
@click.option("--no-proof", is_flag=True, help="Prove nothing, which is faster; the headers say NOT PROVED.")
@STRICT
@CACHE
@VERBOSE
@formats("text", "json")
@click.pass_obj
def convert(
    root: Path | None, rules: tuple[str, ...], names: tuple[str, ...], out: Path | None, pipelines: tuple[str, ...],
    site: bool, unproved: bool, no_proof: bool, strict: bool, fresh: bool, verbose: bool, form: str,
) -> None:  # fmt: skip
    """Convert RULES (files, folders, or rules of the project by name or id) to queries, each with its proof.

    Prints the queries, or writes them below DIR, beside manifest.json with every pair's verdict or refusal. What cannot
    be said at a target, or is not proved, is left out and summed up by reason. Exit code 1: a rule is broken, or
    nothing was converted; with --strict also what was refused or not examined.
    """
    from converter.build.gate import NO_PROOF, Gate, not_proved
    from converter.build.many import pairs
    from converter.build.named import find
    from converter.cli.render import conversions as render
    from converter.cli.run import Run
    from converter.core.errors import UsageError

    if not names:
        hint = "parity convert RULE -t splunk-sysmon, or -t all; `parity list targets`"
        raise UsageError("convert needs a target", hint=hint)
    folder = project(root)
    named = find(folder, rules)
    tell_warnings(named.sources)
    chosen = chosen_targets(names)
    after = changed(named, pipelines)
    settings = site_settings(folder, named.library, site)
    notes = (*after.notes, not_proved(NO_PROOF)) if no_proof else after.notes
    gate = Gate(named.parts, settings, unproved, unasked=no_proof, notes=notes)
    with progress("convert") as done:
        run = Run.of(tuple(pairs(gate, named.sources, chosen, done, kept=not fresh)), named, strict, judging=False)
    if out is not None:
        _write(out, run, named, after)
    if form == "json":
        click.echo(render.as_json(run, changed=after), nl=False)
    elif out is None:
        click.echo(render.queries(run), nl=False)
    for line in render.summary(run, out, verbose):
        click.echo(line, err=True)
    sys.exit(0 if run.ok else 1)


def _write(out: Path, run: Run, named: Named, after: Changed) -> None:
    """Every query at `<target>/<where the rule lies>`, and the manifest. Other files are left alone."""
    from converter.cli.render.conversions import files

    made: set[str] = set()
    for path, text in files(run, named.stems, after).items():
        folder, _, name = path.rpartition("/")
        if folder not in made:
            made.add(folder)
            (out / folder).mkdir(parents=True, exist_ok=True)
        with open(os.path.join(out, folder, name), "wb") as file:
            file.write(text.encode())
