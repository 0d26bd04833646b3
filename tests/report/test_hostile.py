"""No study, however odd, prints what no reader may see: not on the screen, and not on paper."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from readable import BEYOND, FORBIDDEN, unreadable

from validate.report.render import render

BEYOND_ONE = re.compile(r"(?<![\d.,])(\d\.\d{3})\s*\((\d\.\d{3})\W+(\d\.\d{3})\)")
VERBATIM = "The protocol, word for word"  # whose text is not ours


HOSTILE: dict[str, dict[str, object]] = {
    "tiny": {"patients": 3, "positives": 2, "negatives": 2, "silent": 0},
    "only positives": {"positives": 40, "negatives": 0, "patients": 30},
    "only negatives": {"positives": 0, "negatives": 40, "patients": 30},
    "nobody": {"positives": 0, "negatives": 0, "patients": 0, "silent": 0},
    "huge": {"positives": 1_234_567, "negatives": 9_876_543, "patients": 3_000_000},
    "no strata": {"levels": {}},
    "no criteria": {"criteria": False},
    "no operating point": {"operating_point": False},
    "forty strata": {"levels": {f"attribute_{a}": tuple(f"level {k}" for k in range(10)) for a in range(4)}},
    "one level": {"levels": {"manufacturer": ("GE",)}},
    "five models": {
        "models": tuple("abcde"),
        "model_names": tuple(f"Model {m}" for m in "ABCDE"),
        "profile": "comparison",
    },
    "long names": {
        "model_names": ("Extraordinarily" * 9,),
        "question": "Does " + "a very long question " * 12 + "fit?",
        "levels": {
            "manufacturer": ("Gesellschaft für Bildgebende " * 5, "短い名前" * 12, "x" * 120),
            "sex": ("F", "M"),
        },
    },
    "extreme values": {"extreme": True, "followed": 40},
    "followed for years": {"followed": 400, "models": ("a", "b"), "model_names": ("Model A", "Model B")},
    "one patient followed": {"followed": 1},
    "unlocked": {"exploratory": True},
    "handed in": {"format": "predictions"},
    "comparator": {"kind": "comparator", "sampling": "consecutive", "synthetic": False},
}


def assert_readable(folder: Path) -> None:
    """No value that is none, no empty cell, no empty table."""
    render(folder, formats=("html",))
    assert unreadable((folder / "report/report.html").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_no_study_prints_what_no_reader_may_see(build: Callable[..., Path], name: str) -> None:
    assert_readable(build(**HOSTILE[name]))


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40).filter(
    # nor what becomes such a word as the title of a group: "none" is a fair name
    lambda text: text.strip() and not re.search(FORBIDDEN.pattern, text.replace("_", " "), re.IGNORECASE)
)
STUDIES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10**6),
        "patients": st.integers(0, 10**6),
        "positives": st.integers(0, 10**6),
        "negatives": st.integers(0, 10**6),
        "silent": st.integers(0, 50),
        "levels": st.dictionaries(NAMES, st.lists(NAMES, min_size=1, max_size=12, unique=True).map(tuple), max_size=4),
        "exploratory": st.booleans(),
        "criteria": st.booleans(),
        "operating_point": st.booleans(),
        "extreme": st.booleans(),
        "kind": st.sampled_from(["reference_standard", "comparator"]),
        "profile": st.sampled_from(["acceptance", "submission", "comparison"]),
        "question": NAMES,
        "models": st.integers(1, 5).map(lambda count: tuple("abcde"[:count])),
        "model_names": st.tuples(NAMES, NAMES, NAMES, NAMES, NAMES),
        "format": st.sampled_from(["onnx", "predictions"]),
        "sampling": st.sampled_from(["enriched", "consecutive"]),
        "synthetic": st.booleans(),
        "followed": st.integers(0, 60),
    }
)


def some_study(build: Callable[..., Path], fields: dict[str, object]) -> Path:
    names = fields["model_names"][: len(fields["models"])]  # type: ignore[index, arg-type]
    return build(**{**fields, "model_names": names})


@settings(max_examples=5, deadline=None, derandomize=True, phases=[Phase.generate])  # shrinking takes minutes
@given(fields=STUDIES)
def test_no_random_study_prints_it_either(build: Callable[..., Path], fields: dict[str, object]) -> None:
    assert_readable(some_study(build, fields))


@pytest.mark.slow
@settings(max_examples=30, deadline=None, phases=[Phase.generate])
@given(fields=STUDIES)
def test_no_other_random_study_prints_it(build: Callable[..., Path], fields: dict[str, object]) -> None:
    assert_readable(some_study(build, fields))


def assert_readable_on_paper(folder: Path) -> None:
    """The same of the PDF, as its own text says it."""
    render(folder, formats=("pdf",))
    pages = [page.extract_text() for page in pypdf.PdfReader(folder / "report/report.pdf").pages]
    text = "\n".join(pages)
    start = text.find(VERBATIM, text.find("About this report") + 3000)
    ours = text[:start] if start > 0 else text
    found = FORBIDDEN.search(ours)
    assert found is None, ours[max(0, found.start() - 200) : found.end() + 50]
    for line in ours.splitlines():
        for value, low, high in BEYOND_ONE.findall("" if any(name in line.lower() for name in BEYOND) else line):
            assert float(low) <= float(high) <= 1.0, (value, low, high)
    assert len(pages) > 10


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_no_pdf_prints_what_no_reader_may_see(build: Callable[..., Path], name: str) -> None:
    assert_readable_on_paper(build(**HOSTILE[name]))


@pytest.mark.slow
@settings(max_examples=4, deadline=None, phases=[Phase.generate])
@given(fields=STUDIES)
def test_no_pdf_of_a_random_study_prints_it_either(build: Callable[..., Path], fields: dict[str, object]) -> None:
    assert_readable_on_paper(some_study(build, fields))
