"""`parity site`: the catalogue of the project as a static site."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli.options import CACHE, SITE, TARGET, chosen_targets, progress, tell_site, tell_warnings
from converter.core.config import project_root
from converter.core.errors import Faults, ParityError, UsageError

if TYPE_CHECKING:
    from converter.build.build import Prepared
    from converter.build.gate import Pair
    from converter.catalogue.model import History
    from converter.core.verdict import Report


def register(group: click.Group) -> None:
    """Adds the commands to `parity`."""
    for command in (site_, serve):
        group.add_command(command)


@click.command("site")
@click.option(
    "--output", "-o", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path("site"),
    show_default=True, help="The folder to write; one that holds a site is replaced.",
)  # fmt: skip
@TARGET
@SITE
@CACHE
@click.option("--title", default="Parity", show_default=True, help="What the site is called.")
@click.option("--url", default="", metavar="URL", help="Where it will be published: feeds then have whole addresses.")
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Take what engines found from `parity verify --format json`, and run none.",
)  # fmt: skip
@click.option("--no-execution", "idle", is_flag=True, help="Run no engine; the pages say that nothing was executed.")
@click.option("--since", metavar="REV", help="Each page tells what its rule lost and gained since this git revision.")
@click.pass_obj
def site_(
    root: Path | None, folder: Path, names: tuple[str, ...], site: bool, fresh: bool, title: str, url: str,
    report: Path | None, idle: bool, since: str | None,
) -> None:  # fmt: skip
    """Write the catalogue as a static site: a page per rule and detection, search, feeds, a heat map, downloads.

    It needs no network and no server: open index.html, or publish the folder. Every query on it is proved, and executed
    by the engines that are installed. Needs the extra `site` (pip install 'sigma-parity[site]').
    """
    _require()
    from converter.build.gate import Gate
    from converter.build.many import pairs
    from converter.catalogue.gather import gather
    from converter.catalogue.render import render
    from converter.catalogue.write import check_place, write
    from converter.cli.render.words import count

    if report is not None and idle:
        raise UsageError("--report and --no-execution say two different things")
    from converter.build.build import prepare

    project = project_root(root)
    check_place(folder)
    prepared = prepare(project, (), site)
    tell_site(prepared.settings)
    tell_warnings(prepared.sources)
    gate = Gate(prepared.library.rules, prepared.settings)
    with progress("prove") as done:
        found = list(pairs(gate, prepared.sources, chosen_targets(names), done, kept=not fresh))
    if broken := [pair.fault for pair in found if pair.fault is not None]:
        raise Faults(broken)
    verdicts = None if idle else _verdicts(project, prepared, found, report)
    findings = _findings(prepared)
    history = _history(project, since) if since else {}
    made = gather(project, prepared.library, gate, prepared.sources, found, verdicts, findings, title, url, history)
    files = render(made)
    write(folder, files)
    click.echo(f"wrote {count(len(made.pages), 'page')} and {count(len(files), 'file')} to {folder}/", err=True)
    click.echo(f"  open {folder / 'index.html'}", err=True)


@click.command()
@click.argument(
    "folder", type=click.Path(path_type=Path, file_okay=False, exists=True), required=False, metavar="[DIR]"
)
@click.option("--port", type=click.IntRange(0, 65535), default=8710, show_default=True, help="0 takes a free one.")
@TARGET
def serve(folder: Path | None, port: int, names: tuple[str, ...]) -> None:
    """Show a page to paste a rule into, on this computer alone: it is converted and proved for every target.

    DIR is a site that `parity site` wrote, which is then shown as well. Only this computer can reach the server, and
    what is pasted is not kept. Ctrl-C ends it. Needs the extra `site`.
    """
    _require()
    from converter.catalogue.serve import ADDRESS, server
    from converter.catalogue.write import read_site

    with server(read_site(folder) if folder else {}, chosen_targets(names), port) as running:
        click.echo(f"http://{ADDRESS}:{running.server_port}/paste.html (Ctrl-C ends it)", err=True)
        running.serve_forever()


def _require() -> None:
    missing = [name for name in ("jinja2", "pygments") if importlib.util.find_spec(name) is None]
    if missing:
        raise ParityError(f"the site needs {' and '.join(missing)}", hint="pip install 'sigma-parity[site]'")


def _verdicts(project: Path, prepared: Prepared, found: Sequence[Pair], report: Path | None) -> Report:
    """What engines find, or found."""
    from converter.build.build import Built
    from converter.catalogue.report import load_report
    from converter.verify.check import check

    if report is not None:
        return load_report(report, found)
    with progress("execute") as done:
        return check(
            prepared.library, Built(tuple(found)), project, lambda number, total, _: done(number, total),
            prepared.settings,
        )  # fmt: skip


def _history(project: Path, since: str) -> dict[str, History]:
    """path -> what the rule or detection lost and gained since a revision."""
    from converter.catalogue.model import History
    from converter.cli.render.diff import event
    from converter.contribute.changes import REWORDED, changes
    from converter.explain.model import DIRECTIONS

    found = {}
    for change in changes(project, since, ()):
        told = {"lost": (), "gained": ()} if change.changes is None else {
            name: tuple((cause.text, event(cause.event)) for cause in getattr(change.changes, name))
            for name in DIRECTIONS
        }  # fmt: skip
        status = "other words, the same events" if change.status == REWORDED else change.status
        found[change.path] = History(since, status, told["lost"], told["gained"], change.reason)
    return found


def _findings(prepared: Prepared) -> dict[str, tuple[str, ...]]:
    """path -> what lint has to say of the rule."""
    from converter.lint.lint import lint
    from converter.rules.placeholders import given

    rules = [given(rule, prepared.settings.placeholders) for rule in prepared.rules]
    told: dict[str, tuple[str, ...]] = {}
    for finding in lint(rules, lambda _number, _total: None):
        told[finding.path] = (*told.get(finding.path, ()), f"{finding.kind}: {finding.message}")
    return told
