"""A model's second output: numbers of each case beside its score, in every format that gives one, and what is said without it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validate.errors import ModelError
from validate.inference.aggregate import aggregated
from validate.models.adapter import Batch
from validate.models.embedding import embeddings
from validate.models.onnx import ADAPTER as ONNX
from validate.models.prediction import ClassScores, Failure
from validate.models.predictions import ADAPTER as PREDICTIONS
from validate.models.python import ADAPTER as PYTHON
from validate.models.torch import ADAPTER as TORCH
from validate.protocol.model import Aggregate

Make = Callable[..., Any]
Save = Callable[[str, bytes], Path]
SCORE = {"activation": "sigmoid", "kind": "probability"}


def second(name: str, size: int = 1, first: str = "logits") -> dict[str, Any]:
    return {**SCORE, "name": first, "embedding": {"name": name, "size": size}}


def told(results: Any) -> tuple[list[float], list[tuple[float, ...]]]:
    return [one.scores["score"] for one in results], [one.embedding for one in results]


def test_an_onnx_model_gives_both_outputs_of_a_batch(
    model: Make, onnx_bytes: Make, saved: Save, batch: Make, expected: Make
) -> None:
    base = saved("tiny.onnx", onnx_bytes(outputs=("logits", "inner")))
    loaded = ONNX.load(model(output=second("inner")), base=base, device="cpu")
    images = batch(5)
    scores, inner = told(loaded.predict(images))
    logits = 4.0 * images.pixels.astype(np.float64).mean(axis=(1, 2, 3)) - 1.5
    assert scores == pytest.approx(expected(images.pixels), abs=1e-7)
    assert np.ravel(inner) == pytest.approx(logits, abs=1e-6)
    loaded.close()


@pytest.mark.parametrize(
    ("embedding", "message"),
    [
        ({"name": "features", "size": 1}, r"output.embedding.name: no output 'features'; this model's outputs are 'logits', 'inner'"),
        ({"name": "inner", "size": 7}, r"'inner' has the shape \['batch', 1\]; expected \(batch, 7\), one row of 7 numbers"),
    ],
)  # fmt: skip
def test_what_the_file_does_not_have_is_said_before_a_case_is_read(
    model: Make, onnx_bytes: Make, saved: Save, embedding: dict[str, Any], message: str
) -> None:
    base = saved("tiny.onnx", onnx_bytes(outputs=("logits", "inner")))
    with pytest.raises(ModelError, match=message):
        ONNX.load(model(output={**SCORE, "name": "logits", "embedding": embedding}), base=base, device="cpu")


@pytest.mark.parametrize("kind", ["export", "torchscript"])
def test_a_torch_program_gives_both_and_names_what_it_has(
    model: Make, torch_bytes: Make, batch: Make, tmp_path: Path, kind: str
) -> None:
    pytest.importorskip("torch")
    (tmp_path / "tiny.pt2").write_bytes(torch_bytes(kind, returns="dict"))
    images = batch(3)
    loaded = TORCH.load(
        model(format="torch", path="tiny.pt2", output=second("double")), base=tmp_path, device="cpu", threads=1
    )
    scores, inner = told(loaded.predict(images))
    assert np.ravel(inner) / 2 == pytest.approx(np.log(np.array(scores) / (1 - np.array(scores))), abs=1e-5)
    loaded.close()
    with pytest.raises(ModelError, match="no output 'features'; this model's outputs are"):
        wrong = model(format="torch", path="tiny.pt2", output=second("features"))
        loaded = TORCH.load(wrong, base=tmp_path, device="cpu", threads=1)
        loaded.predict(images)
    loaded.close()


def test_a_callable_gives_both_and_a_wrong_shape_is_an_error_that_says_so(
    model: Make, batch: Make, tmp_path: Path
) -> None:
    (tmp_path / "tiny.py").write_text(
        "def two(images):\n"
        "    mean = images.astype('float64').mean(axis=(2, 3))\n"
        "    return {'logits': mean[:, 0], 'inner': mean, 'square': mean[:, :, None]}\n"
    )
    images = batch(3)
    for name in ("inner", "square"):
        block = model(format="python", path="tiny.py", output=second(name), options={"call": "tiny:two"})
        loaded = PYTHON.load(block, base=tmp_path, device="cpu", threads=1)
        try:
            if name == "inner":
                assert np.ravel(told(loaded.predict(images))[1]) == pytest.approx(images.pixels.mean(axis=(1, 2, 3)))
            else:
                with pytest.raises(
                    ModelError, match=r"'square' has the shape \[3, 1, 1\] for 3 cases; expected \(3, 1\)"
                ):
                    loaded.predict(images)
        finally:
            loaded.close()


def test_columns_of_a_table_are_read_beside_the_score(model: Make, saved: Save, cases: Make) -> None:
    content = b"case_id,score,e0,e1\nA0,0.25,1.5,-2\nA1,0.5,,3\nA2,,1,2\n"
    block = model(
        format="predictions", path="a.csv", options={"key": "case_id"},
        output={"activation": "none", "kind": "probability", "embedding": {"columns": ["e0", "e1"]}},
    )  # fmt: skip
    first, lacking, nothing = PREDICTIONS.load(block, base=saved("a.csv", content), device="cpu").predict(
        Batch(cases(3))
    )
    assert first == ClassScores({"score": 0.25}, (0.25,), (1.5, -2.0))
    assert isinstance(lacking, ClassScores) and lacking.embedding == ()
    assert isinstance(nothing, Failure)
    with pytest.raises(ModelError, match="has no column 'e1'; its columns are 'case_id', 'score', 'e0'"):
        PREDICTIONS.load(block, base=saved("a.csv", b"case_id,score,e0\nA0,0.5,1\n"), device="cpu")


def test_a_number_that_is_not_finite_leaves_the_case_without_an_embedding_and_with_its_score(model: Make) -> None:
    block = model(output=second("inner", 2))
    found = embeddings(np.array([[1.0, 2.0], [np.nan, 0.0]], np.float32), cases=2, model=block)
    assert found == [(1.0, 2.0), ()]


def test_of_several_images_it_is_their_mean_and_none_where_one_has_none() -> None:
    one, other, none = (
        ClassScores({"score": s}, (s,), e) for s, e in ((0.2, (1.0, 3.0)), (0.4, (3.0, 5.0)), (0.6, ()))
    )
    rule = Aggregate(to="study", score="max")
    assert aggregated([one, other], rule) == ClassScores({"score": 0.4}, (0.2, 0.4), (2.0, 4.0))
    assert aggregated([one, none], rule).embedding == ()  # type: ignore[union-attr]
