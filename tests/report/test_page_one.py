"""Page one of the PDF is one page, also where four criteria take several lines each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from validate.report.render import _document, _study

ROW = re.compile(r'(<div class="tabled" id="verdict-criteria">.*?<tbody>\s*)(<tr>.*?</tr>)(.*?)(</tbody>)', re.DOTALL)
LONG = "Area under the ROC curve, gap between groups of manufacturer"


@pytest.mark.slow
def test_four_long_criteria_and_a_long_sentence_leave_page_one_on_one_page(build: Callable[..., Path]) -> None:
    from weasyprint import HTML

    html = _document(_study(build(), None, None)).on_paper()[0]
    row = '<tr><th scope="row">' + LONG + '</th><td class="numeric">101</td>'
    row += "<td>−0.114 (−0.228 to −0.034)</td><td>both limits within ±0.15</td><td>INCONCLUSIVE</td></tr>"
    html, times = ROW.subn(lambda found: found.group(1) + row * 4 + found.group(4), html, count=1)
    assert times == 1
    pages = HTML(string=html).render().pages
    assert len(pages) == 2  # and the contents


def test_a_secondary_criterion_that_is_not_met_stands_on_page_one_beside_the_verdict(
    build: Callable[..., Path],
) -> None:
    folder = build(criteria=True)
    before = _page_one(folder)
    assert "no part of the verdict" not in before
    place = folder / "verdict.json"
    verdict = json.loads(place.read_text(encoding="utf-8"))
    last = verdict["criteria"][-1]
    last.update(role="secondary", outcome="FAIL")
    place.write_text(json.dumps(verdict), encoding="utf-8")
    after = _page_one(folder)
    assert "Asked beside these, and no part of the verdict: FAIL" in after
    last["outcome"] = "PASS"
    place.write_text(json.dumps(verdict), encoding="utf-8")
    assert "no part of the verdict" not in _page_one(folder)


def _page_one(folder: Path) -> str:
    html = _document(_study(folder, None, None)).on_paper()[0]
    start = html.index("Criterion, fixed beforehand")
    return " ".join(re.sub(r"<[^>]+>", " ", html[start : html.index("Who is in", start)]).split())
