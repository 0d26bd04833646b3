"""How far the same images give the same outputs: once more, one case a batch, on another device, with inputs in half precision.

data: {"sample", "cases", "checks": [{"check", "pass", "title", "compared", "identical", "largest": number | null,
 "answers_changed": n | null,
 "endpoints": [{"endpoint", "label", "unit", "first": number, "again": number, "change": number, "width": number | null}]}]}
identical : cases whose outputs are equal to the bit      largest : difference of an output, absolute
width : of the interval of the whole study, which the change is read beside
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from validate.analyses.analysis import EVERY_TASK, Analysis, Evidence, Finding
from validate.analyses.flips import Outputs, outputs_of
from validate.analyses.selection import Selection
from validate.analyses.wording import count_of, listed, measure
from validate.estimation.estimate import Estimate
from validate.estimation.threshold import threshold_of
from validate.protocol.model import Model
from validate.protocol.passes import FULL, Pass
from validate.protocol.targets import headline

NAME = "determinism"
TITLE = "Do the same images give the same outputs?"
FIRST = f"{NAME}.first"
TITLES = {
    "again": "The same once more",
    "single": "One case a batch",
    "half": "Input in half precision",
    "full": "In full precision",
    "device": "On another device",
}
Check = Literal["again", "single", "half", "full"]


class Options(BaseModel):
    """
    sample : cases that go through the models again      checks : again, the same once more; single, one case a batch; half, input
        rounded to half precision; full, in full precision where inference.precision is half
    devices : besides the run's own, such as [cpu] for a run on a GPU; what is not there is an error
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sample: Annotated[int, Field(ge=1)] = 32
    checks: Annotated[tuple[Check, ...], Field(min_length=1)] = ("again", "single")
    devices: tuple[Literal["cpu", "cuda"], ...] = ()


OVERRIDES: dict[str, dict[str, Any]] = {
    "again": {},
    "single": {"batch_size": 1},
    "half": {"precision": "float16"},
    "full": {"precision": FULL},
}


def passes(options: Options) -> tuple[Pass, ...]:
    """All over the same sample: a first one, and what is held against it."""
    return (
        Pass(FIRST, sample=options.sample),
        *(
            Pass(f"{NAME}.{check}", sample=options.sample, engine_overrides=OVERRIDES[check])
            for check in dict.fromkeys(options.checks)
        ),
        *(
            Pass(f"{NAME}.device-{device}", sample=options.sample, engine_overrides={"device": device})
            for device in dict.fromkeys(options.devices)
        ),
    )


def findings(evidence: Evidence, options: Options) -> tuple[Finding, ...]:
    """One finding per model."""
    return tuple(_finding(evidence, model, options) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model, options: Options) -> Finding:
    assert evidence.every is not None
    targets = list(dict.fromkeys(evidence.every["target"].to_pylist()))
    outputs = [outputs_of(evidence.every, model.id, target) for target in targets]
    # Targets that this model has no outputs for, or none at all, have no passes.
    told = [one for one in outputs if FIRST in one.passes]
    names = [name for name in (told[0].passes if told else ()) if name.startswith(f"{NAME}.") and name != FIRST]
    checks = [_check(evidence, model, told, name) for name in names]
    return Finding(
        id=f"{NAME}/{model.id}",
        analysis=NAME,
        model=model.id,
        title=TITLE,
        statement=_statement(checks) if checks else "No case went through this model again.",
        status="ok" if checks else "not_available",
        data={
            "sample": options.sample,
            "cases": max((check["compared"] for check in checks), default=0),
            "checks": checks,
        },
    )


def _check(evidence: Evidence, model: Model, outputs: list[Outputs], name: str) -> dict[str, Any]:
    differences, identical, compared = [], None, 0
    for one in outputs:
        first, again = (one.scores[one.place(pass_id)] for pass_id in (FIRST, name))
        asked = one.asked[one.place(name)] & one.asked[one.place(FIRST)]
        failed = [one.failed[one.place(pass_id)] for pass_id in (FIRST, name)]
        same = np.where(failed[0] | failed[1], failed[0] == failed[1], first == again)[asked]
        identical = same if identical is None else identical & same
        compared = int(asked.sum())
        both = asked & ~failed[0] & ~failed[1]
        differences += np.abs(first - again)[both].tolist()
    check, _, device = name.removeprefix(f"{NAME}.").partition("-")
    return {
        "check": check,
        "pass": name,
        "title": TITLES[check] + (f" ({device})" if device else ""),
        "compared": compared,
        "identical": 0 if identical is None else int(identical.sum()),
        "largest": max(differences, default=None),
        "answers_changed": _answers_changed(evidence, model, outputs, name),
        "endpoints": _endpoints(evidence, model, name),
    }


def _answers_changed(evidence: Evidence, model: Model, outputs: list[Outputs], name: str) -> int | None:
    """Cases on the other side of the threshold; None where no threshold gives the answer."""
    if model.output.kind == "mask":
        return None
    threshold = threshold_of(model, headline(evidence.protocol).name)
    if threshold is None or len(outputs) != 1:
        return None
    (one,) = outputs
    both = ~np.isnan(one.scores[one.place(FIRST)]) & ~np.isnan(one.scores[one.place(name)])
    sides = [threshold.flags(one.scores[one.place(pass_id)][both]) for pass_id in (FIRST, name)]
    return int((sides[0] != sides[1]).sum())


def _endpoints(evidence: Evidence, model: Model, name: str) -> list[dict[str, Any]]:
    known = {estimate.id: estimate for estimate in evidence.estimates}
    selection = Selection(evidence.estimates)
    found = []
    for endpoint in evidence.protocol.endpoints:
        first, again = (_of_pass(known, endpoint.id, model.id, pass_id) for pass_id in (FIRST, name))
        whole = selection.overall(endpoint.id, model.id)
        if first is None or again is None or first.value is None or again.value is None or whole is None:
            continue
        width = None if whole.interval is None else whole.interval.high - whole.interval.low
        found.append(
            {
                "endpoint": endpoint.id,
                "label": measure(whole, evidence.protocol),
                "unit": whole.unit,
                "first": first.value,
                "again": again.value,
                "change": again.value - first.value,
                "width": width,
            }
        )
    return found


def _of_pass(known: dict[str, Estimate], endpoint: str, model: str, pass_id: str) -> Estimate | None:
    return known.get(f"{endpoint}/{model}/{pass_id}")


def _statement(checks: list[dict[str, Any]]) -> str:
    parts = []
    for check in checks:
        title, of = check["title"][0].lower() + check["title"][1:], check["compared"]
        if check["identical"] == of:
            parts.append(f"{title}: all {of} outputs equal to the bit")
            continue
        moved = of - check["identical"]
        largest = f", by at most {check['largest']:.2g}" if check["largest"] is not None else ""
        changed = check["answers_changed"]
        answers = "" if changed is None else f"; {count_of(changed, 'answer')} changed"
        parts.append(f"{title}: {moved} of {of} outputs moved{largest}{answers}")
    words = listed(parts)
    return words[0].upper() + words[1:] + "."


ANALYSIS = Analysis(OPTIONS=Options, findings=findings, passes=passes, order=185, tasks=EVERY_TASK)
