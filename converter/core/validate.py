"""Holds an artefact against the JSON schema that we wrote from the vendor's documentation."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from converter.core.errors import ParityError

_FOLDER = Path(__file__).with_name("schemas")


@cache
def schema(name: str) -> dict[str, Any]:
    """The schema `schemas/<name>.json`; its `$comment` names the page that the constraints were read on."""
    loaded: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text("utf-8"))
    return loaded


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(schema(name))
    return Draft202012Validator(schema(name), format_checker=Draft202012Validator.FORMAT_CHECKER)


def faults(instance: Any, schema_name: str) -> list[tuple[tuple[str | int, ...], str]]:
    """(path inside the instance, what is wrong) for each violation, in the order of the paths."""
    found = _validator(schema_name).iter_errors(instance)
    told = {(tuple(error.absolute_path), _tell(error)) for error in found}
    return sorted(told, key=lambda item: ([str(step) for step in item[0]], item[1]))


def check(instance: Any, schema_name: str, where: str) -> None:
    """Raises ParityError, naming the value and the page, when `instance` is not what `schema_name` asks for.

    `where` is the file a reader can act on: the artefact's path, or the source it was made of.
    """
    found = faults(instance, schema_name)
    if found:
        lines = [f"{'.'.join(str(step) for step in path) or 'the document'}: {message}" for path, message in found]
        raise ParityError("; ".join(lines), where, f"the platform would refuse this: {schema(schema_name)['$comment']}")


def _tell(error: Any) -> str:
    """jsonschema's message, without the whole of a long value in it."""
    value, rule = error.instance, error.validator_value
    if error.validator == "maxLength":
        return f"has {len(value):,} characters, {rule:,} are allowed"
    if error.validator == "maxItems":
        return f"has {len(value)} entries, {rule} are allowed"
    message = str(error.message)
    return message if len(message) <= 300 else f"{message[:140]} … {message[-140:]}"
