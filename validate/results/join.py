"""Cases × reference × inference → the units table: here labels and outputs meet, for the first time.

Every case stands in the table once per model and pass, whatever became of it: a failed case is a row with its reason,
a case without a label is a row that is counted and not analysed. A row too many or too few is an error, never repaired.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

from validate.cohort.case import Case
from validate.errors import DataError
from validate.protocol.fairness import fairness_of
from validate.protocol.passes import CLEAN, Pass
from validate.protocol.problem import unknown
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import scored
from validate.results.answers import answered, by_target, labelled
from validate.results.check import check_inference, check_reference, refuse_duplicates
from validate.results.follow_up import check_follow_up
from validate.results.levels import MISSING, ONE_PER_PATIENT, level_texts, refuse_two_levels
from validate.results.measured import measure_columns, with_measures
from validate.results.units import ANSWERS, EMBEDDING, EMPTY, STRATUM_PREFIX, UNITS

KEYS = frozenset({"unit", "patient", "study", "series", "digest", "has_label"})


def join_units(
    protocol: StudyProtocol,
    cases: pa.Table,
    reference: pa.Table,
    inference: pa.Table,
    *,
    passes: Sequence[Pass] = (CLEAN,),
    measures: pa.Table | None = None,
) -> pa.Table:
    """The UNITS schema plus one text column "by.<attribute>" for each attribute that rows are grouped by.

    cases : unit, patient, study, series, digest, has_label and one column per attribute, in cohort order
    reference : unit, status (present|missing|indeterminate), label (1, 0, a class's number or null); one row per case, and
        per finding ("target") where there are several
    inference : unit, model, pass, target, status, failure, score, and an embedding where a model has one; one row per case, model,
        pass and score
    passes : the passes that were locked, with the cases each concerns
    measures : of a task that measures each case: casewise.CaseTables.measures, a row for each of inference
    Rows are ordered by model, then pass, then target, then case. Raises DataError, naming what does not fit.
    """
    units = cases["unit"].to_pylist()
    refuse_duplicates("cohort", units)
    labels = {name: _in_case_order(part, units) for name, part in by_target(protocol, reference).items()}
    for part in labels.values():
        check_reference(protocol, part)
    order = _inference_order(protocol, cases, inference, passes)
    check_inference(protocol, inference)
    position = {unit: index for index, unit in enumerate(units)}
    asked = answered(protocol, inference.take(order))
    if measures is not None:
        asked = with_measures(asked, measures)
    of_case = pa.array([position[unit] for unit in asked["unit"].to_pylist()], pa.int64())
    return _assemble(protocol, cases.take(of_case), labelled(protocol, asked, labels, of_case), asked)


def stratum_attributes(protocol: StudyProtocol) -> tuple[str, ...]:
    """Attributes that rows are grouped by, in the order the protocol names them: strata, worst_of, then analyses."""
    asked = chain.from_iterable(_named_by(analysis.options) for analysis in protocol.analyses)
    worst_of = (criterion.worst_of for criterion in protocol.acceptance if criterion.worst_of)
    return tuple(dict.fromkeys([*protocol.strata, *worst_of, *asked]))


def case_attributes(protocol: StudyProtocol) -> tuple[str, ...]:
    """Those of them that cases have; lesions have the others."""
    of_lesions = protocol.detection.by_lesion if protocol.detection is not None else ()
    return tuple(name for name in stratum_attributes(protocol) if name not in of_lesions)


def check_groups(protocol: StudyProtocol, cases: Sequence[Case]) -> None:
    """Raise DataError, before a model reads a case, where rows could not be grouped as the protocol asks."""
    check_follow_up(protocol, cases)
    known = dict.fromkeys(name for case in cases for name in case.attributes)
    for attribute in case_attributes(protocol):
        if attribute not in known:
            raise _no_attribute(attribute, known)
        levels = level_texts(attribute, [case.attributes.get(attribute) for case in cases])
        source = protocol.cohort.attributes.get(attribute)
        if attribute in ONE_PER_PATIENT or (source is not None and source.per == "patient"):
            refuse_two_levels(attribute, levels, [case.patient for case in cases])
        _reference_group(protocol, attribute, levels)


def _reference_group(protocol: StudyProtocol, attribute: str, levels: Sequence[str]) -> None:
    """The group that analyses: fairness holds the others against must be there."""
    options = fairness_of(protocol)
    if options is None or not isinstance(options.reference, dict) or attribute not in options.reference:
        return
    wanted, known = options.reference[attribute], sorted(set(levels) - {MISSING})
    if wanted not in known:
        raise DataError(f"analyses: fairness: reference.{attribute}: {unknown('group', wanted, known)}")


def _named_by(options: Mapping[str, Any]) -> list[str]:
    values = [options.get(key) for key in ("attributes", "by", "adjust_for")]
    return [name for value in values if value for name in ([value] if isinstance(value, str) else value)]


def _in_case_order(reference: pa.Table, units: Sequence[str]) -> pa.Table:
    labelled = reference["unit"].to_pylist()
    refuse_duplicates("reference", labelled)
    position = {unit: index for index, unit in enumerate(labelled)}
    strangers = sorted(position.keys() - set(units))
    if strangers:
        raise DataError(
            f"reference: {len(strangers)} of {len(labelled)} rows match no case of the cohort (first: {strangers[0]}). "
            "Reference and cohort must come from the same run; read the reference again with this cohort."
        )
    missing = [unit for unit in units if unit not in position]
    if missing:
        raise DataError(
            f"reference: {len(missing)} of {len(units)} cases have no row (first: {missing[0]}). "
            "A case without a label needs a row with status 'missing', so that it is counted."
        )
    return reference.take(pa.array([position[unit] for unit in units], pa.int64()))


def _inference_order(protocol: StudyProtocol, cases: pa.Table, inference: pa.Table, passes: Sequence[Pass]) -> pa.Array:
    """Row numbers of the inference table in the order of the units table; refuses a row too many or too few."""
    keys = list(zip(*(inference[name].to_pylist() for name in ("model", "pass", "target", "unit")), strict=True))
    refuse_duplicates("inference", [" · ".join(map(str, key)) for key in keys])
    place = {key: index for index, key in enumerate(keys)}
    wanted: list[tuple[str, str, str, str]] = []
    for model in protocol.models:
        for pass_ in passes:
            if pass_.concerns(model.id):
                selected = _selected(cases, pass_)
                targets = scored(protocol, model)
                expected = [(model.id, pass_.id, target, unit) for target in targets for unit in selected]
                _refuse_gaps(expected, place)
                wanted += expected
    strangers = sorted(place.keys() - set(wanted))
    if strangers:
        model, pass_id, target, unit = strangers[0]
        raise DataError(
            f"inference: {len(strangers)} rows belong to no case, model and pass of this run "
            f"(first: model '{model}', pass '{pass_id}', target '{target}', unit {unit}). "
            "They come from another cohort or another protocol; run the inference again."
        )
    return pa.array([place[key] for key in wanted], pa.int64())


def _selected(cases: pa.Table, pass_: Pass) -> list[str]:
    units: list[str] = cases["unit"].to_pylist()
    chosen = pass_.chosen(units, cases["digest"].to_pylist(), lambda name: _column(cases, name))
    return [unit for unit in units if unit in chosen]


def _refuse_gaps(expected: Sequence[tuple[str, str, str, str]], place: Mapping[Any, int]) -> None:
    gaps = [key for key in expected if key not in place]
    if gaps:
        model, pass_id, _, unit = gaps[0]
        raise DataError(
            f"inference: model '{model}', pass '{pass_id}': {len(gaps)} of {len(expected)} cases have no row "
            f"(first: {unit}). A case that fails must be a row with its reason; finish the inference with --resume."
        )


def _assemble(protocol: StudyProtocol, cases: pa.Table, reference: pa.Table, inference: pa.Table) -> pa.Table:
    """One row each: case, its label for the target, and what was answered."""
    columns = {
        **{name: inference[name] for name in ("unit", "model", "pass", "target", "status", "failure", "score")},
        "cluster": _clusters(protocol, cases),
        "patient": cases["patient"],
        "study": cases["study"],
        "label_status": reference["status"],
        "label": reference["label"],
    }
    arrays = [_plain(columns[field.name], field.type) for field in UNITS]
    schema = UNITS
    for field in ANSWERS if "answer" in inference.column_names else ():
        schema = schema.append(field)
        arrays.append(_plain(inference[field.name], field.type))
    if EMBEDDING.name in inference.column_names:
        schema = schema.append(EMBEDDING)
        arrays.append(_plain(inference[EMBEDDING.name], EMBEDDING.type))
    for name in measure_columns(inference):
        schema = schema.append(
            EMPTY if name == EMPTY.name else pa.field(name, pa.float64(), metadata={"role": "measure"})
        )
        arrays.append(_plain(inference[name], schema.field(name).type))
    for attribute in case_attributes(protocol):
        field = pa.field(
            f"{STRATUM_PREFIX}{attribute}", pa.string(), nullable=False, metadata={"role": "stratum", "of": attribute}
        )
        schema = schema.append(field)
        arrays.append(pa.array(level_texts(attribute, _column(cases, attribute)), pa.string()))
    return pa.Table.from_arrays(arrays, schema=schema)


def _plain(column: pa.ChunkedArray | pa.Array, kind: pa.DataType) -> pa.Array:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return whole.cast(kind)


def _clusters(protocol: StudyProtocol, cases: pa.Table) -> pa.Array:
    """What is resampled, as pseudonyms; sites by their level. A case without a site has no place in the resampling."""
    cluster = protocol.cohort.cluster
    if cluster != "site":
        return cases[cluster]
    sites = level_texts("site", _column(cases, "site"))
    if without := sites.count(MISSING):
        raise DataError(
            f"cohort.cluster: site: {without} of {len(sites)} rows have no site, so they belong to no cluster. "
            "Complete the site table, exclude these cases in the protocol, or resample patients."
        )
    return pa.array(sites, pa.string())


def _column(cases: pa.Table, attribute: str) -> list[Any]:
    if attribute not in cases.column_names:
        raise _no_attribute(attribute, cases.column_names)
    values: list[Any] = cases[attribute].to_pylist()
    return values


def _no_attribute(attribute: str, known: Iterable[str]) -> DataError:
    names = ", ".join(sorted(set(known) - KEYS)) or "none"
    return DataError(
        f"cohort: no attribute '{attribute}' to group by; there are {names}. "
        "Harvest or join it under cohort.attributes, or take it out of the strata and analyses."
    )
