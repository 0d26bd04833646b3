"""The constant model says the same about every case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from validate.canonical import digest
from validate.errors import ModelError, ProtocolError
from validate.models.adapter import Batch
from validate.models.constant import ADAPTER

Make = Callable[..., Any]


def test_every_case_gets_the_same_score(model: Make, cases: Make) -> None:
    block = model(format="constant", output={"activation": "none", "kind": "probability"}, options={"value": 0.25})
    loaded = ADAPTER.load(block, base=Path(), device="cpu")
    assert [result.scores["score"] for result in loaded.predict(Batch(cases(3)))] == [0.25] * 3
    assert not loaded.needs_pixels


def test_its_digest_is_that_of_its_value(model: Make) -> None:
    stated = digest({"format": "constant", "value": 0.5})
    assert ADAPTER.load(model(format="constant", sha256=stated), base=Path(), device="cpu").identity.digest == stated
    with pytest.raises(ModelError, match="the protocol says"):
        ADAPTER.load(model(format="constant", sha256="0" * 64), base=Path(), device="cpu")


@pytest.mark.parametrize("options", [{"value": "high"}, {"value": float("nan")}, {"score": 1}])
def test_its_options_are_checked(model: Make, options: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match=r"models\.m\."):
        ADAPTER.load(model(format="constant", options=options), base=Path(), device="cpu")
