"""Names that hold digits, such as "40–59" or "A 3.0T", and where in the evidence each stands: for words that were printed without it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from validate.evidence.letters import visible
from validate.report.sealed import Node, Sealed

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
    for node in kept:
        for name, address in _names(node):
            found.setdefault(name, address)
    return found


def _names(node: Node) -> Iterator[tuple[str, str]]:
    for path, name, is_key in _strings(node.value, ()):
        if DIGIT.search(name) and len(name) <= LONGEST and not OTHER.fullmatch(name):
            found = Node(node.file, (*node.path, *path), None)
            yield visible(name), found.name_address if is_key else found.address


def _strings(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str, bool]]:
    if isinstance(value, str):
        yield path, value, False
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield (*path, key), str(key), True
            yield from _strings(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _strings(inner, (*path, place))


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
