"""What no reader of a report may ever see, asked of the page itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

FORBIDDEN = re.compile(
    r"\b(NaN|nan|None(?! of the)|inf|Infinity|null|Undefined)\b"
)  # "None of the criteria is met" is English

BEYOND = ("slope", "likelihood ratio")  # names of what may lie beyond 1, as its row has them
RATIO = ("ratio", "slope")  # units of what may lie beyond 1


def unreadable(html: str, units: Sequence[str] = ()) -> list[str]:
    """Each value that is none, empty cell, empty table or impossible interval, with what stands around it.

    units : of the estimates, in their order; without them each is taken for an index or a share, but for slopes
    """
    text = re.sub(r"<(style|script)>.*?</\1>|<pre.*?</pre>", "", html, flags=re.DOTALL)
    text = re.sub(r'data-address="[^"]*"|="[^"]*"', "", text)
    seen = re.sub(r"<[^>]+>", " ", text).replace("None needed", "")  # of an ethics approval: somebody's own words
    found = [f"{one.group()}: {seen[max(0, one.start() - 200) : one.end() + 50]}" for one in FORBIDDEN.finditer(seen)]
    unsigned = re.sub(r'id="signatures".*?</table>', "", html, flags=re.DOTALL)
    found += [
        f"empty cell: {unsigned[max(0, one.start() - 200) : one.end()]}"
        for one in re.finditer(r"<(td|th)[^>]*></\1>", unsigned)
    ]
    found += [
        f"empty table: {html[max(0, one.start() - 300) : one.end()]}"
        for one in re.finditer(r"<tbody[^>]*>\s*</tbody>", html)
    ]
    return found + [impossible for row in html.split("<tr") for impossible in _impossible(row, units)]


def _impossible(row: str, units: Sequence[str]) -> list[str]:
    """An index beyond 1, or limits the wrong way round, such as 1.000 (0.000–2.000).

    A calibration slope and a likelihood ratio may lie beyond 1, and so may what calibration finds besides, such as observed over expected.
    """
    pattern = r'data-address="([^"]*)"[^>]*>(\d\.\d{3})</span> \(<span[^>]*>(\d\.\d{3})</span>\W*<span[^>]*>(\d\.\d{3})</span>\)'
    return [
        f"{value} ({low}–{high}) at {address}"
        for address, value, low, high in re.findall(pattern, row)
        if not float(low)
        <= float(high)
        <= (float("inf") if any(name in row.lower() for name in BEYOND) or _unbounded(address, units) else 1.0)
    ]


def _unbounded(address: str, units: Sequence[str]) -> bool:
    place = re.match(r"estimates\.json#/estimates/(\d+)/", address)
    return address.startswith("findings") or (place is not None and bool(units) and units[int(place[1])] in RATIO)
