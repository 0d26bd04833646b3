"""A house style changes how a report looks and what it adds, and can't load, run or hide anything."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest

from validate.errors import CommandError
from validate.report.addresses import placed_values
from validate.report.document import _environment
from validate.report.house import contrast, read_house
from validate.report.render import render
from validate.resources import resource

YAML = """
name: St. Example
logo: logo.svg
colours: {accent: "#7a1f5c"}
signers:
  - {role: Clinical lead, name: Dr. A. Example}
  - {role: Medical physicist, name: B. Example}
sections:
  - id: H1
    title: Local rules
    question: What our department asks for besides
    after: R02
    text: |
      Every alert is read within an hour.

      - Night shift: the registrar.
      - <b>Day shift</b>: the consultant.
"""
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 4"><rect width="10" height="4" fill="#7a1f5c"/></svg>'


@pytest.fixture
def house(tmp_path: Path) -> Path:
    folder = tmp_path / "house"
    (folder / "templates/sections").mkdir(parents=True)
    (folder / "house.yaml").write_text(YAML)
    (folder / "house.css").write_text("h1 { letter-spacing: 0; }")
    (folder / "logo.svg").write_text(LOGO)
    (folder / "templates/sections/reproducibility.html.j2").write_text("<p>Ask the computing centre.</p>")
    return folder


def test_a_house_puts_its_logo_colours_signers_and_sections_in(build: Callable[..., Path], house: Path) -> None:
    folder = build(levels={"sex": ("F", "M")})
    plain = render(folder, formats=("html",))[0].read_text()
    render(folder, house=house)
    html = (folder / "report/report.html").read_text()
    assert 'class="logo" alt="St. Example"' in html
    assert "#7a1f5c" in re.search(r'<svg [^>]*data-figure="flow.*?</svg>', html, re.DOTALL)[0]  # type: ignore[index]
    assert "Dr. A. Example" in html
    assert "&lt;b&gt;Day shift&lt;/b&gt;" in html
    assert "Ask the computing centre." in html
    assert "sections/reproducibility.html.j2" in html  # what was replaced is said
    text = "".join(page.extract_text() for page in pypdf.PdfReader(folder / "report/report.pdf").pages)
    assert "What our department asks for besides" in text
    first, second = ({v for s in placed_values(text) for v in s.values} for text in (plain, html))
    assert second <= first


def test_a_house_style_in_the_run_folder_is_used_and_one_that_is_given_goes_before_it(
    build: Callable[..., Path], house: Path, tmp_path: Path
) -> None:
    folder = build(levels={})
    house.rename(folder / "house")
    assert "H1" in render(folder, formats=("html",))[0].read_text()
    other = tmp_path / "other"
    other.mkdir()
    (other / "house.yaml").write_text("name: Another")
    assert "Every alert" not in render(folder, formats=("html",), house=other)[0].read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour: red", r"house\.yaml: colour: Extra inputs"),
        ("colours: {accent: red}", "expected a colour such as '#0b5d6b', got 'red'"),
        ("colours: {accent: '#ffff00'}", r"contrast against white is 1\.1, text needs 4\.5"),
        ("logo: ../logo.svg", r"got '\.\./logo\.svg', expected a file of this folder"),
        ("logo: logo.gif", "ends in .svg, .png"),
        ("sections: [{id: R99, title: a, question: b, text: c}]", "should match pattern"),
        ("a: [", "is no YAML"),
    ],
)
def test_a_bad_house_style_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "house.yaml").write_text(text)
    with pytest.raises(CommandError, match=said):
        read_house(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("house.css", "body { background: url(http://example.com/x.png) }"),
        ("house.css", "@import 'x.css';"),
        ("house.css", "</style><script>"),
        ("logo.svg", "<svg><script>alert(1)</script></svg>"),
        ("logo.svg", '<svg><image href="http://example.com/x"/></svg>'),
    ],
)
def test_nothing_of_a_house_style_loads_or_runs(house: Path, name: str, content: str) -> None:
    (house / name).write_text(content)
    with pytest.raises(CommandError, match="loads"):
        read_house(house)


def test_a_template_that_reaches_out_of_its_sandbox_stops(build: Callable[..., Path], house: Path) -> None:
    from jinja2.exceptions import SecurityError

    template = house / "templates/sections/reproducibility.html.j2"
    template.write_text("{{ ''.__class__.__mro__[1].__subclasses__() }}")
    with pytest.raises(SecurityError):
        render(build(levels={}), formats=("html",), house=house)


def test_contrast_is_that_of_the_guideline() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)  # the lightest grey that passes AA


SHIPPED = resource("reports", "templates")


@pytest.mark.parametrize("name", sorted(path.relative_to(SHIPPED).as_posix() for path in SHIPPED.rglob("*.j2")))
def test_each_template_can_be_replaced_by_itself(house: Path, name: str) -> None:
    (house / "templates/sections/reproducibility.html.j2").unlink()
    (house / "templates" / name).write_text("Ours.")
    read = read_house(house)
    assert read.replaced == (name,)
    environment = _environment(read)
    assert environment.get_template(name).render() == "Ours."
    others = [path.relative_to(SHIPPED).as_posix() for path in SHIPPED.rglob("*.j2")]
    taken = {str(environment.get_template(one).filename) for one in others if one != name}
    assert len(taken) == len(others) - 1
    assert all(Path(one).is_relative_to(SHIPPED) for one in taken)
