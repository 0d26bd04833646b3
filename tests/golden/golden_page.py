"""The golden table as a page of the docs: `python tests/golden/golden_page.py`."""

from __future__ import annotations

from pathlib import Path

import yaml

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/statistics/golden.md"
HEAD = """# What each method was held against

A number that nobody else gets is no evidence. Every method is compared with the field's software, with a published table or
with a case worked by hand, in a test that stands in the repository and needs none of that software. The scripts that made R's
values are in [tests/golden/r](../../tests/golden/r).

| method | held against | within | test |
|---|---|---|---|
"""


def entries() -> list[dict[str, str]]:
    """One for each line of the table."""
    found: list[dict[str, str]] = yaml.safe_load((HERE / "golden.yaml").read_text(encoding="utf-8"))
    return found


def page() -> str:
    """The whole page."""
    rows = []
    for entry in entries():
        path, name = entry["test"].split("::")
        rows.append(f"| {entry['method']} | {entry['against']} | {entry['within']} | [{name}](../../{path}) |")
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
