"""What is judged: do formats, files, steps, inputs and the cohort's columns fit together?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from validate.protocol.catalog import Catalog
from validate.protocol.cohort_problems import known_attributes
from validate.protocol.model import Model, ModelInput
from validate.protocol.problem import Place, Problem, options_problems, unknown
from validate.protocol.schema import StudyProtocol
from validate.protocol.unheeded import NAME, foreseen

SHA256 = re.compile(r"[0-9a-f]{64}$")


def model_problems(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    ids: set[str] = set()
    for index, model in enumerate(protocol.models):
        place: Place = ("models", index)
        if model.id in ids:
            yield Problem((*place, "id"), f"'{model.id}' names two models")
        ids.add(model.id)
        if not NAME.match(model.id):
            yield Problem(
                (*place, "id"), f"got '{model.id}', expected letters, digits, '-', '_' and '.': it names files"
            )
        if model.sha256 is not None and not SHA256.match(model.sha256):
            yield Problem(
                (*place, "sha256"), f"got {len(model.sha256)} characters, expected 64 lower-case hexadecimal digits"
            )
        if model.format not in catalog.formats:
            yield Problem((*place, "format"), foreseen("format", model.format, catalog.formats))
            continue
        entry = catalog.formats[model.format]
        yield from options_problems(entry.options, model.options, (*place, "options"))
        if (entry.needs_pixels or entry.reads_files) and model.format != "ensemble":
            yield from _images(protocol, model, place)
        if entry.needs_pixels:
            yield from _steps(model.preprocess, place, catalog)
        yield from _inputs(protocol, model, place, catalog)


def _images(protocol: StudyProtocol, model: Model, place: Place) -> Iterator[Problem]:
    if all(source.table is not None and source.image is None for source in protocol.cohort.sources):
        yield Problem(
            (*place, "format"), f"'{model.format}' reads images, and the cohort is a table; use format predictions"
        )


def _inputs(protocol: StudyProtocol, model: Model, place: Place, catalog: Catalog) -> Iterator[Problem]:
    known = known_attributes(protocol, catalog)
    if model.inputs is not None and model.preprocess:
        yield Problem((*place, "preprocess"), "with `inputs`, each image has its own preprocess; move the steps there")
    for name, given in (model.inputs or {}).items():
        at: Place = (*place, "inputs", name)
        yield from _columns(given, at, known)
        yield from _stand_in(given, at)
        yield from _steps(given.preprocess, at, catalog)
    turned = model.test_time_augmentation
    if turned is not None and (model.output.kind not in {"probability", "score", "mask"} or model.inputs is not None):
        yield Problem(
            (*place, "test_time_augmentation"), "is for a model of one image that answers with scores or a mask"
        )
    elif turned is not None and model.output.kind == "mask" and turned.of != "raw":
        yield Problem((*place, "test_time_augmentation", "of"), "masks are made of raw outputs; say of: raw")


def _columns(given: ModelInput, at: Place, known: frozenset[str] | None) -> Iterator[Problem]:
    if (given.columns is None) == (given.image is None and given.file is None):
        yield Problem(at, "expected an image ({image: {…}} or {file: …}) or columns of the cohort, one of them")
    for number, column in enumerate(given.columns or ()):
        if known is not None and column not in known:
            yield Problem((*at, "columns", number), unknown("attribute", column, known))
    for column in given.codes:
        if column not in (given.columns or ()):
            yield Problem((*at, "codes", column), unknown("column", column, given.columns or ()))


def _stand_in(given: ModelInput, at: Place) -> Iterator[Problem]:
    if given.missing == "fail":
        return
    if (given.missing.zeros is None) == (given.missing.fill is None):
        yield Problem(
            (*at, "missing"), "expected one of fill (a number, for columns) and zeros (a shape, for an image)"
        )
    elif (given.missing.zeros is None) == (given.columns is None):
        yield Problem((*at, "missing"), "fill belongs to columns, and zeros to an image")


def _steps(steps: Sequence[Mapping[str, Any]], place: Place, catalog: Catalog) -> Iterator[Problem]:
    for number, step in enumerate(steps):
        if len(step) != 1:
            yield Problem(
                (*place, "preprocess", number), f"got {len(step)} keys, expected one step, such as resize: {{…}}"
            )
            continue
        ((name, options),) = step.items()
        if name not in catalog.steps:
            yield Problem((*place, "preprocess", number), unknown("step", name, catalog.steps))
        else:
            yield from options_problems(catalog.steps[name], options, (*place, "preprocess", number, name))
