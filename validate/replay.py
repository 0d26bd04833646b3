"""Inference once more where the images are at hand, and every case compared with the sealed outputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from validate.analyses.run import required_passes
from validate.canonical import digest
from validate.catalog import shipped_catalog
from validate.cohort.build import build_cohort
from validate.cohort.manifest import read_cohort
from validate.cohort.privacy import site_key
from validate.errors import DataError, EvidenceError, ModelError, ProtocolError
from validate.evidence.seal import read_document
from validate.evidence.verify import verify
from validate.inference.plan import make_plan
from validate.inference.store import read_inference
from validate.models.load import opened_elsewhere, opened_models
from validate.protocol.load import from_resolved, load_protocol, resolved
from validate.registry import load as load_plugin
from validate.reporter import Reporter, Silent

KEY = ("unit", "model", "pass", "target")
TOLERANCE = 1e-6  # relative; models are float32
MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Replay:
    """cases : rows compared      identical : to the bit      largest : largest difference of a score, absolute

    differences : rows beyond the tolerance, or that failed in one run only, in words (at most 20, then how many more)
    """

    cases: int
    identical: int
    largest: float
    differences: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.differences


def replay(
    folder: Path,
    protocol: Path,
    *,
    device: str | None = None,
    tolerance: float = TOLERANCE,
    reporter: Reporter | None = None,
) -> Replay:
    """Run the models of a finished run again and compare case by case; the run folder is only read.

    protocol : the YAML file, for where images and models lie; must be the protocol that was sealed
    tolerance : relative difference of two scores up to which they count as the same
    Raises EvidenceError where the evidence does not fit its seal, ProtocolError, DataError or ModelError where protocol, cohort or
    a model is not the one of that run.
    """
    if broken := verify(folder).differences:
        raise EvidenceError(
            f"{folder}: the evidence does not fit its seal, so nothing is compared with it: {broken[0]}"
        )
    told = reporter or Silent()
    loaded = load_protocol(protocol, catalog=shipped_catalog())
    sealed = yaml.safe_load((folder / "protocol.yaml").read_text(encoding="utf-8"))
    if digest(resolved(from_resolved(sealed))) != digest(loaded.resolved):
        raise ProtocolError(
            f"{protocol}: is not the protocol that was sealed in {folder}; give the file as it was then."
        )
    told.stage("Reading the cohort")
    cohort = build_cohort(loaded.protocol, base=loaded.base, site_key=site_key(), progress=told.advance)
    stored = read_cohort(folder / "cohort")
    if cohort.digest != stored.digest or [c.unit for c in cohort.cases] != [c.unit for c in stored.cases]:
        raise DataError(
            f"{protocol}: its sources hold another cohort now ({cohort.digest[:12]}…) than the one that was run "
            f"({stored.digest[:12]}…), or the site key is another. Replay needs the same files and the same site key."
        )
    known = read_document(folder, "evidence/models.json")["models"]
    passes = required_passes(loaded.protocol)
    with opened_models(loaded.protocol, loaded.base, device) as models, TemporaryDirectory() as scratch:
        for name, model in models.items():
            if model.identity.digest != known[name]["digest"]:
                raise ModelError(f"model '{name}': is another file than the one that was run; replay needs the same.")
        told.stage("Running the models again")
        out = Path(scratch) / "inference"
        with opened_elsewhere(loaded.protocol, loaded.base, passes, models) as elsewhere:
            plan = make_plan(loaded.protocol, cohort, models, passes, elsewhere=elsewhere)
            load_plugin("engines", "local").run(plan, out=out, resume=False)
        return _compared(_rows(folder / "inference"), _rows(out), tolerance)


def _rows(folder: Path) -> dict[tuple[str, ...], Mapping[str, Any]]:
    return {tuple(row[name] for name in KEY): row for row in read_inference(folder).to_pylist()}


def _compared(
    was: Mapping[tuple[str, ...], Mapping[str, Any]], now: Mapping[tuple[str, ...], Mapping[str, Any]], tolerance: float
) -> Replay:
    differences = list(_differences(was, now, tolerance))
    pairs = [(was[key]["score"], now[key]["score"]) for key in was.keys() & now.keys()]
    both = [(a, b) for a, b in pairs if a is not None and b is not None]
    shown = differences[:MOST_NAMED]
    if len(differences) > MOST_NAMED:
        shown.append(f"… and {len(differences) - MOST_NAMED} more rows differ")
    return Replay(
        cases=len(pairs),
        identical=sum(a == b for a, b in pairs),
        largest=max((abs(a - b) for a, b in both), default=0.0),
        differences=tuple(shown),
    )


def _differences(
    was: Mapping[tuple[str, ...], Mapping[str, Any]], now: Mapping[tuple[str, ...], Mapping[str, Any]], tolerance: float
) -> Iterator[str]:
    for key in sorted(was.keys() | now.keys()):
        place = " ".join(key)
        if key not in was or key not in now:
            yield f"{place}: {'not in the sealed outputs' if key not in was else 'no output now'}"
            continue
        old, new = was[key], now[key]
        if (old["status"], old["failure"]) != (new["status"], new["failure"]):
            yield f"{place}: was {old['failure'] or 'ok'}, is {new['failure'] or 'ok'}"
        elif old["score"] is not None and not math.isclose(
            old["score"], new["score"], rel_tol=tolerance, abs_tol=tolerance
        ):
            yield f"{place}: was {old['score']!r}, is {new['score']!r}"
