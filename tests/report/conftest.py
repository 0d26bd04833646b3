"""Run folders that no model ever saw: made of random numbers, in the layout of a real run, hostile ones too."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from validate.canonical import digest, file_digest

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
    question: str | None = "Does OpacityNet 1.0.0 find opacities on our chest radiographs well enough to be a second reader?"
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


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Path]:
    """Write a run folder from a Plan's fields and return it."""
    count = iter(range(1000))

    def make(**fields: Any) -> Path:
        folder = tmp_path / f"run-{next(count)}"
        write_study(folder, Plan(**fields))
        return folder

    return make


def write_study(folder: Path, plan: Plan) -> None:
    """Every file of a run that the report may read."""
    made = _Study(plan, random.Random(plan.seed))
    protocol = made.protocol()
    documents: dict[str, Any] = {
        "estimates.json": {"schema_version": "1", "estimates": made.estimates()},
        "findings.json": {"schema_version": "1", "findings": made.findings()},
        "verdict.json": made.verdict(),
        "cohort/flow.json": made.flow(),
        "evidence/environment.json": ENVIRONMENT,
    }
    if not plan.exploratory:
        documents["lock.json"] = made.lock(protocol)
    for name, document in documents.items():
        _write(folder / name, json.dumps(document, indent=2, allow_nan=False))
    _write(folder / "protocol.yaml", yaml.safe_dump(protocol, sort_keys=False, allow_unicode=True))
    _write(folder / "results/units.parquet", "not read by the report")
    files = [
        {"path": p.relative_to(folder).as_posix(), "sha256": file_digest(p), "bytes": p.stat().st_size, "role": "evidence"}
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    ]
    manifest = {"schema_version": "1", "created": "2026-03-04T10:12:00+00:00", "inputs": made.inputs(), "files": files}
    _write(folder / "evidence/manifest.json", json.dumps(manifest, indent=2))
    _write(folder / "evidence/audit.jsonl", "".join(json.dumps(e) + "\n" for e in made.audit()))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


ENVIRONMENT = {
    "schema_version": "1",
    "validate": {"version": "0.1.0", "source_sha256": "ab" * 32},
    "python": {"version": "3.11.2", "implementation": "CPython"},
    "system": {"name": "Linux", "release": "6.1.0", "distribution": "Debian GNU/Linux 12 (bookworm)"},
    "machine": {"architecture": "x86_64", "processor": "Some Processor 3000", "cores": 2, "memory_bytes": 25769803776,
                "accelerators": []},
    "packages": {"numpy": "2.4.6", "torch": "2.13.0+cpu", "pydicom": "3.0.2", "onnxruntime-gpu": "1.31.1"},
}  # fmt: skip


@dataclass
class _Study:
    plan: Plan
    random: random.Random

    @property
    def images(self) -> int:
        return self.plan.positives + self.plan.negatives

    def protocol(self) -> dict[str, Any]:
        plan = self.plan
        point = {"threshold": 0.5, "rule": ">=", "source": "manufacturer labelling"} if plan.operating_point else None
        return {
            "schema_version": "1", "id": "cxr-opacity-acceptance", "version": "1.0.0", "title": plan.title,
            "profile": plan.profile, "task": "classification", "seed": 20261122, "data_are_synthetic": plan.synthetic,
            "intended_use": "Second reader of adult frontal chest radiographs in an emergency department.",
            "cohort": {
                "sources": [{"dicom": "../../sample_data/cxr"}], "period": {"from": "2025-01-01", "to": "2025-12-31"},
                "unit": "image", "cluster": "patient", "sampling": plan.sampling,
                "prevalence": {"values": [0.02, 0.08, 0.15], "source": "local audit 2025"},
                "include": [{"attribute": "modality", "one_of": ["CR", "DX"]}, {"attribute": "age", "at_least": 18.0}],
                "exclude": [{"attribute": "view_position", "one_of": ["LL", "RL"]}], "on_unreadable": "worst_case",
                "independence": {"overlap": "none", "method": "vendor attestation"},
            },
            "reference": {
                "table": "reference.csv", "key": "accession_number", "level": "study", "label": "opacity", "positive": 1,
                "standard": "Consensus of three readers, blinded to the model", "kind": plan.kind,
            },
            "models": [
                {
                    "id": model, "name": name, "version": "1.0.0", "format": plan.format, "sha256": "cd" * 32,
                    "input": "image", "preprocess": [{"window": {"source": "voi_lut", "index": 0}},
                    {"resize": {"size": [128, 128], "method": "bilinear", "antialias": True}}],
                    "output": {"name": "logits", "activation": "sigmoid", "kind": "probability"}, "operating_point": point,
                }
                for model, name in zip(plan.models, plan.model_names, strict=True)
            ],
            "inference": {"device": "auto", "batch_size": "auto", "precision": "float32", "on_failure": "worst_case"},
            "endpoints": [
                {"id": name, "metric": metric, "role": "primary" if name in {"auroc", "sensitivity"} else "secondary",
                 "interval": {"method": method, "level": 0.95}, "rationale": "As in the labelling." if name == "auroc" else None}
                for name, (metric, _, method) in METRICS.items()
            ],
            "strata": list(plan.levels), "analyses": [{"name": "calibration", "options": {}}],
            "acceptance": [
                {"endpoint": "auroc", "limit": "lower", "at_least": 0.8, "rationale": "Below the published reader average."},
                {"endpoint": "sensitivity", "limit": "lower", "at_least": 0.8, "rationale": "Agreed with the department."},
                {"endpoint": "sensitivity", "worst_of": "manufacturer", "limit": "lower", "at_least": 0.65,
                 "min_events": 20, "rationale": "No scanner may be left behind."},
            ] if plan.criteria else [],
            "resampling": {"replicates": 2000}, "report": {"formats": ["pdf", "html"], "question": plan.question, "site": "St. Example"},
        }  # fmt: skip

    def estimates(self) -> list[dict[str, Any]]:
        found = []
        for model in self.plan.models:
            for endpoint in METRICS:
                for rule in RULES:
                    found.append(self._estimate(endpoint, model, {}, rule, self.images))
                found += [
                    self._estimate(endpoint, model, {attribute: level}, "worst_case", max(0, self.images // (2 + number)))
                    for attribute, levels in self.plan.levels.items()
                    for number, level in enumerate(levels)
                ]
        return found

    def _estimate(self, endpoint: str, model: str, stratum: dict[str, str], rule: str, cases: int) -> dict[str, Any]:
        metric, unit, method = METRICS[endpoint]
        one_class = self.plan.positives == 0 or self.plan.negatives == 0
        group = "".join(f"/{a}={v}" for a, v in stratum.items())
        events = cases * self.plan.positives // max(1, self.images)
        value, interval, status, reason = self._value(method), None, "ok", None
        if cases == 0 or (one_class and endpoint == "auroc"):
            value, status, reason = None, "undefined", f"{endpoint} needs both classes: {events} positive cases"
        elif cases < 20:
            status, reason = "too_few", f"{cases} cases are too few for limits that can be trusted"
        else:
            half = min(0.4, 1.2 / cases**0.5)
            interval = {"low": max(0.0, value - half), "high": min(1.0, value + half), "level": 0.95, "method": method,
                        "replicates": None, "undefined_replicates": None, "monte_carlo_error": None,
                        "design_effect": 1.13, "effective_n": cases / 1.13}  # fmt: skip
        fraction = unit == "proportion" and value is not None
        return {
            "id": f"{endpoint}/{model}/clean{group}" + ("" if rule == "worst_case" else f"/missing={rule}"),
            "endpoint": endpoint, "metric": metric, "model": model, "pass": "clean", "target": "opacity",
            "stratum": stratum, "contrast": None, "condition": {} if endpoint == "auroc" else {"threshold": 0.5},
            "missing_rule": rule, "value": value, "interval": interval,
            "numerator": round(value * events) if fraction else None, "denominator": events if fraction else None,
            "n_cases": cases, "n_patients": min(cases, self.plan.patients), "n_events": events, "n_failed": 0, "unit": unit,
            "role": "primary", "prespecified": True, "status": status, "reason": reason,
            "flags": ["enriched_prevalence"] if endpoint == "ppv" else [],
        }  # fmt: skip

    def _value(self, _: str) -> float:
        if self.plan.extreme:
            return self.random.choice([0.0, 1.0, 1e-9, 0.99999, 0.5])
        return round(self.random.uniform(0.74, 0.96), 6)

    def verdict(self) -> dict[str, Any]:
        if not self.plan.criteria:
            return {"schema_version": "1", "outcome": None, "exploratory": self.plan.exploratory, "criteria": [],
                    "sentence": "The protocol states no criterion, so there is no verdict."}  # fmt: skip
        worst = next(iter(self.plan.levels.get("manufacturer", ("",))))
        goals = [("auroc", 0.8, None, "PASS"), ("sensitivity", 0.8, None, "PASS")]
        goals += [("sensitivity", 0.65, "manufacturer", "INCONCLUSIVE")] if "manufacturer" in self.plan.levels else []
        criteria = []
        for model in self.plan.models:
            for index, (endpoint, goal, worst_of, outcome) in enumerate(goals):
                group = f"/{worst_of}={worst}" if worst_of else ""
                criteria.append({
                    "id": f"acceptance[{index}]", "model": model, "endpoint": endpoint, "outcome": outcome,
                    "reason": "straddles_goal" if outcome == "INCONCLUSIVE" else "limit_meets_goal",
                    "sentence": f"Sensitivity on {worst} scanners: 74.1% (60.9–84.0%); the goal of 65% lies inside the limits."
                    if worst_of else "The lower limit is at or above the goal.",
                    "goal": goal, "direction": "at_least", "limit": "lower", "estimate": f"{endpoint}/{model}/clean{group}",
                    "estimates": [], "worst_of": worst_of, "worst_level": worst if worst_of else None, "new_study_n": None,
                    "locked": True,
                })  # fmt: skip
        return {
            "schema_version": "1", "outcome": "INCONCLUSIVE", "exploratory": self.plan.exploratory, "criteria": criteria,
            "sentence": "Two of three criteria are met. On Fujifilm scanners the limit for sensitivity straddles the goal: "
            "58 positive images are too few to decide. A new study with about 140 positive images on these scanners, each of "
            "another patient, would meet the goal with 80% power if the true value is 85%, as assumed in the lock.",
        }  # fmt: skip

    def flow(self) -> dict[str, Any]:
        return {"schema_version": "1", "steps": self._steps()[:-2]}

    def _steps(self) -> list[dict[str, Any]]:
        images, patients = self.images, self.plan.patients
        step = lambda name, kind, label, n, p, reasons=None: {  # noqa: E731
            "id": name, "kind": kind, "label": label, "files": n, "images": n, "studies": min(n, p + 9), "patients": p,
            "reasons": reasons or {},
        }  # fmt: skip
        out = {"rule:view_position": 121, "rule:age": 38, "duplicate": 15}
        return [
            step("found", "remain", "Files found", images + 188, patients + 22),
            *(step(f"excluded:{c}", "leave", f"Excluded: {c}", n, min(n, 9), {c: n}) for c, n in out.items()),
            step("eligible", "remain", "Eligible images", images + 14, patients + 1),
            step("no_label", "leave", "No reference label, reported", 14, 1, {"missing": 14}),
            step("labelled", "remain", "With a reference label", images, patients),
            step("no_output", "among", "No output, counted as wrong", self.plan.silent, min(self.plan.silent, 5),
                 {"truncated": self.plan.silent} if self.plan.silent else {}),
            step("analysed", "remain", "Analysed", images, patients),
        ]  # fmt: skip

    def findings(self) -> list[dict[str, Any]]:
        each = [self._participants, self._overall, self._missing]
        each += [self._strata] if self.plan.levels else []
        return [self._population(), *(make(model) for make in each for model in self.plan.models)]

    def _finding(self, analysis: str, model: str | None, statement: str, data: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": f"{analysis}/{model}" if model else analysis, "analysis": analysis, "model": model, "title": analysis,
            "statement": statement, "status": "ok", "prespecified": True, "estimates": [], "data": data,
        }  # fmt: skip

    def _participants(self, model: str) -> dict[str, Any]:
        data = {"steps": self._steps(), "unit": "image", "rule": "worst_case", "adds_up": True}
        return self._finding("participants", model, f"{self.images:,} images of {self.plan.patients:,} patients are analysed.", data)

    def _counts(self, images: int) -> dict[str, Any]:
        positives = images * self.plan.positives // max(1, self.images)
        return {
            "images": images, "studies": images, "patients": min(images, self.plan.patients), "positives": positives,
            "negatives": images - positives, "no_label": 0, "failed": dict.fromkeys(self.plan.models, 2),
        }  # fmt: skip

    def _population(self) -> dict[str, Any]:
        attributes: list[dict[str, Any]] = [
            {"attribute": name, "label": name.replace("_", " ").capitalize(), "kind": "text", "missing": 3, "missing_share": 0.01,
             "summary": None, "levels": [{"level": level, **self._counts(self.images // (2 + n))} for n, level in enumerate(levels)]}
            for name, levels in self.plan.levels.items()
        ]  # fmt: skip
        summary = {"of": "patients", "count": 380, "least": 18.0, "lower_quartile": 41.0, "median": 57.5, "upper_quartile": 70.0,
                   "most": 97.0}  # fmt: skip
        attributes.append({"attribute": "age", "label": "Age", "kind": "number", "missing": 10, "missing_share": 0.02,
                           "summary": summary, "levels": None})  # fmt: skip
        makers = self.plan.levels.get("manufacturer", ())
        scanners = [
            {"manufacturer": maker, "model_name": f"{maker[:6]} {n}00", "site": "AB"[n % 2], **self._counts(40 + n)}
            for n, maker in enumerate(m for m in makers for _ in range(2))
        ]
        labelled = self.images
        data = {
            "unit": "image", "sampling": self.plan.sampling, "counts": self._counts(self.images),
            "prevalence": {"positives": self.plan.positives, "labelled": labelled,
                           "share": self.plan.positives / labelled if labelled else None},
            "attributes": attributes, "scanners": scanners, "crossings": [],
        }  # fmt: skip
        return self._finding("population", None, f"{self.images:,} images of {self.plan.patients:,} patients.", data)

    def _overall(self, model: str) -> dict[str, Any]:
        plan = self.plan
        both = plan.positives > 0 and plan.negatives > 0
        curve = [[x / 50, min(1.0, (x / 50) ** 0.18)] for x in range(51)]
        hit, alarm = plan.positives * 478 // 540, plan.negatives // 15
        table = {"true_positives": hit, "false_negatives": plan.positives - hit, "false_positives": alarm,
                 "true_negatives": plan.negatives - alarm, "positives": plan.positives, "negatives": plan.negatives}  # fmt: skip
        point = {"threshold": 0.5, "rule": ">=", "source": "manufacturer labelling"} if plan.operating_point else None
        band = {"points": [[x, max(0.0, y - 0.05), min(1.0, y + 0.04)] for x, y in curve], "level": 0.95, "method": "bootstrap",
                "replicates": 2000, "undefined_replicates": 0}  # fmt: skip
        roc = {
            "points": curve, "corners": 51, "deviation": 0.0, "auroc": f"auroc/{model}/clean", "band": band,
            "operating": {"false_positive_rate": 0.067, "sensitivity": 0.885, "ids": {
                "sensitivity": f"sensitivity/{model}/clean", "specificity": f"specificity/{model}/clean"}} if point else None,
        }  # fmt: skip
        edges = [k / 20 for k in range(21)]
        data = {
            "operating_point": point,
            "tables": [{"rule": r, "label": label, "locked": r == "worst_case", **table} for r, label in
                       (("worst_case", "Failures counted as wrong"), ("exclude_and_report", "Outputs only"))] if point else [],
            "roc": roc if both else None, "why_no_curve": None if both else "A curve needs both classes; here are 0 positives.",
            "histogram": {"edges": edges, "positives": [int(plan.positives * k / 210) for k in range(20)],
                          "negatives": [int(plan.negatives * (20 - k) / 210) for k in range(20)], "outputs": self.images,
                          "kind": "probability"} if self.images else None,
            "endpoints": [],
        }  # fmt: skip
        return self._finding("overall", model, "Area under the ROC curve: 0.926 (0.909–0.942).", data)

    def _strata(self, model: str) -> dict[str, Any]:
        goal = {"value": 0.8, "direction": "at_least", "criterion": "acceptance[0]"}
        entries = [
            {
                "endpoint": name, "label": name.capitalize(), "role": "primary" if name in {"auroc", "sensitivity"} else "secondary",
                "unit": METRICS[name][1], "overall": f"{name}/{model}/clean",
                "goal": goal if name in {"auroc", "sensitivity"} and self.plan.criteria else None,
                "statement": f"{name} is lowest somewhere.", "compared": 9,
                "claimed": [{"attribute": a, "level": levels[0]} for a, levels in list(self.plan.levels.items())[:1]],
                "worst": None, "groups": [self._group(name, model, a, levels) for a, levels in self.plan.levels.items()],
            }
            for name in METRICS
        ]  # fmt: skip
        return self._finding("strata", model, "It does not hold everywhere.", {"endpoints": entries})

    def _group(self, name: str, model: str, attribute: str, levels: tuple[str, ...]) -> dict[str, Any]:
        own = name == "sensitivity" and attribute == "manufacturer" and self.plan.criteria
        difference = {"value": -0.093, "low": -0.152, "high": -0.035, "level": 0.95, "simultaneous_low": -0.17,
                      "simultaneous_high": -0.016, "method": "x", "undefined_replicates": 0, "excludes_zero": True,
                      "reason": None}  # fmt: skip
        test = {"levels": len(levels), "statistic": 14.2, "p": 0.0004, "i_squared": 0.71, "method": "x", "reason": None}
        rows = []
        for number, level in enumerate(levels):
            cases = max(0, self.images // (2 + number))
            greyed = cases < 20 or level == "missing"
            rows.append({
                "level": level, "estimate": f"{name}/{model}/clean/{attribute}={level}", "greyed": greyed,
                "why_greyed": "too few to be read" if greyed else None, "n_patients": min(cases, self.plan.patients),
                "n_events": cases // 2, "difference": None if greyed else difference,
            })  # fmt: skip
        if len(levels) < 2:
            test |= {"statistic": None, "p": None, "i_squared": None, "reason": "fewer than two levels"}
        return {
            "attribute": attribute, "label": attribute.replace("_", " ").capitalize(), "heterogeneity": test, "rows": rows,
            "goal": {"value": 0.65, "direction": "at_least", "criterion": "acceptance[2]"} if own else None,
        }  # fmt: skip

    def _missing(self, model: str) -> dict[str, Any]:
        silent = self.plan.silent
        data = {
            "rule": "worst_case", "rows": self.images, "outputs": self.images - silent, "failed": silent, "share": 0.005,
            "failures": [{"reason": "truncated", "positives": silent, "negatives": 0, "no_label": 0, "total": silent}] if silent else [],
            "labels": [{"status": "present", "rows": self.images, "patients": self.plan.patients},
                       {"status": "missing", "rows": 14, "patients": 1}, {"status": "indeterminate", "rows": 0, "patients": 0}],
            "endpoints": [
                {"endpoint": name, "label": name.capitalize(), "role": "primary", "rules": [
                    {"rule": r, "label": label, "estimate": f"{name}/{model}/clean" + ("" if r == "worst_case" else f"/missing={r}"),
                     "locked": r == "worst_case"} for r, label in RULES.items()]}
                for name in METRICS
            ],
        }  # fmt: skip
        return self._finding("missing", model, f"The model gave no output for {silent} of {self.images:,} images (0.5%).", data)

    def lock(self, protocol: dict[str, Any]) -> dict[str, Any]:
        return {
            "schema_version": "1", "locked": "2026-03-03T14:05:09+00:00", "lock_sha256": "5f3a91c2" * 8,
            "protocol": {"id": protocol["id"], "version": "1.0.0", "sha256": digest(protocol)},
            "cohort": {"cases": self.images + 14, "exclusions": 174, "sha256": "ef" * 32}, "reference": {"sha256": "0a" * 32},
            "models": {model: {"format": self.plan.format, "sha256": "cd" * 32} for model in self.plan.models},
            "passes": [{"id": "clean"}], "program": {"version": "0.1.0", "source_sha256": "ab" * 32},
        }  # fmt: skip

    def inputs(self) -> dict[str, Any]:
        identity = {"provider": "CPUExecutionProvider", "runtime": "onnxruntime-gpu 1.31.1", "parameters": 23841,
                    "witnessed": self.plan.format != "predictions"}  # fmt: skip
        return {"models": {model: identity for model in self.plan.models}, "reference": {"sha256": "0a" * 32}}

    def audit(self) -> list[dict[str, Any]]:
        kinds = [("started", {"protocol": "cxr-opacity-acceptance"}), ("cohort", {"cases": 1288, "digest": "ef" * 32}),
                 ("unlocked" if self.plan.exploratory else "locked", {"lock": "5f3a91c2" * 8}),
                 ("inference_started", {"models": 1}), ("inference_finished", {"rows": 1288, "failures": 7}), ("unblinded", {}),
                 ("computed", {"estimates": 90}), ("reported", {"files": 3})]  # fmt: skip
        return [
            {"seq": n, "time": f"2026-03-04T09:{n:02d}:07.123456+00:00", "type": kind, "data": data, "previous": "00" * 32,
             "hash": f"{n:02x}" * 32}
            for n, (kind, data) in enumerate(kinds)
        ]  # fmt: skip
