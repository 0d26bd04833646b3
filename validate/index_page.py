"""An index as one HTML page that stands alone, with thumbnails. It holds pixels: it is for the site's own eyes."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from validate.canonical import write_atomically
from validate.cohort.flow import reason_label
from validate.cohort.strata import protocol_lines
from validate.errors import MachineError
from validate.imaging.burned_in import text_lines
from validate.imaging.dicom import read_image
from validate.imaging.failure import DecodeFailure
from validate.imaging.in_time import decoded_in_time
from validate.index_source import Indexed, Picture

SIDE = 168  # pixels of a thumbnail's longer side
CAPTION = ("modality", "manufacturer", "model", "view_position", "body_part")
STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--grey:#5b6570;--hair:#d5dae0;--paper:#fff;--warn:#9a6700;--bar:#dbe9eb}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--grey:#9aa4ae;--hair:#333a42;--paper:#14171a;--warn:#e0b050;--bar:#1f3a40}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--hair)}
p.sum{color:var(--grey);margin:.2rem 0 0}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0;border-bottom:1px solid var(--hair)}
th{font-weight:500;white-space:nowrap;width:11rem}td.n{text-align:right;font-variant-numeric:tabular-nums}
.level{display:inline-block;margin:0 .9rem .1rem 0}.level b{font-weight:400;color:var(--grey);font-variant-numeric:tabular-nums}
.grey{color:var(--grey)}.warn{color:var(--warn)}code{background:var(--bar);padding:.1rem .3rem}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(168px,1fr));gap:1rem}
figure{margin:0}figure div{background:#000;height:168px;display:flex;align-items:center;justify-content:center}
figure img{max-width:100%;max-height:168px}figcaption{font-size:.8rem;color:var(--grey)}
"""


def write_page(path: Path, name: str, found: Indexed) -> None:
    """Write the page, whole or not at all. Raises MachineError where it can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, page(name, found).encode())
    except OSError as error:
        raise MachineError(f"{path}: the page can't be written: {error.strerror}.") from error


def page(name: str, found: Indexed) -> str:
    """The page's text. Whatever a header holds is text there, never mark-up."""
    summary = found.summary
    total = (
        f"{summary['files']:,} files: {summary['images']:,} images of {summary['patients']:,} patients in "
        f"{summary['studies']:,} studies"
    )
    body = Markup("").join(
        [
            Markup("<h1>{}</h1><p class=sum>{}</p>").format(name or "Index", total),
            _attributes(summary),
            _counts("No images", "files", {reason_label(code): n for code, n in summary["not_images"].items()}),
            _counts("Defects", "images", {reason_label(code): n for code, n in summary["defects"].items()}),
            _identifiers(summary),
            _strata(summary),
            _confounding(summary),
            _pictures(found),
        ]
    )
    return str(
        Markup(
            "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
            "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
            "<title>{} – index</title><style>{}</style>{}</html>"
        ).format(name or "Index", Markup(STYLE), body)  # noqa: S704 (a literal of this file)
    )


def _attributes(summary: Mapping[str, Any]) -> Markup:
    rows = []
    for name, counts in {**summary["attributes"], "site": summary["sites"]}.items():
        levels = {level: count for level, count in counts.items() if level != "missing"}
        why = ", ".join(f"{reason} {count:,}" for reason, count in summary["missing"].get(name, {}).items())
        if levels:
            rows.append(_row(name.replace("_", " "), levels, why))
    return Markup(
        "<h2>What the headers say</h2><table><tr><th>attribute<th>images<th>missing, and why</tr>{}</table>"
    ).format(Markup("").join(rows))


def _row(name: str, levels: Mapping[str, int], why: str) -> Markup:
    cells = Markup("").join(
        Markup("<span class=level>{} <b>{}</b></span>").format(_plain(k), f"{n:,}") for k, n in levels.items()
    )
    return Markup("<tr><th>{}<td>{}<td class=grey>{}</tr>").format(name, cells, _plain(why))


def _counts(title: str, unit: str, counts: Mapping[str, int]) -> Markup:
    if not counts:
        return Markup()
    rows = Markup("").join(Markup("<tr><th>{}<td class=n>{}</tr>").format(k, f"{n:,}") for k, n in counts.items())
    return Markup("<h2>{} <span class=grey>({})</span></h2><table>{}</table>").format(title, unit, rows)


def _identifiers(summary: Mapping[str, Any]) -> Markup:
    if not summary["identifiers"]:
        return Markup()
    rows = Markup("").join(_row(kind, words, "") for kind, words in summary["identifiers"].items())
    return Markup(
        "<h2>Identifiers found</h2><p class=sum>Counts of images; no value is shown.</p><table>{}</table>"
    ).format(rows)


def _strata(summary: Mapping[str, Any]) -> Markup:
    rows = Markup("").join(
        _row(one["attribute"].replace("_", " "), one["levels"], "proposed" if one["use"] else one["why"])
        for one in summary["strata"]
    )
    return Markup(
        "<h2>Acquisition strata</h2><p class=sum>As a protocol has it: <code>{}</code></p><table>{}</table>"
    ).format(protocol_lines(summary["strata"]), rows)


def _confounding(summary: Mapping[str, Any]) -> Markup:
    table = summary["confounding"]
    singles = Markup("").join(
        Markup(
            "<p class=warn>{} of {} {} come from {} {}: a gap between groups may be one between scanners.</p>"
        ).format(
            f"{single['share']:.0%}",
            pair["group"].replace("_", " "),
            _plain(single["level"]),
            pair["by"],
            _plain(single["on"]),
        )
        for pair in table["pairs"]
        for single in pair["single"]
    )
    head = Markup("").join(
        Markup("<th>{}").format(column.replace("_", " ")) for column in [*table["columns"], "images"]
    )
    rows = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}").format(_plain(str(cell))) for cell in row))
        for row in table["rows"][:40]
    )
    return Markup("<h2>Groups × scanners × sites</h2>{}<table><tr>{}</tr>{}</table>").format(singles, head, rows)


def _pictures(found: Indexed) -> Markup:
    shown = Markup("").join(_picture(one) for one in found.pictures)
    return Markup("<h2>Some images of each kind</h2><div class=pictures>{}</div>").format(shown) if shown else Markup()


def _picture(one: Picture) -> Markup:
    words = " · ".join(str(one.attributes[name]) for name in CAPTION if one.attributes.get(name) is not None)
    try:
        frames = decoded_in_time(partial(read_image, one.path)).voxels
        frame = frames[len(frames) // 2]
        note = "text in the pixels?" if text_lines(frame) else ""
        drawn = Markup('<img alt="" src="data:image/png;base64,{}">').format(
            base64.b64encode(thumbnail(frame)).decode()
        )
    except DecodeFailure as failure:
        drawn, note = (
            Markup("<span class=grey>{}</span>").format(failure.reason.removeprefix("decode:").replace("_", " ")),
            "",
        )
    return Markup("<figure><div>{}</div><figcaption>{} <span class=warn>{}</span></figcaption></figure>").format(
        drawn, _plain(words), note
    )


def thumbnail(frame: NDArray[Any]) -> bytes:
    """PNG of a frame (y, x) or (y, x, 3), its longer side SIDE, between its 1st and 99th percentile."""
    from PIL import Image

    values = np.asarray(frame, dtype=np.float32)
    low, high = (float(x) for x in np.percentile(values, (1, 99)))
    grey = np.clip((values - low) / max(high - low, 1e-6), 0, 1) * 255
    image = Image.fromarray(grey.astype(np.uint8))
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
