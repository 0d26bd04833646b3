"""What a reference and an inference table must hold before they are joined; each refusal says what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyarrow as pa

from validate.errors import DataError
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import class_names, label_columns

LABEL_STATUSES = ("present", "missing", "indeterminate")
STATUSES = ("ok", "failed")


def refuse_duplicates(table: str, keys: Sequence[str]) -> None:
    """Raise DataError where a key stands twice."""
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise DataError(f"{table}: {key} stands in more than one row; each must stand in one. Remove the copies.")
        seen.add(key)


def check_reference(protocol: StudyProtocol, reference: pa.Table) -> None:
    """Labels are 1 or 0, or a class's number, where present and null elsewhere, and at least one is present; else DataError."""
    known = range(max(len(class_names(protocol.reference)), 2))
    statuses, labels = reference["status"].to_pylist(), reference["label"].to_pylist()
    _refuse_unknown("reference: status", statuses, LABEL_STATUSES)
    for status, label in zip(statuses, labels, strict=True):
        if status == "present" and label not in known:
            expected = "1 (positive) or 0 (negative)" if len(known) == 2 else f"a class's number, 0 to {known[-1]}"
            raise DataError(f"reference: a present label is {label!r}; expected {expected}.")
        if status != "present" and label is not None:
            raise DataError(f"reference: a label with status '{status}' is {label!r}; expected no value.")
    if "present" not in statuses:
        indeterminate = statuses.count("indeterminate")
        if protocol.reference.masks is not None:
            raise DataError(f"{protocol.reference.masks}: none of the {len(statuses)} cases has a reference mask.")
        if protocol.reference.marks is not None:
            raise DataError(
                f"{protocol.reference.marks}: none of the {len(statuses)} cases is in it. Check that "
                f"'{protocol.reference.key}' joins the same things on both sides."
            )
        reference_column = label_columns(protocol.reference)[0]
        raise DataError(
            f"{protocol.reference.table}: none of the {len(statuses)} cases has a usable label ({indeterminate} are "
            f"indeterminate, {len(statuses) - indeterminate} have none). Check that '{protocol.reference.key}' joins "
            f"the same things on both sides, and that column '{reference_column}' is filled."
        )


def check_inference(protocol: StudyProtocol, inference: pa.Table) -> None:
    """An output is a finite number, a failure has a reason and no number; else DataError."""
    promised = {model.id: model.output.kind for model in protocol.models}
    _refuse_unknown("inference: status", inference["status"].to_pylist(), STATUSES)
    columns = (inference[name].to_pylist() for name in ("model", "status", "failure", "score"))
    for model, status, failure, score in zip(*columns, strict=True):
        if status == "failed" and (score is not None or not failure):
            raise DataError(
                f"inference: a failed row of model '{model}' has score {score!r} and reason {failure!r}; "
                "expected no score and a reason. Run the inference again."
            )
        if status == "ok" and (score is None or not math.isfinite(score)):
            raise DataError(
                f"inference: a row of model '{model}' with status 'ok' has score {score!r}; expected a finite number. "
                "A case without a usable output must have status 'failed' and a reason."
            )
        if status == "ok" and promised[model] == "probability" and not 0 <= score <= 1:
            raise DataError(
                f"inference: model '{model}' promises a probability and gave {score!r}; expected 0 to 1. "
                "State its true output: kind: score, or the activation that makes it a probability."
            )


def _refuse_unknown(what: str, values: Sequence[str], known: Sequence[str]) -> None:
    unknown = sorted({str(value) for value in values} - set(known))
    if unknown:
        raise DataError(f"{what} '{unknown[0]}' is unknown; expected {', '.join(known)}.")
