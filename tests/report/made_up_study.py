"""A whole run folder that no model ever saw: random numbers in the layout of a real run."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import yaml
from made_up_estimates import Estimates
from made_up_findings import Findings
from made_up_plan import METRICS, Plan

from validate.canonical import digest, file_digest
from validate.cohort.strata import StrataCounts, confounding, proposed

ENVIRONMENT = {
    "schema_version": "1",
    "validate": {"version": "0.1.0", "source_sha256": "ab" * 32},
    "python": {"version": "3.11.2", "implementation": "CPython"},
    "system": {"name": "Linux", "release": "6.1.0", "distribution": "Debian GNU/Linux 12 (bookworm)"},
    "machine": {"architecture": "x86_64", "processor": "Some Processor 3000", "cores": 2, "memory_bytes": 25769803776,
                "accelerators": []},
    "packages": {"numpy": "2.4.6", "torch": "2.13.0+cpu", "pydicom": "3.0.2", "onnxruntime-gpu": "1.31.1"},
}  # fmt: skip


def write_study(folder: Path, plan: Plan) -> None:
    """Every file of a run that the report may read."""
    made = Study(plan, random.Random(plan.seed))
    protocol = made.protocol()
    documents: dict[str, Any] = {
        "estimates.json": {"schema_version": "1", "estimates": made.estimates()},
        "findings.json": {"schema_version": "1", "findings": made.findings()},
        "verdict.json": made.verdict(),
        "cohort/flow.json": made.flow(),
        "evidence/environment.json": ENVIRONMENT,
        "evidence/models.json": made.identities(),
        "evidence/deviations.json": {
            "schema_version": "1",
            "amendments": {"major": 1, "minor": 2, "after_unblinding": 0},
            "interruptions": 1,
            "refusals": 0,
            "total": 4,
        },
    }
    if not plan.exploratory:
        documents["lock.json"] = made.lock(protocol)
    for name, document in documents.items():
        _write(folder / name, json.dumps(document, indent=2, allow_nan=False))
    _write(folder / "protocol.yaml", yaml.safe_dump(protocol, sort_keys=False, allow_unicode=True))
    _write(folder / "results/units.parquet", "not read by the report")
    files = [
        {
            "path": p.relative_to(folder).as_posix(),
            "sha256": file_digest(p),
            "bytes": p.stat().st_size,
            "role": "evidence",
        }
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    ]
    manifest = {
        "schema_version": "1",
        "created": "2026-03-04T10:12:00+00:00",
        "inputs": {"lock": "5f3a91c2" * 8},
        "files": files,
    }
    _write(folder / "evidence/manifest.json", json.dumps(manifest, indent=2))
    _write(folder / "evidence/audit.jsonl", "".join(json.dumps(e) + "\n" for e in made.audit()))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


class Study(Estimates, Findings):
    """The documents besides the numbers."""

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
        return {"schema_version": "1", "steps": self._steps()[:-2], "notes": {"strata": self._imaged_where()}}

    def _imaged_where(self) -> dict[str, Any]:
        """As cohort/strata.py makes it of headers: men and women on two scanners of two sites."""
        counts = StrataCounts()
        for number in range(600):
            first = number % 3 > 0
            level = {
                "manufacturer": "Siemens" if first else "Fujifilm",
                "model": "A" if first else "B",
                "age": 30.0 + number % 60,
            }
            level |= {"sex": "F" if number % 2 else "M", "kvp": 81.0, "site": "north" if first else "south"}
            counts.add(level, None)
        return {"proposed": proposed(counts), "confounding": confounding(counts)}

    def lock(self, protocol: dict[str, Any]) -> dict[str, Any]:
        return {
            "schema_version": "1", "locked": "2026-03-03T14:05:09+00:00", "lock_sha256": "5f3a91c2" * 8,
            "protocol": {"id": protocol["id"], "version": "1.0.0", "sha256": digest(protocol)},
            "cohort": {"cases": self.images + 14, "exclusions": 174, "sha256": "ef" * 32}, "reference": {"sha256": "0a" * 32},
            "models": {model: {"format": self.plan.format, "sha256": "cd" * 32} for model in self.plan.models},
            "passes": [{"id": "clean"}], "program": {"version": "0.1.0", "source_sha256": "ab" * 32},
        }  # fmt: skip

    def identities(self) -> dict[str, Any]:
        identity = {
            "format": self.plan.format, "digest": "cd" * 32, "provider": "CPUExecutionProvider",
            "runtime": "onnxruntime-gpu 1.31.1", "inputs": [{"name": "image", "type": "float32", "shape": [None, 1, 128, 128]}],
            "outputs": [{"name": "logits", "type": "float32", "shape": ["n", 1]}], "parameters": 23841,
            "witnessed": self.plan.format != "predictions", "notes": [], "opset": "17",
        }  # fmt: skip
        return {"schema_version": "1", "models": {model: {"id": model, **identity} for model in self.plan.models}}

    def audit(self) -> list[dict[str, Any]]:
        kinds = [("started", {"protocol": "cxr-opacity-acceptance"}), ("cohort", {"cases": 1288, "digest": "ef" * 32}),
                 ("unlocked" if self.plan.exploratory else "locked", {"lock": "5f3a91c2" * 8}),
                 ("inference_started", {"models": 1}), ("inference_finished", {"rows": 1288, "failures": 7}), ("unblinded", {}),
                 ("computed", {"estimates": 90}), ("reported", {"files": 3})]  # fmt: skip
        return [
            {"seq": n, "actor": "A. Example (stated)",
             "time": f"2026-03-04T09:{n:02d}:07.123456+00:00", "type": kind, "data": data, "previous": "00" * 32,
             "hash": f"{n:02x}" * 32}
            for n, (kind, data) in enumerate(kinds)
        ]  # fmt: skip
