"""The reference labels. Before inference only whether a label exists may be asked; the labels are read after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa

from validate.canonical import file_digest
from validate.cohort.case import AttributeValue, Case
from validate.cohort.lesions import listed_keys, marked_units
from validate.cohort.mask_reference import mask_counts, mask_files, mask_finder, masks_digest
from validate.cohort.reference_mask import check_masks
from validate.cohort.report_folder import reports_digest
from validate.cohort.table import Table, key_text, read_table
from validate.errors import DataError
from validate.protocol.geometry import Geometry
from validate.protocol.reference import FindingLabel, Reference
from validate.protocol.targets import class_names, finding_labels, label_columns, written

SCHEMA = pa.schema(
    [
        pa.field("unit", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),  # present, missing, indeterminate
        pa.field("label", pa.float64()),  # 1 positive, 0 negative, or the number of a class; null unless present
    ]
)


HasLabel = Callable[[Mapping[str, str], Mapping[str, AttributeValue]], bool]


def has_label(reference: Reference, base: Path) -> HasLabel:
    """Whether a case of these keys and attributes has a label or mask, without a look at what it says. Raises DataError."""
    if reference.masks is not None:
        mask_files(reference, base)
        find = mask_finder(reference, base)
        return lambda keys, attributes: bool(find(keys, attributes))
    if reference.marks is not None and reference.unlisted == "no_lesion":
        return lambda _keys, _attributes: True
    labelled = labelled_keys(reference, base)
    return lambda keys, _attributes: key_text(keys.get(str(reference.key))) in labelled


def reference_digest(reference: Reference, base: Path) -> str:
    """SHA-256 of the table, or over all masks. Raises DataError where it can't be read."""
    if reference.masks is not None:
        return masks_digest(reference, base)
    table = base / str(reference.marks or reference.table)
    if table.is_dir():
        return reports_digest(table)
    try:
        return file_digest(table)
    except OSError as error:
        raise DataError(f"{table}: reference table can't be read: {error.strerror}") from error


def labelled_keys(reference: Reference, base: Path) -> frozenset[str]:
    """Keys with a label, of any finding, without a look at what it says. Raises DataError where the table can't be read."""
    if reference.marks is not None:
        return listed_keys(reference, base)
    table = read_table(base / str(reference.table), what="reference table")
    columns = [table.column(name) for name in label_columns(reference)]
    rows = table.by_key(str(reference.key))
    return frozenset(key for key, row in rows.items() if any(labels[row] is not None for labels in columns))


def label_counts(reference: Reference, base: Path, cases: Sequence[Case]) -> dict[str, int]:
    """How the keys of labels and cases meet, without a look at any label: {"rows", "labelled", "unmatched"}.

    unmatched : labelled rows that belong to no case, such as those of excluded images
    """
    if reference.masks is not None:
        return mask_counts(reference, base, cases)
    labelled = labelled_keys(reference, base)
    if reference.marks is not None:
        there = marked_units(reference, base, cases)
        return {"rows": len(labelled), "labelled": len(labelled), "unmatched": max(len(labelled) - len(there), 0)}
    table = read_table(base / str(reference.table), what="reference table")
    used = {key_text(case.keys.get(str(reference.key))) for case in cases}
    return {"rows": table.length, "labelled": len(labelled), "unmatched": len(labelled - used)}


def check_labels(
    reference: Reference, base: Path, cases: Sequence[Case] = (), *, geometry: Geometry | None = None
) -> None:
    """Raise DataError where a label is of a value that the protocol does not explain, or a key repeats.

    May be called before inference: it answers nothing but whether the table can be read as the protocol says.
    """
    if reference.masks is not None:
        return check_masks(reference, base, cases, geometry or Geometry())
    if reference.marks is not None:
        return check_lesions(reference, base, cases)
    table = read_table(base / str(reference.table), what="reference table")
    table.by_key(str(reference.key))
    for column, meaning in _columns(reference):
        meaning(_texts(table, column), table.name)
    return None


def check_lesions(reference: Reference, base: Path, cases: Sequence[Case]) -> None:
    """Raise DataError where lesions can't be read as the protocol says, or none of their cases is in the study."""
    if not marked_units(reference, base, cases) and cases:
        known = sorted({name for case in cases for name in case.keys})
        raise DataError(
            f"reference.marks: none of the cases of {reference.marks} is one of the {len(cases)} of the study by '{reference.key}'; "
            f"cases have the keys {', '.join(known)}. Check that both hold the same values."
        )


def read_reference(reference: Reference, *, base: Path, cases: Sequence[Case]) -> pa.Table:
    """unit, status, label of every case, in their order; of several findings one stretch each, with its "target" in front.

    Raises DataError when labels match no case, are of unknown values, repeat a key, or contradict each other within the
    study or patient that they are said to describe.
    """
    table = read_table(base / str(reference.table), what="reference table")
    rows = table.by_key(str(reference.key))
    places = [rows.get(key_text(case.keys.get(str(reference.key))) or "") for case in cases]
    stretches = [
        _stretch(reference, table, column, meaning, places=places, cases=cases)
        for column, meaning in _columns(reference)
    ]
    if reference.findings is None:
        return stretches[0]
    whole = pa.concat_tables(stretches)
    targets = [name for name in reference.findings for _ in cases]
    return whole.add_column(0, pa.field("target", pa.string(), nullable=False), [pa.array(targets, pa.string())])


Meaning = Mapping[str | None, float | str | None]


def _columns(reference: Reference) -> list[tuple[str, Callable[[Sequence[str | None], str], Meaning]]]:
    """Each column of labels, and how its values are understood."""
    if names := class_names(reference):
        return [(label_columns(reference)[0], partial(_class_meaning, reference, names))]
    return [(finding.label, partial(_finding_meaning, finding)) for finding in finding_labels(reference).values()]


def _stretch(
    reference: Reference,
    table: Table,
    column: str,
    meaning: Callable[[Sequence[str | None], str], Meaning],
    *,
    places: Sequence[int | None],
    cases: Sequence[Case],
) -> pa.Table:
    meanings = _meanings(table, column, meaning, places)
    if all(found is None for found in meanings):
        matched = sum(place is not None for place in places)
        raise DataError(
            f"{table.name}: no label in column {column} matches any case by {reference.key}: {matched} of {len(cases)} cases "
            f"have a row, and none has a label. Check that '{reference.key}' means the same in the table and in the images."
        )
    _check_level(reference, cases, meanings, table.name)
    return pa.table([[case.unit for case in cases], *_said(meanings)], schema=SCHEMA)


def _meanings(
    table: Table,
    column: str,
    meaning: Callable[[Sequence[str | None], str], Meaning],
    places: Sequence[int | None],
) -> list[float | str | None]:
    values = _texts(table, column)
    known = meaning(values, table.name)
    return [None if place is None else known[values[place]] for place in places]


def _said(meanings: Sequence[float | str | None]) -> tuple[list[str], list[float | None]]:
    """Statuses and labels."""
    statuses = ["missing" if m is None else m if isinstance(m, str) else "present" for m in meanings]
    return statuses, [m if isinstance(m, float) else None for m in meanings]


def labels_of_left(
    reference: Reference, *, base: Path, cases: Sequence[Case], finding: str | None = None
) -> tuple[list[str], list[float | None]]:
    """Status and label of cases that are not in the study, for the participant flow; none need have one.

    finding : of several, the one that is asked about      Raises DataError where the table can't be read.
    """
    table = read_table(base / str(reference.table), what="reference table")
    rows = table.by_key(str(reference.key))
    places = [rows.get(key_text(case.keys.get(str(reference.key))) or "") for case in cases]
    columns = _columns(reference)
    at = list(reference.findings or {}).index(finding) if finding is not None else 0
    return _said(_meanings(table, *columns[at], places))


def _texts(table: Table, column: str) -> list[str | None]:
    return [None if value is None else written(value) for value in table.column(column)]


def _check_level(
    reference: Reference, cases: Sequence[Case], meanings: Sequence[float | str | None], name: str
) -> None:
    """A label said to describe a study (series, patient) must be the same for every case of it."""
    if reference.level not in {"series", "study", "patient"}:
        return
    said: dict[str, set[float | str]] = defaultdict(set)
    for case, meant in zip(cases, meanings, strict=True):
        if meant is not None:
            said[getattr(case, reference.level)].add(meant)
    torn = sum(len(answers) > 1 for answers in said.values())
    if torn:
        raise DataError(
            f"{name}: {torn} of {len(said)} {reference.level} labels contradict themselves: {reference.key} gives cases "
            f"of one {reference.level} different labels, and reference.level is {reference.level}. Correct one of them."
        )


def _class_meaning(reference: Reference, names: Sequence[str], values: Sequence[str | None], table: str) -> Meaning:
    """The number of each written class or grade, from 0; "indeterminate"; or None for an empty cell."""
    indeterminate = {written(value) for value in reference.indeterminate_values}
    strangers = sorted({v for v in values if v is not None} - set(names) - indeterminate)
    if strangers:
        listed = ", ".join(f"'{value}'" for value in strangers[:8])
        raise DataError(
            f"{table}: column {reference.label} holds {listed}, which the protocol does not explain: it names "
            f"{', '.join(names)}. Name every class or grade, and reference.indeterminate_values where there are any."
        )
    meaning: dict[str | None, float | str | None] = {None: None}
    meaning |= {name: float(place) for place, name in enumerate(names)}
    return meaning | dict.fromkeys(indeterminate, "indeterminate")


def _finding_meaning(finding: FindingLabel, values: Sequence[str | None], table: str) -> Meaning:
    """What each written value means: 1.0, 0.0, "indeterminate", or None for an empty cell."""
    positive = written(finding.positive)
    indeterminate = {written(value) for value in finding.indeterminate_values}
    others = sorted({v for v in values if v is not None} - {positive} - indeterminate)
    if finding.negative is not None:
        unknown = sorted(set(others) - {written(finding.negative)})
        negatives = {written(finding.negative)}
    else:
        unknown, negatives = (others, set()) if len(others) > 1 else ([], set(others))
    if unknown:
        listed = ", ".join(f"'{value}'" for value in unknown[:8])
        raise DataError(
            f"{table}: column {finding.label} holds {listed}, which the protocol does not explain: positive is "
            f"'{positive}'. Name reference.negative, and reference.indeterminate_values where there are any."
        )
    if finding.negative is None and negatives and positive not in values:
        raise DataError(
            f"{table}: column {finding.label} nowhere holds the positive value '{positive}', only '{others[0]}'. If "
            "that means negative, say so in reference.negative."
        )
    meaning: dict[str | None, float | str | None] = {None: None, positive: 1.0}
    meaning |= dict.fromkeys(negatives, 0.0)
    return meaning | dict.fromkeys(indeterminate, "indeterminate")
