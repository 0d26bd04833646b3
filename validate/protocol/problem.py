"""What is wrong with a protocol: a place and a sentence; a line is added when the file is known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Place = tuple[str | int, ...]
PLURALS = {"analysis": "analyses", "stratum": "strata"}
# The validator's words → a YAML writer's.
WORDS = {
    "a valid string": "text",
    "a valid tuple": "a list",
    "a valid list": "a list",
    "a valid array": "a list",
    "an object": "a mapping",
    "a valid dictionary": "a mapping",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid boolean": "true or false",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """place : ("acceptance", 0, "endpoint")    message : got, expected, what to do"""

    place: Place
    message: str
    severity: Literal["error", "warning"] = "error"


def dotted(place: Place) -> str:
    """acceptance[0].endpoint"""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def unknown(what: str, got: object, known: Iterable[str]) -> str:
    """No endpoint 'auc'; endpoints are 'auroc', 'sens'. Did you mean 'auroc'?"""
    names = sorted(known)
    near = get_close_matches(str(got), names, n=1, cutoff=0.5)
    listed = ", ".join(f"'{name}'" for name in names) or "none"
    plural = PLURALS.get(what, f"{what}s")
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"no {what} '{got}'; {plural} are {listed}.{hint}"


def schema_problems(error: ValidationError, model: type[BaseModel], data: Any, at: Place = ()) -> list[Problem]:
    """Pydantic's findings in our words. `data` is what was validated; `at` is where it stands in the protocol."""
    found: dict[Place, Problem] = {}
    for detail in error.errors(include_url=False):
        place = _existing(detail["loc"], data, keep_last=detail["type"] in {"missing", "extra_forbidden"})
        found.setdefault(place, Problem((*at, *place), _sentence(detail, place, model)))
    # A block that fails inside fails around it too, once for every reading of it: the innermost place says it.
    around = {place[:length] for place in found for length in range(len(place))}
    return [problem for place, problem in found.items() if place not in around]


def _existing(location: Sequence[str | int], data: Any, *, keep_last: bool) -> Place:
    """The location without the names of union branches, which no user wrote."""
    place: list[str | int] = []
    here = data
    for index, part in enumerate(location):
        if isinstance(here, dict) and part in here:
            here = here[str(part)]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        elif not (keep_last and index == len(location) - 1):
            continue
        place.append(part)
    return tuple(place)


def _sentence(detail: ErrorDetails, place: Place, model: type[BaseModel]) -> str:
    kind, got = detail["type"], detail["input"]
    if kind == "missing":
        return "missing; the protocol must say it"
    if kind == "extra_forbidden":
        return unknown("key", place[-1], _keys(model, place[:-1]))
    expected = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    for theirs, ours in WORDS.items():
        expected = expected.replace(theirs, ours)
    if kind == "string_type" and isinstance(got, int | float) and not isinstance(got, bool):
        return f"got the number {got}, expected text: put it in quotes, '{got}'"
    if kind == "too_short":
        return f"got {detail['ctx']['actual_length']} items, expected at least {detail['ctx']['min_length']}"
    if kind == "too_long":
        return f"got {detail['ctx']['actual_length']} items, expected at most {detail['ctx']['max_length']}"
    if kind in {"model_type", "dict_type", "model_attributes_type"}:
        expected = "a mapping (key: value)"
    message = f"got {_shown(got)}, expected {expected}."
    if kind == "literal_error" and isinstance(got, str):
        options = [word.strip("' ") for word in expected.replace(" or ", ", ").split(",")]
        near = get_close_matches(got, options, n=1, cutoff=0.5)
        message += f" Did you mean '{near[0]}'?" if near else ""
    return message


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = f"'{value}'" if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _keys(model: type[BaseModel], place: Place) -> list[str]:
    """Keys that the block at `place` knows, found by walking the field types."""
    here: type[BaseModel] | None = model
    for part in place:
        if isinstance(part, int) or here is None:
            continue
        field = next((f for n, f in here.model_fields.items() if part in {n, f.alias}), None)
        here = _block_in(field.annotation) if field is not None else here
    return [f.alias or name for name, f in here.model_fields.items()] if here is not None else []


def _block_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if (block := _block_in(inner)) is not None:
            return block
    return None


def options_problems(options: type[BaseModel], given: Any, place: Place) -> Iterator[Problem]:
    """What is wrong with the options of a format, a step or an analysis, which carry their own schema."""
    try:
        options.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        yield from schema_problems(error, options, given, place)
