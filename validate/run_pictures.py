"""Which pixels a run keeps for its report: worst cases of each task, a gallery of errors, one case as it was disturbed.

Pixels leave the site with the report, so each kind is made only where the protocol asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from validate.analyses.analysis import Finding
from validate.analyses.run import required_passes
from validate.analyses.shown_marks import wanted_marks
from validate.casewise.image_pictures import WantedImage, write_image_pictures
from validate.casewise.mark_pictures import write_mark_pictures
from validate.casewise.pictures import Wanted, write_pictures
from validate.cohort.case import Case
from validate.inference.examples import write_examples
from validate.protocol.robustness import robustness_of
from validate.protocol.schema import StudyProtocol

MOST_PICTURES = 6  # of the worst cases of each model, as the report shows them


def write_run_pictures(
    folder: Path, protocol: StudyProtocol, base: Path, cases: Sequence[Case], findings: Sequence[Finding]
) -> Iterator[dict[str, Any]]:
    """Write them below the run folder; what was written, for the audit trail, kind by kind."""
    robustness, gallery = robustness_of(protocol), protocol.report.gallery
    if robustness is not None and robustness.pictures:
        yield {"causes": write_examples(folder, cases, required_passes(protocol))}
    if gallery is not None and gallery.pixels:
        yield {"written": write_image_pictures(folder, cases, _errors(findings, gallery.most))}
    if protocol.detection is not None and protocol.detection.pictures:
        marked = wanted_marks(folder, protocol, cases, findings)
        space, rules = protocol.detection.space, protocol.cohort.geometry
        yield {"written": write_mark_pictures(folder, marked, space=space, rules=rules)}
    if protocol.segmentation is not None and protocol.segmentation.pictures:
        yield {"written": write_pictures(folder, protocol, base, cases, _outlines(findings))}


def _errors(findings: Sequence[Finding], most: int) -> list[WantedImage]:
    return [
        WantedImage(str(finding.model), one["case"])
        for finding in findings
        if finding.analysis == "errors"
        for side in finding.data["sides"]
        for one in side["worst"][:most]
    ]


def _outlines(findings: Sequence[Finding]) -> list[Wanted]:
    return [
        Wanted(str(finding.model), one["case"], one["structure"])
        for finding in findings
        for one in finding.data.get("worst", ())[:MOST_PICTURES]
    ]
