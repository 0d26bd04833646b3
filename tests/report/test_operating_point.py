from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import yaml

from validate.report.operating_point import at_the_point, without
from validate.report.render import render
from validate.report.sealed import read_sealed
from validate.report.study import Study


def words_of(html: str, anchor: str) -> str:
    """What a reader sees of one table or section."""
    start = html.index(f'id="{anchor}"')
    return " ".join(re.sub(r"<[^>]*>", " ", html[start : html.index("</table>", start)]).split())


def html_of(folder: Path) -> str:
    return render(folder, formats=("html",))[0].read_text(encoding="utf-8")


def test_likelihood_ratios_stand_beside_sensitivity_though_nobody_made_them_endpoints(
    build: Callable[..., Path],
) -> None:
    folder = build()
    html = html_of(folder)
    table = words_of(html, "at-the-point-candidate")
    places = [table.index(one) for one in ("Sensitivity", "Specificity", "Positive likelihood", "Negative likelihood")]
    assert places == sorted(places)
    ratios = re.findall(
        r"(?:− specificity \)|/ specificity|specificity\)) (\d+\.\d+) \( ?(\d+\.\d+) \W+ (\d+\.\d+) ?\)", table
    )
    assert len(ratios) == 2
    assert all(float(low) <= float(value) <= float(high) for value, low, high in ratios)
    assert "estimates.json#/estimates/" in html[html.index('id="at-the-point-candidate"') :].split("</table>")[0]


def test_against_a_comparator_there_are_none(build: Callable[..., Path]) -> None:
    html = html_of(build(kind="comparator"))
    assert "ikelihood ratio" not in html
    assert "Positive percent agreement" in words_of(html, "at-the-point-candidate")


def test_without_an_operating_point_there_is_no_such_table(build: Callable[..., Path]) -> None:
    assert 'id="at-the-point-candidate"' not in html_of(build(operating_point=False))


def test_page_one_counts_the_deviations_and_says_what_it_takes_for_one_right_prediction(
    build: Callable[..., Path],
) -> None:
    html = html_of(build())
    page = html[html.index('id="section-r02"') : html.index('id="section-r00"')]
    for address in ("evidence/deviations.json#/total", "evidence/deviations.json#/amendments/major"):
        assert f'data-address="{address}"' in page
    said = " ".join(re.sub(r"<[^>]*>", "", page).replace("\u2060", "").split())
    assert "Deviations from what was locked: 4 (1 major amendment, 2 minor amendments, 1 interruption" in said
    assert "Among 2.2 (1.6 or more) flagged there is one more with the finding than among as many that are not" in said
    assert "number needed to predict" not in said  # the name is for section R15, plain words for page one
    assert "False alarms for each one found: 0.9 (0.7–1.2)" in said


def test_page_one_counts_no_deviation_where_nothing_was_locked(build: Callable[..., Path]) -> None:
    html = html_of(build(exploratory=True))
    page = html[html.index('id="section-r02"') : html.index('id="section-r00"')]
    assert "evidence/deviations.json" not in page


def test_every_model_of_several_has_its_thousand_on_page_one(build: Callable[..., Path]) -> None:
    html = html_of(build(models=("a", "b"), model_names=("Model A", "Model B")))
    page = html[html.index('id="section-r02"') : html.index('id="section-r00"')]
    assert re.search(r"Model B</span> <span[^>]*>1\.0\.0</span>, the same: ", page)


def test_of_two_endpoints_with_one_measure_the_first_stands_at_the_operating_point(build: Callable[..., Path]) -> None:
    folder = build()
    place = folder / "estimates.json"
    document = json.loads(place.read_text(encoding="utf-8"))
    like = next(one for one in document["estimates"] if one["id"] == "sensitivity/candidate/clean")
    document["estimates"].append(
        {**like, "id": "other/candidate/clean", "endpoint": "other", "value": 0.111, "numerator": 111}
    )
    place.write_text(json.dumps(document), encoding="utf-8")
    table = at_the_point(Study(read_sealed(folder), "acceptance"), "candidate")
    assert [str(line.cells[0]) for line in table.rows].count("Sensitivity") == 1
    assert "11.1%" not in str(table)


def test_why_a_measure_at_the_operating_point_has_no_limits_is_said_of_every_one_in_the_table(
    build: Callable[..., Path],
) -> None:
    few = Study(read_sealed(build(patients=9, positives=5, negatives=4, silent=0)), "acceptance")
    assert "Sensitivity" in " ".join(map(str, without(few, "candidate")))
    none = build(patients=9, positives=5, negatives=4, silent=0, operating_point=False)
    assert without(Study(read_sealed(none), "acceptance"), "candidate") == []


def test_how_to_read_the_tables_is_said_once_and_at_the_first_model_that_has_them(build: Callable[..., Path]) -> None:
    folder = build(models=("a", "b"), model_names=("A", "B"))
    protocol = yaml.safe_load((folder / "protocol.yaml").read_text(encoding="utf-8"))
    protocol["models"][0]["operating_point"] = None
    (folder / "protocol.yaml").write_text(yaml.safe_dump(protocol), encoding="utf-8")
    findings = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
    first = next(one for one in findings["findings"] if one["analysis"] == "overall")
    first["data"].update(operating_point=None, tables=[])
    (folder / "findings.json").write_text(json.dumps(findings), encoding="utf-8")
    html = html_of(folder)
    assert html.count("likelihood ratios say how many times") == 1
    assert html.count("down the left column, sensitivity") == 1
