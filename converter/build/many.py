"""Many sources at many targets, in parallel: the pairs in order, source by source."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

from converter.build.cache import Cache
from converter.build.gate import Gate, Pair, Source
from converter.core.discovery import targets
from converter.core.model import Target
from converter.core.processes import pool, usual_count

#: done, of how many
Done = Callable[[int, int], None]
#: with fewer sources than this the start of a worker costs more than it saves
_FEW = 8
_CHUNK = 4


def pairs(
    gate: Gate,
    sources: Sequence[Source],
    chosen: Sequence[Target],
    done: Done | None = None,
    workers: int | None = None,
    kept: bool = False,
) -> Iterator[Pair]:
    """The pair of each source with each chosen target that it is for, in the order of the sources, then the targets.

    Sources share no state, so that the result does not depend on how many `workers` there are. With `kept`, what was
    worked out before is taken from the cache (`build.cache`), and what is new is put there.
    """
    names = [target.name for target in chosen]
    cache = Cache(gate, names) if kept else None
    known = cache.known(sources) if cache else [None] * len(sources)
    left = [source for source, pairs_ in zip(sources, known, strict=True) if pairs_ is None]
    made = _made(gate, left, names, workers or usual_count())
    try:
        for number, (source, found) in enumerate(zip(sources, known, strict=True), 1):
            results = next(made) if found is None else found
            if cache and found is None:
                cache.add(source, results)
            yield from results
            if done:
                done(number, len(sources))
    finally:
        made.close()
        if cache:
            cache.flush()


def _made(gate: Gate, sources: Sequence[Source], names: list[str], workers: int) -> Generator[list[Pair], None, None]:
    """The pairs of each source, worked out."""
    if workers == 1 or len(sources) < _FEW:
        for source in sources:
            yield _of_source(gate, source, names)
        return
    with pool(workers, _begin, (gate, sources, names)) as executor:
        yield from executor.map(_work, range(len(sources)), chunksize=_CHUNK)


def _of_source(gate: Gate, source: Source, names: Sequence[str]) -> list[Pair]:
    wanted = [targets()[name] for name in names]
    return [gate.pair(source, target) for target in wanted if gate.wants(source, target)]


_task: tuple[Gate, Sequence[Source], list[str]] | None = None


def _begin(gate: Gate, sources: Sequence[Source], names: list[str]) -> None:
    """What a worker is told once, not with each source; a forked one has it already."""
    global _task  # noqa: PLW0603
    _task = gate, sources, names


def _work(number: int) -> list[Pair]:
    assert _task is not None
    gate, sources, names = _task
    return _of_source(gate, sources[number], names)
