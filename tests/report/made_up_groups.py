"""Findings by group and of calibration, of a study that nobody ran."""

from __future__ import annotations

from typing import Any

from made_up_plan import METRICS, Counts


class Groups(Counts):
    """Strata and calibration."""

    def _strata(self, model: str) -> dict[str, Any]:
        goal = {"value": 0.8, "direction": "at_least", "criterion": "acceptance[0]"}
        entries = [
            {
                "endpoint": name, "label": self.label(name), "role": "primary" if name in {"auroc", "sensitivity"} else "secondary",
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

    def _calibration(self, model: str) -> dict[str, Any]:
        bins = [
            {"start": k / 10, "end": (k + 1) / 10, "cases": 0 if k == 3 else 120, "positives": 0 if k == 3 else 12 * k,
             "stated": None if k == 3 else k / 10 + 0.05, "observed": None if k == 3 else k / 10,
             "low": None if k == 3 else max(0.0, k / 10 - 0.06), "high": None if k == 3 else k / 10 + 0.07}
            for k in range(10)
        ]  # fmt: skip
        measure = {"label": "Calibration intercept", "value": -0.21, "low": -0.4, "high": -0.02, "ideal": 0.0, "method": "x",
                   "level": 0.95, "estimate": None, "reason": None}  # fmt: skip
        measures = [
            {**measure, "id": "intercept"},
            {**measure, "id": "slope", "label": "Calibration slope", "value": 0.93, "low": 0.81, "high": 1.05, "ideal": 1.0},
            {**measure, "id": "observed_over_expected", "label": "Observed over expected", "value": 0.97, "low": None,
             "high": None, "ideal": 1.0, "reason": "too few clusters for limits"},
            {**measure, "id": "ece", "label": "Expected calibration error", "value": None, "low": None, "high": None,
             "reason": "not defined on these cases"},
        ]  # fmt: skip
        data = {
            "cases": self.images, "positives": self.plan.positives, "patients": self.plan.patients,
            "without_output": self.plan.silent, "binning": {"kind": "mass", "bins": 10, "words": "10 bins of equal counts"},
            "bin_limits": "Wilson, effective n of the clusters", "level": 0.95, "bins": bins,
            "histogram": {"edges": [k / 20 for k in range(21)], "counts": [(k * 7) % 60 for k in range(20)]}, "measures": measures,
        }  # fmt: skip
        return self._finding(
            "calibration", model, f"On {self.images:,} images with an output and a reference label.", data
        )

    def _prevalence(self, model: str) -> dict[str, Any]:
        if not self.plan.operating_point or self.plan.positives == 0:
            finding = self._finding("prevalence", model, "The protocol states no operating point.", {})
            return {**finding, "status": "not_available"}
        count = {"expected": 64, "low": 52, "high": 77}
        entries = [
            {
                "prevalence": share, "main": share == 0.08, "statement": f"Of 1,000 images at a prevalence of {share:.0%}.",
                "ppv": f"ppv/{model}/clean", "npv": None,
                "per_thousand": {
                    "prevalence": share, "positive": round(1000 * share), "negative": 1000 - round(1000 * share), "flagged": 135,
                    "alarms_per_found": 0.90141, "alarms_per_found_limits": {"low": 0.71, "high": 1.23},
                    "number_needed_to_predict": 2.2, "number_needed_to_predict_limits": {"low": 1.6, "high": None},
                    "found": {**count, "expected": round(890 * share)}, "false_alarms": count,
                    "missed": {"expected": round(1000 * share) - round(890 * share), "low": None, "high": None},
                    "left_alone": count,
                },
            }
            for share in (0.02, 0.08, 0.15)
        ]  # fmt: skip
        data = {
            "unit": "image", "sampling": self.plan.sampling, "enriched": True, "study_prevalence": 0.42, "source": "local audit 2025",
            "sensitivity": f"sensitivity/{model}/clean", "specificity": f"specificity/{model}/clean",
            "limits": "Limits of found and missed are those of sensitivity.", "prevalences": entries,
        }  # fmt: skip
        return self._finding("prevalence", model, "Of 1,000 images at a prevalence of 8%, 80 are positive.", data)
