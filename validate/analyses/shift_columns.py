"""What is kept of a reference cohort beside this one: columns that both can have, told as this site tells them.

A table of the development cohort may hold anything. Names, days and whatever nobody asks for stay where they are: an attribute is kept
where this cohort has it, with the pseudonyms and the steps of time that it has here, and an output or a statistic only as numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from validate.analyses.embeddings import PREFIX as INNER
from validate.analyses.shift_reference import AT, CONTENT, PATIENT, PREFIX, ShiftReference
from validate.cohort.case import AttributeValue, Case
from validate.cohort.manifest import KEYS
from validate.cohort.period import period_of
from validate.cohort.privacy import LETTERS, is_pseudonym, pseudonym
from validate.errors import DataError
from validate.imaging.statistics import NAMES
from validate.protocol.cohort import Step
from validate.protocol.problem import unknown
from validate.protocol.schema import StudyProtocol
from validate.protocol.shift import ShiftOptions, shift_of

SCORE = "score"
KIND_OF = {letter: kind for kind, letter in LETTERS.items()}


def fitted(
    protocol: StudyProtocol, reference: ShiftReference | None, cases: Sequence[Case], *, site_key: bytes
) -> ShiftReference | None:
    """The reference with what is kept of it. Names of the other columns stand in its facts, "not_taken".

    Raises DataError, before a model reads a case, where what is to be compared is not known of both cohorts, or can't be what it is called.
    """
    options = shift_of(protocol)
    if options is None or reference is None:
        return reference
    here, there = {name for case in cases for name in case.attributes}, reference.table.column_names
    kept = [name for name in there if name in here or name == PATIENT or _is_number(protocol, name)]
    if not {*kept} - {PATIENT}:
        raise DataError(
            f"{AT} '{options.reference}' has no column that this cohort has too. Its columns are {', '.join(there)}; expected attributes "
            f"such as {', '.join(sorted(here)[:8])}, 'score', or image statistics such as {', '.join(sorted(NAMES)[:3])}."
        )
    _check_names(options, here, {*kept}.difference(KEYS))
    _check_numbers(protocol, options, reference.table.select(kept))
    table = _same_patients(reference.table, cases).select(kept)
    if reference.facts["kind"] == "table":
        for name in here.intersection(kept):
            table = _as_here(protocol, table, name, cases, site_key)
    others = [name for name in there if name not in {*kept, CONTENT}]
    return ShiftReference(table, {**reference.facts, "not_taken": others})


def _is_number(protocol: StudyProtocol, name: str) -> bool:
    """Whether a column is called as an output, a number of an embedding or an image statistic is."""
    models = [model.id for model in protocol.models]
    inner = {
        one for model in protocol.models for one in (model.output.embedding and model.output.embedding.columns) or ()
    }
    of_images = name.startswith(PREFIX) and name.removeprefix(PREFIX) in NAMES
    of_embedding = name.startswith(INNER) and (name.removeprefix(INNER) in models or name.removeprefix(INNER).isdigit())
    first = name.partition(":")[0]
    return name in inner or of_images or of_embedding or first in {SCORE, *(f"{SCORE}.{model}" for model in models)}


def _check_names(options: ShiftOptions, here: set[str], there: set[str]) -> None:
    for name in options.metadata:
        for known, cohort in ((here, "this cohort"), (there, "the reference")):
            if name not in known:
                raise DataError(f"analyses: shift: metadata: of {cohort}, {unknown('attribute', name, known)}")
    if options.order_by is not None and options.order_by not in here:
        raise DataError(f"analyses: shift: order_by: of this cohort, {unknown('attribute', options.order_by, here)}")


def _check_numbers(protocol: StudyProtocol, options: ShiftOptions, table: pa.Table) -> None:
    """Raise DataError where an output or a statistic is no number, or a score can't be that of a model that gives probabilities."""
    chances = all(model.output.kind == "probability" for model in protocol.models)
    for name in table.column_names:
        at, kind = f"{AT} '{options.reference}', column '{name}'", table[name].type
        if not _is_number(protocol, name):
            continue
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind):
            raise DataError(f"{at}: got text, expected numbers; an empty cell says that there is none.")
        if chances and name.partition(":")[0] == SCORE and pa.types.is_floating(kind):
            known = table[name].drop_null().to_pylist()  # tables of a cohort have no NaN
            if known and not (min(known) >= 0 and max(known) <= 1):
                raise DataError(
                    f"{at}: got {min(known):g} to {max(known):g}, but the model's output is a probability, from 0 to 1. "
                    "Give the reference's scores on the same scale."
                )


def _same_patients(table: pa.Table, cases: Sequence[Case]) -> pa.Table:
    """Patients of the reference who have files of this cohort have the name that they have here, whatever site named them."""
    if not {PATIENT, CONTENT} <= {*table.column_names}:
        return table
    here = {case.digest: case.patient for case in cases}
    told = table[PATIENT].to_pylist()
    rows = zip(told, table[CONTENT].to_pylist(), strict=True)
    same = {there: here[content] for there, content in rows if content in here}
    return _with(table, PATIENT, [same.get(name, name) for name in told])


def _as_here(protocol: StudyProtocol, table: pa.Table, name: str, cases: Sequence[Case], site_key: bytes) -> pa.Table:
    """An attribute of a table, with the steps of time or the pseudonyms that it has in this cohort."""
    source = protocol.cohort.attributes.get(name)
    if source is not None and source.by is not None:
        return _with(table, name, _steps(table[name].to_pylist(), source.by, name))
    known = {str(case.attributes[name]) for case in cases if case.attributes.get(name) is not None}
    if not known or not all(is_pseudonym(one) for one in known):
        return table
    kind = KIND_OF[min(known)[0]]
    told = [None if value is None else str(value) for value in table[name].to_pylist()]
    return _with(
        table, name, [one if one is None or is_pseudonym(one) else pseudonym(site_key, kind, one) for one in told]
    )


def _steps(values: Sequence[AttributeValue], by: Step, name: str) -> list[str | None]:
    found = [period_of(value, by) for value in values]
    wrong = [row for row, value in enumerate(values) if value is not None and found[row] is None]
    if wrong:
        raise DataError(
            f"{AT} column '{name}': {len(wrong)} of {len(values)} cells are no date and no {by} (first in row {wrong[0] + 1}); "
            f"expected such as 2025-03-14 or {period_of('2025-03-14', by)}."
        )
    return found


def _with(table: pa.Table, name: str, values: Sequence[str | None]) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values, pa.string()))
