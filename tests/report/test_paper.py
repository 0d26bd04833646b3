"""The PDF is read back and laid over the words it was set from: each printed value is found at its place, wherever it was set."""

from __future__ import annotations

import io
import json
import re
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pypdf
import pytest

from validate.evidence.pdf_text import pages_of
from validate.report.addresses import address_document, folios, for_paper
from validate.report.paper import OWN, paper_document, unplaced
from validate.report.pdf import bound, set_in_pages
from validate.report.press import press
from validate.report.set_text import UNKNOWN

STYLE = """@page { size: 120mm 90mm; @top-left { content: string(running-title) } @bottom-right
{ content: "page 888 of 888" } }
body { font: 10pt "DejaVu Sans"; string-set: running-title attr(data-running-title) } h1 { text-transform: uppercase }
.late { position: absolute; bottom: 0 } thead { display: table-header-group }"""


def value(text: str, address: str) -> str:
    return f'<span data-address="{address}">{text}</span>'


ROWS = "".join(f"<tr><td>row {n}</td><td>{value(f'0.{n:03}', f'e.json#/{n}')}</td></tr>" for n in range(40))
DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" data-figure="one" width="200" height="40"><title>no</title><desc>A drawing of 7</desc>'
    '<text x="5" y="20">Found <tspan data-address="e.json#/drawn">62.5%</tspan></text></svg>'
)
FAINT = "".join(f'<p style="opacity: .5">{word}</p>' for word in ("Faint", "and pale", "and paler"))
HTML = f"""<!doctype html><html lang="en"><head><title>t</title><style>{STYLE}</style></head>
<body data-running-title="Study 12 of 3"><section id="section-a"><h1>What {value("was", "e.json#/word")} found</h1>
<div class="late">{value("70", "e.json#/late/0")} of 80 are found, {value("10", "e.json#/late/1")} are missed</div>
<p>Sensitivity {value("88.5%", "e.json#/s")} ({value("85.2", "e.json#/low")}–{value("91.2", "e.json#/high")}); Study 12 of 3.</p>
{DRAWING}{FAINT}<table><thead><tr><th>Group 95</th><th>Estimate</th></tr></thead><tbody>{ROWS}</tbody></table></section></body></html>"""


@pytest.fixture(scope="module")
def pdf() -> bytes:
    with closing(press(2)) as at_work:
        created = datetime(2026, 3, 3, tzinfo=UTC)
        return bound(
            set_in_pages([for_paper(HTML)], at_work), identifier=b"1" * 32, created=created, attached=()
        ).content


@pytest.fixture(scope="module")
def paper(pdf: bytes) -> dict[str, Any]:
    return paper_document([HTML], pdf)


def addressed(paper: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (text, address)
        for page in paper["pages"]
        for run in (*page["runs"], *page["drawings"])
        for text, address in (piece for piece in run if not isinstance(piece, str))
        if not address.startswith(OWN)
    ]


def test_every_value_is_found_once_with_its_own_text_and_nothing_else_is_given_an_address(
    paper: dict[str, Any],
) -> None:
    found = {address: text.strip() for text, address in addressed(paper)}
    assert unplaced([HTML], paper) == []
    assert len(addressed(paper)) == len(found) == 40 + 7
    assert all(found[f"e.json#/{n}"] == f"0.{n:03}" for n in range(40))
    assert (found["e.json#/late/0"], found["e.json#/late/1"]) == ("70", "10")
    assert (found["e.json#/s"], found["e.json#/low"], found["e.json#/high"]) == ("88.5%", "85.2", "91.2")
    assert found["e.json#/drawn"] == "62.5%"
    assert found["e.json#/word"] == "WAS"  # as it is printed


def test_the_runs_are_those_of_the_pdf_in_its_order(pdf: bytes, paper: dict[str, Any]) -> None:
    pages = pages_of(pdf)
    assert len(pages) == len(paper["pages"]) > 2  # the table goes on over pages, its head is printed again
    for page, told in zip(pages, paper["pages"], strict=True):
        texts = ["".join(p if isinstance(p, str) else p[0] for p in run) for run in told["runs"]]
        assert texts == list(page.text)
        assert texts[-1].startswith("page ")
    assert sum("Group 95" in page.text for page in pages) > 2
    assert sum(page.drawings != () for page in pages) == 1


def test_a_value_that_the_page_does_not_show_is_named(pdf: bytes) -> None:
    more = HTML.replace("</section>", f"<p>{value('0.987654', 'e.json#/hidden')}</p></section>")
    assert unplaced([more], paper_document([more], pdf)) == ["e.json#/hidden"]


def test_a_number_that_is_none_of_the_words_has_an_address_that_nothing_has(pdf: bytes) -> None:
    other = HTML.replace("of 80 are found", "of 90 are found")  # as if the PDF had been made to say another number
    unknown = [text for text, address in addressed(paper_document([other], pdf)) if address == UNKNOWN]
    assert len(unknown) == 1
    assert "of 80 are found" in unknown[0]


def test_digits_in_words_are_those_of_a_sealed_name_or_are_listed_as_words_of_the_report(pdf: bytes) -> None:
    told = paper_document([HTML], pdf, names={"Group 95": "e.json#/groups/Group 95;name"})
    found = {(text.strip(), address) for text, address in addressed(told)}
    assert ("Group 95", "e.json#/groups/Group 95;name") in found
    assert "Group 95" not in told["words"]
    assert {"of 80 are found,", "); Study 12 of 3.", "row 1"} <= set(told["words"])
    plain = [
        p for page in told["pages"] for run in page["runs"] for p in run if isinstance(p, str) and re.search(r"\d", p)
    ]
    assert {re.sub(r"\d+", "n", text) for text in plain} == {
        "page n of n",
        "Study n of n",
    }  # a running head without pieces


def test_running_heads_and_the_numbers_of_pages_in_the_contents_have_their_addresses() -> None:
    pieces = json.dumps([[["Study ", None], ["12", "e.json#/id"], [" of 3", None]]])
    contents = "".join(
        f'<li><span>Part {one}</span><span class="folio" data-folio="section-{one}">888</span></li>' for one in "abcd"
    )
    style = STYLE + " .folio { float: right }"
    head = f"<!doctype html><html lang='en'><head><title>t</title><style>{style}</style></head>"
    head += f"<body data-running-title='Study 12 of 3' data-pieces='{pieces}'>"
    parts = [f'{head}<section id="section-a"><ol>{contents}</ol></section></body></html>']
    parts += [f'{head}<section id="section-{one}"><p>Part {one}</p></section></body></html>' for one in "bcd"]
    with closing(press(1)) as at_work:
        created = datetime(2026, 3, 3, tzinfo=UTC)
        made = bound(set_in_pages(parts, at_work), identifier=b"1" * 32, created=created, attached=())
    told = paper_document(parts, made.content, folios(address_document(parts, made.pages)))
    found = addressed(told)
    assert [text.strip() for text, address in found if address == "e.json#/id"] == ["12"] * 4
    of_contents = [(text.strip(), address) for text, address in found if address.startswith("report/addresses.json")]
    assert of_contents == [(f"{n + 1}", f"report/addresses.json#/sections/{n}/pages/0") for n in range(4)]


def test_another_program_copies_it_without_making_more_of_it(pdf: bytes) -> None:
    writer = pypdf.PdfWriter(clone_from=pypdf.PdfReader(io.BytesIO(pdf), strict=True), strict=True)
    assert len(writer.pages) == len(pages_of(pdf))
    assert len(re.findall(rb"\[/ICCBased \d+ 0 R\]", pdf)) == 0  # each is an object of its own, and compressed
