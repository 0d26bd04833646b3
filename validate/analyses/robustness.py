"""What disturbs it, and how far it holds: the measure by severity, its drop, and whose answer changes.

data: {"rationale", "severities", "attributes": [by],
 "causes": [{"cause", "title", "unit", "strength", "anchor", "validity", "source",
   "steps": [{"severity", "pass", "options": {…}, "failed", "flips": {"to_positive", "to_negative", "rows"} | null}],
   "endpoints": [{"endpoint", "label", "unit", "tolerance", "clean": id, "points": [{"severity", "estimate": id, "drop": id, "state"}],
     "holds_up_to", "breaks_at", "area": id,
     "strata": [{"attribute", "level", "clean": id, "points": [{"severity", "estimate": id, "drop": id}]}]}]}],
 "never_flipped", "answered", "most_flipped": [{"case", "passes"}]}
state : "holds" (the limits of the drop lie within the tolerance), "breaks" (beyond it), "open"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from validate.analyses.analysis import EVERY_TASK, Analysis, Evidence, Finding
from validate.analyses.flips import Outputs, flips, outputs_of
from validate.analyses.holding import drops_of, holding, state
from validate.analyses.selection import Selection
from validate.analyses.wording import listed, measure, metric_of, plural, printed_goal
from validate.errors import ProtocolError
from validate.estimation.drops import AREA, DROP
from validate.estimation.estimate import Estimate
from validate.estimation.threshold import threshold_of
from validate.imaging.perturb.perturbation import Perturbation
from validate.protocol.model import Model
from validate.protocol.passes import CLEAN, Pass
from validate.protocol.question import Endpoint
from validate.protocol.robustness import NAME, SEED, RobustnessOptions, pass_name
from validate.protocol.targets import headline
from validate.registry import load, names

TITLE = "What disturbs it, and how far does it hold?"
MOST_CASES = 8  # named as those whose answer changes most often


def passes(options: RobustnessOptions) -> tuple[Pass, ...]:
    """One for each cause and severity. Noise of one cause is drawn once for all of its severities."""
    return tuple(
        Pass(
            pass_name(cause, severity),
            volume_transform={"name": cause, "options": strength, "seed": SEED, "stream": cause},
        )
        for cause in causes(options)
        for severity, strength in steps(options, cause)
    )


def causes(options: RobustnessOptions) -> tuple[str, ...]:
    """Names, in the order of the files; those asked for by name, else all of the suites, and those with a range of their own."""
    if options.perturbations:
        return tuple(dict.fromkeys([*options.perturbations, *options.custom]))
    wanted = set(options.suites)
    return tuple(
        name for name in names("perturbations") if name in options.custom or load("perturbations", name).suites & wanted
    )


def steps(options: RobustnessOptions, cause: str) -> list[tuple[int, Mapping[str, Any]]]:
    """(severity, options) mild to severe."""
    perturbation = load("perturbations", cause)
    anchored = perturbation.severities
    if cause in options.custom:
        own = options.custom[cause]
        _check_order(perturbation, cause, own)
        return list(enumerate(own, start=1))
    return [(severity, anchored[severity - 1]) for severity in options.severities]


def _check_order(perturbation: Perturbation, cause: str, own: Sequence[Mapping[str, Any]]) -> None:
    """Raises ProtocolError where strengths of the protocol's own get milder, so that "holds up to" would mean something else.

    Told only of those at least as strong as the mildest that is anchored: on its other side lie strengths that are milder still, and
    those that disturb the other way, such as a γ below 1, of which the stronger is the smaller.
    """
    rising, mine = _strengths(perturbation, perturbation.severities), _strengths(perturbation, own)
    if rising is None or mine is None or rising[0] == rising[-1]:
        return
    sign = 1 if rising[-1] > rising[0] else -1
    if any(sign * after < sign * before for before, after in pairwise(rising)):
        return  # its severities differ in more than this one number
    for before, after in pairwise(mine):
        if sign * after < sign * before and sign * after >= sign * rising[0]:
            raise ProtocolError(
                f"analyses: robustness.custom.{cause}: {perturbation.strength} goes from {before:g} to {after:g}, which is milder; "
                f"expected mild to severe, so {'rising' if sign > 0 else 'falling'} numbers."
            )


def _strengths(perturbation: Perturbation, options: Sequence[Mapping[str, Any]]) -> list[float] | None:
    """What is drawn along the axis, or None where it is no number."""
    found = [getattr(perturbation.OPTIONS.model_validate(dict(one)), perturbation.strength) for one in options]
    return [float(one) for one in found] if all(isinstance(one, int | float) for one in found) else None


def findings(evidence: Evidence, options: RobustnessOptions) -> tuple[Finding, ...]:
    """One finding per model."""
    return tuple(_finding(evidence, model, options) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model, options: RobustnessOptions) -> Finding:
    outputs = outputs_of(evidence.units, model.id)
    found = [
        entry for name in causes(options) if (entry := _cause(evidence, model, options, outputs, name)) is not None
    ]
    if not found:
        return Finding(
            id=f"{NAME}/{model.id}", analysis=NAME, model=model.id, title=TITLE, status="not_available",
            statement="No pass over disturbed images was run for this model: it reads no pixels here.",
        )  # fmt: skip
    return Finding(
        id=f"{NAME}/{model.id}",
        analysis=NAME,
        model=model.id,
        title=TITLE,
        statement=_statement(found, options),
        data={
            "rationale": options.rationale,
            "severities": list(options.severities),
            "attributes": list(options.strata),
            "causes": found,
            **_cases(evidence, model, outputs, [step["pass"] for entry in found for step in entry["steps"]]),
        },
        estimates=tuple(
            point[name]
            for entry in found
            for endpoint in entry["endpoints"]
            for point in endpoint["points"]
            for name in ("estimate", "drop")
            if point[name]
        ),
    )


def _cause(
    evidence: Evidence, model: Model, options: RobustnessOptions, outputs: Outputs, cause: str
) -> dict[str, Any] | None:
    wanted = [(severity, pass_name(cause, severity), dict(said)) for severity, said in steps(options, cause)]
    wanted = [one for one in wanted if one[1] in outputs.passes]
    if not wanted:
        return None
    perturbation: Perturbation = load("perturbations", cause)
    endpoints = [e for name in options.endpoints for e in evidence.protocol.endpoints if e.id == name]
    return {
        "cause": cause,
        "title": perturbation.title,
        "strength": perturbation.strength,
        "unit": perturbation.unit,
        "anchor": perturbation.anchor if cause not in options.custom else "strengths of the protocol's own",
        "validity": perturbation.validity,
        "source": perturbation.source,
        "steps": list(_steps(evidence, model, outputs, wanted)),
        "endpoints": [_endpoint(evidence, model, options, endpoint, cause, wanted) for endpoint in endpoints],
    }


def _steps(
    evidence: Evidence, model: Model, outputs: Outputs, wanted: Sequence[tuple[int, str, Mapping[str, Any]]]
) -> Iterator[dict[str, Any]]:
    threshold = threshold_of(model, headline(evidence.protocol).name)
    clean = outputs.scores[outputs.place(CLEAN.id)]
    for severity, name, said in wanted:
        place = outputs.place(name)
        changed = None
        if threshold is not None and evidence.protocol.task == "classification":
            found = flips(outputs, threshold, [name])[0]
            before = threshold.flags(clean)
            both = ~np.isnan(clean) & ~np.isnan(outputs.scores[place])
            changed = {
                "to_positive": int((found & ~before).sum()),
                "to_negative": int((found & before).sum()),
                "rows": int(both.sum()),
            }
        failed = int((outputs.failed[place] & ~outputs.failed[outputs.place(CLEAN.id)]).sum())
        yield {"severity": severity, "pass": name, "options": dict(said), "failed": failed, "flips": changed}


def _endpoint(
    evidence: Evidence, model: Model, options: RobustnessOptions, endpoint: Endpoint, cause: str,
    wanted: Sequence[tuple[int, str, Mapping[str, Any]]],
) -> dict[str, Any]:  # fmt: skip
    known = {e.id: e for e in evidence.estimates}
    overall = Selection(evidence.estimates).overall(endpoint.id, model.id)
    found = drops_of(evidence.estimates, endpoint.id, model.id, cause)
    either = overall is not None and metric_of(overall).better == "neither"
    tolerance = options.tolerance_of(endpoint.id)
    held = None if tolerance is None else holding(found, tolerance, either=either)
    area = f"{endpoint.id}/{model.id}/{cause}/{AREA}"
    by_severity = {int(drop.condition["severity"]): drop for drop in found}
    return {
        "endpoint": endpoint.id,
        "label": measure(overall, evidence.protocol) if overall is not None else endpoint.id,
        "unit": overall.unit if overall is not None else "index",
        "tolerance": tolerance,
        "clean": overall.id if overall is not None else None,
        "points": [
            {
                "severity": severity,
                "estimate": _named(known, f"{endpoint.id}/{model.id}/{name}"),
                "drop": by_severity[severity].id if severity in by_severity else None,
                "state": None
                if tolerance is None or severity not in by_severity
                else state(by_severity[severity], tolerance, either=either),
            }
            for severity, name, _ in wanted
        ],
        "holds_up_to": None if held is None else held.up_to,
        "breaks_at": None if held is None else held.breaks_at,
        "area": _named(known, area),
        "strata": list(_strata(evidence, known, model, options, endpoint, wanted)),
    }


def _named(known: Mapping[str, Estimate], name: str) -> str | None:
    return name if name in known else None


def _strata(
    evidence: Evidence, known: Mapping[str, Estimate], model: Model, options: RobustnessOptions, endpoint: Endpoint,
    wanted: Sequence[tuple[int, str, Mapping[str, Any]]],
) -> Iterator[dict[str, Any]]:  # fmt: skip
    selection = Selection(evidence.estimates)
    for attribute in options.strata:
        for clean in selection.levels(endpoint.id, model.id, attribute):
            part = f"{attribute}={clean.stratum[attribute]}"
            yield {
                "attribute": attribute,
                "level": clean.stratum[attribute],
                "clean": clean.id,
                "points": [
                    {
                        "severity": severity,
                        "estimate": _named(known, f"{endpoint.id}/{model.id}/{name}/{part}"),
                        "drop": _named(known, f"{endpoint.id}/{model.id}/{name}/{part}/{DROP}"),
                    }
                    for severity, name, _ in wanted
                ],
            }


def _cases(evidence: Evidence, model: Model, outputs: Outputs, wanted: Sequence[str]) -> dict[str, Any]:
    """How many cases keep their answer through every pass, and those that change it most often, by pseudonym."""
    threshold = threshold_of(model, headline(evidence.protocol).name)
    if threshold is None or evidence.protocol.task != "classification":
        return {"never_flipped": None, "answered": None, "most_flipped": []}
    count = flips(outputs, threshold, wanted).sum(axis=0)
    answered = ~np.isnan(outputs.scores[outputs.place(CLEAN.id)])
    order = sorted(range(len(count)), key=lambda place: (-count[place], outputs.units[place]))
    return {
        "never_flipped": int((answered & (count == 0)).sum()),
        "answered": int(answered.sum()),
        "most_flipped": [
            {"case": outputs.units[place], "passes": int(count[place])} for place in order[:MOST_CASES] if count[place]
        ],
    }


def _statement(found: Sequence[Mapping[str, Any]], options: RobustnessOptions) -> str:
    if options.tolerance is None:
        return "No tolerance was fixed beforehand, so nothing here is called robust, and nothing decides."
    sentences = []
    for place, name in enumerate(options.endpoints):
        entries = [(entry["title"], entry["endpoints"][place]) for entry in found if len(entry["endpoints"]) > place]
        if not entries:
            continue
        label, unit = entries[0][1]["label"], entries[0][1]["unit"]
        fixed = options.tolerance_of(name)
        if fixed is None:
            sentences.append(f"No tolerance was fixed beforehand for {label}, so nothing about it is called robust.")
            continue
        tolerance = printed_goal(fixed, f"{unit}_difference")
        broken = [f"{title.lower()} at severity {one['breaks_at']}" for title, one in entries if one["breaks_at"]]
        last = [len(one["points"]) and one["points"][-1]["severity"] for _, one in entries]
        whole = sum(one["holds_up_to"] == end for (_, one), end in zip(entries, last, strict=True))
        open_ = len(entries) - whole - len(broken)
        sentences.append(
            f"{label} holds through every severity, within a drop of {tolerance}, under {whole} of {len(entries)} causes."
        )
        if broken:
            sentences.append(f"It breaks under {listed(broken)}.")
        if open_ > 0:
            sentences.append(
                f"Under {open_} {plural(open_, 'cause')} the limits neither keep to the tolerance at every severity nor leave it."
            )
    return " ".join(sentences)


ANALYSIS = Analysis(OPTIONS=RobustnessOptions, findings=findings, passes=passes, order=43, tasks=EVERY_TASK)
