"""DICOM objects made elsewhere (SR, SEG, GSPS, secondary captures), matched with the cases by their UIDs. Not witnessed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from validate.canonical import file_digest
from validate.cohort.case import Case
from validate.errors import ModelError
from validate.models.adapter import Batch, ModelIdentity, read_options
from validate.models.dicom_answer import read
from validate.models.dicom_reading import CLASSES, NAMES, DicomReading, check_reading
from validate.models.dicom_references import KEYS, Level, References, references, refers_to
from validate.models.digest import check_digest, digest_of_digests
from validate.models.prediction import Failure, Prediction
from validate.protocol.model import Model

LISTED = 1000
LARGEST = 2 << 30  # bytes of one object
_NO_OBJECT = Failure("missing_output", "There is no DICOM object for this case.")


class DicomResultsOptions(BaseModel):
    """
    answer : what kind of object holds it, and how it is read
    match : what an object must refer to: the case's study, its series, or its image (any of its files)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: DicomReading = Field()
    match: Level = "image"


@dataclass(frozen=True, slots=True)
class _Object:
    """number : in the sorted folder, from 1, for messages: a file's name may be an identifier."""

    number: int
    path: Path = field(repr=False)
    refers: References = field(repr=False)


class DicomResultsModel:
    needs_pixels = False
    fixed_batch = None

    def __init__(self, model: Model, folder: Path, options: DicomResultsOptions) -> None:
        self._model, self._options = model, options
        paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        digest = digest_of_digests({name: file_digest(path) for name, path in paths.items()})
        check_digest(digest, model=model)
        self._objects, self._others = _objects(list(paths.values()), options.answer)
        what = NAMES[options.answer.kind]
        if not self._objects:
            raise ModelError(f"models.{model.id}.path: none of {len(paths)} files in {folder} is a {what}.")
        self._of: dict[str, _Object] = {}
        self.identity = ModelIdentity(
            id=model.id,
            format="dicom_results",
            digest=digest,
            provider="none",
            runtime=f"pydicom {metadata.version('pydicom')}",
            outputs=({"name": what, "type": "DICOM object", "shape": [None]},),
            witnessed=False,
            notes=("objects made elsewhere: inference was not witnessed",),
        )

    def misfit(self, shape: tuple[int, ...]) -> str | None:
        del shape
        return None

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        """Matched and unmatched on either side: cases by pseudonym, objects by number.

        Raises ModelError where no object, or more than one of a case, or one of several cases, is theirs.
        """
        self._of = {}
        place = f"models.{self._model.id}"
        matched: dict[int, str] = {}
        for case, found in zip(cases, self._matches(cases), strict=True):
            if len(found) > 1:
                numbers = " and ".join(str(one.number) for one in found[:2])
                raise ModelError(
                    f"{place}.path: objects {numbers} of the folder, in the order of names, are both of one case. Which one "
                    "counts must not be guessed: leave one."
                )
            for one in found:
                if one.number in matched:
                    raise ModelError(
                        f"{place}.match: object {one.number} of the folder, in the order of names, is of several cases, so "
                        f"'{self._options.match}' is coarser than this study's unit."
                    )
                matched[one.number] = case.unit
                self._of[case.unit] = one
        if not self._of:
            raise ModelError(
                f"{place}.match: none of {len(self._objects)} objects refers to the {self._options.match} of any of the "
                f"{len(cases)} cases."
            )
        without = [case.unit for case in cases if case.unit not in self._of]
        unmatched = [one.number for one in self._objects if one.number not in matched]
        return {
            "model": self._model.id,
            "cases": len(cases),
            "with_output": len(self._of),
            "cases_without_row": len(without),
            "rows_without_case": len(unmatched),
            "other_files": self._others,
            "cases_without_row_listed": without[:LISTED],
            "rows_without_case_listed": unmatched[:LISTED],
        }

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]:
        if any(case.unit not in self._of for case in batch.cases):
            found = self._matches(batch.cases)
            self._of |= {case.unit: one[0] for case, one in zip(batch.cases, found, strict=True) if len(one) == 1}
        return [self._one(case) for case in batch.cases]

    def close(self) -> None:
        """Nothing to close."""

    def _one(self, case: Case) -> Prediction | Failure:
        one = self._of.get(case.unit)
        if one is None:
            return _NO_OBJECT
        from pydicom import dcmread

        dataset = dcmread(one.path)
        return read(dataset, self._options.answer, case=case, model=self._model)

    def _matches(self, cases: Sequence[Case]) -> list[list[_Object]]:
        by_study: dict[str, list[_Object]] = {}
        for one in self._objects:
            by_study.setdefault(one.refers.study, []).append(one)
        return [
            [one for one in by_study.get(case.keys.get(KEYS["study"], ""), ()) if refers_to(one.refers, case, self._options.match)]
            for case in cases
        ]  # fmt: skip


class DicomResultsAdapter:
    needs_pixels = False
    OPTIONS: type[BaseModel] = DicomResultsOptions

    def load(self, model: Model, *, base: Path, device: str, threads: int = 0) -> DicomResultsModel:
        del device, threads  # nothing is computed
        options = read_options(DicomResultsOptions, model)
        check_reading(options.answer, model)
        if model.path is None or not (base / model.path).is_dir():
            raise ModelError(f"models.{model.id}.path: expected the folder that the DICOM objects lie in.")
        return DicomResultsModel(model, base / model.path, options)


def _objects(paths: Sequence[Path], reading: DicomReading) -> tuple[list[_Object], int]:
    """Those of the kind asked for, and how many other files there are."""
    from validate.imaging.reader_warnings import silence_readers

    silence_readers()
    found, others = [], 0
    for number, path in enumerate(paths, start=1):
        refers = _referring(path, reading)
        if refers is None:
            others += 1
        else:
            found.append(_Object(number, path, refers))
    return found, others


def _referring(path: Path, reading: DicomReading) -> References | None:
    from pydicom import dcmread

    if path.stat().st_size > LARGEST:
        return None
    try:
        dataset = dcmread(path, stop_before_pixels=True)
        if _class(dataset) not in CLASSES[reading.kind]:
            return None
        return references(dataset)
    except Exception:  # noqa: BLE001 - a folder may hold anything; what can't be read is counted as another file
        return None


def _class(dataset: Any) -> str:
    return str(dataset.get("SOPClassUID", ""))


ADAPTER = DicomResultsAdapter()
