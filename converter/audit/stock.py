"""What the stock backends make of a rule: pySigma's, with the pipelines that people pair them with.

The backends are an extra (`[stock]`) and are imported when an audit is made. https://sigmahq.io/docs/digging-deeper/backends.html
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from converter.core.errors import OutOfFragment, Unsupported, UsageError
from converter.core.model import Rule

PACKAGES = ("pysigma", "pysigma-backend-kusto", "pysigma-backend-splunk", "pysigma-backend-elasticsearch")


@dataclass(frozen=True)
class Stock:
    """A backend (module, class) and a pipeline (module, function), as sigma-cli calls the two, and an output format."""

    name: str
    backend: tuple[str, str]
    pipeline: tuple[str, str]
    form: str = "default"


_KUSTO = ("sigma.backends.kusto.kusto", "KustoBackend")
_XDR = ("sigma.pipelines.microsoftxdr.microsoftxdr", "microsoft_xdr_pipeline")
_SPLUNK = ("sigma.backends.splunk.splunk", "SplunkBackend")
_ECS = ("sigma.pipelines.elasticsearch.windows", "ecs_windows")


def _elastic(name: str, module: str, backend: str, form: str = "default") -> Stock:
    return Stock(name, (f"sigma.backends.elasticsearch.{module}", backend), _ECS, form)


#: our target -> the stock conversion for the same data
STOCK: Mapping[str, Stock] = {
    "defender": Stock("kusto -p microsoft_xdr", _KUSTO, _XDR),
    "sentinel": Stock("kusto -p microsoft_xdr", _KUSTO, _XDR),
    "splunk-sysmon": Stock(
        "splunk -p splunk_windows", _SPLUNK, ("sigma.pipelines.splunk.splunk", "splunk_windows_pipeline")
    ),
    "elastic-lucene": _elastic("lucene -p ecs_windows", "elasticsearch_lucene", "LuceneBackend"),
    "elastic-dsl": _elastic(
        "lucene -p ecs_windows -f dsl_lucene", "elasticsearch_lucene", "LuceneBackend", "dsl_lucene"
    ),
    "elastic-eql": _elastic("eql -p ecs_windows", "elasticsearch_eql", "EqlBackend"),
    "elastic-esql": _elastic("esql -p ecs_windows", "elasticsearch_esql", "ESQLBackend"),
}


@cache
def _backend(target: str) -> Any:
    """The backend with its pipeline. Raises UsageError where it is not installed."""
    stock = STOCK[target]
    try:
        backend, pipeline = (
            getattr(importlib.import_module(module), name) for module, name in (stock.backend, stock.pipeline)
        )
    except ImportError as error:
        message = f"the stock backend of {target} is not installed: {error}"
        raise UsageError(message, hint="pip install 'sigma-parity[stock]'") from error
    return backend(pipeline())


def require(targets: list[str]) -> None:
    """Raises UsageError for a target without a stock conversion, and where a backend is not installed."""
    for target in targets:
        if target not in STOCK:
            raise UsageError(f"no stock conversion is known for {target}", hint=f"one of: {', '.join(STOCK)}")
        _backend(target)


def versions() -> dict[str, str]:
    """Package -> version of what is installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def stock_query(rule: Rule, target: str) -> str:
    """The query that the stock backend makes of a rule.

    Raises Unsupported where it refuses the rule, and OutOfFragment where it makes several queries of one rule.
    """
    from sigma.collection import SigmaCollection
    from sigma.exceptions import SigmaError
    from sigma.rule import SigmaRule

    backend, where = _backend(target), rule.at("detection")
    try:
        # pySigma changes a rule while it converts it
        made = backend.convert(
            SigmaCollection([SigmaRule.from_dict(copy.deepcopy(dict(rule.raw)))]), STOCK[target].form
        )
    except SigmaError as error:
        raise Unsupported(f"the backend refuses it: {error}", "stock", where) from error
    except Exception as error:  # a backend that stops with an error of Python's has no query either
        message = f"the backend stops with {type(error).__name__}: {error}"
        raise Unsupported(message, "stock", where) from error
    texts = [_text(one) for one in (made if isinstance(made, list) else [made])]
    if not texts:
        raise Unsupported("the backend makes no query of it, and says nothing", "stock", where)
    if len(texts) > 1:
        raise OutOfFragment(f"the backend makes {len(texts)} queries of the rule", where)
    return texts[0]


def _text(made: Any) -> str:
    import json

    return made if isinstance(made, str) else json.dumps(made, indent=2, ensure_ascii=False) + "\n"
