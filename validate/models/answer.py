"""What a foreign program says about one case, as JSON with files beside it → a prediction, or a failure that says what is wrong.

The program is hostile: nothing it wrote is followed out of its folder, and none of its words go into a table, since they may
hold identifiers; of a failure it reports, only a code is kept.
"""

from __future__ import annotations

import json
import math
import re
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from validate.imaging.mask import LabelMap
from validate.imaging.nifti import read_mask
from validate.imaging.volume import DecodeFailure
from validate.models.marks import SHAPES, marks
from validate.models.mask_predictions import mask_prediction
from validate.models.metaimage import ENDINGS, read_metaimage
from validate.models.output import class_scores
from validate.models.prediction import Failure, Prediction
from validate.protocol.model import Model
from validate.protocol.targets import written

LARGEST_DOCUMENT = 16 << 20  # bytes
CODE = re.compile(r"[a-z][a-z0-9_:]{0,39}")


class BadAnswer(Exception):
    """What was answered can't be read in one way only; a sentence without the answer's own words."""


def read_answer(path: Path, *, model: Model) -> Prediction | Failure:
    """The prediction in a JSON file; files that it names lie beside it. Raises ModelError for a wrong declaration."""
    try:
        return answer(read_document(path), folder=path.parent, model=model)
    except BadAnswer as bad:
        return Failure("bad_answer", str(bad))


def read_document(path: Path) -> Any:
    """JSON of a plain file, without NaN and without a key twice. Raises BadAnswer."""
    if not is_plain_file(path):
        raise BadAnswer("The answer is no plain file.")
    if path.stat().st_size > LARGEST_DOCUMENT:
        raise BadAnswer(f"The answer has more than {LARGEST_DOCUMENT >> 20} MiB.")
    try:
        return json.loads(path.read_bytes(), object_pairs_hook=_once, parse_constant=_no_constant)
    except BadAnswer:
        raise
    except (ValueError, RecursionError) as error:
        raise BadAnswer("The answer is not JSON.") from error


def answer(document: Any, *, folder: Path | None, model: Model) -> Prediction | Failure:
    """
    {"score": 0.93} or {"scores": {"a": 0.1, …}} or {"scores": [0.1, …]} · {"mask": "file.nii.gz"} ·
    {"marks": [{"geometry": […], "score": 0.9, "target": "nodule"}, …]} · {"failure": "code"}
    folder : where a mask may lie      Raises BadAnswer, and ModelError where numbers contradict the declaration.
    """
    if not isinstance(document, dict):
        raise BadAnswer("The answer is no JSON object.")
    said = [key for key in ("score", "scores", "mask", "marks", "failure") if key in document]
    if len(said) != 1:
        raise BadAnswer(
            f"The answer holds {' and '.join(said) or 'none'} of score, scores, mask, marks and failure; expected one."
        )
    (key,) = said
    value = document[key]
    if key == "failure":
        code = value if isinstance(value, str) and CODE.fullmatch(value) else "unspecified"
        return Failure("model_failure", f"The model reported that it failed on this case (code {code}).")
    kind = model.output.kind
    expected = "mask" if kind == "mask" else "marks" if kind in SHAPES else "score or scores"
    if key not in expected.split(" or "):
        raise BadAnswer(f"The answer holds {key}; the protocol expects {expected}.")
    if key == "mask":
        return mask_file(folder, value, model)
    if key == "marks":
        return _marks(value, model)
    return scores(value, model)


def scores(value: Any, model: Model) -> Prediction | Failure:
    """One number, several by name, or several in the protocol's order; null counts as no finite number."""
    columns = model.output.columns
    if isinstance(value, dict):
        if columns is None:
            raise BadAnswer("The answer names scores, and the protocol's output has no columns to match them with.")
        names = [written(column) for column in columns]
        given = {written(name): number for name, number in value.items()}
        if len(given) < len(value) or set(given) != set(names):
            lacking, extra = len(set(names) - set(given)), len(set(given) - set(names))
            raise BadAnswer(f"The answer's scores lack {lacking} of the protocol's columns and have {extra} others.")
        value = [given[name] for name in names]
    row = [_number(number) for number in (value if isinstance(value, list) else [value])]
    if not row:
        raise BadAnswer("The answer holds an empty list of scores.")
    (result,) = class_scores(np.array([row], np.float64), cases=1, model=model)
    return result


def mask_file(folder: Path | None, value: Any, model: Model) -> Prediction | Failure:
    """A label map in NIfTI or MetaImage that lies in the folder. Raises BadAnswer."""
    del model
    if folder is None or not isinstance(value, str):
        raise BadAnswer("The answer's mask is not the name of a file.")
    path = inside(folder, value)
    try:
        mask: LabelMap = read_metaimage(path) if path.name.lower().endswith(ENDINGS) else read_mask(path)
    except DecodeFailure as failure:
        return Failure(failure.reason.replace("nifti:", "mask:"), failure.detail)
    return mask_prediction(mask)


def inside(folder: Path, name: str) -> Path:
    """The plain file of this relative name in the folder, reached through no link. Raises BadAnswer."""
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\\" in name or "\0" in name:
        raise BadAnswer("The answer names a file outside its folder: refused.")
    path = folder
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise BadAnswer("The answer names a link: refused.")
    if not is_plain_file(path):
        raise BadAnswer("The answer names a file that is not there.")
    return path


def is_plain_file(path: Path) -> bool:
    """A regular file, and no link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _marks(value: Any, model: Model) -> Prediction | Failure:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise BadAnswer("The answer's marks are no list of objects.")
    geometry, told, targets = [], [], []
    for one in value:
        place = one.get("geometry")
        if not isinstance(place, list) or "score" not in one:
            raise BadAnswer("A mark of the answer lacks its geometry or its score.")
        geometry.append([_number(number) for number in place])
        told.append(_number(one["score"]))
        targets.append(one.get("target", ""))
    if len({len(place) for place in geometry}) > 1:
        raise BadAnswer("Marks of the answer have geometries of different lengths.")
    named = any(targets)
    return marks(
        np.array(geometry, np.float64), np.array(told, np.float64), model=model, targets=targets if named else None
    )


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadAnswer(f"The answer holds {type(value).__name__} where a number is expected.")
    return float(value)


def _once(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadAnswer("The answer has a key twice.")
    return found


def _no_constant(name: str) -> Any:
    del name
    raise BadAnswer("The answer holds NaN or an infinity, which is not JSON; write null where there is no number.")
