"""From the protocol's sources to the cohort: who is in, who is out and why, under pseudonyms."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from validate.canonical import digest
from validate.cohort.asked_tags import check_tags, hidden
from validate.cohort.case import Cohort, Exclusion
from validate.cohort.derived import named_in, with_derived
from validate.cohort.flow import participant_flow, reason_label
from validate.cohort.index import Candidate, index_folder
from validate.cohort.joined import numbers_if_all, with_attributes
from validate.cohort.manifest import cohort_digest
from validate.cohort.nifti_source import nifti_candidates, unnamed_files, with_image
from validate.cohort.privacy import pseudonym
from validate.cohort.privacy_check import checked_privacy
from validate.cohort.reference import has_label, label_counts
from validate.cohort.select import exclusion_reasons
from validate.cohort.strata import StrataCounts, confounding, proposed
from validate.cohort.table import key_text, read_table
from validate.cohort.units import cases_of, left_cases
from validate.cohort.vendors import read_vendors
from validate.errors import DataError
from validate.protocol.cohort import Source
from validate.protocol.file_names import fields
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import label_columns

Progress = Callable[[int, int | None], None]


def build_cohort(
    protocol: StudyProtocol,
    *,
    base: Path,
    site_key: bytes,
    workers: int = 2,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Cohort:
    """Every candidate file ends as a case or as an exclusion with its reason.

    base : what the protocol's paths are relative to      cache : where is kept what was read of headers (index_cache)
    Cases stand in the order of their content digests within study
    within patient, so that the same data give the same order at any site.
    Raises DataError when there is nothing to read, or nobody is eligible.
    """
    check_tags(protocol.cohort.attributes)
    candidates = _candidates(protocol, base, workers, cache, progress)
    candidates = with_derived(candidates, named_in(protocol), site_key)
    candidates = hidden(candidates, protocol.cohort.attributes, site_key)
    in_play = [candidate for candidate in candidates if candidate.reason is None]
    attributes = [dict(candidate.attributes) for candidate in in_play]
    joins = with_attributes(attributes, [c.keys for c in in_play], protocol.cohort.attributes, base) if in_play else {}
    completed = iter([replace(c, attributes=values) for c, values in zip(in_play, attributes, strict=True)])
    candidates = [next(completed) if candidate.reason is None else candidate for candidate in candidates]
    reasons = exclusion_reasons(candidates, protocol.cohort)
    privacy = checked_privacy(candidates, reasons, protocol.cohort.privacy) if protocol.cohort.privacy else None
    if privacy is not None:
        reasons |= privacy.excluded
    eligible = [candidate for at, candidate in enumerate(candidates) if at not in reasons]
    if not eligible:
        counts = Counter(code for code, _ in reasons.values())
        why = ", ".join(f"{reason_label(code).lower()}: {count}" for code, count in counts.most_common())
        raise DataError(f"no eligible case among {len(candidates)} files ({why}). Check cohort.sources and the rules.")
    labelled = has_label(protocol.reference, base)
    cases = cases_of(eligible, protocol, labelled, site_key)
    notes: dict[str, Any] = {
        "joins": joins,
        "missing": _missing(eligible),
        "synthetic": _synthetic(eligible),
        "reference": label_counts(protocol.reference, base, cases),
    }
    if privacy is not None:
        notes["privacy"] = dict(privacy.notes)
    if any(source.dicom is not None for source in protocol.cohort.sources):
        notes["strata"] = strata_notes(eligible, site_key)
    return Cohort(
        cases=cases,
        exclusions=tuple(_exclusion(candidates[at], reason, site_key) for at, reason in sorted(reasons.items())),
        flow=participant_flow(candidates, reasons),
        digest=cohort_digest(cases),
        notes=notes,
        warnings=() if privacy is None else privacy.warnings,
        left=left_cases([candidates[at] for at in reasons], eligible, protocol, labelled, site_key),
    )


def strata_notes(eligible: Sequence[Candidate], site_key: bytes) -> dict[str, Any]:
    """Acquisition strata that the eligible images propose, and how groups of patients spread over them (strata.py)."""
    counts = StrataCounts()
    for candidate in eligible:
        name = candidate.keys.get("institution")
        counts.add(candidate.attributes, pseudonym(site_key, "institution", name) if name else None)
    return {"proposed": proposed(counts), "confounding": confounding(counts)}


def _candidates(
    protocol: StudyProtocol, base: Path, workers: int, cache: Path | None, progress: Progress | None
) -> list[Candidate]:
    tags = {name: source.tag for name, source in protocol.cohort.attributes.items() if source.tag is not None}
    vendors = (base / protocol.cohort.vendors,) if protocol.cohort.vendors is not None else ()
    for table in vendors:
        read_vendors(str(table))  # a table that can't be read is said once, before any file is
    found: list[Candidate] = []
    for source in protocol.cohort.sources:
        if source.table is not None:
            found += _rows(protocol, source, base)
        elif source.dicom is not None:
            found += index_folder(
                (base / source.dicom).resolve(),
                tags=tags,
                identifiers=protocol.cohort.privacy is not None,
                vendors=vendors,
                workers=workers,
                cache=cache,
                progress=progress,
            )
        elif source.nifti is not None:
            found += nifti_candidates((base / source.nifti).resolve(), str(source.names))
        else:
            raise DataError("cohort.sources: folders of DICOM or NIfTI files and tables are read; name one.")
    return found


def _rows(protocol: StudyProtocol, source: Source, base: Path) -> list[Candidate]:
    """A table's rows as candidates: its columns are attributes, but for keys and anything the labels or scores say."""
    path = base / str(source.table)
    table = read_table(path, what="table of cases")
    place = table.by_key(str(source.key))
    named = {str(source.key), str(source.patient), source.study, source.image, *_naming_files(protocol)}
    if (base / str(protocol.reference.table)).resolve() == path.resolve():
        named |= set(label_columns(protocol.reference))
    for model in protocol.models:
        if model.path is not None and (base / model.path).resolve() == path.resolve():
            columns_of = model.options.get("scores")
            several = columns_of.values() if isinstance(columns_of, dict) else ()
            named |= {str(value) for value in (*model.options.values(), *several)} | {"score"}
    columns = {name: numbers_if_all(table.columns[name]) for name in table.columns if name not in named}
    patients = table.column(str(source.patient))
    studies = table.column(source.study) if source.study else None
    images = table.column(source.image) if source.image else None
    files = [name for name in _naming_files(protocol) if name in table.columns]
    folder = path.parent if source.images is None else (base / source.images).resolve()
    candidates = []
    for key, row in place.items():
        patient = key_text(patients[row])
        study = key_text(studies[row]) if studies is not None else key
        values = {name: column[row] for name, column in columns.items()}
        content = digest([key, patient, study, {name: values[name] for name in sorted(values)}])
        candidate = Candidate(path, f"{table.name}#{row}", content, attributes=values)
        if patient is None or study is None:
            lacking = source.patient if patient is None else source.study
            candidates.append(replace(candidate, reason="no_identity", detail=f"The row has no {lacking}."))
            continue
        keys = {"patient_id": patient, "study_instance_uid": study, "series_instance_uid": study}
        keys |= {"sop_instance_uid": key, str(source.key): key, str(source.patient): patient}
        keys |= {name: text for name in files if (text := key_text(table.columns[name][row])) is not None}
        candidate = replace(candidate, keys=keys)
        if images is not None:
            candidate = _with_image(candidate, folder, key_text(images[row]))
        candidates.append(candidate)
    if source.images is not None:
        candidates += unnamed_files(folder, [candidate.path for candidate in candidates])
    return candidates


def _naming_files(protocol: StudyProtocol) -> set[str]:
    """Columns that hold whole names of mask files ("{mask_file}"): keys, not attributes."""
    templates = [protocol.reference.names, *(model.options.get("masks") for model in protocol.models)]
    return {fields(names)[0] for names in templates if isinstance(names, str) and names == f"{{{names[1:-1]}}}"}


def _with_image(candidate: Candidate, folder: Path, image: str | None) -> Candidate:
    if image is None:
        return replace(candidate, reason="no_image", detail="The row names no image.")
    path = (folder / image).resolve()
    if not path.is_file():
        return replace(candidate, reason="no_image", detail="The image that the row names is not there.")
    return with_image(candidate, path)


def _exclusion(candidate: Candidate, reason: tuple[str, str], site_key: bytes) -> Exclusion:
    code, detail = reason
    patient, study = (candidate.keys.get(name) for name in ("patient_id", "study_instance_uid"))
    return Exclusion(
        file=pseudonym(site_key, "file", candidate.relative),
        reason=code,
        detail=detail,
        patient=pseudonym(site_key, "patient", patient) if patient else None,
        study=pseudonym(site_key, "study", study) if study else None,
        digest=candidate.digest,
    )


def _missing(eligible: Sequence[Candidate]) -> dict[str, dict[str, int]]:
    """Why an attribute is missing, counted: {"age": {"empty": 3, "no unit": 1}}."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for candidate in eligible:
        for name, reason in candidate.missing.items():
            counts[name][reason] += 1
    return {name: dict(sorted(counter.items())) for name, counter in sorted(counts.items())}


def _synthetic(eligible: Sequence[Candidate]) -> int:
    """Images that say of themselves that they are synthetic (0008,001C)."""
    return sum(candidate.attributes.get("synthetic") == "YES" for candidate in eligible)
