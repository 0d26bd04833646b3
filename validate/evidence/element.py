"""An element of evidence by its name: where it lies, and whether it is there and not empty."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from validate.errors import EvidenceError
from validate.evidence.manifest import AUDIT

DATA = Path(__file__).parent
EMPTY: tuple[Any, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Element:
    """at : its address where it is there, else None      words : what it is      by : who supplies it
    applies : False where the study's task has no such thing
    """

    name: str
    at: str | None
    words: str
    by: str
    applies: bool = True


class Elements:
    """The elements of one run folder. Raises EvidenceError where a document is torn; one that is missing holds nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._documents = folder, dict[str, Any]()

    def __getitem__(self, name: str) -> Element:
        known = catalogue()[name]
        applies = self._task() not in known.get("not_of", ())
        return Element(name, self._address(known["at"]), known["words"], known["by"], applies)

    def _task(self) -> Any:
        return (self._document("protocol.yaml") or {}).get("task")

    def _address(self, at: str) -> str | None:
        kind, _, rest = at.partition(":")
        if kind == "file":
            return f"{rest}#" if (self._folder / rest).is_file() else None
        if kind == "finding":
            return self._finding(rest)
        if kind == "event":
            return self._event(*rest.split("/"))
        file, _, pointer = at.partition("#")
        value = self._document(file)
        for step in pointer.split("/")[1:]:
            if isinstance(value, list) and step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            elif isinstance(value, dict):
                value = value.get(step)
            else:
                return None
        return None if value in EMPTY else at

    def _finding(self, analysis: str) -> str | None:
        """The first finding of an analysis that has data."""
        for index, finding in enumerate((self._document("findings.json") or {}).get("findings", [])):
            if finding.get("analysis") == analysis and finding.get("status", "ok") == "ok" and finding.get("data"):
                return f"findings.json#/findings/{index}"
        return None

    def _event(self, kind: str, state: str | None = None) -> str | None:
        for index, event in enumerate(self._document(AUDIT) or []):
            if event["type"] == "manifest":
                return None  # what came later was not there when this was written
            if event["type"] == kind and (state is None or event["data"].get("new") == state):
                return f"{AUDIT}#/{index}"
        return None

    def _document(self, file: str) -> Any:
        if file not in self._documents:
            self._documents[file] = _read(self._folder / file)
        return self._documents[file]


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in text.splitlines()]
        return yaml.safe_load(text) if path.suffix == ".yaml" else json.loads(text)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise EvidenceError(f"{path}: can't be read: {error}") from error


@cache
def catalogue() -> Mapping[str, Mapping[str, Any]]:
    """Every element that a checklist or a clause may ask for."""
    elements: Mapping[str, Mapping[str, Any]] = yaml.safe_load((DATA / "elements.yaml").read_text("utf-8"))["elements"]
    return elements
