"""findings.json of a study that nobody ran, in the shapes that validate/analyses documents."""

from __future__ import annotations

from typing import Any

from made_up_groups import Groups
from made_up_plan import METRICS, RULES


class Findings(Groups):
    """One finding per analysis and model."""

    def findings(self) -> list[dict[str, Any]]:
        each = [self._participants, self._overall, self._errors, self._missing]
        each += [self._calibration, self._prevalence]
        each += [self._strata] if self.plan.levels else []
        each += [self._survival] if self.plan.followed else []
        return [self._population(), *(make(model) for make in each for model in self.plan.models)]

    def _participants(self, model: str) -> dict[str, Any]:
        data = {"steps": self._steps(), "unit": "image", "rule": "worst_case", "adds_up": True, "by": self._flow_by()}
        return self._finding(
            "participants", model, f"{self.images:,} images of {self.plan.patients:,} patients are analysed.", data
        )

    def _flow_by(self) -> list[dict[str, Any]]:
        """As many sites as a page holds and more."""
        boxes = ("eligible", "readable", "sent", "output", "labelled", "analysed")
        sites = [f"Site {n}" for n in range(40)] if self.plan.extreme else ["A", "B"]
        rows: list[dict[str, Any]] = [
            {"level": level, "identified": n + 3, "excluded": 3, **dict.fromkeys(boxes, n), "unreadable": 0, "not_sent": 0,
             "no_output": 0, "no_label": 0, "returned": 0} for n, level in enumerate(sites)
        ]  # fmt: skip
        total = {name: sum(row[name] for row in rows) for name in rows[0] if name != "level"}
        return [{"attribute": "site", "words": "Site", "total": total, "rows": rows}]

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
            "attributes": attributes, "scanners": scanners, "crossings": self._crossings(),
        }  # fmt: skip
        return self._finding("population", None, f"{self.images:,} images of {self.plan.patients:,} patients.", data)

    def _crossings(self) -> list[dict[str, Any]]:
        makers, sexes = self.plan.levels.get("manufacturer", ()), self.plan.levels.get("sex", ())
        if not makers or not sexes:
            return []
        counts = [[self.random.randrange(0, 60) for _ in makers] for _ in sexes]
        return [{"rows": "sex", "columns": "manufacturer", "row_levels": list(sexes), "column_levels": list(makers),
                 "images": counts, "positives": [[n // 2 for n in line] for line in counts]}]  # fmt: skip

    def _survival(self, model: str) -> dict[str, Any]:
        flagged = [n % 3 == 0 for n in range(self.plan.followed)]
        sides = [side for side in (False, True) if side in flagged] if self.plan.operating_point else []
        groups = [self._followed(side, flagged.count(side)) for side in sides]
        few = self.plan.followed < 10
        data = {
            "of": "readmission", "unit": "days", "level": 0.95, "patients": self.plan.followed, "events": self.plan.followed // 2,
            "no_output": 1, "no_follow_up": 0, "at": [90.0, 365.0], "last": 720.0, "groups": groups,
            "why_no_groups": "" if sides else "the protocol states no operating point for this model",
            "why_no_band": "the protocol resamples sites" if self.plan.extreme else "",
            "log_rank": {"statistic": 10.32, "p": 0.0013, "observed": 9, "expected": 6.1} if len(groups) == 2 else None,
            "why_no_test": "" if len(groups) == 2 else "there are no two groups",
            "concordance": {"value": 0.746, "low": None if few else 0.66, "high": None if few else 0.81, "replicates": 2000,
                            "reason": "few" if few else ""},
            "why_no_concordance": "",
        }  # fmt: skip
        return self._finding("survival", model, "Half of the patients had the event (readmission).", data)

    def _followed(self, side: bool, patients: int) -> dict[str, Any]:
        times = sorted(self.random.uniform(1, 700) for _ in range(patients // 2))
        shares = [1 - (n + 1) / (patients + 1) for n in range(len(times))]
        band = not self.plan.extreme
        read = {"survival": 0.8, "low": 0.7 if band else None, "high": 0.9 if band else None}
        return {
            "flagged": side, "label": "flagged" if side else "not flagged", "patients": patients, "events": len(times),
            "times": times, "survival": shares, "low": [max(0.0, s - 0.1) for s in shares] if band else [],
            "high": [min(1.0, s + 0.1) for s in shares] if band else [], "censored": [[710.0, shares[-1] if shares else 1.0]],
            "at_risk": [patients, patients // 2, patients // 5], "read": [{"time": t, **read} for t in (90.0, 365.0)],
            "median": times[-1] if times else None, "median_low": times[0] if times and band else None, "median_high": None,
        }  # fmt: skip

    def _errors(self, model: str) -> dict[str, Any]:
        levels = {name: values[0] for name, values in self.plan.levels.items()}
        sides = [
            {"side": side, "wrong": min(of, 3), "of": of, "confident": None if self.plan.extreme else 1,
             "causes": [{"cause": "hidden by the heart", "rows": 2, "patients": 1}] if self.plan.extreme else [],
             "worst": [{"case": f"I-{side}-{n}", "score": self.random.random(), "cause": None, "confident": n == 0, "levels": levels}
                       for n in range(min(of, 3))]}
            for side, of in (("missed", self.plan.positives), ("false_alarm", self.plan.negatives))
        ]  # fmt: skip
        data = {"cause": None, "threshold": 0.5, "sides": sides}
        return self._finding("errors", model, "Some positive images with an output are missed.", data)

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
            "precision_recall": {
                "points": [[x / 20, 1 - x * x / 800] for x in range(1, 21)],
                "prevalence": plan.positives / (plan.positives + plan.negatives),
                "average_precision": None, "band": {"points": [[x / 20, 0.4, 1.0] for x in range(1, 21)], "level": 0.95,
                                                    "replicates": 2000, "undefined_replicates": 0},
                "operating": {"recall": 0.885, "precision": 0.9} if point else None,
            } if both else None,
            "histogram": {"edges": edges, "positives": [int(plan.positives * k / 210) for k in range(20)],
                          "negatives": [int(plan.negatives * (20 - k) / 210) for k in range(20)], "outputs": self.images,
                          "kind": "probability"} if self.images else None,
            "endpoints": [],
        }  # fmt: skip
        return self._finding("overall", model, "Area under the ROC curve: 0.926 (0.909–0.942).", data)

    def _missing(self, model: str) -> dict[str, Any]:
        silent = self.plan.silent
        data = {
            "rule": "worst_case", "rows": self.images, "outputs": self.images - silent, "failed": silent, "share": 0.005,
            "failures": [{"reason": "truncated", "positives": silent, "negatives": 0, "no_label": 0, "total": silent}] if silent else [],
            "labels": [{"status": "present", "rows": self.images, "patients": self.plan.patients},
                       {"status": "missing", "rows": 14, "patients": 1}, {"status": "indeterminate", "rows": 0, "patients": 0}],
            "endpoints": [
                {"endpoint": name, "label": self.label(name), "role": "primary", "rules": [
                    {"rule": r, "label": label, "estimate": f"{name}/{model}/clean" + ("" if r == "worst_case" else f"/missing={r}"),
                     "locked": r == "worst_case"} for r, label in RULES.items()]}
                for name in METRICS
            ],
        }  # fmt: skip
        return self._finding(
            "missing", model, f"The model gave no output for {silent} of {self.images:,} images (0.5%).", data
        )
