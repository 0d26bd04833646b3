"""Images that the model was never meant for: does it reject them, or answer with confidence?

data: {"confident", "kinds": [{"kind", "title", "group", "pass", "estimate": id, "given", "not_made", "stopped", "refused", "answered",
 "flagged": cases | null, "confident": cases | null, "middle": median score | null, "clean": median score clean | null}]}
stopped : refused before the model, by preprocessing; refused : by the model itself
"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np

from validate.analyses.analysis import EVERY_TASK, Analysis, Evidence, Finding
from validate.analyses.wording import plural
from validate.estimation.compared import STOPPED, check_of, compare, compared_passes
from validate.estimation.threshold import threshold_of
from validate.imaging.perturb import foreign_image
from validate.protocol.compared import INPUT_GUARD, InputGuardOptions, compared_pass
from validate.protocol.model import Model
from validate.protocol.passes import CLEAN, Pass
from validate.protocol.robustness import SEED
from validate.protocol.targets import headline

TITLE = "What does it say to images that it is not meant for?"
TITLES = {
    "hand": ("A hand", "another body part"),
    "abdomen_slice": ("A slice of an abdomen", "another modality"),
    "photograph": ("A photograph", "no medical image"),
    "lateral": ("Squeezed and mirrored, as from the side", "another view"),
    "inverted": ("Black for white", "corrupted pixels"),
    "noise": ("Noise", "corrupted pixels"),
    "half": ("The lower half missing", "corrupted pixels"),
    "saturated": ("Black and white only", "corrupted pixels"),
    "scout": ("A scout", "another series"),
    "reformat": ("A reformat", "another series"),
    "screen": ("A copy of a screen", "another series"),
    "phantom": ("A bar pattern", "a test object"),
    "blank": ("A black image", "an empty image"),
}
FOREIGN = frozenset(get_args(foreign_image.ForeignImage.model_fields["kind"].annotation))


def passes(options: InputGuardOptions) -> tuple[Pass, ...]:
    """One for each kind, on the same cases."""
    return tuple(
        compared_pass(
            INPUT_GUARD,
            kind,
            options.sample,
            volume_transform={
                "name": "foreign_image" if kind in FOREIGN else "wrong_series",
                "options": {"kind": kind},
                "seed": SEED,
            },
        )
        for kind in options.kinds
    )


def findings(evidence: Evidence, options: InputGuardOptions) -> tuple[Finding, ...]:
    """One finding per model."""
    return tuple(_finding(evidence, model, options) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model, options: InputGuardOptions) -> Finding:
    assert evidence.every is not None
    names = [name for name in compared_passes(evidence.every, model.id) if name.startswith(f"{INPUT_GUARD}.")]
    kinds = [_kind(evidence, model, options, name) for name in names]
    if not kinds:
        return Finding(
            id=f"{INPUT_GUARD}/{model.id}", analysis=INPUT_GUARD, model=model.id, title=TITLE, status="not_available",
            statement="No foreign image was given to this model: it reads no pixels here.",
        )  # fmt: skip
    return Finding(
        id=f"{INPUT_GUARD}/{model.id}",
        analysis=INPUT_GUARD,
        model=model.id,
        title=TITLE,
        statement=_statement(kinds),
        data={"confident": options.confident, "kinds": kinds},
        estimates=tuple(kind["estimate"] for kind in kinds),
    )


def _kind(evidence: Evidence, model: Model, options: InputGuardOptions, pass_id: str) -> dict[str, Any]:
    assert evidence.every is not None
    kind = check_of(pass_id)
    about = evidence.units if evidence.protocol.task != "classification" else evidence.every
    found = compare(about, model.id, pass_id)
    clean = compare(about, model.id, CLEAN.id)
    scores = found.scores[found.answered & ~np.isnan(found.scores)]
    chosen = set(found.units)
    before = clean.scores[np.array([unit in chosen for unit in clean.units], np.bool_) & ~np.isnan(clean.scores)]
    stopped = sum(bool(r and r.startswith(STOPPED)) for r in found.reasons)
    threshold = threshold_of(model, headline(evidence.protocol).name)
    probability = model.output.kind == "probability"
    sure = np.maximum(scores, 1 - scores) >= options.confident
    title, group = TITLES[kind]
    return {
        "kind": kind,
        "title": title,
        "group": group,
        "pass": pass_id,
        "estimate": f"{INPUT_GUARD}/{model.id}/{pass_id}",
        "given": int(found.made.sum()),
        "not_made": int((~found.made).sum()),
        "stopped": stopped,
        "refused": int(found.refused.sum()) - stopped,
        "answered": int((found.made & found.answered).sum()),
        "flagged": None if threshold is None else int(threshold.flags(scores).sum()),
        "confident": int(sure.sum()) if probability else None,
        "middle": float(np.median(scores)) if scores.size else None,
        "clean": float(np.median(before)) if before.size else None,
    }


def _statement(kinds: list[dict[str, Any]]) -> str:
    given = sum(kind["given"] for kind in kinds)
    refused = sum(kind["refused"] + kind["stopped"] for kind in kinds)
    sentence = (
        f"Of {given:,} foreign images of {len(kinds)} {plural(len(kinds), 'kind')}, {refused:,} were given no answer."
    )
    sure = [kind["confident"] for kind in kinds]
    if all(one is not None for one in sure):
        sentence += f" {sum(sure):,} were answered with confidence."
    quiet = [kind["title"].lower() for kind in kinds if kind["given"] and not kind["refused"] + kind["stopped"]]
    if len(quiet) == len(kinds):
        sentence += " None of the kinds was ever rejected: whoever uses the model must keep such images away from it."
    return sentence


ANALYSIS = Analysis(OPTIONS=InputGuardOptions, findings=findings, passes=passes, order=46, tasks=EVERY_TASK)
