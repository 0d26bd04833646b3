"""What must not move the output, and what must move it in a known way: each check on the same cases, against the clean pass.

data: {"sample", "checks": [{"check", "pass", "title", "expected", "tolerance", "estimate": id, "moved": cases, "compared": cases,
 "not_made": cases, "largest": number | null, "conclusion": "held" | "broken" | "not run", "reasons": [[reason, cases]]}]}
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from validate.analyses.analysis import EVERY_TASK, Analysis, Evidence, Finding
from validate.analyses.wording import listed, plural
from validate.estimation.compared import changed, check_of, compare, compared_passes
from validate.protocol.compared import METAMORPHIC, MetamorphicOptions, compared_pass
from validate.protocol.model import Model
from validate.protocol.passes import Pass

TITLE = "Does the output stay where nothing that matters has changed?"
TITLES = {
    "repeat": ("The same once more", "the same output"),
    "batch_size": ("One case a batch", "the same output"),
    "device": ("On the CPU", "the same output"),
    "precision": ("Input in half precision", "the same output"),
    "reencoding": ("Pixels coded anew without loss", "the same output"),
    "transfer_syntax": ("Another transfer syntax", "the same output"),
    "tag_order": ("Header elements in another order", "the same output"),
    "padding": ("Black added around the image", "the same output"),
    "flip": ("Left and right exchanged", "left and right findings exchanged, all others the same"),
}


def passes(options: MetamorphicOptions) -> tuple[Pass, ...]:
    """One for each check; a transfer syntax in two."""
    made: dict[str, tuple[Pass, ...]] = {
        "repeat": (_pass("repeat", options),),
        "batch_size": (_pass("batch_size", options, engine_overrides={"batch_size": 1}),),
        # Where the run itself is on the CPU this is one more repeat, and says no more than that.
        "device": (_pass("device", options, engine_overrides={"device": "cpu"}),),
        "precision": (_pass("precision", options, engine_overrides={"precision": "float16"}),),
        "reencoding": (_pass("reencoding", options, file_transform=_rewritten("jpeg_ls")),),
        "transfer_syntax": tuple(
            _pass(f"transfer_syntax.{to}", options, file_transform=_rewritten(to)) for to in ("implicit", "jpeg_2000")
        ),
        "tag_order": (_pass("tag_order", options, file_transform={"name": "tag_order", "options": {}}),),
        "padding": (
            _pass("padding", options, volume_transform={"name": "padding", "options": {"share": 0.02}, "seed": 0}),
        ),
        "flip": (
            _pass(
                "flip", options, volume_transform={"name": "orientation", "options": {"way": "left_right"}, "seed": 0}
            ),
        ),
    }
    return tuple(one for check in options.checks for one in made[check])


def _pass(name: str, options: MetamorphicOptions, **more: Any) -> Pass:
    return compared_pass(METAMORPHIC, name, options.sample, **more)


def _rewritten(to: str) -> dict[str, Any]:
    return {"name": "transfer_syntax", "options": {"to": to}}


def findings(evidence: Evidence, options: MetamorphicOptions) -> tuple[Finding, ...]:
    """One finding per model."""
    return tuple(_finding(evidence, model, options) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model, options: MetamorphicOptions) -> Finding:
    assert evidence.every is not None
    names = [name for name in compared_passes(evidence.every, model.id) if name.startswith(f"{METAMORPHIC}.")]
    checks = [_check(evidence, model, options, name) for name in names]
    if not checks:
        return Finding(
            id=f"{METAMORPHIC}/{model.id}", analysis=METAMORPHIC, model=model.id, title=TITLE, status="not_available",
            statement="No check was run for this model.",
        )  # fmt: skip
    return Finding(
        id=f"{METAMORPHIC}/{model.id}",
        analysis=METAMORPHIC,
        model=model.id,
        title=TITLE,
        statement=_statement(checks),
        data={"sample": options.sample, "checks": checks},
        estimates=tuple(check["estimate"] for check in checks),
    )


def _check(evidence: Evidence, model: Model, options: MetamorphicOptions, pass_id: str) -> dict[str, Any]:
    assert evidence.every is not None
    name = check_of(pass_id)
    found = compare(evidence.every, model.id, pass_id, options if name == "flip" else None)
    moved, of = changed(found, options, pass_id)
    title, expected = TITLES[name]
    form = pass_id.split(".")[2:]
    largest = found.moved[of & ~np.isnan(found.moved)]
    reasons = Counter(reason for reason, made in zip(found.reasons, found.made, strict=True) if reason and not made)
    return {
        "check": name,
        "pass": pass_id,
        "title": title + (f" ({form[0].replace('_', ' ')})" if form else ""),
        "expected": expected,
        "tolerance": options.tolerance(name),
        "estimate": f"{METAMORPHIC}/{model.id}/{pass_id}",
        "moved": int(moved.sum()),
        "compared": int(of.sum()),
        "not_made": int((~found.made).sum()),
        "largest": float(largest.max()) if largest.size else None,
        "conclusion": "not run" if not of.any() else "broken" if moved.any() else "held",
        "reasons": sorted([reason, count] for reason, count in reasons.items()),
    }


def _statement(checks: list[dict[str, Any]]) -> str:
    broken = [check for check in checks if check["conclusion"] == "broken"]
    held = [check for check in checks if check["conclusion"] == "held"]
    sentences = [
        f"{check['title']}: the output moves by more than {check['tolerance']:g} in {check['moved']:,} of "
        f"{check['compared']:,} cases."
        for check in broken
    ]
    if held:
        count = len(held)
        sentences.append(
            f"{count} of {len(checks)} {plural(len(checks), 'check')} held on every case that was compared."
        )
    lacking = [check["title"].lower() for check in checks if check["conclusion"] == "not run"]
    if lacking:
        sentences.append(f"Not run, since no file could be made so: {listed(lacking)}.")
    return " ".join(sentences)


ANALYSIS = Analysis(OPTIONS=MetamorphicOptions, findings=findings, passes=passes, order=44, tasks=EVERY_TASK)
