"""`build`, `package` and `show`: the commands that hand out queries of the project, each only with its proof."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli.options import (
    PIPELINE,
    RULE,
    SITE,
    STRICT,
    TARGET,
    UNPROVED,
    changed,
    chosen_targets,
    progress,
    project,
    site_settings,
    tell_site,
    tell_warnings,
)
from converter.core.config import project_root
from converter.core.errors import Faults, ParityError, UsageError

if TYPE_CHECKING:
    from converter.build.gate import Pair, Refusal
    from converter.build.output import Plan


def register(group: click.Group) -> None:
    """Adds the commands to `parity`."""
    for command in (build, package, show):
        group.add_command(command)


@click.command()
@click.argument("sources", nargs=-1, metavar="[RULES]...")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if output/ is not what the rules give.")
@TARGET
@RULE
@SITE
@UNPROVED
@STRICT
@click.pass_obj
def build(
    root: Path | None, sources: tuple[str, ...], check: bool, names: tuple[str, ...], rules: tuple[str, ...],
    site: bool, unproved: bool, strict: bool,
) -> None:  # fmt: skip
    """Write the queries of all rules for all targets to output/, each with the proof that it means its rule.

    RULES of the project are given by path, name or id, as by --rule; all without any.
    A build of everything also makes the files of pipelines/ anew, in a project that has this folder.
    A pair of rule and target that cannot be said, or is not proved, is left out and listed; output/manifest.json has
    all of them as data. A rule without a fixture is proved, but `verify` cannot execute it. Exit code 1: a rule,
    fixture or setting is broken, and nothing is written.
    """
    from converter.artefacts.core import index as artefact_index
    from converter.build import build as builder
    from converter.build import output as writer
    from converter.build.gate import Gate

    folder = project_root(root)
    chosen = chosen_targets(names)
    wanted = (*sources, *rules)
    prepared = builder.prepare(folder, wanted, site)
    tell_site(prepared.settings)
    tell_warnings(prepared.sources)
    gate = Gate(prepared.library.rules, prepared.settings, unproved)
    with progress("build") as done:
        built = builder.build(
            folder, prepared.library, chosen, prepared.rules, prepared.detections, gate, done, prepared.correlations
        )
    complete = not names and not wanted
    pipelines = _pipelines(folder) if complete else {}
    # the manifest is read, changed and written: nobody else may do so meanwhile
    with nullcontext() if check else writer.locked(folder):
        files = builder.files(folder, prepared, built, complete)
        artefacts = (artefact_index.INDEX, *artefact_index.listed(folder))
        plan = (
            writer.whole(folder, files, artefacts)
            if complete
            else writer.Plan(files, builder.dropped(folder, built, files))
        )
        if check:
            _compare(folder, plan, "build", writer.stale(folder, pipelines))
        else:
            writer.write(folder, plan)
            writer.replace_files(folder, pipelines)
            _tell_written(len(built.queries), len(chosen), [pair for pair in built.pairs if pair.query])
    _tell_unexecuted(prepared.unexecuted)
    _end(built.refusals, strict)


def _tell_written(queries: int, targets: int, pairs: list[Pair]) -> None:
    from converter.cli.render.words import count

    loose = sum(pair.proof is not None and pair.proof.outcome.value != "AGREE" for pair in pairs)
    proved = f"{loose} of them NOT PROVED" if loose else "each proved"
    many = count(queries, "query", "queries")
    click.echo(f"wrote {many} for {count(targets, 'target')} to output/, {proved}", err=True)


def _tell_unexecuted(paths: Sequence[str]) -> None:
    from converter.cli.render.words import count, listed, short

    if paths:
        named = listed([short(path) for path in paths])
        click.echo(f"{count(len(paths), 'rule')} without a fixture: proved, not executed ({named})", err=True)
        click.echo("  `parity fixture RULE` writes one", err=True)


def _end(refused: tuple[Refusal, ...] | list[Refusal], strict: bool) -> None:
    """Tells what was refused; leaves with 1 for it where that is asked for."""
    from converter.cli.render.refusals import refusals

    for line in refusals(refused):
        click.echo(line, err=True)
    if refused and strict:
        sys.exit(1)


def _pipelines(folder: Path) -> dict[str, str]:
    """The generated files of pipelines/, in a project that has this folder."""
    from converter.build.pipelines import FOLDER, pipeline_files

    return pipeline_files() if (folder / FOLDER).is_dir() else {}


def _compare(folder: Path, plan: Plan, command: str, more: Sequence[str] = ()) -> None:
    """Tells every difference on stdout, `more` among them. Raises ParityError if there is one."""
    from converter.build import output as writer
    from converter.cli.render.words import count

    stale = [*writer.differences(folder, plan), *more]
    for line in stale:
        click.echo(line)
    if stale:
        raise ParityError(f"output/ is stale in {count(len(stale), 'place')}", hint=f"run `parity {command}`")
    click.echo(f"output/ is up to date: {count(len(plan.files), 'file')}", err=True)


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the artefacts are not what the rules give.")
@TARGET
@SITE
@UNPROVED
@STRICT
@click.pass_obj
def package(root: Path | None, check: bool, names: tuple[str, ...], site: bool, unproved: bool, strict: bool) -> None:
    """Write what each platform imports: rules, apps, templates, guides; bundles go to output/dist/.

    The settings of your site come from parity.toml beside sigma/. Every query in an artefact is proved.
    """
    from converter.artefacts.core import index as artefact_index
    from converter.artefacts.core import package as packaging
    from converter.build import build as builder
    from converter.build import output as writer
    from converter.cli.render.words import count

    folder = project_root(root)
    chosen = chosen_targets(names)
    prepared = builder.prepare(folder, (), site)
    tell_site(prepared.settings)
    if prepared.correlations:
        many = count(len(prepared.correlations), "correlation")
        click.echo(f"{many} left out: package makes no artefacts of them; their queries are in output/", err=True)
    with progress("package") as done:
        made = packaging.make(folder, prepared.library, chosen, prepared.settings, unproved, done)
    with nullcontext() if check else writer.locked(folder):
        listed = artefact_index.listed(folder)
        wanted = {target.name for target in chosen}
        dropped = tuple(path for path in listed if path not in made.files and path.split("/")[0] in wanted)
        kept = {path: digest for path, digest in listed.items() if path not in dropped}
        index = artefact_index.index(made.files, kept if names else None)
        plan = writer.Plan({**made.files, artefact_index.INDEX: index}, dropped)
        if check:
            _compare(folder, plan, "package")
        else:
            writer.write(folder, plan)
            bundles = sum(path.startswith("dist/") for path in made.files)
            parts = f"{count(len(made.files) - bundles, 'artefact')} and {count(bundles, 'bundle')}"
            click.echo(f"wrote {parts} for {count(len(chosen), 'target')}", err=True)
    _end(made.refusals, strict)


@click.command()
@click.argument("rule")
@click.option("--target", "-t", "name", required=True, metavar="T", help="The target; `parity list targets`.")
@PIPELINE
@SITE
@UNPROVED
@click.pass_obj
def show(
    root: Path | None, rule: str, name: str, pipelines: tuple[str, ...], site: bool, unproved: bool
) -> None:  # fmt: skip
    """Print the query of RULE (a path, a name, an id or a detection) for one target; its verdict goes to stderr."""
    from converter.build.gate import Gate
    from converter.build.named import find
    from converter.cli.render.verdicts import verdict
    from converter.core.discovery import find_target

    folder = project(root)
    target = find_target(name)
    named = find(folder, [rule])
    tell_warnings(named.sources)
    if named.broken or (named.other and not named.sources):
        raise Faults([*named.broken, *named.other])
    if len(named.sources) != 1:
        raise UsageError(f"{rule} names {len(named.sources)} rules", hint=f"parity convert {rule} -t {name}")
    after = changed(named, pipelines)
    if not named.sources:
        raise Faults(named.other)
    gate = Gate(named.parts, site_settings(folder, named.library, site), unproved, notes=after.notes)
    pair = gate.pair(named.sources[0], target)
    if pair.fault is not None:
        raise pair.fault
    if pair.refusal is not None:
        refused = pair.refusal
        raise ParityError(f"{name}: {refused.outcome.value} {refused.reason}", refused.where, refused.hint)
    assert pair.query is not None
    assert pair.proof is not None
    click.echo(pair.query.text, nl=False)
    for line in verdict(pair.proof):
        click.echo(line, err=True)
