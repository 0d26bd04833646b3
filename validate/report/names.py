"""Names that hold digits, such as "40–59" or "A 3.0T", and where in the evidence each stands: for words that were printed without it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from validate.canonical import pointer_step
from validate.evidence.letters import visible
from validate.report.sealed import Sealed

DIGIT = re.compile(r"\d")
SHORTEST, LONGEST = 3, 160  # letters of a name that is looked for inside other words
OTHER = re.compile(
    r"(sha256:)?[0-9a-f]{40,}|[RA]\d{1,2}|\d*[.,]?\d+\s?%?"
)  # digests, which are printed in groups; sections, which are the report's own


def sealed_names(sealed: Sealed) -> dict[str, str]:
    """Address by name; of one that stands in several places, the first: protocol, estimates, findings, cohort, and the rest."""
    found: dict[str, str] = {}
    kept = (sealed.protocol, sealed.estimates, sealed.findings, sealed.flow, sealed.verdict, sealed.models, sealed.traceability,
            sealed.checklists, sealed.ledger, sealed.environment, sealed.audit)  # fmt: skip
    seen: set[str] = set()
    for node in kept:
        _gather(node.value, node.address, found, seen)
    return found


def _gather(value: Any, address: str, found: dict[str, str], seen: set[str]) -> None:
    """Names in a value, in the order of the file.    seen : words that were looked at, of which most come again and again"""
    if isinstance(value, str):
        _take(value, address, found, seen)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            name = str(key)
            new, more = name not in seen, isinstance(inner, str | Mapping | list)
            if new or more:
                below = f"{address}/{pointer_step(name)}"
                if new:
                    _take(name, f"{below};name", found, seen)
                if more:
                    _gather(inner, below, found, seen)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            if isinstance(inner, str | Mapping | list):
                _gather(inner, f"{address}/{place}", found, seen)


def _take(name: str, address: str, found: dict[str, str], seen: set[str]) -> None:
    if name not in seen:
        seen.add(name)
        if DIGIT.search(name) and len(name) <= LONGEST and not OTHER.fullmatch(name):
            found.setdefault(visible(name), address)


class Names:
    """Cuts words where a name in them begins and ends."""

    def __init__(self, found: Mapping[str, str]) -> None:
        self._found = found
        inside = sorted((name for name in found if len(name) >= SHORTEST), key=lambda name: (-len(name), name))
        self._inside = inside
        self._known: dict[str, list[tuple[str, str | None]]] = {}

    def pieces(self, text: str) -> list[tuple[str, str | None]]:
        """Text, and the address where it is a name."""
        if text not in self._known:
            self._known[text] = list(self._cut(text))
        return self._known[text]

    def _cut(self, text: str) -> Iterator[tuple[str, str | None]]:
        if not DIGIT.search(text):
            yield text, None
            return
        whole = visible(text)
        if whole in self._found:
            yield text, self._found[whole]
            return
        for name in self._inside:
            place = text.find(name)
            while place >= 0 and not _stands_alone(text, place, place + len(name)):
                place = text.find(name, place + 1)
            if place >= 0:
                yield from self._cut(text[:place])
                yield name, self._found[name]
                yield from self._cut(text[place + len(name) :])
                return
        yield text, None


def _stands_alone(text: str, first: int, last: int) -> bool:
    """Not part of a longer word or number."""
    before, after = text[first - 1 : first], text[last : last + 1]
    following = text[last + 1 : last + 2]
    return not (before.isalnum() or after.isalnum() or (after in {".", ","} and following.isdigit()) or before == ".")
