"""What a made-up study is like, and the counts that all of its documents share."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

METRICS = {
    "auroc": ("classification.auroc", "index", "obuchowski"),
    "sensitivity": ("classification.sensitivity", "proportion", "wilson_effective_n"),
    "specificity": ("classification.specificity", "proportion", "wilson_effective_n"),
    "ppv": ("classification.ppv", "proportion", "wilson_effective_n"),
}
RULES = {"worst_case": "Counted as wrong", "best_case": "Counted as right", "excluded": "Left out"}


@dataclass
class Plan:
    """What a made-up study is like. `levels` names the groups of each attribute."""

    seed: int = 1
    patients: int = 390
    positives: int = 540
    negatives: int = 734
    models: tuple[str, ...] = ("candidate",)
    model_names: tuple[str, ...] = ("OpacityNet",)
    levels: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            "manufacturer": ("Fujifilm", "GE", "Philips", "Siemens"),
            "sex": ("F", "M", "missing"),
            "age_band": ("18–40", "40–65", "65–120"),
            "site": ("A", "B", "C"),
        }
    )
    title: str = "Acceptance test of an opacity classifier on chest radiographs"
    question: str | None = (
        "Does OpacityNet 1.0.0 find opacities on our chest radiographs well enough to be a second reader?"
    )
    exploratory: bool = False
    synthetic: bool = True
    format: str = "onnx"
    kind: str = "reference_standard"
    sampling: str = "enriched"
    operating_point: bool = True
    criteria: bool = True
    profile: str = "acceptance"
    silent: int = 7
    extreme: bool = False
    followed: int = 0


@dataclass
class Counts:
    """Numbers that several documents of one study agree on."""

    plan: Plan
    random: random.Random

    @property
    def images(self) -> int:
        return self.plan.positives + self.plan.negatives

    def label(self, endpoint: str) -> str:
        """An endpoint's words, as the analyses write them."""
        agreement = {"sensitivity": "Positive percent agreement", "specificity": "Negative percent agreement"}
        return agreement.get(endpoint, endpoint) if self.plan.kind == "comparator" else endpoint.capitalize()

    def _steps(self) -> list[dict[str, Any]]:
        images, patients = self.images, self.plan.patients
        step = lambda name, kind, label, n, p, reasons=None: {  # noqa: E731
            "id": name, "kind": kind, "label": label, "files": n, "images": n, "units": n, "studies": min(n, p + 9), "patients": p,
            "reasons": reasons or {},
        }  # fmt: skip
        silent, lost = self.plan.silent, {"truncated": self.plan.silent} if self.plan.silent else {}
        out = {"rule:view_position": 121, "rule:age": 38, "duplicate": 15}
        return [
            step("found", "remain", "Files found", images + 188, patients + 22),
            *(step(f"excluded:{c}", "leave", f"Excluded: {c}", n, min(n, 9), {c: n}) for c, n in out.items()),
            step("eligible", "remain", "Eligible images", images + 14, patients + 1),
            step("unreadable", "leave", "Could not be read", 0, 0),
            step("readable", "remain", "Readable", images + 14, patients + 1),
            step("not_sent", "leave", "Not what the model takes", 0, 0),
            step("sent", "remain", "Sent to the model", images + 14, patients + 1),
            step("no_output", "leave", "No output", silent, min(silent, 5), lost),
            step("output", "remain", "With an output", images + 14 - silent, patients + 1),
            step("no_label", "leave", "No reference label, reported", 14, 1, {"missing": 14}),
            step("labelled", "remain", "Output and reference label", images - silent, patients),
            step("failed", "join", "Without output, counted as wrong", silent, min(silent, 5), lost),
            step("analysed", "remain", "Analysed", images, patients),
        ]  # fmt: skip

    def _counts(self, images: int) -> dict[str, Any]:
        positives = images * self.plan.positives // max(1, self.images)
        return {
            "images": images, "studies": images, "patients": min(images, self.plan.patients), "positives": positives,
            "negatives": images - positives, "no_label": 0, "failed": dict.fromkeys(self.plan.models, 2),
        }  # fmt: skip

    def _finding(self, analysis: str, model: str | None, statement: str, data: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": f"{analysis}/{model}" if model else analysis, "analysis": analysis, "model": model, "title": analysis,
            "statement": statement, "status": "ok", "prespecified": True, "estimates": [], "data": data,
        }  # fmt: skip
