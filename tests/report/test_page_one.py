"""Page one of the PDF is one page, says of whatever it has no room for where it stands, and contradicts nothing behind it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from validate.report.render import _document, _study
from validate.report.sealed import read_sealed
from validate.report.sections import executive_verdict
from validate.report.study import Study

SENTENCE = (
    "The area under the ROC curve differs between groups of manufacturer by more than the margin that was fixed. "
)


def changed(folder: Path, name: str, change: Callable[[Any], None]) -> Path:
    """The folder, one of whose JSON documents was changed."""
    document = json.loads((folder / name).read_text(encoding="utf-8"))
    change(document)
    (folder / name).write_text(json.dumps(document), encoding="utf-8")
    return folder


def stating(folder: Path, words: str) -> Path:
    protocol = yaml.safe_load((folder / "protocol.yaml").read_text(encoding="utf-8"))
    protocol["statements"] = {"other_deviations": words}
    (folder / "protocol.yaml").write_text(yaml.safe_dump(protocol), encoding="utf-8")
    return folder


def many_criteria(verdict: dict[str, Any], count: int = 4, **fields: Any) -> None:
    """As many as wanted, each with the longest name that a criterion has: gaps between groups of scanner makers."""
    like = verdict["criteria"][0]
    verdict["sentence"] = SENTENCE * 5
    verdict["criteria"] = [
        {
            **copy.deepcopy(like), "id": f"acceptance[{place}]", "gap_of": "manufacturer", "hypothesis": "equivalence", "goal": 0.15,
            "outcome": "INCONCLUSIVE", "worst_level": "Fujifilm", "sentence": SENTENCE, **fields,
        }
        for place in range(count)
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("criteria", "models"), [(4, 1), (9, 1), (9, 2)])
def test_many_long_criteria_and_a_long_sentence_leave_page_one_on_one_page(
    build: Callable[..., Path], criteria: int, models: int
) -> None:
    from weasyprint import HTML

    names = [f"m{n}" for n in range(models)]
    folder = build(models=names, model_names=[f"Model {n}" for n in range(models)])

    def many(verdict: dict[str, Any]) -> None:
        many_criteria(verdict, criteria)
        verdict["criteria"] = [{**one, "model": name} for one in verdict["criteria"] for name in names]

    html = _document(_study(changed(folder, "verdict.json", many), None, None)).on_paper()[0]
    assert html.count("gap between groups of manufacturer") == (4 if models == 1 else 3)
    assert ("The other criteria stand in section R12" in html) is (criteria > 4)
    assert len(HTML(string=html).render().pages) == 2  # and the contents


def test_a_secondary_criterion_that_is_not_met_stands_on_page_one_beside_the_verdict(
    build: Callable[..., Path],
) -> None:
    folder = build(criteria=True)
    before = _page_one(folder)
    assert "no part of the verdict" not in before
    changed(folder, "verdict.json", lambda verdict: verdict["criteria"][-1].update(role="secondary", outcome="FAIL"))
    after = _page_one(folder)
    assert "Asked beside these, and no part of the verdict: FAIL" in after
    assert "The other secondary" not in after
    changed(folder, "verdict.json", lambda verdict: verdict["criteria"][-1].update(outcome="PASS"))
    assert "no part of the verdict" not in _page_one(folder)


def test_secondary_criteria_that_page_one_has_no_room_for_are_counted_there(build: Callable[..., Path]) -> None:
    folder = changed(build(), "verdict.json", lambda v: many_criteria(v, 5, role="secondary", outcome="FAIL"))
    said = _page_one(folder)
    assert said.count("no part of the verdict: FAIL") == 2
    assert "The other three secondary criteria that are not met: section R12." in said


def test_more_criteria_have_room_where_their_names_are_short(build: Callable[..., Path]) -> None:
    folder = changed(build(), "verdict.json", lambda verdict: many_criteria(verdict, 9, gap_of=None, worst_level=None))
    assert _page_one(folder).count("INCONCLUSIVE") == 6


@pytest.mark.parametrize("models", [1, 2])
def test_of_many_criteria_page_one_shows_those_that_are_not_met_and_says_where_the_others_are(
    build: Callable[..., Path], models: int
) -> None:
    names = [f"m{n}" for n in range(models)]
    folder = build(models=names, model_names=[f"Model {n}" for n in range(models)])

    def nine(verdict: dict[str, Any]) -> None:
        many_criteria(verdict, 9, outcome="PASS")
        verdict["criteria"][-1]["outcome"] = "FAIL"
        verdict["criteria"] = [{**one, "model": name} for one in verdict["criteria"] for name in names]

    said = _page_one(changed(folder, "verdict.json", nine))
    assert said.count("PASS") + said.count("FAIL") == (4 if models == 1 else 6)  # names this long take three lines each
    assert said.index("FAIL") < said.index("PASS")
    assert "The other criteria stand in section R12" in said


def test_the_sixth_model_of_a_thousand_is_counted(build: Callable[..., Path]) -> None:
    models = [f"m{n}" for n in range(7)]
    said = _page_one(build(models=models, model_names=[f"Model {n}" for n in range(7)]))
    assert "Model 4 1.0.0 , the same" in said
    assert "The other two models: section R15." in said


@pytest.mark.parametrize(
    ("counted", "stated", "expected"),
    [
        (0, None, "No deviation from what was locked is recorded."),
        (0, "Two cases were taken out by hand.",
         "No deviation from what was locked is recorded. The test operator states of others: Two cases were taken out by hand."),
        (4, "None", "appendix A7). The test operator states of others: None."),
        (0, "A long story. " * 20, "is recorded. What the test operator states of others stands in appendix A7."),
        (None, None, "Whether anything deviated from what was locked was not counted (appendix A7)."),
    ],
)  # fmt: skip
def test_what_is_counted_and_what_is_stated_of_deviations_stand_together(
    build: Callable[..., Path], counted: int | None, stated: str | None, expected: str
) -> None:
    folder = build()
    if counted is None:
        (folder / "evidence/deviations.json").unlink()
    elif not counted:
        changed(folder, "evidence/deviations.json", lambda one: one.update(total=0))
    if stated is not None:
        stating(folder, stated)
    assert expected in str(executive_verdict.content(Study(read_sealed(folder), "acceptance"))["conditions"])


def test_evidence_without_a_count_of_deviations_has_that_of_the_lock(build: Callable[..., Path]) -> None:
    folder = build()
    (folder / "evidence/deviations.json").unlink()
    amended = {
        "number": 1,
        "severity": "major",
        "when": "before_unblinding",
        "what": ["protocol: changed"],
        "why": "A slip.",
    }
    changed(folder, "lock.json", lambda lock: lock.update(amendments=[amended]))
    said = executive_verdict.content(Study(read_sealed(folder), "acceptance"))["conditions"]
    assert "Deviations from what was locked: 1 amendment; others were not counted (appendix A7)." in str(said)
    assert "lock.json#/amendments;length" in {piece.address for piece in said.pieces}


def _page_one(folder: Path) -> str:
    html = _document(_study(folder, None, None)).on_paper()[0]
    start = html.index('id="verdict-criteria"')
    return " ".join(re.sub(r"<[^>]+>", " ", html[start : html.index("Who is in", start)]).split())
