"""Who and what was tested: counts of every level, scanner and crossing, and five numbers of what is measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from validate.canonical import pointer_step
from validate.evidence.findings.finding import Finding
from validate.evidence.recount_number import Number
from validate.evidence.recount_quantile import QUARTERS
from validate.evidence.recount_table import MISSING

COUNTS = {
    "images": ("rows", "all"), "studies": ("studies", "all"), "patients": ("patients", "all"), "positives": ("rows", "positives"),
    "negatives": ("rows", "negatives"), "no_label": ("rows", "unlabelled"),
}  # fmt: skip
SCANNER = {"manufacturer": "manufacturer", "model_name": "model", "site": "site"}


def numbers(finding: Finding) -> Iterator[Number]:
    data = finding.data
    yield from _counts(finding, "counts", {})
    yield from finding.number("prevalence/positives", finding.people("rows", "positives"))
    yield from finding.number("prevalence/labelled", finding.people("rows", "label_present"))
    both = finding.people("rows", "positives"), finding.people("rows", "label_present")
    yield from finding.number("prevalence/share", *both, how="ratio")
    for place, one in enumerate(data["attributes"]):
        yield from _attribute(finding, f"attributes/{place}", one["attribute"])
    for place, one in enumerate(data["scanners"]):
        yield from _counts(finding, f"scanners/{place}", {of: one[name] for name, of in SCANNER.items() if name in one})
    for place, one in enumerate(data["crossings"]):
        for kind, box in (("images", "all"), ("positives", "positives")):
            for r, row in enumerate(one["row_levels"]):
                for c, column in enumerate(one["column_levels"]):
                    line = finding.people("rows", box, {one["rows"]: row, one["columns"]: column})
                    yield from finding.number(f"crossings/{place}/{kind}/{r}/{c}", line)


def _attribute(finding: Finding, at: str, name: str) -> Iterator[Number]:
    data = finding.data["attributes"][int(at.rpartition("/")[2])]
    nothing = finding.people("rows", "all", {name: MISSING})
    yield from finding.number(f"{at}/missing", nothing)
    yield from finding.number(f"{at}/missing_share", nothing, finding.people("rows", "all"), how="ratio")
    if data["summary"] is not None:
        yield from finding.number(f"{at}/summary/count", finding.line("people.summed", asked={"attribute": name}))
        for quarter in QUARTERS:
            line = finding.line("people.summary", asked={"attribute": name, "quarter": quarter})
            yield from finding.number(f"{at}/summary/{quarter}", line)
    for place, level in enumerate(data["levels"] or ()):
        yield from _counts(finding, f"{at}/levels/{place}", {name: level["level"]})


def _counts(finding: Finding, at: str, groups: Mapping[str, str]) -> Iterator[Number]:
    for name, (count, box) in COUNTS.items():
        yield from finding.number(f"{at}/{name}", finding.people(count, box, groups))
    for model in finding.table.models:
        yield from finding.number(
            f"{at}/failed/{pointer_step(model)}", finding.people("rows", "failed", groups, model=model)
        )
