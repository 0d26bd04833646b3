"""Every printed number has an address, and what stands at the address is what is printed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from validate.evidence.own_words import foreign
from validate.evidence.printed import fits as lies_there
from validate.report.addresses import DRAWING, placed_values
from validate.report.document import _quoted
from validate.report.names import sealed_names
from validate.report.paper import own_words
from validate.report.render import render
from validate.report.sealed import read_sealed

NUMBER = re.compile(r"[<>=]?\s?[+−-]?[\d,]*\.?\d+%?")
# A whole addressed run of text, in HTML or in a drawing.
ADDRESSED = re.compile(r'<(t?span) data-address="[^"]*">[^<]*</\1>')


def at(folder: Path, address: str) -> Any:
    """What the evidence holds at `file#/json-pointer`."""
    name, pointer = address.split("#", 1)
    text = (folder / name).read_text(encoding="utf-8")
    if name.endswith(".jsonl"):
        value: Any = [json.loads(line) for line in text.splitlines()]
    else:
        value = yaml.safe_load(text) if name.endswith(".yaml") else json.loads(text)
    for escaped in pointer.split("/")[1:]:
        step = escaped.replace("~1", "/").replace("~0", "~")
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def fits(text: str, raw: float) -> bool:
    """Whether the text is `raw`, rounded to the places it shows: as it stands, in percent, or as a bound."""
    shown = re.sub(r"[,=\s]", "", text).replace("−", "-").rstrip("%")
    if shown[0] in "<>":
        bound = float(shown[1:])
        scaled = raw * (100 if text.endswith("%") else 1)
        return scaled < bound if shown[0] == "<" else scaled > bound
    places = len(shown.partition(".")[2])
    scales = (100,) if text.endswith("%") else (1, 100)
    return any(abs(float(shown) - raw * scale) <= 0.5000001 * 10**-places for scale in scales)


def html_of(folder: Path, **options: Any) -> str:
    return render(folder, formats=("html",), **options)[0].read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(build: Callable[..., Path]) -> Path:
    return build()


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return html_of(folder)


def test_each_number_read_back_by_its_address_is_the_sealed_one(folder: Path, html: str) -> None:
    seen = 0
    for section in placed_values(html):
        for address, text in section.values:
            if ";" in address:  # a name, or how many there are
                assert lies_there(folder, text, address), (address, text)
                continue
            raw = (
                at(folder, address)
                if not address.startswith("evidence/manifest.json#") or "/" in address[22:]
                else None
            )
            if isinstance(raw, int | float) and not isinstance(raw, bool) and NUMBER.fullmatch(text):
                assert fits(text, raw), (address, raw, text)
                seen += 1
    assert seen > 500


def test_each_tick_of_a_figure_on_the_page_is_read_back_from_the_file_beside_it(folder: Path, html: str) -> None:
    ticks = [
        (address, text) for section in placed_values(html) for address, text in section.values if "#/axes/" in address
    ]
    assert len(ticks) > 40
    held = json.loads((folder / "report/axes.json").read_text(encoding="utf-8"))["axes"]
    assert {name: len(values) for name, values in held.items()} == {
        name: sum(f"/axes/{name}/" in address for address, _ in ticks) for name in held
    }
    for address, text in ticks:
        assert address.startswith("report/axes.json#")
        assert lies_there(folder, text, address), (address, text)


def test_a_number_on_the_page_without_an_address_is_one_of_the_reports_own_words(folder: Path, html: str) -> None:
    bare = own_words(html, sealed_names(read_sealed(folder)))
    assert bare
    assert list(foreign(bare)) == []
    made_up = html.replace("</main>", "<p>Of 4,711 patients.</p></main>")
    assert list(foreign(own_words(made_up, sealed_names(read_sealed(folder))))) == ["Of 4,711 patients."]


def test_every_estimate_of_the_locked_rule_is_printed_with_its_address(folder: Path, html: str) -> None:
    printed = {address for section in placed_values(html) for address, _ in section.values}
    for index, estimate in enumerate(json.loads((folder / "estimates.json").read_text())["estimates"]):
        if estimate["value"] is not None:
            assert f"estimates.json#/estimates/{index}/value" in printed, estimate["id"]
        if estimate["interval"] is not None:
            assert f"estimates.json#/estimates/{index}/interval/low" in printed, estimate["id"]


def changed(folder: Path, index: int, key: str, value: float) -> None:
    path = folder / "estimates.json"
    document = json.loads(path.read_text())
    document["estimates"][index][key] = value
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("index", [0, 3, 8, 40])
def test_changing_one_estimate_changes_exactly_its_places(build: Callable[..., Path], index: int) -> None:
    folder = build(seed=5)
    before = html_of(folder)
    value = json.loads((folder / "estimates.json").read_text())["estimates"][index]["value"]
    changed(folder, index, "value", value - 0.1)
    after = html_of(folder)
    address = f"estimates.json#/estimates/{index}/value"
    old, new = ([v for s in placed_values(text) for v in s.values] for text in (before, after))
    assert [a for a, _ in old] == [a for a, _ in new]
    differs = {a for (a, was), (_, now) in zip(old, new, strict=True) if was != now}
    assert differs == {address}
    assert all(now != was for (a, was), (_, now) in zip(old, new, strict=True) if a == address)
    # Outside of figures nothing else moved; of the figures, only those that draw this estimate.
    words = [ADDRESSED.sub("#", DRAWING.sub("", text)) for text in (before, after)]
    assert words[0] == words[1]
    for was, now in zip(DRAWING.findall(before), DRAWING.findall(after), strict=True):
        assert (was == now) == (f'"{address}"' not in was)


def test_what_is_printed_without_an_address_does_not_depend_on_any_number(build: Callable[..., Path]) -> None:
    bare = []
    for seed in (1, 2):
        folder = build(seed=seed)
        text = ADDRESSED.sub("#", DRAWING.sub("", html_of(folder)))
        digest = re.search(r'data-running-id="[^"]* · ([0-9a-f ]+)"', text)
        assert digest is not None
        for written in (digest.group(1), str(_quoted(digest.group(1)))[1:-1]):
            text = text.replace(written, "DIGEST")
        bare.append(text)
    assert bare[0] == bare[1]


@pytest.mark.parametrize("profile", ["acceptance", "submission", "comparison"])
def test_a_profile_changes_order_and_words_but_no_number(folder: Path, html: str, profile: str, tmp_path: Path) -> None:
    other = html_of(folder, profile=profile, out=tmp_path)
    first, second = ({v for s in placed_values(text) for v in s.values} for text in (html, other))
    assert first == second
