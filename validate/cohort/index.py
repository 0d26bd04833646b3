"""Every file of a source → one candidate each: in order, on any number of processes, going on where it was interrupted.

A source is a folder, a zip archive or a DICOMDIR (tree.py); what is said of a file is candidate.py's; what is remembered of it
is index_cache.py's. Batches go through a bounded window, so that memory does not grow with the number of files.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from validate.cohort.candidate import ARCHIVE, Candidate, Facts, Question, Recalled, read_facts, refused
from validate.cohort.identifiers import tag_number
from validate.cohort.index_cache import IndexCache
from validate.cohort.tree import Entry, entries, number_of_files, within
from validate.errors import DataError

__all__ = ["Candidate", "candidates_of", "index_folder"]

Progress = Callable[[int, int | None], None]
FEW = 3000  # files that are read faster in this process than others can be started
BATCH = 128
AHEAD = 3  # batches for each process that are read before they are asked for
IS_ARCHIVE = refused(ARCHIVE).own


def index_folder(
    folder: Path,
    *,
    tags: Mapping[str, str] | None = None,
    identifiers: bool = False,
    digests: bool = True,
    vendors: tuple[Path, ...] = (),
    workers: int = 2,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> list[Candidate]:
    """The same as `candidates_of`, all at once."""
    options = {"identifiers": identifiers, "digests": digests, "vendors": vendors, "workers": workers}
    return list(candidates_of(folder, tags=tags, cache=cache, progress=progress, **options))  # type: ignore[arg-type]


def candidates_of(
    source: Path,
    *,
    tags: Mapping[str, str] | None = None,
    identifiers: bool = False,
    digests: bool = True,
    vendors: tuple[Path, ...] = (),
    workers: int = 2,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Iterator[Candidate]:
    """One candidate per file, in the order of their relative paths, on any number of workers.

    source : a folder, a zip archive, or a DICOMDIR
    tags : further attributes by DICOM keyword or "(gggg,eeee)" tag
    identifiers : also look at every header element for what identifies somebody, which takes longer
    digests : also read every file whole, for its SHA-256; most of the time where files are large
    cache : the folder in which answers are kept; none are, unless given
    Raises DataError when there is no such source or no file in it.
    """
    numbers = {name: tag_number(tag) for name, tag in (tags or {}).items()}
    question = Question(numbers, identifiers, digests, tuple(str(path) for path in vendors))
    found, total = entries(source), number_of_files(source)
    recalled = Recalled()
    done = 0
    with ExitStack() as stack:
        known = stack.enter_context(IndexCache(cache, source, question)) if cache is not None else None
        reader = _Reader(question, workers if total is None or total >= FEW else 1, known)
        stack.callback(reader.close)
        for entry, facts in reader.read(found):
            done += 1
            if progress is not None and (done % BATCH == 0 or done == total):
                progress(done, max(total, done) if total is not None else None)
            yield recalled.candidate(entry, facts)
    if done == 0:
        raise DataError(f"{source}: the folder is empty; there is no file to read.")
    if progress is not None:
        progress(done, done)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Files of one stretch: what is known of them already, and what is being read."""

    entries: list[Entry]
    known: dict[str, Facts]
    reading: Future[list[Facts]] | list[Facts]


class _Reader:
    """Reads batches, in this process or in others that are started when the first batch needs them."""

    def __init__(self, question: Question, workers: int, cache: IndexCache | None) -> None:
        self._question, self._workers, self._cache = question, workers, cache
        self._pool: ProcessPoolExecutor | None = None

    def read(self, found: Iterator[Entry]) -> Iterator[tuple[Entry, Facts]]:
        """Every file with what it says, in order; archives are replaced by their members."""
        for entry, facts in self._each(found):
            if facts.own == IS_ARCHIVE:
                yield from self._each(within(entry))
            else:
                yield entry, facts

    def _each(self, found: Iterator[Entry]) -> Iterator[tuple[Entry, Facts]]:
        window: deque[_Batch] = deque()
        batches = iter(lambda: list(islice(found, BATCH)), [])
        for batch in batches:
            window.append(self._begun(batch))
            if len(window) > (AHEAD * self._workers if self._workers > 1 else 0):
                yield from self._finished(window.popleft())
        while window:
            yield from self._finished(window.popleft())

    def _begun(self, batch: list[Entry]) -> _Batch:
        known = self._cache.known(batch, digests=self._question.digests) if self._cache is not None else {}
        wanted = [entry for entry in batch if entry.relative not in known]
        if not wanted or self._workers < 2:
            return _Batch(batch, known, _read_batch(self._question, wanted))
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self._workers, mp_context=multiprocessing.get_context("spawn"))
        return _Batch(batch, known, self._pool.submit(partial(_read_batch, self._question), wanted))

    def _finished(self, batch: _Batch) -> Iterator[tuple[Entry, Facts]]:
        read = batch.reading if isinstance(batch.reading, list) else batch.reading.result()
        wanted = [entry for entry in batch.entries if entry.relative not in batch.known]
        fresh = {entry.relative: (entry, facts) for entry, facts in zip(wanted, read, strict=True)}
        if self._cache is not None and fresh:
            self._cache.put(fresh)
        for entry in batch.entries:
            yield entry, batch.known[entry.relative] if entry.relative in batch.known else fresh[entry.relative][1]

    def close(self) -> None:
        """Stop what is still being read."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


def _read_batch(question: Question, batch: list[Entry]) -> list[Facts]:
    """What a batch makes is freed at once; looking for cycles in it all the while would take a third of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return [read_facts(entry, question) for entry in batch]
    finally:
        if collecting:
            gc.enable()
