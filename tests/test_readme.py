"""README tells what is so, and nothing in it changes with a new rule."""

from __future__ import annotations

import re

import click
import pytest

from converter.cli import listing
from converter.cli.main import main
from converter.core.discovery import targets
from tests.project import ROOT

README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = sorted(set(re.findall(r"^\| `parity (\w+)", README, re.MULTILINE)))


def test_every_command_is_told_and_no_other() -> None:
    """The table of commands has each command of the tool, and only these."""
    assert isinstance(main, click.Group)
    assert sorted(main.commands) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_that_is_told_exists(name: str) -> None:
    """An option in a command's row is one of that command."""
    assert isinstance(main, click.Group)
    row = next(line for line in README.splitlines() if line.startswith(f"| `parity {name}"))
    told = set(re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)", " ".join(re.findall(r"`([^`]*)`", row))))
    command = main.commands[name]
    known = {option for parameter in command.params for option in parameter.opts}
    assert told <= known


def test_every_folder_that_is_told_exists() -> None:
    """The table of folders names folders of the repository."""
    named = re.findall(r"^\| `([\w/]+/)` \|", README, re.MULTILINE)
    assert named
    assert [name for name in named if not (ROOT / name).is_dir()] == []


def test_the_targets_of_the_example_exist() -> None:
    """The example's rows are targets, and its number of targets is that of the tool."""
    example = README.partition("as it is deployed")[2].partition("## ")[0]
    named = re.findall(r"^\| `([\w-]+)` \|", example, re.MULTILINE)
    assert named
    assert set(named) <= targets().keys()
    words = {11: "eleven", 12: "twelve", 13: "thirteen", 14: "fourteen"}
    assert f"for {words[len(targets())]} targets" in README


def test_every_target_has_its_oldest_version() -> None:
    """The table of versions is what `parity list targets` says, for each target once."""
    table = README.partition("| targets | oldest version |")[2].partition("\n\n")[0]
    told = {name: row[1].strip() for row in (line.split("|")[1:3] for line in table.splitlines()[2:])
            for name in re.findall(r"`([\w-]+)`", row[0])}  # fmt: skip
    assert told == {row["name"]: row["requires"] for row in listing.targets()}
    assert len(re.findall("`", table)) == 2 * len(told)


def test_no_figure_counts_rules_or_fixtures() -> None:
    """Adding a rule or a fixture leaves README as it is: it holds no verdict with a number."""
    assert not re.search(r"AGREE \d|\d+/\d+|\d+ (rules|fixtures|queries|checks)", README)
