"""Marks as a model returns them: what is believed, and what makes a case a failure with a reason."""

from __future__ import annotations

import numpy as np
import pytest

from validate.errors import ModelError
from validate.models.marks import marks
from validate.models.prediction import Boxes, Failure
from validate.protocol.model import Model


def model(kind: str = "balls", space: str | None = "mm", columns: tuple[str, ...] | None = None) -> Model:
    output = {"activation": "none", "kind": kind, "space": space, "columns": columns}
    return Model.model_validate({"id": "m", "name": "M", "version": "1", "format": "python", "output": output})


def test_marks_keep_their_place_score_and_kind() -> None:
    found = marks([[1, 2, 3, 4]], [0.5], model=model(columns=("mass", "nodule")), targets=[1])
    assert isinstance(found, Boxes)
    assert (found.shape, found.space, found.targets) == ("ball", "mm", ("nodule",))
    assert found.geometry.tolist() == [[1, 2, 3, 4]]


def test_no_mark_is_an_answer() -> None:
    found = marks([], [], model=model())
    assert isinstance(found, Boxes)
    assert len(found) == 0


@pytest.mark.parametrize(
    ("kind", "geometry", "scores", "reason", "words"),
    [
        (
            "balls",
            [[1, 2, 3, 4], [1, 2, 3, 5]],
            [0.5, np.nan],
            "marks:score",
            "Mark 2 of 2 has a score that is no finite number",
        ),
        ("balls", [[1, 2, np.inf, 4]], [0.5], "marks:geometry", "lies at no finite place"),
        ("balls", [[1, 2, 3, 0]], [0.5], "marks:inverted", "has no diameter"),
        ("boxes", [[5, 5, 4, 9]], [0.5], "marks:inverted", "upper corner does not lie beyond"),
        ("points", [[5, 5], [5, 5]], [0.5, 0.4], "marks:duplicate", "Mark 2 of 2 is at the very place of another"),
    ],
)
def test_a_mark_that_is_wrong_is_a_reason_and_no_number(kind, geometry, scores, reason, words) -> None:  # type: ignore[no-untyped-def]
    found = marks(geometry, scores, model=model(kind))
    assert isinstance(found, Failure)
    assert found.reason == reason
    assert words in found.detail


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"geometry": [[1, 2, 3]], "scores": [0.5], "model": model("boxes")}, "a box is 4 or 6 numbers"),
        ({"geometry": [[1, 2, 3, 4]], "scores": [0.5, 0.1], "model": model()}, "with one score each"),
        ({"geometry": [[1, 2, 3, 4]], "scores": [0.5], "model": model(space=None)}, "space: missing"),
        ({"geometry": [[1, 2, 3, 4]], "scores": [0.5], "model": model(columns=("a",)), "targets": [3]}, "there are 1, from 0"),
    ],
)  # fmt: skip
def test_a_declaration_that_does_not_fit_stops_the_run(given, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ModelError, match=words):
        marks(**given)
