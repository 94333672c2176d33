"""`parity verify`: every query of output/ executed over the fixtures, and proved."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli.options import (
    RULE,
    SITE,
    TARGET,
    VERBOSE,
    chosen_targets,
    formats,
    progress,
    project,
    site_settings,
    tell_site,
    tell_warnings,
)
from converter.core.errors import ParityError, UsageError

if TYPE_CHECKING:
    from converter.build.build import Built
    from converter.build.named import Named
    from converter.build.settings import Settings
    from converter.core.model import Target
    from converter.core.verdict import Engine
    from converter.rules.library import Library


def register(group: click.Group) -> None:
    """Adds the command to `parity`."""
    group.add_command(verify)


@click.command()
@click.argument("sources", nargs=-1, metavar="[RULES]...")
@TARGET
@RULE
@SITE
@VERBOSE
@formats("text", "json", "markdown", "junit")
@click.option("--strict", is_flag=True, help="Also fail for a missing engine (NOT_RUN) and for refused pairs.")
@click.option(
    "--elasticsearch", "url", metavar="URL",
    help="Run Elastic's queries on this cluster as well, in temporary indices. Credentials come from the environment: "
    "PARITY_ELASTICSEARCH_API_KEY, or PARITY_ELASTICSEARCH_USER and PARITY_ELASTICSEARCH_PASSWORD.",
)  # fmt: skip
@click.option(
    "--ca-file", type=click.Path(path_type=Path), metavar="FILE",
    help="Certificates of the authority that the cluster's is signed by (or PARITY_ELASTICSEARCH_CA_FILE).",
)  # fmt: skip
@click.pass_obj
def verify(
    root: Path | None, sources: tuple[str, ...], names: tuple[str, ...], rules: tuple[str, ...], site: bool,
    verbose: bool, form: str, strict: bool, url: str | None, ca_file: Path | None,
) -> None:  # fmt: skip
    """Run every query on every engine over the fixtures, and show where they agree.

    RULES are paths, folders, names or ids, as by --rule; all of the project without any. Of rules of the project it is
    the queries in output/ that are run; of others what they are converted to now. A rule without a fixture is proved
    only. Exit code 1: a verdict failed, a rule is broken, or nothing was verified.
    """
    from converter.build.named import find
    from converter.cli.render import reports as render
    from converter.verify.check import check

    folder = project(root)
    wanted = (*sources, *rules)
    if folder is None and not wanted:
        raise UsageError("no project here, and no rules given", hint="parity verify RULE or FOLDER, or give --root")
    chosen = chosen_targets(names)
    named = find(folder, wanted)
    tell_warnings(named.sources)
    if folder is not None and not named.foreign and (named.sources or not wanted):
        found = _shipped(folder, wanted, chosen, site)
    else:
        found = _converted(folder, named, chosen, site)
    # the report is told before the cluster is left: should its indices not go, both are known
    with _cluster(url, ca_file, chosen) as further:
        with progress("verify") as done:
            report = check(
                found.library, found.built, folder or Path.cwd(), lambda number, total, _: done(number, total),
                found.settings, further, named.bases,
            )  # fmt: skip
        if form == "text":
            click.echo(render.text(report, strict, verbose, sys.stdout.isatty()), nl=False)
        else:
            click.echo(render.FORMATS[form](report, strict))
    sys.exit(0 if render.passes(report, strict) and not found.broken else 1)


@dataclass(frozen=True)
class _Subject:
    """What is verified: queries, the rules that they are of, and whether something else was broken."""

    library: Library
    built: Built
    settings: Settings
    broken: bool = False


def _shipped(folder: Path, wanted: Sequence[str], chosen: Sequence[Target], site: bool) -> _Subject:
    """The queries in output/, which must be those that the rules give."""
    from converter.build import build as builder
    from converter.build.gate import Gate
    from converter.build.output import Plan, differences
    from converter.build.shipped import as_shipped

    prepared = builder.prepare(folder, wanted, site)
    tell_site(prepared.settings)
    gate = Gate(prepared.library.rules, prepared.settings, proving=False)
    built = builder.build(
        folder, prepared.library, chosen, prepared.rules, prepared.detections, gate, correlations=prepared.correlations
    )
    built = as_shipped(folder, gate, prepared.sources, built)
    stale = differences(folder, Plan({q.path: q.text for q in built.queries}))
    if stale:
        raise ParityError("\n".join(stale), hint="run `parity build`: what is verified is what stands in output/")
    return _Subject(prepared.library, built, prepared.settings)


def _converted(folder: Path | None, named: Named, chosen: Sequence[Target], site: bool) -> _Subject:
    """What rules are converted to now; what is wrong with some is told and stops no other."""
    from converter.build.build import Built
    from converter.build.gate import Gate
    from converter.build.many import pairs
    from converter.cli.render import unexamined
    from converter.cli.run import Run
    from converter.rules.library import Library

    settings = site_settings(folder, named.library, site)
    gate = Gate(named.parts, settings, proving=False)
    with progress("convert") as done:
        run = Run.of(tuple(pairs(gate, named.sources, chosen, done)), named, strict=False)
    for line in unexamined.lines(run.broken, run.other, run.without):
        click.echo(line, err=True)
    parts = {part.rule for detection in named.detections.values() for part in detection.parts}
    parts |= {path for correlation in named.correlations.values() for path in correlation.rules}
    rules = {**named.rules, **{path: named.parts[path] for path in parts}}
    library = Library(rules, named.library.detections, named.correlations)
    return _Subject(library, Built(run.pairs), settings, bool(run.broken))


@contextmanager
def _cluster(url: str | None, ca_file: Path | None, chosen: Sequence[Target]) -> Iterator[Sequence[Engine]]:
    """The engines of the cluster at `url`; none without one. Raises UsageError where they would have nothing to run."""
    if url is None:
        if ca_file is not None:
            raise UsageError("--ca-file goes with --elasticsearch URL")
        yield ()
        return
    from converter.engines.elastic.cluster import DIALECTS, engines

    if not any(target.dialect in DIALECTS for target in chosen):
        raise UsageError("no chosen target has queries for Elasticsearch", hint="leave --elasticsearch out")
    with engines(url, ca_file) as found:
        yield found
