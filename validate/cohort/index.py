"""Every file of a source → one candidate each: in order, on any number of processes, going on where it was interrupted.

A source is a folder, a zip archive or a DICOMDIR (tree.py); what is said of a file is candidate.py's; what is remembered of it
is index_cache.py's. Batches go through a bounded window, so that memory does not grow with the number of files.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from validate.cohort.batches import PASSING, Asked, BatchReader, Reading
from validate.cohort.candidate import ARCHIVE, Candidate, Facts, Question, Recalled, refused
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
    """Files of one stretch: what is known of them already, what is asked of the others, and their reading."""

    entries: list[Entry]
    known: dict[str, Facts]
    asked: list[Asked]
    reading: Reading


class _Reader:
    """Reads every file, through a window of batches, and remembers."""

    def __init__(self, question: Question, workers: int, cache: IndexCache | None) -> None:
        self._question, self._cache = question, cache
        self._batches = BatchReader(question, workers)
        self._ahead = AHEAD * workers if workers > 1 else 0

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
            if len(window) > self._ahead:
                yield from self._finished(window.popleft())
        while window:
            yield from self._finished(window.popleft())

    def _begun(self, batch: list[Entry]) -> _Batch:
        known, touched = ({}, {}) if self._cache is None else self._cache.known(batch, digests=self._question.digests)
        asked = [(entry, touched.get(entry.relative)) for entry in batch if entry.relative not in known]
        return _Batch(batch, known, asked, self._batches.begun(asked))

    def _finished(self, batch: _Batch) -> Iterator[tuple[Entry, Facts]]:
        read = self._batches.finished(batch.asked, batch.reading)
        fresh = {entry.relative: (entry, facts) for (entry, _), facts in zip(batch.asked, read, strict=True)}
        if self._cache is not None and fresh:
            self._cache.put({name: one for name, one in fresh.items() if one[1].own not in PASSING})
        for entry in batch.entries:
            yield entry, batch.known[entry.relative] if entry.relative in batch.known else fresh[entry.relative][1]

    def close(self) -> None:
        """Stop what is still being read."""
        self._batches.close()
