"""A model's second output: where one can be had, and whether it is declared as its format needs it."""

from __future__ import annotations

from collections.abc import Iterator

from validate.protocol.catalog import Catalog
from validate.protocol.model import Embedding, Model
from validate.protocol.problem import Place, Problem
from validate.protocol.schema import StudyProtocol

OF_A_CASE = frozenset({"probability", "score"})


def embedding_problems(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    """Of each model that declares one."""
    for index, model in enumerate(protocol.models):
        declared, entry = model.output.embedding, catalog.formats.get(model.format)
        if declared is None or entry is None:
            continue
        place: Place = ("models", index, "output", "embedding")
        if not entry.embeds:
            able = ", ".join(sorted(name for name, one in catalog.formats.items() if one.embeds))
            yield Problem(place, f"can't be had of format '{model.format}', only of {able}; leave it out")
            continue
        yield from _elsewhere(model, place)
        yield from (_columns if not entry.needs_pixels else _output)(declared, place)


def _elsewhere(model: Model, place: Place) -> Iterator[Problem]:
    """What has no one vector of a case."""
    if model.output.kind not in OF_A_CASE:
        yield Problem(place, f"is of a case, and this model's output is of kind {model.output.kind}; leave it out")
    if model.test_time_augmentation is not None:
        yield Problem(place, "does not go with test_time_augmentation: each view of an image has one of its own")
    if model.sliding_window is not None:
        yield Problem(place, "does not go with sliding_window: each window has one of its own")


def _columns(declared: Embedding, place: Place) -> Iterator[Problem]:
    if declared.columns is None:
        yield Problem((*place, "columns"), "is missing; which columns of the table hold the embedding, in order?")
    elif len(set(declared.columns)) < len(declared.columns):
        twice = next(name for name in declared.columns if declared.columns.count(name) > 1)
        yield Problem((*place, "columns"), f"'{twice}' stands twice")
    for name in ("name", "size"):
        if getattr(declared, name) is not None:
            yield Problem((*place, name), "is of a model that is run; a table has columns")


def _output(declared: Embedding, place: Place) -> Iterator[Problem]:
    if declared.columns is not None:
        yield Problem((*place, "columns"), "is of a table of predictions; a model that is run has a name and a size")
    if declared.name is None:
        yield Problem((*place, "name"), "is missing; which output holds the embedding?")
    if declared.size is None:
        yield Problem((*place, "size"), "is missing; how many numbers has the embedding of a case?")
