from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from validate.evidence.letters import INVISIBLE, letters, visible


@given(st.text())
def test_each_sign_gives_one_letter_or_none_so_that_places_can_be_counted(text: str) -> None:
    assert len(letters(text)) == sum(not sign.isspace() and sign not in INVISIBLE for sign in text)
    assert letters(letters(text)) == letters(text)


@given(st.text())
def test_what_a_typesetter_may_change_does_not_count(text: str) -> None:
    assert letters("\u2060".join(text)) == letters(text)
    assert letters(" ".join(text)) == letters(text)
    assert visible(text) == visible(f" {text}\u200b ")


def test_capitals_that_have_one_small_letter_are_that_letter() -> None:
    assert letters("P\u00adatients\u00a0Ä") == "patientsä"
    assert letters("İ") == "İ"  # its small form is two signs: places would shift
