"""Laws of the dialect records: each is complete, found by its folder's name, and imported only when asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import converter.dialects
from converter.core.discovery import engines, targets
from converter.core.errors import UsageError
from converter.dialects.dialect import Dialect
from converter.dialects.registry import dialect, dialects, names

FOLDERS = {path.parent.name for path in Path(converter.dialects.__path__[0]).glob("*/writer.py")}


def test_every_folder_with_a_writer_is_a_dialect() -> None:
    """Nothing is registered by hand: the folders are the list."""
    assert set(names()) == FOLDERS
    assert list(dialects()) == sorted(FOLDERS)


@pytest.mark.parametrize("record", dialects().values(), ids=lambda d: d.name)
def test_a_record_says_who_it_is(record: Dialect) -> None:
    """The name is the folder's; title, extension and fence are never empty."""
    assert dialect(record.name) is record
    assert record.title
    assert record.extension.isalnum()
    assert record.fence


def test_extensions_tell_the_languages_apart() -> None:
    """`parity diff` takes a query file's language from its extension."""
    extensions = [record.extension for record in dialects().values()]
    assert len(set(extensions)) == len(extensions)


def test_targets_and_engines_name_dialects_that_exist() -> None:
    """No target and no engine is of a language that nobody writes and reads."""
    used = {t.dialect for t in targets().values()} | {e.dialect for e in engines().values()}
    assert used <= set(names())


def test_an_unknown_dialect_is_refused_with_the_nearest() -> None:
    """A typing mistake gets the name that was meant."""
    with pytest.raises(UsageError, match="unknown dialect 'kqll'") as caught:
        dialect("kqll")
    assert "'kql'" in caught.value.hint


def test_one_dialect_comes_alone() -> None:
    """Asking for one imports no other."""
    code = (
        "import sys; from converter.dialects.registry import dialect; dialect('eql'); "
        "print(*sorted(m.split('.')[2] for m in sys.modules if m.startswith('converter.dialects.') "
        "and m.endswith('.dialect') and m.count('.') == 3))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["eql"]


@pytest.mark.parametrize("name", names())
def test_a_detection_without_comments_or_labels_says_so(name: str) -> None:
    """What a combined query cannot express is put into words: in its header or, without comments, beside it."""
    record = dialect(name)
    abilities = record.abilities
    if not (abilities.windowed and abilities.ordered and abilities.label_column and record.comment):
        assert record.limits
