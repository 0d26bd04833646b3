"""The robustness protocol of the gallery from files to a sealed report; a later month against the accepted run; gaps between masks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import validate
from validate.canonical import file_digest
from validate.evidence.verify import verify
from validate.numbers import recomputation
from validate.phantoms.cardiac_sample import write_cardiac
from validate.report.again import made_again

pytestmark = pytest.mark.slow
Tree = Callable[[Path], Path]


@pytest.fixture(scope="module")
def quick(on_screen: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """The protocol with few resamples and no PDF."""

    def changed(path: Path) -> Path:
        text, times = re.subn(r"replicates: (1000|2000)\b", "replicates: 200", on_screen(path).read_text())
        assert times == 1, path
        path.write_text(text)
        return path

    return changed


@pytest.fixture(scope="module")
def gallery(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tree(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def disturbed(gallery: Path, quick: Callable[[Path], Path]) -> Any:
    return validate.run(quick(gallery / "cxr-opacity-robustness.yaml"), out=gallery.parent / "accepted")


def findings(run: Any) -> dict[str, Any]:
    document = json.loads((run.folder / "findings.json").read_text())
    return {one["analysis"]: one for one in document["findings"]}


def test_a_sealed_report_shows_what_disturbs_it(disturbed: Any) -> None:
    found = findings(disturbed)
    assert all(found[name]["status"] == "ok" for name in ("scanner_shift", "robustness", "metamorphic", "input_guard"))
    causes = {one["cause"]: one["endpoints"][0] for one in found["robustness"]["data"]["causes"]}
    assert causes["quantum_noise"]["holds_up_to"] == 5
    assert causes["dead_lines"]["breaks_at"] in {3, 4, 5}  # by the noise of its cases, and 200 resamples
    checks = {one["pass"]: one["conclusion"] for one in found["metamorphic"]["data"]["checks"]}
    for name in ("repeat", "reencoding", "transfer_syntax.implicit", "transfer_syntax.jpeg_2000", "tag_order"):
        assert checks[f"metamorphic.{name}"] == "held", name
    assert found["input_guard"]["data"]["kinds"][0]["refused"] == 0
    outcome = {(c.analysis or c.perturbation or c.gap_of or "auroc"): c.outcome for c in disturbed.verdict.criteria}
    assert outcome["quantum_noise"] == "PASS" and outcome["input_guard"] == "FAIL"
    page = (disturbed.folder / "report/report.html").read_text()
    for words in (
        "Disturbed images",
        "Where the output must not move",
        "Images that it is not meant for",
        "Who is imaged where",
    ):
        assert words in page
    assert page.count("<image") >= 4 * 4  # four causes, clean and three severities


def test_every_number_is_computed_again_from_the_folder_alone(disturbed: Any) -> None:
    answer = verify(disturbed.folder, recompute=recomputation, redraw=made_again)
    assert answer.differences == ()
    assert answer.recounted == answer.estimates > 200  # drops, areas, shares and gaps a second way too


def test_a_later_month_is_held_against_the_accepted_run(
    disturbed: Any, gallery: Path, quick: Callable[[Path], Path]
) -> None:
    text = (gallery / "cxr-opacity-acceptance.yaml").read_text()
    start, end = text.index("analyses:\n"), text.index("acceptance:\n")
    shift = "analyses:\n  - shift: {reference: ../../accepted, endpoints: [auroc], tolerance: 0.10, rationale: r}\n\n"
    path = gallery / "later.yaml"
    still = "acceptance:\n  - {analysis: shift, endpoint: auroc, rationale: It must go on as accepted.}\n"
    path.write_text(
        text[:start]
        + shift.replace("../../accepted", str(disturbed.folder))
        + text[end:].replace("acceptance:\n", still, 1)
    )
    run = validate.run(quick(path), out=gallery.parent / "later")
    held = json.loads((run.folder / "lock.json").read_text())["reference"]["shift"]
    assert held["kind"] == "run" and held["sha256"] == file_digest(disturbed.folder / "evidence/manifest.json")
    found = findings(run)["shift"]
    assert found["data"]["stands"] == "yes" and "The acceptance still stands" in found["statement"]
    (criterion,) = (one for one in run.verdict.criteria if one.analysis == "shift")
    assert criterion.outcome == "PASS" and "the acceptance still stands" in criterion.sentence
    assert "less that of the accepted run" in (run.folder / "report/report.html").read_text()
    assert found["data"]["patients_in_both"] > 0 and "are in both cohorts" in found["statement"]
    assert {one["group"] for one in found["data"]["features"]} >= {"metadata", "images", "outputs"}
    assert verify(run.folder, recompute=recomputation).differences == ()


def test_gaps_between_groups_are_told_of_masks_too(gallery: Path, quick: Callable[[Path], Path]) -> None:
    write_cardiac(gallery.parents[1] / "sample_volumes" / "cardiac", seed=3, patients=24)
    path = quick(gallery / "cardiac-ventricles.yaml")
    text = path.read_text()
    fair = (
        "analyses:\n  - fairness: {attributes: [sex], endpoints: [dice.left_ventricle, volume], margin: {dice.left_ventricle: 0.2},\n"
        "              rationale: r}\n"
        "  - scanner_shift: {by: manufacturer, endpoints: [dice.left_ventricle, volume]}\n\n"
        "acceptance:\n  - {endpoint: dice.left_ventricle, gap_of: sex, rationale: r}\n"
    )
    path.write_text(text.replace("acceptance:\n", fair, 1))
    run = validate.run(path, out=gallery.parent / "masks")
    document = json.loads((run.folder / "findings.json").read_text())
    found = next(one for one in document["findings"] if one["analysis"] == "fairness")
    dice, volume = found["data"]["endpoints"]
    assert dice["groups"][0]["conclusion"] in {"within", "open", "shown"} and dice["gaps"]
    assert volume["groups"][0]["difference"].startswith("volume/candidate/clean/sex=")
    scanner = next(one for one in document["findings"] if one["analysis"] == "scanner_shift")
    for endpoint in scanner["data"]["attributes"][0]["endpoints"]:
        assert all(level["without"] is not None for level in endpoint["levels"]), endpoint
    gap = next(one for one in run.verdict.criteria if one.gap_of == "sex")
    assert gap.outcome in {"PASS", "INCONCLUSIVE"}
