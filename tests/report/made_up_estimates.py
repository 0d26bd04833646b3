"""estimates.json of a study that nobody ran."""

from __future__ import annotations

from typing import Any

from made_up_plan import METRICS, RULES, Counts

RATIOS = ("positive_likelihood_ratio", "negative_likelihood_ratio")


class Estimates(Counts):
    """Every endpoint overall, by rule and by group."""

    def estimates(self) -> list[dict[str, Any]]:
        found = []
        for model in self.plan.models:
            for endpoint in METRICS:
                found += [self._estimate(endpoint, model, {}, rule, self.images) for rule in RULES]
                found += [
                    self._estimate(
                        endpoint, model, {attribute: level}, "worst_case", max(0, self.images // (2 + number))
                    )
                    for attribute, levels in self.plan.levels.items()
                    for number, level in enumerate(levels)
                ]
            if self.plan.operating_point and self.plan.kind != "comparator":
                found += [self._ratio(endpoint, model) for endpoint in RATIOS]
        return found

    def _ratio(self, endpoint: str, model: str) -> dict[str, Any]:
        """As it is estimated where nobody made it an endpoint: over all cases, under the locked rule."""
        like = self._estimate("auroc", model, {}, "worst_case", self.images)
        value = None if like["value"] is None else like["value"] * (12 if endpoint.startswith("positive") else 0.2)
        interval = like["interval"] and {
            **like["interval"],
            "low": value * 0.7,
            "high": value * 1.4,
            "method": "bootstrap",
        }
        return {
            **like, "id": f"{endpoint}/{model}/clean", "endpoint": endpoint, "metric": f"classification.{endpoint}",
            "condition": {"threshold": 0.5}, "value": value, "interval": interval, "unit": "index", "role": "supporting",
        }  # fmt: skip

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
