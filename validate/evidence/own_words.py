"""Words of the report itself that hold digits: which of them stand in this program, in its templates and its modules, word for word.

Such as "SHA-256", a year in a citation, "95 of 100" in the glossary. What is put together from the evidence has an address instead.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

import validate
from validate.evidence.letters import letters
from validate.resources import resource

MODULES = (
    "report",
    "metrics",
    "casewise",
    "analyses",
    "estimation",
    "protocol",
    "verdict",
    "evidence",
)  # of this package: where words come from
DIGIT = re.compile(r"\d")
TAG = re.compile(r"<[^>]*>|{{.*?}}|{%.*?%}|{#.*?#}", re.DOTALL)
PARTS = re.compile(r"(?<=\.)\s|[()]")  # sentences, and what stands before or in brackets
PART = 12  # letters of a part of a phrase, such as one of the lines that it is set in
LETTERS = 2  # fewer do not make a phrase: they are words of the report only where nothing stands beside them
MEASURE = re.compile(r"[<>≤≥]?[\d.,]+(mm|ml|%)?")  # no words at all


def foreign(words: Iterable[str], more: Iterable[Path] = ()) -> Iterator[str]:
    """Those in which a digit stands that is in no phrase of the program.    more : text files whose words are its own too"""
    phrases, short = _phrases()
    for path in more:
        text = path.read_text(encoding="utf-8", errors="replace")
        phrases = [*phrases, *(_of_yaml(yaml.safe_load(text)) if path.suffix == ".yaml" else _of_text(text))]
    yield from (one for one in words if letters(one) not in short and not _covered(letters(one), phrases))


def _covered(text: str, phrases: Iterable[str]) -> bool:
    left = {place for place, sign in enumerate(text) if sign.isdecimal()}
    for phrase in phrases:
        place = text.find(phrase)
        while place >= 0 and left:
            if _whole(text, place, place + len(phrase)):
                left -= set(range(place, place + len(phrase)))
            place = text.find(phrase, place + 1)
        if not left:
            return True
    return not left or (sum(sign.isalpha() for sign in text) >= PART and any(text in phrase for phrase in phrases))


def _whole(text: str, first: int, last: int) -> bool:
    """A phrase begins and ends where a number does."""
    begins = not (text[first : first + 1].isdecimal() and text[first - 1 : first].isdecimal())
    return begins and not (text[last - 1 : last].isdecimal() and text[last : last + 1].isdecimal())


@cache
def _phrases() -> tuple[list[str], frozenset[str]]:
    """Those long enough to be looked for inside other words, the longest first; and the short ones."""
    root = Path(validate.__file__).parent
    found = {phrase for name in MODULES for path in sorted((root / name).rglob("*.py")) for phrase in _of_module(path)}
    found |= {phrase for path in _plugins() for phrase in _of_module(path)}
    with_templates = sorted(Path(str(resource("reports", "templates"))).rglob("*.j2"))
    found |= {phrase for path in with_templates for phrase in _of_text(path.read_text(encoding="utf-8"))}
    found = {phrase for phrase in found if not MEASURE.fullmatch(phrase)}
    long = [phrase for phrase in found if sum(sign.isalpha() for sign in phrase) >= LETTERS]
    return sorted(long, key=len, reverse=True), frozenset(one for one in found if any(sign.isalpha() for sign in one))


def _plugins() -> Iterator[Path]:
    """Modules that other distributions add, which have words of their own."""
    for group in entry_points().groups:
        for point in entry_points(group=group) if group.startswith("validate.") else ():
            spec = find_spec(point.module.partition(".")[0])
            for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
                yield from sorted(Path(folder).rglob("*.py"))


def _of_module(path: Path) -> Iterator[str]:
    """Its strings; what is said about the code is no word of a report."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in said else None
        if isinstance(text, str) and DIGIT.search(text):
            yield letters(text)
            yield from (letters(one) for one in PARTS.split(text) if DIGIT.search(one))


def _of_yaml(value: Any) -> Iterator[str]:
    if isinstance(value, str) and DIGIT.search(value):
        yield letters(value)
        yield from (letters(line.removeprefix("- ")) for line in value.splitlines() if DIGIT.search(line))
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _of_yaml(inner)


def _of_text(text: str) -> Iterator[str]:
    yield from (letters(part) for part in TAG.split(text) if DIGIT.search(part))
