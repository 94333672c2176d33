"""The Splunk app as its installer sees it: unpacked, its conf files read back, its searches expanded and run."""

from __future__ import annotations

import functools
import io
import json
import re
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from converter.artefacts.core.archive import tar_gz
from converter.artefacts.core.base import Artefact
from converter.artefacts.splunk.app import MAKER, SITES, app_files, defanged
from converter.artefacts.splunk.conf import conf, untokened
from converter.artefacts.splunk.search import (
    INDEXING_DELAY,
    Macro,
    cron,
    definition,
    expand,
    schedule,
    without_head,
    wrap,
)
from converter.build.settings import Settings, TargetSettings
from converter.core.errors import ParityError
from converter.core.model import Query
from converter.dialects.spl.syntax import parse_both
from converter.rules.library import Library
from tests.artefacts.shipped import context, hunted, judge, shipped

TARGETS = list(SITES)
Conf = dict[str, dict[str, str]]


def read_conf(text: str) -> Conf:
    """A .conf file by Splunk's rules: a backslash before a line break continues the value and keeps the break."""
    found: Conf = {}
    stanza: dict[str, str] = {}
    for line in re.split(r"(?<!\\)\n", text):
        if line.startswith("["):
            stanza = found.setdefault(line[1 : line.index("]")], {})
        elif line.strip() and not line.startswith("#"):
            key, _, value = line.partition("=")
            assert key.strip() not in stanza, key
            stanza[key.strip()] = value.replace("\\\n", "\n").strip()
    return found


@functools.cache
def made() -> tuple[Artefact, ...]:
    return tuple(MAKER.make(context()))


def bundle(target: str) -> Artefact:
    return next(a for a in made() if a.path.startswith(f"dist/{SITES[target].app}-"))


def unpacked(target: str) -> dict[str, str]:
    """path inside the app -> text, out of the archive."""
    site = SITES[target]
    out = {}
    with tarfile.open(fileobj=io.BytesIO(bundle(target).content)) as archive:
        for entry in archive:
            if entry.isfile():
                file = archive.extractfile(entry)
                assert file
                out[entry.name.removeprefix(f"{site.app}/")] = file.read().decode()
    return out


def searches(target: str) -> Conf:
    return read_conf(unpacked(target)["default/savedsearches.conf"])


def taken(target: str) -> list[tuple[str, Query]]:
    """(search as Splunk runs it, the query it was made of), out of the archive, macros expanded by its macros.conf."""
    files = unpacked(target)
    macros = {name: s["definition"] for name, s in read_conf(files["default/macros.conf"]).items()}
    texts = [expand(s["search"], macros) for s in read_conf(files["default/savedsearches.conf"]).values()]
    queries = {without_head(q.text): q for q in (*shipped(target), *hunted(target))}
    assert sorted(texts) == sorted(queries), "the searches of the app are the queries of the target, each once"
    return [(text, queries[text]) for text in texts]


@pytest.mark.parametrize("target", TARGETS)
def test_the_searches_are_the_queries_behind_a_macro(target: str) -> None:
    """Expanded as Splunk does, each search is its query byte for byte below the comments, and parses; none is missing,
    and none names the scope itself."""
    assert taken(target)
    for text, _ in taken(target):
        parse_both(text)
    for name, settings in searches(target).items():
        assert any(macro.call in settings["search"] for macro in SITES[target].macros), name
        assert not any(macro.terms in settings["search"] for macro in SITES[target].macros), name


@pytest.mark.parametrize("target", TARGETS)
def test_the_searches_are_verified_and_proved(target: str) -> None:
    """What comes out of the archive fires on exactly the events that its rule means."""
    for text, query in taken(target):
        judge(text, query)


@pytest.mark.parametrize("target", TARGETS)
def test_indentation_means_nothing(target: str) -> None:
    """A reader of .conf files that drops the white space before a continued line reads the same search."""
    for text, _ in taken(target):
        assert parse_both(re.sub(r"\n +", "\n", text)) == parse_both(text)


def test_a_broken_search_is_seen() -> None:
    """The judge can fail."""
    text, query = next((t, q) for t, q in taken("splunk-sysmon") if q.source.endswith("webserver_spawns_shell.yml"))
    with pytest.raises(AssertionError):
        judge(text.replace('"*\\\\cmd.exe", ', "", 1), query)


@pytest.mark.parametrize("target", TARGETS)
def test_no_search_begins_with_a_comment(target: str) -> None:
    """A generating command has to come first."""
    assert all(re.match(r"`\w+`\s|\| multisearch\n", s["search"]) for s in searches(target).values())


@pytest.mark.parametrize("target", TARGETS)
def test_alerts_are_disabled_and_complete(target: str) -> None:
    """Nothing runs on installation; severity and ATT&CK annotations are the rule's own; hunting is not scheduled."""
    alerts = {n: s for n, s in searches(target).items() if "cron_schedule" in s}
    hunts = {n: s for n, s in searches(target).items() if "cron_schedule" not in s}
    assert len(alerts) == len(shipped(target))
    assert len(hunts) == len(hunted(target)) > 0
    for settings in alerts.values():
        assert settings["disabled"] == "1"
        named = json.loads(settings["action.correlationsearch.annotations"])["mitre_attack"]
        path = re.search(r"\(Generated by Parity from (.+)\)\Z", settings["description"])
        assert path
        rule = context().library.rules.get(path[1])
        tags = rule.raw["tags"] if rule else ["attack.t1505.003"]  # a detection names the technique it is for
        techniques = {tag.removeprefix("attack.").upper() for tag in tags if re.match(r"attack\.t\d", tag)}
        assert techniques
        assert set(named) == techniques if rule else techniques <= set(named)
        level = settings["action.notable.param.severity"]
        assert settings["alert.severity"] == {"medium": "3", "high": "4", "critical": "5"}[level]
        if "action.notable.param.next_steps" not in settings:
            continue  # a rule without a response
        steps = json.loads(settings["action.notable.param.next_steps"])
        assert steps["version"] == 1
        assert steps["data"].startswith("1. ")


@pytest.mark.parametrize("target", TARGETS)
def test_a_detection_that_looks_back_further_than_it_runs_is_throttled(target: str) -> None:
    """An event found by several runs raises one alert: it is known by fields the search returns."""
    name = f"Parity - {SITES[target].label} - Web Shell"
    settings = searches(target)[name]
    assert (settings["dispatch.earliest_time"], settings["dispatch.latest_time"]) == ("-24h", "now")
    assert "earliest=-24h" in settings["search"]
    assert settings["alert.suppress"] == "1"
    assert settings["alert.digest_mode"] == "0"
    assert int(settings["alert.suppress.period"].removesuffix("m")) >= 24 * 60
    fields = settings["alert.suppress.fields"].split(",")
    assert fields == ["_time", SITES[target].host, "DetectionType"]
    assert all(field in settings["search"].rsplit("| table", 1)[1] for field in fields)


def minutes_of_day(expression: str) -> list[int]:
    """The minutes of a day at which a cron expression of ours starts."""

    def field(text: str, size: int) -> list[int]:
        if text == "*":
            return list(range(size))
        found = re.fullmatch(r"(\d+)(?:-(\d+)/(\d+))?", text)
        assert found, text
        return list(range(int(found[1]), int(found[2]) + 1, int(found[3]))) if found[2] else [int(text)]

    minute, hour, *rest = expression.split()
    assert rest == ["*", "*", "*"]
    return sorted(h * 60 + m for h in field(hour, 24) for m in field(minute, 60))


@pytest.mark.parametrize("every", [1, 5, 15, 20, 30, 60, 120, 180, 360, 720, 1440])
@pytest.mark.parametrize("spread", [0, 17, 59, 1439, 123456])
def test_runs_are_evenly_spaced_and_their_ranges_join(every: int, spread: int) -> None:
    """From one run to the next pass as many minutes as a run looks at: no event is left out, none is seen twice."""
    starts = minutes_of_day(cron(every, spread))
    gaps = {b - a for a, b in zip(starts, [*starts[1:], starts[0] + 1440], strict=True)}
    assert gaps == {every}
    found = schedule("x", "source=x", every, None)
    assert found.overlap == 0
    earliest, latest = (int(re.fullmatch(r"-(\d+)m@m", t)[1]) for t in (found.earliest, found.latest))  # type: ignore[index]
    assert earliest - latest == every
    assert latest == INDEXING_DELAY


@pytest.mark.parametrize("every", [7, 45, 90, 300, 2880])
def test_a_frequency_that_cron_lacks_is_refused(every: int) -> None:
    """Cron begins anew each hour and day; a schedule that would stutter there is an error with a hint."""
    with pytest.raises(ParityError, match="cron has no schedule") as caught:
        cron(every, 0)
    assert caught.value.hint


def with_settings(target: str, **own: object) -> dict[str, str]:
    settings = Settings({target: TargetSettings(**own)})  # type: ignore[arg-type]
    return app_files(replace(context(), settings=settings), target)


def test_a_site_adapts_one_place() -> None:
    """The site's macro goes to macros.conf, in parentheses behind the scope that was proved, and changes no search."""
    own = 'index=win (source="XmlWinEventLog:Microsoft-Windows-Sysmon/Operational" OR sourcetype=sysmon)'
    files = with_settings("splunk-sysmon", macros={"parity_sysmon": own}, enabled=True)
    assert read_conf(files["default/macros.conf"])["parity_sysmon"]["definition"] == (
        f'source="XmlWinEventLog:Microsoft-Windows-Sysmon/Operational" ({own})'
    )
    changed = read_conf(files["default/savedsearches.conf"])
    assert {n: s["search"] for n, s in changed.items()} == {
        n: s["search"] for n, s in searches("splunk-sysmon").items()
    }
    assert {s["disabled"] for s in changed.values() if "disabled" in s} == {"0"}


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"macros": {"parity_sysmom": "index=a"}}, "there is no macro"),
        ({"macros": {"parity_sysmon": "index=a | delete"}}, "macro parity_sysmon"),
        ({"macros": {"parity_sysmon": "index=a) OR (index=b"}}, "macro parity_sysmon"),
        ({"macros": {"parity_sysmon": '(index="a'}}, "macro parity_sysmon"),
        ({"macros": {"parity_sysmon": "index=a OR index=b source=c"}}, "macro parity_sysmon"),
        ({"macros": {"parity_sysmon": "index=a [search index=b]"}}, "macro parity_sysmon"),
        ({"frequency": 7}, "cron has no schedule"),
        ({"frequency": 2880}, "cron has no schedule|leaves events unseen"),
        ({"frequency": 60, "lookback": 30}, "leaves events unseen"),
    ],
)
def test_settings_that_cannot_work_are_refused(own: dict[str, object], message: str) -> None:
    """Wrong macros and schedules raise an error that says what to do."""
    with pytest.raises(ParityError, match=message) as caught:
        with_settings("splunk-sysmon", **own)
    assert caught.value.hint


def test_overlapping_ranges_of_a_rule_are_throttled() -> None:
    """A site that looks back further than it runs gets one alert an event."""
    files = with_settings("splunk-sysmon", frequency=60, lookback=120)
    found = [s for s in read_conf(files["default/savedsearches.conf"]).values() if s.get("disabled")]
    assert {s["alert.suppress"] for s in found} == {"1"}
    rules = [s for s in found if "multisearch" not in s["search"]]
    assert {(s["dispatch.earliest_time"], s["alert.suppress.fields"]) for s in rules} == {("-130m@m", "_time,host")}


@pytest.mark.parametrize("value", ["a", "a\nb", "  a\n\n  b", "a = b # c", "a\\b", "[x]\n[y]", '"*\\\\x" `m`\n| t'])
def test_conf_values_come_back(value: str) -> None:
    """What is written is what Splunk reads."""
    value = value.strip()
    assert read_conf(conf({"s": {"k": value, "l": "z"}}, "note\nnote")) == {"s": {"k": value, "l": "z"}}


@pytest.mark.parametrize("value", [" a", "a ", "a\\", "a\\\nb", "a\nb\n", "a\x00", "a\r\nb"])
def test_conf_refuses_what_would_come_back_changed(value: str) -> None:
    """White space at the ends, a trailing backslash and control characters cannot be written."""
    with pytest.raises(ParityError):
        conf({"s": {"k": value}})


@pytest.mark.parametrize("name", ["a]", "[a", "a\nb", " a"])
def test_conf_refuses_stanza_names(name: str) -> None:
    """A stanza's name ends at its bracket."""
    with pytest.raises(ParityError):
        conf({name: {}})


@pytest.mark.parametrize("text", ["C$ and ADMIN$ shares", "$name$", "$$"])
def test_dollars_of_a_rule_are_no_tokens(text: str) -> None:
    """An alert action finds nothing between two dollar signs that it could replace, and a reader every character."""
    found = untokened(text)
    assert "$" not in found
    assert found.replace("\uff04", "$") == text
    assert untokened("C$ only") == "C$ only"


@pytest.mark.parametrize("target", TARGETS)
def test_titles_with_dollars_reach_the_notable_whole(target: str) -> None:
    """Title and description of a rule in what Enterprise Security substitutes fields in."""
    library = context().library
    rule = next(rule for rule in library.rules.values() if rule.file.endswith("webserver_spawns_shell.yml"))
    odd = type(rule)(rule.path, {**rule.raw, "title": "C$ and ADMIN$", "description": "of $x$"}, rule.sha256)
    changed = replace(context(), library=Library({**library.rules, rule.path: odd}, library.detections))
    text = next(a.content for a in MAKER.make(changed) if a.path.startswith(target) and "savedsearches" in a.path)
    notable = [line for line in text.decode().splitlines() if line.startswith("action.notable.param.rule_")]
    assert any("ADMIN\uff04" in line for line in notable)
    assert not any("$" in line for line in notable)


def test_macros_are_told_from_comments() -> None:
    """Three backticks are a comment, one is a macro; an undefined macro is an error; other backticks are refused."""
    macro = Macro("m", "source=x")
    text = "```a `m` b```\nsource=x y=1 ```c```\n| table a\n"
    assert wrap(text, [macro]) == "`m` y=1 ```c```\n| table a"
    assert expand(wrap(text, [macro]), {"m": "source=x"}) == without_head(text)
    with pytest.raises(ParityError, match="no macro"):
        expand("`n` a", {"m": "x"})
    for value in ("a`b`c", "a`b", "```", "````"):
        with pytest.raises(ParityError, match="backtick"):
            wrap(f'source=x CommandLine="{value}"\n', [macro])
    with pytest.raises(ParityError, match="does not search"):
        wrap("source=z\n", [macro])
    assert definition(macro, None) == definition(macro, "source=x") == "source=x"


def test_two_searches_of_one_name_are_refused() -> None:
    """A title that occurs twice would merge two stanzas."""
    library = context().library
    first = next(iter(library.rules.values()))
    rules = {p: replace(r, raw={**r.raw, "title": first.title.upper()}) for p, r in library.rules.items()}
    with pytest.raises(ParityError, match="two searches"):
        app_files(replace(context(), library=Library(rules, library.detections)), "splunk-sysmon")


def test_a_name_that_splunk_refuses_is_refused() -> None:
    """Names of 100 characters and more are an error that names the search."""
    library = context().library
    rules = {p: replace(r, raw={**r.raw, "title": "x" * 100}) for p, r in library.rules.items()}
    with pytest.raises(ParityError, match="99 are allowed"):
        app_files(replace(context(), library=Library(rules, library.detections)), "splunk-sysmon")


@pytest.mark.parametrize("target", TARGETS)
def test_the_archive_is_the_committed_text(target: str) -> None:
    """Bundle and text files hold the same; all in one folder named as the app's id; the guide goes along."""
    site = SITES[target]
    prefix = f"{target}/app/{site.app}/"
    committed = {a.path.removeprefix(prefix): a.content.decode() for a in made() if a.path.startswith(prefix)}
    assert committed == unpacked(target)
    assert {"default/app.conf", "metadata/default.meta", "app.manifest", "README.md", "LICENSE"} <= set(committed)
    manifest, app = json.loads(committed["app.manifest"]), read_conf(committed["default/app.conf"])
    assert manifest["info"]["id"]["name"] == site.app == app["package"]["id"] == app["id"]["name"]
    assert manifest["info"]["id"]["version"] == app["launcher"]["version"] == app["id"]["version"]
    assert "## Hunt" in committed["README/web_shell.md"]
    assert "It needs Splunk 8.1 or newer." in committed["README.md"]


def test_archives_are_the_same_to_the_byte() -> None:
    """Nothing of the machine or the moment gets in: times and owners are zero, entries are sorted."""
    files = {"a/b/c.txt": b"1", "a/a.txt": b"2"}
    packed = tar_gz(files)
    assert packed == tar_gz(dict(reversed(files.items())))
    assert packed[4:8] == bytes(4)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        entries = archive.getmembers()
    assert [e.name for e in entries] == ["a", "a/a.txt", "a/b", "a/b/c.txt"]
    assert {(e.mtime, e.uid, e.gid, e.uname, e.gname) for e in entries} == {(0, 0, 0, "", "")}
    assert {(e.isdir(), e.mode) for e in entries} == {(True, 0o755), (False, 0o644)}
    assert tuple(MAKER.make(context())) == made()


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../b", "a\\b", "a//b"])
def test_archives_hold_no_path_that_leads_out(path: str) -> None:
    """A file that would be unpacked elsewhere is refused."""
    with pytest.raises(ParityError):
        tar_gz({path: b""})


def test_addresses_of_a_guide_are_defanged_outside_of_queries() -> None:
    """Fences of any length stay as they are, also around the comments of SPL; networks are no address."""
    fenced = "````spl\n```a```\nip=203.0.113.9\n````\n"
    assert defanged(f"at 203.0.113.9,\n{fenced}not 203.0.113.9 but 10.0.0.0/8\n") == (
        f"at 203.0.113[.]9,\n{fenced}not 203.0.113[.]9 but 10.0.0.0/8\n"
    )


APPINSPECT = Path(sys.executable).with_name("splunk-appinspect")


@pytest.mark.skipif(not APPINSPECT.exists(), reason="splunk-appinspect is not installed: the app was not inspected")
@pytest.mark.parametrize("target", TARGETS)
def test_appinspect_finds_nothing(target: str, tmp_path: Path) -> None:
    """Splunk's own inspection in precert mode reports no error, failure, future failure or warning."""
    package, report = tmp_path / Path(bundle(target).path).name, tmp_path / "report.json"
    package.write_bytes(bundle(target).content)
    command = [str(APPINSPECT), "inspect", str(package), "--mode", "precert", "--data-format", "json"]
    subprocess.run([*command, "--output-file", str(report)], capture_output=True, check=False, timeout=120)
    summary = json.loads(report.read_text("utf-8"))["summary"]
    wrong = {key: summary[key] for key in ("error", "failure", "future_failure", "warning")}
    assert not any(wrong.values()), wrong
    assert summary["success"] > 50
