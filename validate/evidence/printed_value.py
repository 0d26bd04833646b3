"""Whether a printed text is what lies at its address in a sealed file: a number as rounded, a word or date with its digits.

Besides `file#/json-pointer` an address may end in ";name", the name that a member has in its object, or in ";length" and ";length-8":
how many entries lie there, less those that are shown.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from validate.canonical import file_digest, step_name
from validate.evidence.manifest import MANIFEST, REPORT

NUMBER = re.compile(r"[<>≤≥=~]?\s*[+−-]?\s*[\d,]*\.?\d+\s*%?")
DIGITS = re.compile(r"\d+")
WORD = re.compile(r"\s*[A-Za-z]+$")  # a unit after a number
DERIVED = re.compile(r"(?P<pointer>.*);(?P<kind>name|length(?:-(?P<less>\d+))?)", re.DOTALL)
OWN = f"{REPORT}printed.json#/words/"  # words with digits that are the report's own
GIBIBYTE = 1 / 2**30
SCALES = (1.0, 100.0, 1000.0, GIBIBYTE)  # as it stands, in percent or points, per thousand, of memory
HALF = 0.5000001  # of the last place shown
# How a verdict's words begin, of what was decided and of what would be.
OUTCOMES = {
    "PASS": ("pass", "met", "would be met"),
    "FAIL": ("fail", "missed", "would be missed"),
    "INCONCLUSIVE": ("inconclusive", "undecided"),
}


class SealedValues:
    """Values of the sealed files by their address."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._documents, self.pages = folder, dict[str, Any](), 0

    def fits(self, text: str, address: str) -> bool:
        """Whether a printed text is what lies there: a number rounded to the places shown, a word or date with the same digits."""
        if address.startswith(OWN):
            return self._is_own(text, address)
        file, _, pointer = address.partition("#")
        if file == MANIFEST and not pointer:
            return _plain(text) in file_digest(self._folder / MANIFEST)
        try:
            if (derived := DERIVED.fullmatch(pointer)) is not None:
                return self._is_derived(text, file, derived)
            value = self._at(file, pointer)
        except (KeyError, IndexError, ValueError, TypeError, OSError, yaml.YAMLError):
            return False
        if not DIGITS.search(text):
            return _says(text, value) if pointer.endswith("/outcome") else True
        return _holds(text.replace("\u2060", "").strip(), value)

    def _is_own(self, text: str, address: str) -> bool:
        """Part of one of the report's own words, which `own_words` holds against the program."""
        try:
            file, _, pointer = address.partition("#")
            return _plain(text) in _plain(str(self._at(file, pointer)))
        except (KeyError, IndexError, ValueError, TypeError, OSError):
            return False

    def _is_derived(self, text: str, file: str, derived: re.Match[str]) -> bool:
        pointer = derived["pointer"]
        if derived["kind"] != "name":
            return text.replace(",", "").strip() == str(len(self._at(file, pointer)) - int(derived["less"] or 0))
        parent, _, member = pointer.rpartition("/")
        there = {str(key) for key in self._at(file, parent)}
        name = step_name(member)
        return name in there and _plain(text) in _plain(name)

    def _at(self, file: str, pointer: str) -> Any:
        if file not in self._documents:
            content = (self._folder / file).read_text(encoding="utf-8")
            if file.endswith(".jsonl"):
                self._documents[file] = [json.loads(line) for line in content.splitlines()]
            else:
                self._documents[file] = yaml.safe_load(content) if file.endswith(".yaml") else json.loads(content)
        value = self._documents[file]
        for escaped in pointer.split("/")[1:]:
            if value is None:
                return None  # below what is not there, such as an interval, only words can be printed
            step = step_name(escaped)
            # A member that is not there is none: that a reason is missing can be printed, and no number can.
            value = value[int(step)] if isinstance(value, list) else {step: None, **value}[step]
        return value


def _says(text: str, value: Any) -> bool:
    """No other verdict than the sealed one; where there is none, no word of any."""
    said = text.strip().casefold()
    return not any(said.startswith(words) for outcome, words in OUTCOMES.items() if outcome != value)


def _holds(text: str, value: Any) -> bool:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return any(_holds(text, one) for one in inner)
    inside = NUMBER.findall(text)
    number = inside[0] if isinstance(value, float) and len(inside) == 1 else WORD.sub("", text)
    if isinstance(value, int | float) and not isinstance(value, bool) and NUMBER.fullmatch(number):
        return _rounded(number, float(value))
    if isinstance(value, str) and not DIGITS.search(value):
        return NUMBER.fullmatch(number) is None  # words for a code, such as the name of a metric on grade 2 or above
    told, asked = _plain(str(value)), _plain(text)
    return asked in told or _numbers(text) <= _numbers(str(value))


def _rounded(text: str, value: float) -> bool:
    shown = re.sub(r"[,=~\s]", "", text).replace("−", "-")
    percent = shown.endswith("%")
    shown = shown.rstrip("%")
    if shown[0] in "<>≤≥":
        bound, scaled = float(shown[1:]), value * (100 if percent else 1)
        return scaled <= bound if shown[0] in "<≤" else scaled >= bound
    places = len(shown.partition(".")[2])
    scales = (100.0,) if percent else SCALES
    return any(abs(float(shown) - value * scale) <= HALF * 10**-places for scale in scales)


def _plain(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def _numbers(text: str) -> set[str]:
    return {found.lstrip("0") for found in DIGITS.findall(text)}
