"""Every event has somebody's name, and says where the name comes from."""

from __future__ import annotations

import pytest

from validate.errors import CommandError
from validate.provenance.actor import acting


def test_a_stated_name_comes_first_then_the_environment_then_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALIDATE_ACTOR", "B. Example")
    assert acting("Dr A. Example") == "Dr A. Example (stated)"
    assert acting() == "B. Example (stated)"
    monkeypatch.delenv("VALIDATE_ACTOR")
    assert acting().endswith(" (account)")


@pytest.mark.parametrize("name", ["", "   ", "two\nlines", "x" * 121, "bell\x07"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(CommandError, match="expected the name of the person"):
        acting(name)
