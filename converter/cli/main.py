"""The `parity` command: parse, one call, render, exit code.

Results go to stdout, talk to stderr; the exit codes are those of `runtime`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from converter import __version__
from converter.cli import (
    auditing,
    building,
    contributing,
    converting,
    costing,
    engines,
    proving,
    publishing,
    runtime,
    semantics,
    starting,
    verifying,
)
from converter.cli.options import formats
from converter.core.config import project_root
from converter.core.errors import Faults, ParityError


class _Group(click.Group):
    """Suggests the nearest command for a mistyped one, and ends as `runtime` says."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from converter.core.discovery import did_you_mean

            near = did_you_mean(args[0], self.commands) if args else ""
            raise click.UsageError(f"no such command {args[0]!r}. {near}".strip(), ctx) from error

    def main(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["standalone_mode"] = False
        runtime.run(lambda: super(_Group, self).main(*args, **kwargs))


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="parity")
@click.option(
    "--root", type=click.Path(path_type=Path), default=None, help="The project folder (default: found from here)."
)
@click.pass_context
def main(ctx: click.Context, root: Path | None) -> None:
    """Detections written once in Sigma, as queries for every SIEM that fire on the same events."""
    ctx.obj = root


@main.command("list")
@click.argument("what", type=click.Choice(["rules", "targets", "engines", "schemas", "limits"]))
@formats("text", "json")
@click.pass_obj
def list_(root: Path | None, what: str, form: str) -> None:
    """List rules, targets, engines or platforms' limits, or the schemas: kinds of record and their evidence."""
    import json
    import shutil

    from converter.cli import listing

    if what == "schemas":
        trees = listing.schemas()
        lines = listing.outline(trees, min(max(shutil.get_terminal_size((80, 24)).columns, 40), 100))
        click.echo(json.dumps(trees, indent=2, ensure_ascii=False) if form == "json" else "\n".join(lines))
        return
    faults: list[ParityError] = []
    if what == "rules":
        from converter.rules.library import read

        library, faults = read(project_root(root))
        rows = listing.rules(library)
    else:
        rows = listing.ROWS[what]()
    if form == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif rows:
        # in a pipe a row stays a line
        width = shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else None
        click.echo("\n".join(listing.table(rows, width)))
    if faults:
        raise Faults(faults)


_MODULES = (
    auditing,
    building,
    contributing,
    converting,
    costing,
    engines,
    proving,
    publishing,
    semantics,
    starting,
    verifying,
)
for module in _MODULES:
    module.register(main)

if __name__ == "__main__":
    main()
