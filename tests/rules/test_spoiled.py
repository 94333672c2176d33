"""Whatever a rule file holds, it is read or refused in words; nothing but our own errors comes out."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest

from converter.core.errors import ParityError
from converter.rules.evaluator import compile_rule
from converter.rules.form import form_faults
from converter.rules.library import read_rules
from converter.rules.meaning import meaning
from tests.rules.spoiled import texts

INPUTS = 100
#: seconds for one file
MOST = 5


@pytest.mark.parametrize("seed", range(6))
def test_spoiled_files(seed: int, tmp_path: Path) -> None:
    """A spoiled file gives rules and faults, each fault with the file's name and on one line."""
    rules = refused = 0
    for text in itertools.islice(texts(seed), INPUTS):
        (tmp_path / "x.yml").write_bytes(text.encode("utf-8", "surrogatepass"))
        start = time.process_time()
        sound, faults = read_rules(tmp_path / "x.yml", tmp_path)
        for rule in sound:
            faults += form_faults(rule)
            for use in (compile_rule, meaning):
                try:
                    use(rule)
                except ParityError as fault:
                    faults.append(fault)
        assert time.process_time() - start < MOST, text
        assert all(fault.where.startswith("x.yml") and fault.where.isprintable() for fault in faults), text
        rules, refused = rules + bool(sound and not faults), refused + bool(faults)
    assert rules > INPUTS // 20, "nearly nothing was read: the files are spoiled too much to show anything"
    assert refused > INPUTS // 20
