"""What the stock converters get wrong, shown: writes docs/stock-faults.md.

    python benchmarks/stock_faults.py [--check]

Each fault is one rule, the query that the unmodified backend makes of it, and one event on which that query does not
do what the rule says. Nobody's word is taken for it: the rule's answer is the evaluator's and the meaning's, the stock
query's answer is what our reader of its language says and what each engine returns for the very text.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.stock_cases import FAULTS, Fault  # noqa: E402
from converter.audit.audit import audit_query  # noqa: E402
from converter.convert.convert import Converter  # noqa: E402
from converter.core.discovery import engines_for, schema_of, targets  # noqa: E402
from converter.core.errors import EngineUnavailable, OutOfFragment, ParityError  # noqa: E402
from converter.core.model import Query, Rule, Target  # noqa: E402
from converter.core.platform import Kind  # noqa: E402
from converter.core.verdict import Outcome  # noqa: E402
from converter.platforms.project import project  # noqa: E402
from converter.rules.evaluator import evaluate  # noqa: E402
from converter.rules.library import load  # noqa: E402
from converter.rules.meaning import meaning  # noqa: E402
from converter.semantics.decide.evaluate import holds  # noqa: E402
from converter.verify.binder_check import verdict as binder_verdict  # noqa: E402
from tests.support.probes import Predictor  # noqa: E402

PAGE = ROOT / "docs" / "stock-faults.md"
#: the detection whose rules are audited: the stock pipelines know their log sources
FIRST = "web_shell"
TIME = "2026-11-24T12:00:00.000Z"
PACKAGES = (
    "pysigma",
    "pysigma-backend-kusto",
    "pysigma-backend-splunk",
    "pysigma-backend-elasticsearch",
)
#: our targets, and the stock backend and pipeline that a user would take for them
STOCK = {
    "defender": ("kusto", "microsoft_xdr"),
    "splunk-sysmon": ("splunk", "splunk_windows"),
    "elastic-lucene": ("lucene", "ecs_windows"),
    "elastic-eql": ("eql", "ecs_windows"),
    "elastic-esql": ("esql", "ecs_windows"),
    "elastic-defender-eql": ("eql", "ecs_windows"),
}


@dataclass(frozen=True)
class Shown:
    """A fault with everything that was found out about it."""

    fault: Fault
    stock: str
    rule_says: bool
    #: who was asked about the stock text, and the answer: True, False, or why it is not accepted
    answers: dict[str, bool | str] = field(hash=False)
    ours: str
    #: the same of our query, or {} where our target refuses
    our_answers: dict[str, bool | str] = field(hash=False)

    @property
    def wrong(self) -> bool:
        """Whether everyone who answered says that the stock query does something else than the rule."""
        return bool(self.answers) and all(answer != self.rule_says for answer in self.answers.values())


def stock_query(rule: Rule, target_name: str) -> str:
    """What the unmodified backend makes of a rule; "" when it makes nothing."""
    from sigma.backends.elasticsearch.elasticsearch_eql import EqlBackend
    from sigma.backends.elasticsearch.elasticsearch_esql import ESQLBackend
    from sigma.backends.elasticsearch.elasticsearch_lucene import LuceneBackend
    from sigma.backends.kusto.kusto import KustoBackend
    from sigma.backends.splunk.splunk import SplunkBackend
    from sigma.collection import SigmaCollection
    from sigma.pipelines.elasticsearch.windows import ecs_windows
    from sigma.pipelines.microsoftxdr.microsoftxdr import microsoft_xdr_pipeline
    from sigma.pipelines.splunk.splunk import splunk_windows_pipeline
    from sigma.rule import SigmaRule

    backends: dict[str, Any] = {
        "kusto": KustoBackend,
        "splunk": SplunkBackend,
        "lucene": LuceneBackend,
        "eql": EqlBackend,
        "esql": ESQLBackend,
    }
    pipelines: dict[str, Any] = {
        "microsoft_xdr": microsoft_xdr_pipeline,
        "splunk_windows": splunk_windows_pipeline,
        "ecs_windows": ecs_windows,
    }
    backend, pipeline = STOCK[target_name]
    made = backends[backend](pipelines[pipeline]()).convert(SigmaCollection([SigmaRule.from_dict(dict(rule.raw))]))
    return str(made[0]) if made else ""


def rule_of(fault: Fault, rules: dict[str, Rule]) -> Rule:
    if isinstance(fault.rule, str):
        return next(rule for path, rule in rules.items() if path.endswith(f"{fault.rule}.yml"))
    raw = {
        "title": fault.title,
        "id": "00000000-0000-4000-8000-000000000000",
        "status": "test",
        "logsource": {"category": fault.category, "product": "windows"},
        "detection": fault.rule,
    }
    return Rule("example.yml", raw, "")


def show(fault: Fault, rules: dict[str, Rule]) -> Shown:
    """Everything about one fault, found out afresh."""
    rule, target = rule_of(fault, rules), targets()[fault.target]
    kind = next(k for k in schema_of(target).kinds if k.name == fault.kind)
    expected = kind.category == rule.category and evaluate(rule, fault.event)
    if kind.category == rule.category:
        assert expected == holds(meaning(rule), fault.event), fault.title
    stock, tested = stock_query(rule, fault.target), meaning(rule).fields
    try:
        ours = Converter().query(rule, target).text
        our_answers = ask(ours, target, kind, fault, tested)
    except ParityError as refused:
        ours, our_answers = f"refused: {refused.message}", {}
    return Shown(fault, stock, expected, ask(stock, target, kind, fault, tested), ours, our_answers)


def ask(text: str, target: Target, kind: Kind, fault: Fault, tested: set[str]) -> dict[str, bool | str]:
    """What the reader and every engine of a dialect say of a text on the fault's event."""
    schema = schema_of(target)
    answers: dict[str, bool | str] = {}
    if not text.strip():
        return {"the backend": "no query at all"}
    try:
        answers["reader"] = Predictor.of(text, target.dialect, schema, tested)(kind, fault.event)
    except OutOfFragment:
        pass
    except ParityError as refused:
        answers["reader"] = f"rejects it: {refused.message}"
    record = project(schema, kind, fault.event, 0, TIME)
    for engine in engines_for(target.dialect):
        try:
            answers[engine.name] = bool(engine.run(text, [record], schema, datetime.fromisoformat(TIME)))
        except EngineUnavailable:
            continue
        except ParityError as refused:
            if engine.name not in ("eql-as-query-dsl",):  # second opinions on a narrower fragment
                answers[engine.name] = f"rejects it: {refused.message}"
    if target.dialect == "kql" and fault.binder:
        found = binder_verdict(Query("", target.name, "kql", text, ""), target, schema.types)
        if found.outcome is Outcome.DISAGREE:
            answers["Microsoft's binder"] = f"rejects it: {found.detail.splitlines()[0]}"
    return answers


def library_rows(rules: dict[str, Rule]) -> Iterator[tuple[str, str, str, str]]:
    """(rule, target, what an audit finds of the stock query, why) for the rules of this library."""
    for path, rule in sorted(rules.items()):
        for name in STOCK:
            target = targets()[name]
            found = audit_query(rule, target, stock_query(rule, name))
            why = found.witness.describe() if found.witness is not None else found.reason.splitlines()[0]
            yield path.rsplit("/", 1)[-1].removesuffix(".yml"), name, str(found.finding), why


def page() -> str:
    """The whole page."""
    library = load(ROOT)
    shown = [show(fault, dict(library.rules)) for fault in FAULTS]
    parts = {part.rule: library.rules[part.rule] for part in library.detections[FIRST].parts}
    return "\n".join([*_head(shown), *_library(parts), *_summary(shown), *_details(shown)]) + "\n"


def _head(shown: list[Shown]) -> list[str]:
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    text = (
        f"Each of the {len(shown)} faults below is a query made by an unmodified backend ({versions}), and an event on "
        "which it does not do what its Sigma rule says. None is reported at conversion: the query looks right, and "
        "stays silent, or fires on the wrong events. What the rule says is decided twice, by an evaluator and by the "
        "rule's meaning. What the query does is said by our reader of the language and by every engine that we have "
        "for it, on the query's very text: Elasticsearch itself, DuckDB for KQL (`duckdb-kql`), an "
        "OpenSearch-compatible server for Lucene and for EQL as Query DSL (`osmem-lucene`, `eql-as-query-dsl`), and "
        "our own interpreters for SPL, EQL and ES|QL. On the same event, our own query is run as well."
    )
    credit = (
        "The backends are the best that exist, and the work of volunteers. What they lack is a notion of being right "
        "that goes beyond comparing strings. Who has sigma-cli alone is better served with our `pipelines/`, which "
        "mend what a pipeline can (which records, which columns, `Initiated`, missing texts); the rest is in their "
        "headers."
    )
    return [
        "# What the stock converters get wrong",
        "",
        "Generated by `python benchmarks/stock_faults.py`; a test regenerates it and compares.",
        "",
        *textwrap.wrap(text, 118, break_on_hyphens=False),
        "",
        *textwrap.wrap(credit, 118, break_on_hyphens=False),
        "",
    ]


def _library(rules: dict[str, Rule]) -> list[str]:
    lines = [
        "## The rules of the web-shell detection",
        "",
        "What `parity audit` finds of the stock query of each rule. Ours is AGREE throughout (`parity prove`).",
        "REJECTED: the query names a column that the data does not have, or the vendor's own checker rejects it.",
        "NOT_READ: our reader does not take it. ELSEWHERE: it is right on its own log source, and fires on records of",
        "others. UNDECIDED: it is beyond what the prover covers.",
        "`column X` is a column of which nothing says that such records leave it empty.",
        "",
        "| rule | target | finding | the event that separates them, or why there is no proof |",
        "|---|---|---|---|",
    ]
    for name, target, outcome, why in library_rows(rules):
        lines.append(f"| {name} | {target} | {outcome} | {_cell(why)} |")
    return [*lines, ""]


def _summary(shown: list[Shown]) -> list[str]:
    lines = [
        "## The faults",
        "",
        "| # | target | fault | the rule | the stock query | ours | upstream |",
        "|---|---|---|---|---|---|---|",
    ]
    for number, item in enumerate(shown, 1):
        anchor = _anchor(number, item.fault)
        ours = "refuses, and says why" if not item.our_answers else _short(item.our_answers)
        lines.append(
            f"| [{number}](#{anchor}) | {item.fault.target} | {_cell(item.fault.title)} | {_answer(item.rule_says)} "
            f"| {_short(item.answers)} | {ours} | {_upstream(item.fault)} |"
        )
    return [*lines, ""]


def _details(shown: list[Shown]) -> Iterator[str]:
    for number, item in enumerate(shown, 1):
        fault = item.fault
        yield from (f"### {number}. {fault.title}", "", fault.why, "")
        yield from ("Rule:", "", "```yaml", *_rule_text(fault), "```", "", "Stock query:", "")
        yield from ("```", *(_excerpt(item.stock, fault.lines) or ["(none: the backend returns an empty list)"]), "```")
        yield from ("", f"Event, recorded as `{fault.kind}`:", "", "```yaml")
        yield from (f"{name}: {_yaml(value)}" for name, value in fault.event.items())
        yield from ("```", "", f"- the rule {_answer(item.rule_says)}")
        yield from (f"- the stock query, by {who}: {_answer(said)}" for who, said in item.answers.items())
        if item.our_answers:
            yield from (f"- our query, by {who}: {_answer(said)}" for who, said in item.our_answers.items())
            yield from ("", "Our query:", "", "```", *_excerpt(item.ours, fault.our_lines or fault.lines), "```")
        else:
            yield f"- our converter {item.ours.replace('refused:', 'refuses:')}"
        yield from ("", f"Upstream: {_upstream(fault)}", "")


def _anchor(number: int, fault: Fault) -> str:
    kept = "".join(c for c in f"{number}. {fault.title}".lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")


def _answer(said: bool | str) -> str:
    if isinstance(said, bool):
        return "fires" if said else "does not fire"
    return " ".join(said.split())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _upstream(fault: Fault) -> str:
    name = fault.upstream.removeprefix("https://github.com/")
    return f"[{name}]({fault.upstream})" if fault.upstream else "none found"


def _short(answers: dict[str, bool | str]) -> str:
    """The answers in two words: what is done, if anyone does anything, else that the text is not accepted."""
    done = [said for said in answers.values() if isinstance(said, bool)]
    if done:
        return _answer(done[0])
    return "is rejected" if any("rejects" in str(said) for said in answers.values()) else "is not there"


def _yaml(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def _rule_text(fault: Fault) -> list[str]:
    if isinstance(fault.rule, str):
        return [f"# {fault.rule}.yml of this library"]
    import yaml

    return yaml.safe_dump(fault.rule, sort_keys=False, allow_unicode=True, width=110).rstrip().splitlines()


def _excerpt(text: str, needles: tuple[str, ...]) -> list[str]:
    """The lines that matter, long ones cut around what matters."""
    kept = []
    for line in text.rstrip().splitlines():
        found = [line.index(needle) for needle in needles if needle in line]
        if len(text) < 400 and not line.startswith(("//", "```")):
            kept.append(line)
        elif found:
            start = max(0, min(found) - 40) if len(line) > 150 else 0
            kept.append(("… " if start else "") + line[start : start + 150] + (" …" if start + 150 < len(line) else ""))
    return [line for line in kept if line.strip()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only; exit code 1 when the page is stale")
    args = parser.parse_args()
    text = page()
    if args.check:
        return 0 if PAGE.exists() and PAGE.read_text("utf-8") == text else 1
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text, "utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
