"""R10 says of labels only what was seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from validate.report.render import render


@pytest.mark.parametrize(
    ("form", "there", "absent"),
    [
        (
            "onnx",
            "joined to the outputs afterwards; the process that runs a model does not open them.",
            "handed in can't be",
        ),
        (
            "predictions",
            "joined to the outputs afterwards. Whether they were known to whoever made",
            "does not open them",
        ),
    ],
)
def test_of_labels_only_what_was_seen_is_said(build: Callable[..., Path], form: str, there: str, absent: str) -> None:
    html = render(build(format=form, levels={}), formats=("html",))[0].read_text(encoding="utf-8")
    said = " ".join(re.sub(r"<[^>]*>", "", html).split())
    assert there in said and absent not in said
