"""Figures are sound SVG, say in words what they show, and keep inside their frame."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from validate.report.figures.canvas import Canvas, Figure, fitted, text_width, ticks
from validate.report.figures.confusion_matrix import confusion_matrix
from validate.report.figures.flow import Box, flow
from validate.report.figures.flow_lanes import Lane, flow_lanes
from validate.report.figures.forest import MOST_ROWS, PART, Axis, Row, forests
from validate.report.figures.froc import froc
from validate.report.figures.heat_map import Cell, heat_map
from validate.report.figures.icon_array import icon_array
from validate.report.figures.kaplan_meier import Group, kaplan_meier
from validate.report.figures.precision_recall import precision_recall
from validate.report.figures.reliability import Bin, Outputs, reliability
from validate.report.figures.roc import Curve, roc
from validate.report.figures.score_histogram import Scores, score_histogram
from validate.report.figures.timeline import Moment, timeline
from validate.report.printed import printed
from validate.report.sealed import Node
from validate.report.sections.marks import _reach

SVG = "{http://www.w3.org/2000/svg}"


def parsed(figure: Figure) -> ET.Element:
    root = ET.fromstring(str(figure.svg))
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None and title.text and description is not None and description.text
    return root


def figures() -> list[Figure]:
    rows = [Row("Sex", head=True), Row("F", "12", 0.9, 0.8, 0.95, "0.900 (0.800–0.950)"), Row("M", "1", faint=True)]
    return [
        icon_array("a", found=71, missed=9, false_alarms=64, things="images"),
        flow("b", [Box("Found", printed("9")), Box("Out", printed("2"), leaves=True), Box("In", printed("7"))], description="x"),
        flow_lanes("b2", ["Identified", "With output"], [
            Lane("All", (printed("1,234,567"), printed("9")), (printed("−1,234,558"),), (1.0, 0.1), whole=True),
            Lane("N-7KQ4M2XH3ZB5W6LA", (printed("0"), printed("0")), (printed(""),), (0.0, 0.0)),
            Lane("A hospital with a name that fits no lane", (printed("3"), printed("3")), (printed("+3"),), (1.0, 1.0)),
        ], title="t", description="d"),
        *forests("c", rows, Axis(percent=False, goal=0.8, goal_words="goal 0.80"), title="t", description="d"),
        reliability("d", [Bin(0.1, 0.2, 0.1, 0.3), Bin(1.0, 1.0, None, None)], Outputs([0.0, 0.5, 1.0], [3, 0]), description="x"),
        roc("e", [Curve(printed("area"), [(0, 0), (0, 1), (1, 1)], operating=(0.1, 0.9))], x_title="x", y_title="y", description="z"),
        score_histogram("f", Scores([0.0, 0.5, 1.0], [0, 4], [5, 0], 0.5, "threshold 0.5"), description="x"),
        precision_recall("h", Curve(printed("ap"), [(0.1, 1.0), (1.0, 0.4)], [(0.1, 0.8), (1, 0.3)], [(0.1, 1), (1, 0.5)], (0.8, 0.7)),
                         prevalence=0.4, x_title="x", y_title="y", description="z"),
        timeline("i", [Moment(printed("09:00"), "Locked"), Moment(printed("09:05"), "Labels joined", "seen")], description="x"),
        heat_map("j", ["F", "M"], ["GE", "A very long name of a maker"], [[Cell(0.1, "3"), Cell(1.0, "30", "9 positive")],
                 [Cell(None, "–"), Cell(0.5, "15")]], down="Sex", across="Maker", title="t", description="d"),
        froc("l", [Curve(printed("mean"), [(0, 0), (0.2, 0.6), (3.1, 0.9)], operating=(0.2, 0.6))], x_title="x", y_title="y",
             description="d"),
        kaplan_meier("m", [Group("Low risk", [1.0, 2.5], [0.9, 0.7], [0.8, 0.5], [1.0, 0.9], [(2.0, 0.9)], ["10", "8", "2"]),
                           Group("High risk", [0.5], [0.4], at_risk=["9", "3", "0"])], last=4.0, at=[0.0, 2.0, 4.0], x_title="Years",
                     y_title="Without the event", description="d"),
        kaplan_meier("n", [Group("Nobody", [], [])], last=0.0, at=[0.0], x_title="x", y_title="y", description="d"),
        score_histogram("g", Scores([-3.0, 0.0, 4.0], [0, 0], [0, 0], None), description="x"),
    ]  # fmt: skip


@pytest.mark.parametrize("figure", figures(), ids=lambda figure: figure.name)
def test_every_mark_lies_inside_the_frame(figure: Figure) -> None:
    root = parsed(figure)
    width, height = (float(x) for x in root.attrib["viewBox"].split()[2:])
    for element in root.iter():
        for name, limit in (("x", width), ("cx", width), ("y", height), ("cy", height)):
            if name in element.attrib:
                assert -0.5 <= float(element.attrib[name]) <= limit + 0.5, ET.tostring(element)
        if element.tag == f"{SVG}text" and not element.get("transform"):
            size, text = float(element.attrib["font-size"]), "".join(element.itertext())
            long, x = text_width(text, size), float(element.attrib["x"])
            left = {"start": x, "middle": x - long / 2, "end": x - long}[element.attrib["text-anchor"]]
            assert left >= -6 and left + long <= width + 8, text


def test_the_icons_are_a_thousand_and_each_kind_has_its_own_shape() -> None:
    paths = parsed(figures()[0]).findall(f"{SVG}path")
    counts = [len(re.findall("M", path.attrib["d"])) for path in paths]
    assert counts == [1000 - 71 - 9 - 64, 71, 9, 64]
    assert len({re.sub(r"^M[\d.]+ [\d.]+", "", path.attrib["d"]).split("M")[0] for path in paths[1:]}) == 3


def test_a_forest_too_long_for_a_page_is_cut_between_groups_on_one_axis() -> None:
    rows = [
        r
        for g in range(5)
        for r in [Row(f"group {g}", head=True), *(Row(f"level {k}", "9", 0.5, 0.4, 0.6) for k in range(9))]
    ]
    drawn = forests("f", rows, Axis(percent=True), title="t", description="d")
    assert len(drawn) == 3
    titles = [re.findall(r">(group \d[^<]*)<", str(figure.svg)) for figure in drawn]
    assert titles == [["group 0", "group 1"], ["group 2", "group 3"], ["group 4"]]
    assert all(len(str(figure.svg).split("<circle")) - 1 <= PART for figure in drawn)


def test_two_parts_of_a_long_forest_fill_a_page_and_a_short_one_is_whole() -> None:
    rows = [Row(f"level {k}", "9", 0.5, 0.4, 0.6) for k in range(MOST_ROWS)]
    assert len(forests("f", rows, Axis(percent=True), title="t", description="d")) == 1
    tall = forests("f", rows, Axis(percent=True, tall=True), title="t", description="d")
    assert [float(re.findall(r'viewBox="0 0 493 ([\d.]+)"', str(one.svg))[0]) < 700 for one in tall] == [True, True]
    first, *_ = forests("f", rows * 3, Axis(percent=True), title="t", description="d")
    assert 300 < float(re.findall(r'viewBox="0 0 493 ([\d.]+)"', str(first.svg))[0]) < 340  # of 740 points


def test_one_group_longer_than_a_page_goes_on_under_its_title() -> None:
    rows = [Row("site", head=True), *(Row(f"level {k}", "9", 0.5, 0.4, 0.6) for k in range(80))]
    drawn = forests("f", rows, Axis(percent=True), title="t", description="d")
    assert len(drawn) == 4
    assert all("site, continued" in str(figure.svg) for figure in drawn[1:])


def test_markup_in_a_label_is_text_in_the_drawing() -> None:
    canvas = Canvas(100, 20)
    canvas.text((1, 9), "<script>&")
    root = parsed(canvas.figure("x", '<"title">', "<description>"))
    assert root.find(f"{SVG}text/{SVG}tspan") is None
    assert "".join(root.find(f"{SVG}text").itertext()) == "<script>&"  # type: ignore[union-attr]


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0.5, 1.0) == [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert ticks(-0.2, 0.2) == [-0.2, -0.1, 0.0, 0.1, 0.2]
    assert len(ticks(-4000.0, 9000.0)) > 1
    assert ticks(0.9823, 1.0) == [0.99, 1.0]
    assert ticks(0.9823, 1.0, fine=True) == [0.985, 0.99, 0.995, 1.0]  # an axis of one number has no scale


def test_text_that_does_not_fit_ends_in_an_ellipsis() -> None:
    assert str(fitted("Sensitivity", 8, 500)) == "Sensitivity"
    cut = fitted(printed("Sensitivity ") + printed("at threshold 0.5", "protocol.yaml#/x"), 8, 60)
    assert str(cut).endswith("…")
    assert [piece.address for piece in cut.pieces] == [None, "protocol.yaml#/x", None]
    assert text_width(fitted("Sensitivity at threshold 0.5", 8, 60), 8) <= 60


def test_a_long_label_of_a_forest_plot_stands_on_two_lines_and_whole() -> None:
    from validate.report.figures.forest import Axis, Row, forests

    label = "Lower limit of agreement, ejection fraction difference, left ventricle"
    rows = [Row(label, "58", 0.049, 0.025, 0.07, "4.9 points")]
    (drawn,) = forests("one", rows, Axis(percent=True, zero=True, tall=True), title="t", description="d")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", str(drawn))
    assert " ".join(text for text in texts if len(text) > 2 and text in label) == label


@pytest.mark.parametrize(
    ("false_marks", "reach"), [(None, 4.0), (0.9, 4.0), (4.0, 4.0), (4.1, 6.0), (8.0, 10.0), (8.76, 10.0)]
)
def test_a_free_response_curve_is_drawn_as_far_as_its_operating_point_lies(
    false_marks: float | None, reach: float
) -> None:
    operating = None if false_marks is None else {"false_per_case": false_marks, "sensitivity": 0.8}
    target = Node("findings.json", (), {"froc": {"points": [[0.0, 0.0]], "band": None, "operating": operating}})
    assert _reach([target]) == reach


def test_words_on_a_coloured_cell_keep_their_colour_on_a_dark_page() -> None:
    """The dark style sheet turns what has a class of a tone; the cells stay as they are, and so must what lies on them."""
    cells = [[Cell(0.1, "3"), Cell(1.0, "30", "9 positive")], [Cell(0.4, "12"), Cell(None, "too few")]]
    drawn = str(
        heat_map("j", ["F", "M"], ["GE", "B"], cells, down="Sex", across="Maker", title="t", description="d").svg
    )
    for words in ("3", "30", "9 positive", "12", "too few"):
        assert re.search(rf'<text class="cell"[^>]*>{words}</text>', drawn), words
    counts = [[(5, printed("5")), (1, printed("1"))], [(0, printed("0")), (7, printed("7"))]]
    matrix = str(
        confusion_matrix("k", ["a", "b"], ["a", "b"], counts, down="Reference", across="Answer", description="d").svg
    )
    assert matrix.count('class="cell"') == 4
