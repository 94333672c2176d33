"""Rules and events for every log source that a platform has a table for, made from a source of random choices.

What no rule of the library uses is tested by them as well: every Sigma field of every table, every modifier.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from converter.core.discovery import schemas
from converter.core.model import LogSource, Rule
from converter.core.taxonomy import NO_PATH, FieldType, field_type, samples_of
from converter.platforms.hashes import HASHES

#: (field, modifiers as written, values as YAML would give them)
Item = tuple[str, Any]

_PIECES = ["a", "B", "cmd", "Net", ".exe", "\\", " ", "-", "/", "0", "7", "_", ".", ":", ",", ";", "=", "(", ")", "["]
_PIECES += ["{", "}", "|", "^", "$", "+", "~", "#", "&", "@", "<", "%", "!", "'", '"', "`", "é", "Ж", "\\\\", "null"]
_WILD = [*_PIECES, "*", "?", "\\*", "\\?"]
_PATTERNS = ["a", "cmd", "^a", "e$", "\\.exe$", "[0-9]{2,3}", "(ab|cmd)+", "a.c", "\\\\a", "[^a-z]b", "\\d", "x?net"]
_PATTERNS += [
    "^.:\\\\",
    "\\$\\(",
    '"',
    "n[eE]t +",
    "^$",
    "(?i)net",
    "\\bcmd\\b",
    "\\w+=",
    "[\\\\/]cmd",
    "a{2}",
    "a\\sb",
]
_PATTERNS += ["é", "^-$", "&|<"]
_NETWORKS = ["10.0.0.0/8", "192.168.1.0/24", "8.8.8.8/32", "fc00::/7", "::1/128", "2001:db8::/32", "0.0.0.0/0"]
_ADDRESSES = ["10.1.2.3", "8.8.8.8", "192.168.1.7", "fd00::1", "::1", "2001:db8::5", "172.16.0.9"]
_NUMBERS = [0, 1, 80, 443, 8080, 65535]
_ALGORITHMS = {"md5": "MD5", "sha1": "SHA1", "sha256": "SHA256", "Imphash": "IMPHASH"}
_ACCOUNTS = ["CONTOSO\\deploy", "NT AUTHORITY\\SYSTEM", "deploy", "SYSTEM"]
_DASHED = ["-a", "/c", " -enc ", "--x"]
_CONDITIONS = ["a", "a and b", "a or b", "a and not b", "not a", "1 of them", "all of them", "not (a or b)"]
_CONDITIONS += ["a and not (b and c)", "a or (b and not c)", "not a and not b", "(a or b) and not c", "not (a and b)"]
_CONDITIONS += ["a and not 1 of b*"]


@dataclass(frozen=True)
class Source:
    """A log source: the fields that some platform has for it, and the values of those that kinds of record fix.

    `common` are the fields that every platform with a table for it has.
    """

    logsource: LogSource
    fields: tuple[str, ...]
    fixed: dict[str, tuple[str | None, ...]]
    common: tuple[str, ...] = ()

    def __str__(self) -> str:
        return str(self.logsource)


def sources() -> tuple[Source, ...]:
    """Every log source of every platform's tables."""
    fields: dict[LogSource, set[str]] = {}
    common: dict[LogSource, list[set[str]]] = {}
    fixed: dict[LogSource, dict[str, set[str | None]]] = {}
    for schema in schemas().values():
        for table in schema.tables:
            fields.setdefault(table.logsource, set()).update(table.columns)
            kinds = [kind for kind in schema.kinds if table.logsource in kind.logsources]
            recorded = {column.source for kind in kinds for column in kind.columns}
            common.setdefault(table.logsource, []).append(recorded & set(table.columns))
        for kind in schema.kinds:
            for field, value in kind.sigma.items():
                fixed.setdefault(kind.logsource, {}).setdefault(field, set()).add(value)
    every = LogSource("windows", "registry_event")  # has no table of its own: it is several log sources
    for source in [source for source in fields if every.covers(source)]:
        fields.setdefault(every, set()).update(fields[source])
        common.setdefault(every, []).extend(common[source])
        for field, values in fixed.get(source, {}).items():
            fixed.setdefault(every, {}).setdefault(field, set()).update(values)
    return tuple(
        Source(
            source,
            tuple(sorted(found)),
            {field: tuple(sorted(values, key=str)) for field, values in fixed.get(source, {}).items()},
            tuple(sorted(set.intersection(*common[source]))),
        )
        for source, found in sorted(fields.items(), key=lambda item: str(item[0]))
    )


class Maker:
    """Makes rules and events of one log source by the choices of `random`."""

    def __init__(self, random: Random, source: Source) -> None:
        self.random, self.source = random, source
        # events and rules have hashes in one list, or in a field an algorithm
        self.without = frozenset(_ALGORITHMS) if random.random() < 0.5 else frozenset({"Hashes"})

    # ---- rules

    def rule(self, number: int = 0) -> Rule:
        condition = self.random.choice(_CONDITIONS)
        plain = condition.replace("and", "").replace("all", "")
        names = "abc" if " them" in condition else [name for name in "abc" if name in plain]
        detection: dict[str, Any] = {name: self._selection() for name in names}
        return self.rule_of({**detection, "condition": condition}, f"Random {number}")

    def rule_of(self, detection: dict[str, Any], title: str) -> Rule:
        return rule_of(self.source.logsource, detection, title)

    def _selection(self) -> dict[str, Any]:
        fields = [*self.source.fields, *self.source.fixed]
        if self.source.common and self.random.random() < 0.7:
            fields = [*self.source.common, *self.source.fixed]
        fields = [field for field in fields if field not in self.without]
        chosen = self.random.sample(fields, min(len(fields), self.random.choice([1, 1, 2])))
        return dict(self.item(field) for field in chosen)

    def item(self, field: str) -> Item:
        """A test of a field, by what its values are."""
        if field in self.source.fixed:
            return self._fixed(field)
        common: list[Callable[[str], Item]] = [self._exists, self._null, self._fieldref]
        own: dict[FieldType, list[Callable[[str], Item]]] = {
            FieldType.NUMBER: [self._number, self._comparison],
            FieldType.ADDRESS: [self._network, self._network, self._address],
            FieldType.PATH: [self._place, self._place, self._regex, self._word],
            FieldType.ACCOUNT: [self._account, self._account, self._place],
            FieldType.TEXT: [self._place, self._place, self._cased, self._all, self._regex, self._dashes, self._base64],
        }
        makers = own[field_type(field)]
        if field == "Hashes" or field in _ALGORITHMS:
            makers = [self._hash]
        weighted = [*makers, *makers, self.random.choice(common)]
        return self.random.choice(weighted)(field)

    def _fixed(self, field: str) -> Item:
        """A field without a column in every spelling a rule may use."""
        values = [value for value in self.source.fixed[field] if value is not None]
        if not values:
            return self._exists(field)
        value = self.random.choice(values)
        return self.random.choice(
            [
                (field, value),
                (field, value.capitalize()),
                (field, {"true": True, "false": False}.get(value, value)),
                (field, values),
                (field, None),
                (f"{field}|exists", self.random.choice([True, False])),
                (f"{field}|contains", value[:3]),
                (f"{field}|startswith", value[0]),
                (f"{field}|re", f"^{value}$"),
                (f"{field}|cased", value.upper()),
                (f"{field}|neq", value),
            ]
        )

    def _exists(self, field: str) -> Item:
        return f"{field}|exists", self.random.choice([True, False])

    def _null(self, field: str) -> Item:
        return field, None

    def _fieldref(self, field: str) -> Item:
        others = [f for f in self.source.fields if f != field and field_type(f) is field_type(field)]
        if not others or field_type(field) not in (FieldType.TEXT, FieldType.PATH):
            return self._exists(field)
        return f"{field}|fieldref{self.random.choice(['', '|startswith', '|endswith', '|contains'])}", others[0]

    def _listed(self, one: Callable[[], Any]) -> Any:
        if self.random.random() < 0.5:
            return one()
        return list(dict.fromkeys(one() for _ in range(3)))

    def _wild(self) -> str:
        return "".join(self.random.choice(_WILD) for _ in range(self.random.randint(1, 4)))

    def _anchor(self) -> str:
        return self.random.choice(["", "|contains", "|startswith", "|endswith"])

    def _place(self, field: str) -> Item:
        return field + self._anchor(), self._listed(self._wild)

    def _cased(self, field: str) -> Item:
        return f"{field}{self._anchor()}|cased", self._listed(self._wild)

    def _all(self, field: str) -> Item:
        return f"{field}|contains|all", list(dict.fromkeys([self._wild(), self._wild(), "a", "-"]))

    def _regex(self, field: str) -> Item:
        flag = self.random.choice(["", "|i"])
        return f"{field}|re{flag}", self._listed(lambda: self.random.choice(_PATTERNS))

    def _word(self, field: str) -> Item:
        return field, self._listed(lambda: self.random.choice(NO_PATH))

    def _dashes(self, field: str) -> Item:
        return f"{field}|windash|contains", self._listed(lambda: self.random.choice(_DASHED))

    def _base64(self, field: str) -> Item:
        return f"{field}|base64offset|contains", self.random.choice(["cmd /c", "net user", "whoami"])

    def _number(self, field: str) -> Item:
        return field, self._listed(lambda: self.random.choice(_NUMBERS))

    def _comparison(self, field: str) -> Item:
        return f"{field}|{self.random.choice(['lt', 'lte', 'gt', 'gte'])}", self.random.choice(_NUMBERS)

    def _network(self, field: str) -> Item:
        return f"{field}|cidr", self._listed(lambda: self.random.choice(_NETWORKS))

    def _address(self, field: str) -> Item:
        return self.random.choice(
            [(field, self._listed(lambda: self.random.choice(_ADDRESSES))), (f"{field}|startswith", "10.")]
        )

    def _account(self, field: str) -> Item:
        value = self.random.choice(_ACCOUNTS[:2])
        return self.random.choice(
            [(field, value), (f"{field}|contains", value.split("\\")[0]), (f"{field}|endswith", "\\SYSTEM")]
        )

    def _hash(self, field: str) -> Item:
        algorithm = _ALGORITHMS.get(field) or self.random.choice(sorted(HASHES))
        value = digest(self.random, algorithm)
        return (field, value) if field in _ALGORITHMS else (f"{field}|contains", f"{algorithm}={value}")

    # ---- events

    def event(self) -> dict[str, Any]:
        """An event with some of the fields."""
        made: dict[str, Any] = {}
        for field in self.source.fields:
            if field not in self.without and self.random.random() < 0.7:
                made[field] = self.value(field)
        for field, values in self.source.fixed.items():
            value = self.random.choice(values)
            if value is not None:
                made[field] = value
        return made

    def value(self, field: str) -> Any:
        """A value as a field may have it, odd ones among them."""
        kind = field_type(field)
        if kind is FieldType.NUMBER:
            return self.random.choice(_NUMBERS)
        if kind is FieldType.ADDRESS:
            return self.random.choice(_ADDRESSES)
        if kind is FieldType.ACCOUNT:
            return self.random.choice(_ACCOUNTS)
        if field in _ALGORITHMS:
            return digest(self.random, _ALGORITHMS[field])
        if field == "Hashes":
            return ",".join(f"{name}={digest(self.random, name)}" for name in ("SHA1", "MD5", "SHA256", "IMPHASH"))
        if kind is FieldType.PATH:
            return self.random.choice([self._path, self._path, lambda: self.random.choice(NO_PATH)])()
        return self.random.choice([self._text, self._text, self._sample(field), self._odd])()

    def _text(self) -> str:
        return "".join(self.random.choice(_PIECES) for _ in range(self.random.randint(1, 4)))

    def _path(self) -> str:
        name = self._text().replace("\\", "").replace("/", "") + "a"
        return self.random.choice([f"C:\\{self._text()}\\{name}", f"C:\\{self._text()}\\{name}", f"\\{name}"])

    def _sample(self, field: str) -> Callable[[], str]:
        return lambda: self.random.choice([*samples_of(field), "cmd.exe /c x"])

    def _odd(self) -> str:
        encoded = base64.b64encode(b"xcmd /c whoami").decode()
        return self.random.choice(["", "-", " a ", "null", "a&b<c>", "A" * 1100, encoded, "x -enc y", "x \u2013enc y"])


def digest(random: Random, algorithm: str) -> str:
    """One of few values of an algorithm, so that rules and events meet."""
    return random.choice(["0a1b2c3d", "4e5f6789"]) * (HASHES[algorithm] // 8)


def rule_of(source: LogSource, detection: dict[str, Any], title: str) -> Rule:
    """A rule of a log source."""
    named = {"category": source.category, "product": source.product, "service": source.service}
    raw = {
        "title": title,
        "id": "00000000-0000-4000-8000-000000000000",
        "status": "test",
        "logsource": {key: value for key, value in named.items() if value},
        "detection": detection,
    }
    stem = title.lower().replace(" ", "_").replace("`", "").replace("?", "")
    return Rule(f"sigma/{source.product}/{source.category or source.service}/{stem}.yml", raw, "")


def exemplar(source: Source) -> Rule:
    """A rule of a log source that every platform with a table for it can say: lists, two fields, a negation."""
    plain = set(source.common) - set(source.fixed) - {"Computer"}
    texts = [field for field in source.common if field in plain and field_type(field) is FieldType.TEXT]
    path = next((field for field in source.common if field_type(field) is FieldType.PATH), None) or texts[0]
    # a web log has no Computer
    aside = "Computer" if "Computer" in source.common else texts[-1]
    number = next((field for field in source.common if field_type(field) is FieldType.NUMBER), None)
    detection = {
        "tools": {f"{path}|endswith": ["\\cmd.exe", "\\net.exe", "\\a(b).ps1"]},
        "tests": {f"{path}|contains": ["temp dir", "x*y"]},
        "numbers": {number: [4, 80, 443]} if number else {path: "System"},
        "filter": {f"{aside}|startswith": "build"},
        "condition": "(tools or tests or numbers) and not filter",
    }
    kind = source.logsource.category or source.logsource.service
    return rule_of(source.logsource, detection, f"Exemplar {kind}")
