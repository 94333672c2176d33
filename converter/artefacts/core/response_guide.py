"""The guide: all response content of a detection as one page for each target, and its hunting queries as files.

Places inside the platforms are short, and some have none; the guide stands beside the detection's query and holds the
target's own queries, so that nothing has to be translated at three in the morning.
"""

from __future__ import annotations

import re

from converter.artefacts.core.attack import attack_of, from_tags
from converter.artefacts.core.base import Artefact, Context
from converter.artefacts.core.base_text import stem
from converter.artefacts.core.response import AtomicTest, Hunt, Response, Step, hunting_rules
from converter.core.discovery import targets
from converter.core.model import Detection, Query
from converter.dialects.registry import dialect

_PHASES = {"contain": "Contain", "eradicate": "Eradicate", "recover": "Recover"}
_TUNING = "Exclusions are Sigma filter documents that `parity.toml` names; `parity diff` shows what one costs."


class Guide:
    """`<target>/detections/<name>.guide.md` and `<target>/detections/<name>.hunting/<title>.<ext>`."""

    name = "guide"
    targets = tuple(targets())

    def make(self, context: Context) -> list[Artefact]:
        out: list[Artefact] = []
        for target in self.targets:
            for name, response in sorted(context.responses.items()):
                detection = context.library.detections[name]
                query = context.query(detection, target)
                if query is None:
                    continue
                out.append(Artefact(f"{stem(query)}.guide.md", guide(detection, response, target, context).encode()))
                for rule in hunting_rules(response):
                    hunt = context.query(rule, target)
                    if hunt is not None:
                        out.append(Artefact(hunt.path, hunt.text.encode()))
        return out


MAKER = Guide()


def guide(detection: Detection, response: Response, target: str, context: Context) -> str:
    """The page, in Markdown."""
    attack = attack_of(detection, context.library)
    techniques = ", ".join(f"[{t.id} {t.name}]({t.url})" for t in attack.techniques)
    severity = context.settings.severity_of(detection)
    parts = [
        f"# {detection.title}: guide for {targets()[target].title}",
        f"<!-- Made of {response.path} by `parity package`: change that file, not this one. -->",
        _quoted(response.summary),
        f"Severity {severity}, confidence {detection.confidence}. ATT&CK: {techniques}.",
        _parts(detection, context),
        "## Investigate\n\n" + _list(response.investigation),
        "## Respond",
        *(f"### {title}\n\n{_list(response.playbook[phase])}" for phase, title in _PHASES.items()),
        "## Hunt",
        *((f"The queries stand as files in `{response.owner}.hunting/`.",) if response.own_hunting == () else ()),
        *(_hunt(hunt, context.query(hunt.rule, target)) for hunt in response.hunting),
        f"## Tune\n\n{_TUNING}",
        "\n".join(f"- **{entry.when}** {entry.do}" for entry in response.tuning),
        *(("## Test",) if response.testing or response.lab else ()),
        *(_test(test) for test in response.testing),
        *((_list(response.lab),) if response.lab else ()),
    ]
    return "\n\n".join(parts) + "\n"


def _parts(detection: Detection, context: Context) -> str:
    rows = ["| DetectionType | rule |", "|---|---|"]
    rows.extend(f"| `{part.label}` | {context.library.rules[part.rule].title} |" for part in detection.parts)
    return "\n".join(rows)


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _list(steps: tuple[Step, ...]) -> str:
    return "\n".join(f"{number}. **{step.title}.** {step.text}" for number, step in enumerate(steps, 1))


def _hunt(hunt: Hunt, query: Query | None) -> str:
    tagged = ", ".join(technique.id for technique in from_tags(hunt.rule.raw["tags"]).techniques)
    head = f"### {hunt.title}{f' ({tagged})' if tagged else ''}\n\n{hunt.purpose}"
    if query is None:
        return f"{head}\n\nThis target cannot express the query."
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", query.text)), default=0))
    return f"{head}\n\n{fence}{dialect(query.dialect).fence}\n{query.text.rstrip()}\n{fence}"


def _test(test: AtomicTest) -> str:
    return "\n".join(
        (
            f"**[Atomic Red Team {test.technique}, test {test.number}: {test.name}]({test.url})** (`{test.guid}`)",
            "",
            f"- Run: {test.run}",
            f"- Expect: {test.expect}",
            f"- Clean up: {test.cleanup}",
        )
    )
