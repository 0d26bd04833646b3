"""The docs say of a long report's time what the stored run measured, and that is within what was set."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST = 12.0  # seconds for about 60 pages, 40 figures and 20 tables of 100 rows


def stored() -> list[dict[str, str]]:
    with (ROOT / "docs/report-speed.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_stored_run_is_of_the_shape_that_was_asked_for_and_in_time() -> None:
    first, _ = stored()
    pages = int(first["note"].partition(" pages")[0])
    assert 55 <= pages <= 65 and "40 figures, 20 tables of 100 rows printed whole" in first["note"]
    assert float(first["seconds"]) <= MOST
    assert first["note"].endswith(f"the peer's {pages} pages")  # the same document


@pytest.mark.parametrize("path", ["docs/report.md", "CHANGELOG.md"])
def test_docs_quote_the_stored_run(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    for row in stored():
        assert f"{row['seconds']} s" in text and f"{row['weasyprint_in_one_piece_seconds']} s" in text
        assert row["note"].partition(" pages")[0] + " pages" in text
