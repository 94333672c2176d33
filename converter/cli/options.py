"""What the commands share: options, the project, the site's settings, a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from converter.cli.runtime import check_interrupt
from converter.core.model import SigmaDocument

if TYPE_CHECKING:
    from converter.build.gate import Source
    from converter.build.named import Named
    from converter.build.settings import Settings
    from converter.build.transform import Changed
    from converter.core.model import Target
    from converter.rules.library import Library

Done = Callable[[int, int], None]
Command = TypeVar("Command", bound=Callable[..., object])

TARGET = click.option(
    "--target", "-t", "names", multiple=True, metavar="T", help="Only this target, or `all`; may be repeated."
)
RULE = click.option(
    "--rule", "-r", "rules", multiple=True, metavar="R", help="Only this rule or detection (path, name or id)."
)
SITE = click.option(
    "--site/--no-site", default=True, show_default=True, help="With or without the settings of parity.toml."
)
STRICT = click.option("--strict", is_flag=True, help="Also exit 1 for refused pairs and for what was not examined.")
UNPROVED = click.option(
    "--unproved", is_flag=True, help="Let queries through that are not proved; their headers say NOT PROVED."
)
PIPELINE = click.option(
    "--pipeline", "-p", "pipelines", multiple=True, metavar="P",
    help="Change the rules by this pySigma pipeline (a file, or an installed one's name) before they are converted: "
    "its field names are Sigma's, not a platform's columns. The proof is of the changed rule. May be repeated.",
)  # fmt: skip
CACHE = click.option(
    "--no-cache", "fresh", is_flag=True, envvar="PARITY_NO_CACHE",
    help="Work everything out anew, and keep nothing for the next time.",
)  # fmt: skip
VERBOSE = click.option("--verbose", "-v", is_flag=True, help="Every row, not only what is not AGREE.")


def formats(*names: str) -> Callable[[Command], Command]:
    """`--format` with these choices, the first by default."""
    return click.option("--format", "form", type=click.Choice(names), default=names[0], show_default=True)


def chosen_targets(names: Sequence[str]) -> list[Target]:
    """The targets by name; all without a name and for `all`. Raises UsageError."""
    from converter.core.discovery import find_target, targets

    found = [target for name in names for target in (targets().values() if name == "all" else [find_target(name)])]
    return list({target.name: target for target in found}.values()) if names else list(targets().values())


def project(given: Path | None) -> Path | None:
    """The project folder, None outside of one. Raises LibraryError when a folder that was given is none."""
    from converter.core.config import project_root
    from converter.core.errors import LibraryError

    try:
        return project_root(given)
    except LibraryError:
        if given is not None:
            raise
        return None


def site_settings(folder: Path | None, library: Library, site: bool) -> Settings:
    """What parity.toml says, the defaults outside a project and without the site; told on stderr where it counts."""
    from converter.build.settings import DEFAULTS, load_settings

    settings = load_settings(folder, library) if folder is not None and site else DEFAULTS
    tell_site(settings)
    return settings


def changed(named: Named, pipelines: Sequence[str]) -> Changed:
    """Changes the rules by pipelines, if there are any, and tells how many on stderr. Raises UsageError."""
    from converter.build.transform import Changed, Pipelines, transform
    from converter.cli.render.words import count

    if not pipelines:
        return Changed()
    done = transform(named, Pipelines(pipelines))
    click.echo(f"{', '.join(pipelines)}: {count(len(done.rules), 'rule')} changed", err=True)
    return done


#: warnings of rules that are shown one by one
_SHOWN = 10


def tell_warnings(sources: Iterable[Source]) -> None:
    """Says on stderr what a reader should know of rules that are used all the same."""
    told = [warning for one in sources if isinstance(one, SigmaDocument) for warning in one.warnings]
    for line in [*told[:_SHOWN], *([f"and {len(told) - _SHOWN} more"] if len(told) > _SHOWN else [])]:
        click.echo(click.style("warning: ", fg="yellow") + line, err=True)


def tell_site(settings: Settings) -> None:
    """Says on stderr which of the site's settings change queries."""
    told = settings.told()
    if told:
        click.echo(f"with parity.toml: {told}", err=True)


@contextmanager
def progress(what: str) -> Iterator[Done]:
    """A progress bar on stderr if that is a terminal, else nothing; an interrupt that a library swallowed ends here."""
    if not sys.stderr.isatty():
        yield lambda done, total: check_interrupt()
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def advance(done: int, total: int) -> None:
            check_interrupt()
            bar.update(task, completed=done, total=total)

        yield advance
