"""Words with digits that are the report's own: whole phrases of the program, and no number that stands in none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from validate.evidence.own_words import foreign


@pytest.mark.parametrize(
    "words",
    [
        "SHA-256", "R12", "F1 score", "Of 1,000 images like those in practice", "Macro F1",
        "Limits are two-sided; a two-sided 95% limit is a one-sided 97.5% limit.",
    ],
)  # fmt: skip
def test_a_phrase_of_the_program_is_its_own(words: str) -> None:
    assert list(foreign([words])) == []


@pytest.mark.parametrize(
    "words",
    [
        "99.9%", "0", "1.000", "88.5% (85.2–91.2)", "A range made so that, in 96 of 100 such studies, it holds the true value.",
        "Of 1,0005 images like those in practice", "40–59", "SHA-256 and 99 others", "12 more files",
    ],
)  # fmt: skip
def test_a_number_that_no_phrase_holds_is_not(words: str) -> None:
    assert list(foreign([words])) == [words]


def test_a_house_style_has_words_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "house.yaml").write_text("text: Call 112 where in doubt.\n")
    assert list(foreign(["Call 112 where in doubt."], [tmp_path / "house.yaml"])) == []
    assert list(foreign(["Call 113 where in doubt."], [tmp_path / "house.yaml"])) != []
