"""`parity engines` and `parity engines install`."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from converter.cli.engines import engines
from converter.core import discovery
from converter.core.errors import EngineUnavailable
from converter.engines.elastic import installation
from converter.engines.kql import kusto_binder
from converter.engines.versions import distributions


def rows() -> dict[str, dict[str, str]]:
    done = CliRunner().invoke(engines, ["--format", "json"])
    assert done.exit_code == 0, done.output
    return {row["name"]: row for row in json.loads(done.stdout)}


def test_every_engine_is_listed_with_its_version_or_what_is_missing() -> None:
    """And Kusto's binder, which judges texts and runs none. A missing one has a command that would bring it."""
    found = rows()
    assert set(found) == {*discovery.engines(), "kusto-binder"}
    assert list(found) == sorted(found)
    for row in found.values():
        assert bool(row["version"]) != bool(row["missing"]), row
        assert bool(row["missing"]) == bool(row["command"]), row
    text = CliRunner().invoke(engines, []).stdout
    assert all(name in text for name in found)


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each kind of part: jars, an npm package, a Python distribution."""

    def gone(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setenv(installation.VARIABLE, str(tmp_path))
    monkeypatch.setenv(kusto_binder.VARIABLE, str(tmp_path))
    monkeypatch.setattr(importlib.metadata, "version", gone)
    found = rows()
    told = {name: (row["version"], row["missing"], row["command"]) for name, row in found.items() if row["missing"]}
    missing = f"Elasticsearch {installation.VERSION} is not installed"
    assert told["elasticsearch-dsl"] == ("", missing, "parity engines install elasticsearch")
    assert "npm install" in told["kusto-binder"][2]
    assert told["osmem-lucene"][1:] == ("osmem-server is not installed", "pip install 'osmem-server==0.1.6'")
    assert told["duckdb-kql"][2] == "pip install 'duckdb==2.0.0'"
    assert "missing: Elasticsearch" in CliRunner().invoke(engines, []).stdout


def test_an_unknown_distribution_is_named_without_a_version() -> None:
    """Only what Parity pins has a version to ask for."""
    with pytest.raises(EngineUnavailable, match="pip install 'no-such-distribution'"):
        distributions("no-such-distribution")


def test_parts_that_an_engine_has_not_are_said() -> None:
    """What stands in for a part of Elasticsearch is no secret."""
    found = rows()
    assert found["elasticsearch-dsl"]["without"] == list(installation.MISSING_PARTS)
    assert found["spl-interpreter"]["without"] == []
    assert "What elasticsearch-dsl, elasticsearch-eql" in CliRunner().invoke(engines, []).stdout


def test_install_takes_only_what_can_be_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A wrong name is wrong usage; a missing Maven is said before anything is downloaded."""
    assert CliRunner().invoke(engines, ["install", "splunk"]).exit_code == 2
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(installation.VARIABLE, str(tmp_path / "es"))
    done = CliRunner().invoke(engines, ["install", "elasticsearch"])
    assert isinstance(done.exception, EngineUnavailable)
    assert "mvn was not found" in str(done.exception)
    assert not (tmp_path / "es").exists()
