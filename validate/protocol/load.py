"""A protocol file → a checked StudyProtocol. Every problem of the file is reported at once, each with its line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from validate.errors import ProtocolError
from validate.protocol.catalog import Catalog
from validate.protocol.document import Document, kind, read_document
from validate.protocol.each import spread_each
from validate.protocol.lint import lint
from validate.protocol.model import Model
from validate.protocol.problem import Place, Problem, dotted, schema_problems
from validate.protocol.schema import StudyProtocol

# Promised in the protocol's format, not built in this version: refused, never ignored.
NOT_YET = ("sample_size",)


@dataclass(frozen=True, slots=True)
class LoadedProtocol:
    """protocol : checked    path : where it was read    resolved : every default filled in, plain JSON

    source : the text as written    warnings : `file:line path: …`, worth a look but no obstacle
    """

    protocol: StudyProtocol
    path: Path
    resolved: dict[str, Any]
    source: str = field(repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def base(self) -> Path:
        """Folder that the protocol's relative paths start from."""
        return self.path.parent


def load_protocol(path: Path, *, catalog: Catalog | None = None) -> LoadedProtocol:
    """Read, check and resolve. With a catalog, plug-in names and options are checked too.

    Raises ProtocolError with every problem as `file:line path: got, expected, did you mean`.
    """
    document = read_document(path)
    data, moved, problems = _regrouped(document.data)
    protocol = None
    try:
        protocol = StudyProtocol.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        problems += schema_problems(error, StudyProtocol, data)
    if protocol is not None and catalog is not None:
        problems += lint(protocol, catalog)
    lines = _messages(path, document, problems, moved, severity="error")
    if lines or protocol is None:
        raise ProtocolError(lines)
    warnings = _messages(path, document, problems, moved, severity="warning")
    return LoadedProtocol(protocol, path, resolved(protocol), document.text, tuple(warnings))


def resolved(protocol: BaseModel) -> dict[str, Any]:
    """The protocol with every default filled in, as plain JSON: what is locked."""
    document: dict[str, Any] = protocol.model_dump(mode="json", by_alias=True)
    return document


def from_resolved(document: dict[str, Any]) -> StudyProtocol:
    """The protocol of a run folder. Raises ProtocolError where the stored form is not one of ours."""
    try:
        return StudyProtocol.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        problems = schema_problems(error, StudyProtocol, document)
        raise ProtocolError([f"protocol.yaml {dotted(p.place)}: {p.message}" for p in problems]) from error


def _regrouped(data: dict[str, Any]) -> tuple[dict[str, Any], dict[Place, Place], list[Problem]]:
    """What users write in one line, as the schema groups it; `moved` leads from the new places to the written ones."""
    problems = [
        Problem((block,), "this version of validate does not have this block yet; remove it")
        for block in NOT_YET
        if block in data
    ]
    data = {key: value for key, value in data.items() if key not in NOT_YET}
    moved: dict[Place, Place] = {}
    if isinstance(data.get("analyses"), list):
        data["analyses"] = [_analysis(item, index, moved, problems) for index, item in enumerate(data["analyses"])]
    spread_each(data, moved)
    if isinstance(data.get("models"), list):
        data["models"] = [_model(item, index, moved) for index, item in enumerate(data["models"])]
    return data, moved, problems


def _analysis(item: Any, index: int, moved: dict[Place, Place], problems: list[Problem]) -> Any:
    """`- calibration` or `- calibration: {…}`."""
    if isinstance(item, str):
        return {"name": item, "options": {}}
    if isinstance(item, dict) and len(item) == 1:
        ((name, options),) = item.items()
        moved["analyses", index, "name"] = ("analyses", index, name)
        moved["analyses", index, "options"] = ("analyses", index, name)
        return {"name": name, "options": {} if options is None else options}
    if isinstance(item, dict) and {"name", "options"} == item.keys():
        return item
    problems.append(
        Problem(("analyses", index), f"got {kind(item)}, expected a name and its options, such as calibration: {{}}")
    )
    return {"name": "", "options": {}}


def _model(item: Any, index: int, moved: dict[Place, Place]) -> Any:
    """Keys that only one format knows stand inline; the schema gathers them in `options`."""
    if not isinstance(item, dict) or "options" in item:
        return item
    known = Model.model_fields.keys()
    own = {key: value for key, value in item.items() if key not in known}
    for key in own:
        moved["models", index, "options", key] = ("models", index, key)
    return {**{key: value for key, value in item.items() if key in known}, "options": own}


def _messages(
    path: Path, document: Document, problems: Iterable[Problem], moved: dict[Place, Place], *, severity: str
) -> list[str]:
    found = []
    for problem in problems:
        if problem.severity != severity:
            continue
        place = problem.place
        for length in range(len(place), 0, -1):
            if place[:length] in moved:
                place = (*moved[place[:length]], *place[length:])
                break
        line = document.line(place)
        where = f" {dotted(place)}" if place else ""
        found.append((line, f"{path}:{line}{where}: {problem.message}"))
    return [text for _, text in sorted(dict.fromkeys(found))]
