"""How often shift, gaps and breaks are called where there are none, and found where they are: `python tests/benchmarks/shift_study.py`.

The whole analysis of the product is run on simulated studies of 200 patients (shift: 160 and 200), each from a seed: makers of scanner,
sexes, a covariate, one to three images of a patient, scores that separate the classes by two standard deviations. Writes a CSV of
rates with exact limits (Clopper and Pearson); docs/robustness.md shows it.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))


def module(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found
    spec.loader.exec_module(found)
    return found


MADE = module(ROOT / "tests/analyses/conftest.py", "made_up")
SHIFTED = module(ROOT / "tests/analyses/test_shift.py", "made_up_shift")
TRUTHS = module(ROOT / "tests/analyses/test_seeded_truths.py", "made_up_truths")
BOUND = module(ROOT / "tests/analyses/test_confounding.py", "made_up_confounding")
ENDPOINTS = [
    {"id": "auroc", "metric": "classification.auroc", "role": "primary"},
    {"id": "sensitivity", "metric": "classification.sensitivity", "role": "primary"},
]
PLAIN: dict[str, Any] = {"endpoints": ENDPOINTS, "resampling": {"replicates": 200}}


class Build:
    """What the made-up studies are built with; all with as many replicates."""

    protocol = staticmethod(lambda **changes: MADE.protocol(**{**PLAIN, **changes, "resampling": PLAIN["resampling"]}))
    simulate = staticmethod(MADE.simulate)
    evidence = staticmethod(MADE.evidence)
    estimated = staticmethod(MADE.with_estimates)
    passes = staticmethod(MADE.with_passes)


def robustness(seed: int, loss: float, tolerance: float = 0.05) -> dict[str, bool]:
    """One cause at five severities; at the worst the AUROC falls by `loss` standard deviations of separation."""
    from validate.analyses.robustness import ANALYSIS
    from validate.protocol.robustness import RobustnessOptions

    options = {
        "suite": "radiography", "perturbations": ["scatter"], "severities": [1, 3, 5], "endpoints": ["auroc"], "tolerance": tolerance,
        "rationale": "r",
    }  # fmt: skip
    study = Build.protocol(analyses=[{"name": "robustness", "options": options}], strata=["sex"])
    clean = Build.simulate(study=study, patients=200, seed=seed, weak=None, failures=0)
    rng = np.random.default_rng(seed + 10**6)
    raw = np.array([np.nan if s is None else s for s in clean.units["score"].to_pylist()])
    latent = np.log(raw / (1 - raw))
    positive = np.array([label == 1.0 for label in clean.units["label"].to_pylist()])
    scores = {
        f"scatter-{s}": 1 / (1 + np.exp(-(latent + rng.normal(0, 0.3, len(raw)) - 2 * positive * loss * s / 5)))
        for s in (1, 3, 5)
    }
    evidence = Build.estimated(Build.passes(clean, scores))
    (found,) = ANALYSIS.findings(evidence, RobustnessOptions.model_validate(options))
    one = found.data["causes"][0]["endpoints"][0]
    return {"holds": one["holds_up_to"] == 5, "breaks": one["breaks_at"] is not None}


def scanner(seed: int, weak: str | None) -> dict[str, bool]:
    from validate.analyses.scanner_shift import ANALYSIS
    from validate.protocol.scanner_shift import ScannerShiftOptions

    options = {"by": "manufacturer", "endpoints": ["auroc"]}
    study = Build.protocol(analyses=[{"name": "scanner_shift", "options": options}], strata=["manufacturer"])
    evidence = Build.estimated(Build.simulate(study=study, patients=200, seed=seed, weak=weak))
    (found,) = ANALYSIS.findings(evidence, ScannerShiftOptions.model_validate(options))
    levels = found.data["attributes"][0]["endpoints"][0]["levels"]
    called = {
        o["level"]
        for o in levels
        if o["simultaneous_low"] is not None and (o["simultaneous_low"] > 0 or o["simultaneous_high"] < 0)
    }
    return {"called": bool(called), "found": weak in called}


def fairness(seed: int, weak: str | None) -> dict[str, bool]:
    from validate.analyses.fairness import ANALYSIS
    from validate.protocol.fairness import FairnessOptions

    options = {"attributes": ["manufacturer"], "endpoints": ["auroc"], "reference": {"manufacturer": "GE"}}
    study = Build.protocol(analyses=[{"name": "fairness", "options": options}], strata=["manufacturer"])
    evidence = Build.estimated(Build.simulate(study=study, patients=200, seed=seed, weak=weak))
    (found,) = ANALYSIS.findings(evidence, FairnessOptions.model_validate(options))
    groups = found.data["endpoints"][0]["groups"]
    called = {group["level"] for group in groups if group["conclusion"] in {"shown", "beyond"}}
    return {"called": bool(called), "found": weak in called}


def confounded(seed: int, weak: float) -> dict[str, bool]:
    """A scanner that gets the harder cases; called by the difference as it is, and by the weighted one."""
    study = BOUND.study(Build, patients=400, weak=weak, seed=seed, endpoints=["sensitivity"])
    found = BOUND.entry(study)
    weighted = BOUND.on_b(found["weighted"], "sensitivity")
    adjusted = BOUND.on_b(found["adjusted"], "sensitivity")
    known = {e.id: e for e in study.estimates}
    raw = next(known[o["estimate"]] for o in found["rest"] if o["level"] == "B" and o["endpoint"] == "sensitivity")

    def called(one: Any) -> bool:
        return one["low"] is not None and (one["low"] > 0 or one["high"] < 0)

    assert raw.interval is not None
    return {
        "raw": raw.interval.high < 0 or raw.interval.low > 0, "weighted": called(weighted), "standardised": called(adjusted)
    }  # fmt: skip


def put_in(seed: int, **truths: float) -> dict[str, bool]:
    """The phantom of tables with these truths. Raw limits and those of groups hold for all at once, adjusted ones for each maker alone."""
    from validate.phantoms.shift_tables import BLURRED, BUSY, Truths

    found = TRUTHS.called(TRUTHS.study(Build, Truths(**truths), seed=seed))
    maker = BLURRED if truths.get("blur") else BUSY
    return {
        "raw": maker in found["raw"] if truths.get("blur") or truths.get("confounded") else bool(found["raw"]),
        "weighted": maker in found["weighted"],
        "standardised": maker in found["standardised"],
        "group": bool(found["served worse"]),
    }


def cohort(seed: int, noise: float) -> dict[str, bool]:
    evidence = SHIFTED.study(Build, noise=noise, seed=seed)
    found = SHIFTED.finding(evidence)
    classifier = next(e for e in evidence.estimates if e.id.endswith("domain_classifier"))
    return {
        "any_feature": any(one["shifted"] for one in found.data["features"]),
        "together": found.data["together"]["p"] <= 0.05,
        "classifier": classifier.interval is not None and classifier.interval.low > 0.5,
    }


STUDIES: dict[str, tuple[str, Callable[[int], dict[str, bool]]]] = {
    "robustness, nothing but noise": ("holds: right, breaks: false alarm", lambda seed: robustness(seed, 0.0)),
    "robustness, a drop just at the tolerance": ("holds: false", lambda seed: robustness(seed, 0.38)),
    "robustness, a drop of four tolerances": ("breaks: right", lambda seed: robustness(seed, 1.16)),
    "scanner_shift, all makers alike": ("called: false alarm", lambda seed: scanner(seed, None)),
    "scanner_shift, one maker weak": ("found: right", lambda seed: scanner(seed, "Fujifilm")),
    "fairness, all groups alike": ("called: false alarm", lambda seed: fairness(seed, None)),
    "fairness, one group under-served": ("found: right", lambda seed: fairness(seed, "Fujifilm")),
    "confounded scanner, not weak itself": (
        "raw, weighted, standardised: false alarm",
        lambda seed: confounded(seed, 0.0),
    ),
    "confounded scanner, weak itself": ("weighted, standardised: right", lambda seed: confounded(seed, 1.5)),
    "phantom, nothing put in": ("all: false alarm", put_in),
    "phantom, a maker that blurs": (
        "raw, weighted, standardised: right; group: false alarm",
        lambda seed: put_in(seed, blur=1.2),
    ),
    "phantom, a group served worse": (
        "group: right; all others: false alarm",
        lambda seed: put_in(seed, underserved=1.0),
    ),
    "phantom, a maker that gets the mild patients": (
        "raw: the confounding; all others: false alarm",
        lambda seed: put_in(seed, confounded=0.45),
    ),
    "shift, the same population": ("false alarm", lambda seed: cohort(seed, 0.02)),
    "shift, noise up by half its spread": ("right", lambda seed: cohort(seed, 0.022)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/robustness-rates.csv")
    parser.add_argument(
        "--replicates", type=int, default=2000, help="of the resampling, a run's own number unless told otherwise"
    )
    parser.add_argument("--only", action="append", help="part of a study's name")
    parser.add_argument("--join", type=Path, nargs="+", help="CSVs of other seeds, added up; nothing is run")
    options = parser.parse_args()
    if options.join:
        write(options.out, joined(options.join))
        return
    PLAIN["resampling"]["replicates"] = options.replicates
    rows = []
    for name, (meaning, study) in STUDIES.items():
        if options.only and not any(part in name for part in options.only):
            continue
        start = time.perf_counter()
        found = [study(seed) for seed in range(options.first, options.first + options.seeds)]
        for what in found[0]:
            hits = sum(one[what] for one in found)
            rows.append(row(name, meaning, what, options.replicates, hits, len(found)))
            print(*rows[-1], sep=" | ", flush=True)
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
        write(options.out, rows)


def row(name: str, meaning: str, what: str, replicates: int, hits: int, studies: int) -> list[Any]:
    from validate.stats.proportion import clopper_pearson

    limits = clopper_pearson(hits, studies, level=0.95)
    return [name, meaning, what, replicates, hits, studies, round(float(limits.low), 4), round(float(limits.high), 4)]


def joined(paths: list[Path]) -> list[list[Any]]:
    """One row for each that any of them has."""
    found: dict[tuple[str, str, str, int], list[int]] = {}
    for path in paths:
        for one in csv.DictReader(path.open(encoding="utf-8")):
            key = one["study"], one["meaning"], one["called"], int(one["replicates"])
            counts = found.setdefault(key, [0, 0])
            counts[0] += int(one["hits"])
            counts[1] += int(one["studies"])
    return [row(*names, *counts) for names, counts in found.items()]


def write(path: Path, rows: list[list[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["study", "meaning", "called", "replicates", "hits", "studies", "low", "high"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
