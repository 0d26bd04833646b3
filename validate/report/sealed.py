"""A sealed run folder as the report sees it: values that know their address, `file#/json-pointer`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from validate.canonical import file_digest, pointer_step
from validate.errors import EvidenceError

MANIFEST = "evidence/manifest.json"
AUDIT = "evidence/audit.jsonl"
LAST_EVENT_SHOWN = "computed"  # the trail goes on while the report is written; what is shown must not change by it


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a sealed file and where it lies. What is absent is a Node whose value is None, never an error."""

    file: str
    path: tuple[str | int, ...]
    value: Any

    @property
    def address(self) -> str:
        """`estimates.json#/estimates/3/interval/low` (RFC 6901)."""
        if not self.path:
            return f"{self.file}#"
        steps = [pointer_step(str(step)) for step in self.path]
        return f"{self.file}#/{'/'.join(steps)}"

    @property
    def name_address(self) -> str:
        """Of the name that this member has in its object: "estimates.json#/…/levels/40-59;name"."""
        return f"{self.address};name"

    def length_address(self, less: int = 0) -> str:
        """Of how many it holds, less those that are shown: "evidence/manifest.json#/files;length-40"."""
        return f"{self.address};length{f'-{less}' if less else ''}"

    def __getitem__(self, key: str | int) -> Node:
        value = None
        if isinstance(self.value, dict):
            value = self.value.get(key)
        elif isinstance(self.value, list) and isinstance(key, int) and -len(self.value) <= key < len(self.value):
            key %= len(self.value)
            value = self.value[key]
        return Node(self.file, (*self.path, key), value)

    def __iter__(self) -> Iterator[Node]:
        if isinstance(self.value, list):
            return (self[index] for index in range(len(self.value)))
        return iter(())

    def items(self) -> Iterator[tuple[str, Node]]:
        """Key and value of an object, in the file's order; nothing for anything else."""
        if isinstance(self.value, dict):
            for key in self.value:
                yield str(key), self[key]

    def __len__(self) -> int:
        return len(self.value) if isinstance(self.value, list | dict | str) else 0

    def __bool__(self) -> bool:
        return self.value not in (None, "", [], {})

    @property
    def text(self) -> str:
        """The value as words; empty when there is none."""
        return "" if self.value is None else str(self.value)


@dataclass(frozen=True, slots=True)
class Sealed:
    """Everything the report may read. `manifest_digest` is the SHA-256 that names this evidence."""

    folder: Path
    protocol: Node
    lock: Node
    flow: Node
    estimates: Node
    findings: Node
    verdict: Node
    environment: Node
    models: Node
    cost: Node
    manifest: Node
    audit: Node
    ledger: Node
    checklists: Node
    traceability: Node
    deviations: Node
    manifest_digest: str
    positions: dict[str, int]

    def estimate(self, name: str | Node | None) -> Node:
        """The estimate of this id; a Node without value when there is none."""
        key = name.value if isinstance(name, Node) else name
        return self.estimates[self.positions[key]] if key in self.positions else self.estimates["absent"]

    def finding(self, analysis: str, model: str | None = None) -> Node:
        """The first finding of this analysis, of this model where one is named."""
        return next(iter(self.all_findings(analysis, model)), self.findings["absent"])

    def all_findings(self, analysis: str, model: str | None = None) -> tuple[Node, ...]:
        """Every finding of this analysis, in the file's order; of this model where one is named."""
        return tuple(
            f for f in self.findings if f["analysis"].value == analysis and (model is None or f["model"].value == model)
        )


def read_sealed(folder: Path) -> Sealed:
    """Read a run folder. Raises EvidenceError, naming the file, where one is missing, torn or of another layout."""
    estimates = _document(folder, "estimates.json")["estimates"]
    if not all(isinstance(e.value, dict) and isinstance(e.value.get("id"), str) for e in estimates):
        raise EvidenceError(f"{folder / 'estimates.json'}: an entry without an id; expected estimates as in contracts")
    return Sealed(
        folder=folder,
        protocol=_document(folder, "protocol.yaml", _yaml),
        lock=_document(folder, "lock.json", optional=True),
        flow=_document(folder, "cohort/flow.json"),
        estimates=estimates,
        findings=_document(folder, "findings.json")["findings"],
        verdict=_document(folder, "verdict.json"),
        environment=_document(folder, "evidence/environment.json"),
        models=_document(folder, "evidence/models.json", optional=True),
        cost=_document(folder, "evidence/cost.json", optional=True),
        manifest=_document(folder, MANIFEST),
        ledger=_document(folder, "evidence/ledger.json", optional=True),
        checklists=_document(folder, "evidence/checklists.json", optional=True),
        traceability=_document(folder, "evidence/traceability.json", optional=True),
        deviations=_document(folder, "evidence/deviations.json", optional=True),
        audit=_shown_events(_document(folder, AUDIT, _lines)),
        manifest_digest=file_digest(folder / MANIFEST),
        positions={e.value["id"]: index for index, e in enumerate(estimates)},
    )


def _document(folder: Path, relative: str, parse: Callable[[str], Any] = json.loads, *, optional: bool = False) -> Node:
    path = folder / relative
    try:
        return Node(relative, (), parse(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        if optional:
            return Node(relative, (), None)
        raise EvidenceError(
            f"{path}: missing. A report is made from a whole run folder; `validate run` writes one."
        ) from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise EvidenceError(f"{path}: can't be read: {error}. `validate verify` says what else differs.") from error


def _lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _yaml(text: str) -> Any:
    return _plain(yaml.safe_load(text))


def _plain(value: Any) -> Any:
    """YAML's dates as the text they were written as: the report prints words and numbers only."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date | datetime) else value


def _shown_events(trail: Node) -> Node:
    last = max((i for i, event in enumerate(trail) if event["type"].value == LAST_EVENT_SHOWN), default=len(trail) - 1)
    return Node(trail.file, trail.path, trail.value[: last + 1])
