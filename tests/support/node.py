"""Tests that need the Elasticsearch node: NOT_RUN without an installation, unless it is required."""

from __future__ import annotations

import os

import pytest

from converter.core.errors import EngineUnavailable
from converter.engines.elastic import installation


def required() -> None:
    """Skip the test where no Elasticsearch is installed; fail it where PARITY_REQUIRE_ELASTICSEARCH wants one."""
    try:
        installation.find()
    except EngineUnavailable as error:
        if os.environ.get("PARITY_REQUIRE_ELASTICSEARCH"):
            pytest.fail(str(error))
        pytest.skip(f"NOT_RUN: {error}")
