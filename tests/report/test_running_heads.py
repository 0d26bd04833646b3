"""What stands at the edges of pages that a browser prints is a string of a style sheet, whatever a name holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from validate.report.document import _quoted
from validate.report.render import _document, _study

ESCAPE = re.compile(r"\\([0-9a-f]{6})")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_and_none_ends_its_string(text: str) -> None:
    quoted = str(_quoted(text))
    inside = quoted[1:-1]
    assert quoted[0] == quoted[-1] == "'" and re.fullmatch(r"(?:[A-Za-z0-9]|\\[0-9a-f]{6})*", inside)
    assert ESCAPE.sub(lambda found: chr(int(found[1], 16)), inside) == text


def test_a_hostile_name_stays_within_its_running_head(build: Callable[..., Path]) -> None:
    name = "A';} body { display: none } </style>\"><b>"
    html = _document(_study(build(model_names=(name,)), None, None)).on_screen()
    found: list[str] = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, attrs: found.append(dict(attrs)["style"] or "") if tag == "html" else None  # type: ignore[method-assign]
    reader.feed(html)
    (style,) = found
    rules = dict(rule.split(": ", 1) for rule in style.rstrip(";").split(";"))
    assert list(rules) == [f"--running-{one}" for one in ("title", "id", "stamp", "exploratory")]
    assert ESCAPE.sub(lambda one: chr(int(one[1], 16)), rules["--running-title"]).startswith(f"'{name}")
