"""The rules as the rest of the Sigma world sees them: sigma-cli, the validators, the rule schema; without a network."""

from __future__ import annotations

import functools
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator, FormatChecker
from sigma.cli.check import check
from sigma.cli.convert import convert
from sigma.collection import SigmaCollection
from sigma.data import mitre_attack, mitre_d3fend
from sigma.plugins import InstalledSigmaPlugins
from sigma.rule import SigmaRule
from sigma.validation import SigmaValidator
from sigma.validators.base import SigmaValidationIssue
from sigma.validators.sigmahq.data import data_filename, data_taxonomy, data_windows_eventid, data_windows_provider

from tests.project import ROOT

DATA = ROOT / "tests" / "data"
#: files of one rule, and those of a correlation with the rules that stand in it alone
RULES = [p for p in sorted((ROOT / "sigma").rglob("*.yml")) if p.parent.name != "correlations"]
CORRELATIONS = sorted((ROOT / "sigma" / "correlations").glob("*.yml"))
#: all but the correlations; the manifests, which sigma-cli is to pass over, are among them
FOLDERS = [p for p in sorted((ROOT / "sigma").iterdir()) if p.is_dir() and p.name != "correlations"]
BY_RULE = pytest.mark.parametrize("path", RULES, ids=lambda p: p.stem)

#: target of sigma-cli -> the chains of our pipelines that serve it
CHAINS = [
    ("kusto", ("mde",)),
    ("splunk", ("splunk_sysmon",)),
    ("splunk", ("splunk_defender",)),
    *((target, (pipeline,)) for target in ("lucene", "eql", "esql") for pipeline in ("ecs", "m365_defender")),
]

#: SigmaHQ keeps no `fields` in its own repository; here they are what a query shows. It knows no custom attributes,
#: which the specification allows and we use (`parity`). So these two validators are left out.
EXCLUDED = {"sigmahq_fields_existence", "sigmahq_unknown_field"}
METADATA = (
    "title",
    "id",
    "status",
    "description",
    "references",
    "author",
    "date",
    "tags",
    "logsource",
    "detection",
    "fields",
    "falsepositives",
    "level",
)
OPTIONAL = ("related", "modified", "license", "parity")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever tries to reach a network in here fails at once."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OSError("these tests have no network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module", autouse=True)
def local_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """pySigma's and SigmaHQ's data come from tests/data, and are cached in a folder of this run."""
    sources = [
        (mitre_attack, "mitre_attack.json"),
        (mitre_d3fend, "mitre_d3fend.json"),
        (data_filename, "sigmahq/filename.json"),
        (data_taxonomy, "sigmahq/taxonomy.json"),
        (data_windows_eventid, "sigmahq/windows_eventid.json"),
        (data_windows_provider, "sigmahq/windows_provider.json"),
    ]
    for module, name in sources:
        module.set_cache_dir(str(tmp_path_factory.mktemp("cache")))
        module.set_url(str(DATA / name))
    yield
    for module, _ in sources:
        # sigma-cli of a developer keeps its own cache; ours goes with the run
        module.set_cache_dir(str(tmp_path_factory.mktemp("cache")))


@functools.cache
def validators() -> dict[str, Any]:
    found: dict[str, Any] = InstalledSigmaPlugins.autodiscover().validators
    return found


def issues(paths: list[Path], names: set[str]) -> list[SigmaValidationIssue]:
    chosen = [validator for name, validator in validators().items() if name in names]
    rules = SigmaCollection.load_ruleset([str(path) for path in paths])
    return list(SigmaValidator(chosen).validate_rules(rule for rule in rules if isinstance(rule, SigmaRule)))


def converted(target: str, pipelines: tuple[str, ...], paths: Path | list[Path], *options: str) -> Result:
    chain = [part for name in pipelines for part in ("-p", str(ROOT / "pipelines" / f"{name}.yml"))]
    given = [paths] if isinstance(paths, Path) else paths
    return CliRunner().invoke(convert, ["-t", target, *chain, *options, *map(str, given)])


@pytest.mark.parametrize(("target", "pipelines"), CHAINS, ids=lambda v: v if isinstance(v, str) else "+".join(v))
def test_sigma_cli_converts_the_folder_unchanged(target: str, pipelines: tuple[str, ...]) -> None:
    """`sigma convert` reads the folders of rules as they stand, and skips no rule that it converts alone.

    The others are refused by the pipeline: it has no table for the log source, or its format cannot ask for a value.
    Correlations stand in a folder of their own, at which a backend that has none stops whatever it is told to skip.
    """
    whole = converted(target, pipelines, FOLDERS, "--skip-unsupported")
    assert whole.exit_code == 0, whole.output
    each = [converted(target, pipelines, path) for path in RULES]
    refused = [result.output for result in each if result.exit_code]
    assert all("has no table for this log source" in text or "cannot be asked for" in text for text in refused), refused
    queries = [result.stdout.strip() for result in each if not result.exit_code]
    assert queries
    assert all(queries)
    assert sorted(whole.stdout.strip().split("\n\n")) == sorted(queries)


def test_there_are_manifests_for_sigma_cli_to_skip() -> None:
    """The law above says something: sigma/detections holds files, and sigma-cli takes none of them for a rule."""
    assert list((ROOT / "sigma" / "detections").glob("*.yaml"))
    documents = [one for path in CORRELATIONS for one in yaml.safe_load_all(path.read_text("utf-8"))]
    assert len(SigmaCollection.load_ruleset([str(ROOT / "sigma")]).rules) == len(RULES) + len(documents)


@BY_RULE
def test_no_validator_reports_anything(path: Path) -> None:
    """Every core and every SigmaHQ validator, but for the one excluded by name, is silent on each rule."""
    assert {"attacktag", "sigmahq_title_case"} < set(validators())
    found = issues([path], set(validators()) - EXCLUDED)
    assert not found, "\n".join(map(str, found))


def test_no_validator_reports_anything_on_the_whole_library() -> None:
    """Nor on all rules together: ids, titles and file names are unique."""
    assert not issues([ROOT / "sigma"], set(validators()) - EXCLUDED)


@pytest.mark.parametrize("name", sorted(EXCLUDED))
def test_an_excluded_validator_still_has_a_reason(name: str) -> None:
    """A validator that no longer complains about any rule must come off the list."""
    assert issues([ROOT / "sigma"], {name})


def test_sigma_check_reports_nothing() -> None:
    """The command itself, with the same exclusion."""
    excluded = [part for name in sorted(EXCLUDED) for part in ("--exclude", name)]
    result = CliRunner().invoke(check, ["--fail-on-issues", *excluded, str(ROOT / "sigma")])
    assert result.exit_code == 0, result.output
    assert "No validation issues found." in result.output


def test_a_bad_rule_is_reported(tmp_path: Path) -> None:
    """The validators run and know the data: a technique without its tactic, an unknown field, a wrong prefix."""
    texts = (path.read_text("utf-8") for path in RULES)
    text = next(text for text in texts if "TargetFilename" in text and "attack.persistence" in text)
    path = tmp_path / "web_server_rule.yml"
    path.write_text(text.replace("- attack.persistence\n", "- attack.t9999\n").replace("TargetFilename", "TargetName"))
    kinds = {type(issue).__name__ for issue in issues([path], set(validators()))}
    assert {
        "InvalidATTACKTagIssue",
        "SigmahqTagsTechniquesWithoutTacticsIssue",
        "SigmahqInvalidFieldnameIssue",
        "SigmahqFilenamePrefixIssue",
    } <= kinds


@pytest.mark.parametrize("path", CORRELATIONS, ids=lambda p: p.stem)
def test_a_correlation_says_what_a_rule_says(path: Path) -> None:
    """Every document has the metadata of a rule, with public references; its last is the correlation, the others parts
    by name, at the level that alerts nobody."""
    *parts, last = (json.loads(json.dumps(one, default=str)) for one in yaml.safe_load_all(path.read_text("utf-8")))
    for one, own in (*((part, {"name", "logsource", "detection"}) for part in parts), (last, {"correlation"})):
        kept = set(METADATA) - {"fields", "logsource", "detection"} | own
        assert [key for key in sorted(kept) if not one.get(key)] == []
        assert set(one) <= kept
        assert all(reference.startswith("https://") for reference in one["references"])
    assert {part["level"] for part in parts} <= {"informational"}
    assert {part["name"] for part in parts} <= set(last["correlation"]["rules"])


@functools.cache
def schema() -> Draft202012Validator:
    document = json.loads((DATA / "sigma_rule.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document, format_checker=FormatChecker())


def plain(path: Path) -> Any:
    """The rule as JSON has it: a date is its text."""
    return json.loads(json.dumps(yaml.safe_load(path.read_text("utf-8")), default=str))


@BY_RULE
def test_a_rule_validates_against_the_sigma_schema(path: Path) -> None:
    """The constraints of the Sigma specification hold."""
    found = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in schema().iter_errors(plain(path))]
    assert not found


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("title", 5),
        ("id", "not-a-uuid"),
        ("status", "new"),
        ("date", "2026/11/24"),
        ("level", "urgent"),
        ("tags", ["Attack T1505"]),
        ("fields", "Image"),
        ("detection", {"selection": {"Image": "x"}}),
        ("detection", {"selection": 7, "condition": "selection"}),
        ("falsepositives", ["x"]),
        ("logsource", "windows"),
    ],
)
def test_the_schema_refuses_what_is_wrong(key: str, value: Any) -> None:
    """Each of these faults alone makes a good rule invalid."""
    assert not schema().is_valid({**plain(RULES[0]), key: value})


@BY_RULE
def test_metadata_is_complete(path: Path) -> None:
    """Every key that the project asks for is there and says something; no other key is."""
    raw = plain(path)
    assert [key for key in METADATA if not raw.get(key)] == []
    assert set(raw) <= {*METADATA, *OPTIONAL}
    assert raw["logsource"].keys() in ({"category", "product"}, {"category"}, {"product", "service"})
    assert all(reference.startswith("https://") for reference in raw["references"])
    assert any(tag.startswith("attack.t") for tag in raw["tags"])


@BY_RULE
def test_a_rule_stands_where_its_log_source_says(path: Path) -> None:
    """sigma/<product>/<category or service>/<name>.yml, with generic for a log source of no product."""
    source = plain(path)["logsource"]
    kind = source.get("category") or source["service"]
    assert path.parent.relative_to(ROOT / "sigma").parts == (source.get("product", "generic"), kind)
