"""`validate index` from end to end: every file of a source counted, one by one, and a few pictures where they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from validate.cohort.candidate import digest_of
from validate.cohort.case import AttributeValue
from validate.cohort.index import Candidate, Progress, candidates_of
from validate.cohort.privacy import pseudonym, site_key
from validate.cohort.summary import IndexSummary

MOST_PICTURES = 48
EACH_KIND = 3
TOLD_APART = ("modality", "manufacturer", "model", "view_position", "body_part")


@dataclass(frozen=True, slots=True)
class Picture:
    """An image to be shown: where it is, and what it is of. The path stays in memory."""

    path: Path
    attributes: Mapping[str, AttributeValue]
    defect: str | None


@dataclass(frozen=True, slots=True)
class Indexed:
    """summary : summary.IndexSummary.document    pictures : a few of each kind, in the order of the source"""

    summary: dict[str, Any]
    pictures: tuple[Picture, ...]


def indexed(
    source: Path,
    *,
    workers: int = 2,
    cache: Path | None = None,
    vendors: tuple[Path, ...] = (),
    thumbnails: bool = False,
    progress: Progress | None = None,
) -> Indexed:
    """Read every header; hash only what is there twice. Memory does not grow with the number of files."""
    key = site_key()
    summary = IndexSummary(site_name=lambda name: pseudonym(key, "institution", name))
    pictures = _Pictures()
    read = partial(
        candidates_of, source, identifiers=True, digests=False, vendors=vendors, workers=workers, cache=cache
    )
    for candidate in read(progress=progress):
        summary.add(candidate)
        if thumbnails and candidate.reason is None:
            pictures.offer(candidate)
    copies = summary.copies()
    document = summary.document(_digests(read(), copies) if copies else {})
    return Indexed(document, tuple(pictures.kept))


def _digests(again: Iterable[Candidate], places: list[int]) -> dict[int, str | None]:
    """Of the files at these places of the source: the order of its files is always the same."""
    wanted = set(places)
    return {place: digest_of(str(one.path)) for place, one in enumerate(again) if place in wanted}


class _Pictures:
    """A few images of each kind."""

    def __init__(self) -> None:
        self.kept: list[Picture] = []
        self._seen: dict[tuple[AttributeValue, ...], int] = {}

    def offer(self, candidate: Candidate) -> None:
        """Keep it, where there are not enough like it yet."""
        kind = tuple(candidate.attributes.get(name) for name in TOLD_APART)
        seen = self._seen.get(kind, 0)
        if seen < EACH_KIND and len(self.kept) < MOST_PICTURES and len(self._seen) < 10 * MOST_PICTURES:
            self._seen[kind] = seen + 1
            self.kept.append(Picture(candidate.path, candidate.attributes, candidate.defect))
