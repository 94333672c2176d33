"""`parity engines`: which engines are there, in which version, what is missing and the command that would bring it."""

from __future__ import annotations

import json

import click

Row = dict[str, str | list[str]]


def register(group: click.Group) -> None:
    """Adds the command to `parity`."""
    group.add_command(engines)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def engines(context: click.Context, form: str) -> None:
    """List the engines: what is there, its version, what is missing and the command that would bring it."""
    if context.invoked_subcommand is not None:
        return
    rows = listed()
    if form == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for line in _lines(rows):
        click.echo(line)


@engines.command()
@click.argument("name", metavar="ENGINE", type=click.Choice(["elasticsearch"]))
def install(name: str) -> None:
    """Bring ENGINE to this machine. elasticsearch: its jars, by Maven; a JDK of version 17 or newer is needed."""
    from converter.engines.elastic import installation

    where = installation.install(lambda line: click.echo(line, err=True))
    click.echo(f"{name} {installation.VERSION} is installed in {where}", err=True)


def listed() -> list[Row]:
    """One row for each engine, and one for each judge of texts that runs no query, sorted by name."""
    from converter.core import discovery
    from converter.engines.kql import kusto_binder

    found: list[tuple[str, str, str, object]]
    found = [(e.name, e.dialect, e.provenance, e) for e in discovery.engines().values()]
    found.append(("kusto-binder", "kql", "judges names and types; runs no query", kusto_binder))
    return [_row(*entry) for entry in sorted(found, key=lambda entry: entry[0])]


def _row(name: str, dialect: str, how: str, engine: object) -> Row:
    """`version` is "" when something is missing; `without` names parts that the engine itself has not."""
    from converter import __version__
    from converter.core.errors import EngineUnavailable

    row: Row = {"name": name, "dialect": dialect, "how": how, "version": "", "missing": "", "command": ""}
    row["without"] = list(getattr(engine, "missing_parts", ()))
    version = getattr(engine, "version", None)
    try:
        row["version"] = version() if version else f"parity {__version__}"
    except EngineUnavailable as error:
        row["missing"] = f"{error.where}: {error.message}" if error.where else error.message
        row["command"] = error.hint
    return row


def _lines(rows: list[Row]) -> list[str]:
    names, dialects = (max(len(str(row[key])) for row in rows) for key in ("name", "dialect"))
    out = []
    without: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        state = row["version"] or f"missing: {row['missing']} (to have it: {row['command']})"
        out.append(f"{row['name']:<{names}}  {row['dialect']:<{dialects}}  {state}; {row['how']}")
        if row["without"]:
            without.setdefault(tuple(row["without"]), []).append(str(row["name"]))
    for parts, having in without.items():
        out += ["", f"What {', '.join(having)} have not:", *(f"  {part}" for part in parts)]
    return out
