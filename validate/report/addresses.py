"""Which number stands where: section → address → printed text, read from the very document that is set."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from markupsafe import Markup, escape

SPAN = re.compile(r'<span data-address="[^"]*">([^<]*)</span>')
ATTRIBUTE = re.compile(r' data-address="[^"]*"')
DRAWING = re.compile(r"<svg [^>]*data-figure=.*?</svg>", re.DOTALL)
VALUE = re.compile(r'<section [^>]*?id="([^"]*)"|<t?span data-address="([^"]*)"[^>]*>([^<]*)</t?span>')
OF_PAPER, OF_PAGE = "report/addresses.json#/axes/", "report/axes.json#/axes/"  # where the ticks of figures lie
TICK = re.compile(
    r'<tspan data-address="report/(?:addresses|axes)\.json#/axes/([^"/]*)/\d+" data-tick="([^"]*)">([^<]*)</tspan>'
)
FOLIO = re.compile(r'<span class="folio[^>]*>[^<]*</span>')
DESCRIPTION = re.compile(r"<desc[^>]*>(.*?)</desc>", re.DOTALL)


@dataclass(slots=True)
class Placed:
    """One section's printed values, in reading order."""

    id: str
    values: list[tuple[str, str]] = field(default_factory=list)  # address, text


def placed_values(*documents: str) -> list[Placed]:
    """Every printed value of the document, or of its parts, that has an address."""
    sections: list[Placed] = []
    for html in documents:
        for found in VALUE.finditer(html):
            section, address, text = found.groups()
            if section is not None:
                sections.append(Placed(section))
            elif sections:
                sections[-1].values.append((unescape(address), unescape(text)))
    return sections


def address_document(parts: Sequence[str], pages: dict[str, tuple[int, int]]) -> dict[str, Any]:
    """report/addresses.json: for each section its pages in the PDF and what is printed from where; for each figure its ticks."""
    return {
        "schema_version": "1",
        "axes": _axes(parts),
        "sections": [
            {
                "id": section.id,
                "pages": list(pages[section.id]) if section.id in pages else None,
                "values": [{"address": address, "text": text} for address, text in section.values],
            }
            for section in placed_values(*parts)
        ],
    }


def folios(document: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Of each section the page that the contents print, with its address.    document : of `address_document`"""
    return {
        one["id"]: (str(one["pages"][0]), f"report/addresses.json#/sections/{place}/pages/0")
        for place, one in enumerate(document["sections"])
        if one["pages"]
    }


def axes_document(html: str) -> dict[str, Any]:
    """report/axes.json: for each figure of the page its ticks, unrounded.    html : as `for_screen` gives it"""
    return {"schema_version": "1", "axes": _axes([html])}


def _axes(documents: Sequence[str]) -> dict[str, list[float]]:
    axes: dict[str, list[float]] = {}
    for html in documents:
        for figure, value, _ in TICK.findall(html):
            axes.setdefault(unescape(figure), []).append(float(value))
    return axes


def for_screen(html: str) -> str:
    """The same document without numbers of pages, and with the ticks of its figures in the page's own file: both may be set apart."""
    return TICK.sub(lambda found: found.group().replace(OF_PAPER, OF_PAGE, 1), FOLIO.sub("", html))


def for_paper(html: str) -> str:
    """The same document without addresses, its figures as images: set several times faster, word for word alike."""
    return ATTRIBUTE.sub("", SPAN.sub(r"\1", DRAWING.sub(_image, TICK.sub(r"\3", html))))


def _image(found: re.Match[str]) -> str:
    drawing = ATTRIBUTE.sub("", found.group())
    description = DESCRIPTION.search(drawing)
    encoded = base64.b64encode(drawing.encode()).decode()
    words = unescape(description.group(1)) if description else ""
    return str(Markup('<img alt="{}" src="data:image/svg+xml;base64,{}">').format(escape(words), encoded))
