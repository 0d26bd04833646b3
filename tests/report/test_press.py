"""What a part of a report does to the processes that set it, when it can't be set."""

from __future__ import annotations

import base64

import pytest

from validate.errors import MachineError
from validate.report.press import press

SVG = '<svg xmlns="http://www.w3.org/2000/svg" {} viewBox="0 0 9 9"><rect width="9" height="9" fill="#000000"/></svg>'


def shown(drawing: str) -> str:
    return f'<img style="width: 90px" src="data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}">'


FIGURE, LOGO = shown(SVG.format('data-figure="x"')), shown(SVG.format(""))


def test_a_part_that_cannot_be_set_is_said_with_its_reason() -> None:
    crew = press(2)
    try:
        crew.lay_out([FIGURE, "<p>two</p>"])
        with pytest.raises(MachineError, match=r"part 0 can't be set: KeyError: 'x'.*HTML report is written"):
            crew.number([0, 1], 2, {})
    finally:
        crew.close()


def test_a_foreign_drawing_of_our_strokes_is_left_to_the_engine() -> None:
    crew = press(2)
    try:
        crew.lay_out([LOGO, "<p>two</p>"])
        assert len(crew.number([0, 1], 2, {})) == 2
    finally:
        crew.close()
