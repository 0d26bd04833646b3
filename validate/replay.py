"""Inference once more where the images are at hand, and every case compared with the sealed outputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import yaml

from validate.analyses.run import required_passes
from validate.canonical import digest
from validate.casewise.casewise import Casewise, Question
from validate.catalog import shipped_catalog
from validate.cohort.build import build_cohort
from validate.cohort.case import Cohort
from validate.cohort.manifest import read_cohort
from validate.cohort.privacy import site_key
from validate.errors import DataError, EvidenceError, ModelError, ProtocolError
from validate.evidence.seal import read_document
from validate.evidence.verify import verify
from validate.inference.comparison import Tally, compare_measures, compare_outputs
from validate.inference.plan import make_plan
from validate.models.load import opened_elsewhere, opened_models
from validate.numbers import MEASURES
from validate.protocol.load import LoadedProtocol, from_resolved, load_protocol, resolved
from validate.protocol.targets import MEASURED
from validate.registry import load as load_plugin
from validate.reporter import Reporter, Silent

TOLERANCE = 1e-6  # relative; models are float32
MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Replay:
    """cases : outputs compared      identical : to the bit      largest : largest difference of a number in one, absolute

    marks, masks : of them, each compared place by place or voxel by voxel
    measures : rows of what was measured of each case, measured again and compared
    differences : whatever is not the sealed one, case by case, in words (at most 20, then how many more)
    """

    cases: int
    identical: int
    largest: float
    differences: tuple[str, ...]
    marks: int = 0
    masks: int = 0
    measures: int = 0

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
    tolerance : relative difference of two numbers up to which they count as the same; a voxel of a mask is the same or another
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
        with opened_elsewhere(loaded.protocol, loaded.base, passes, models, device=device) as elsewhere:
            plan = make_plan(
                loaded.protocol, cohort, models, passes, elsewhere=elsewhere, base=loaded.base.resolve(), device=device
            )
            load_plugin("engines", "local").run(plan, out=out, resume=False)
        tally = compare_outputs(folder / "inference", out, tolerance)
        if loaded.protocol.task in MEASURED:
            told.stage("Measuring each case again")
            _measured(tally, folder, loaded, cohort, out, tolerance, told)
    return told_of(tally)


def _measured(
    tally: Tally,
    folder: Path,
    loaded: LoadedProtocol,
    cohort: Cohort,
    inference: Path,
    tolerance: float,
    reporter: Reporter,
) -> None:
    """What a task measures of each case, from the outputs and the labels as they lie there now."""
    casewise: Casewise = load_plugin("casewise", loaded.protocol.task)
    question = Question(loaded.protocol, loaded.base, inference, cohort.cases)
    found = casewise.tables(question, reporter.advance)
    compare_measures(tally, pq.read_table(folder / MEASURES), found.measures, tolerance)


def told_of(tally: Tally) -> Replay:
    """The first differences in words, and how many more there are."""
    shown = tally.differences[:MOST_NAMED]
    if len(tally.differences) > MOST_NAMED:
        shown.append(f"… and {len(tally.differences) - MOST_NAMED} more differ")
    return Replay(tally.outputs, tally.identical, tally.largest, tuple(shown), tally.marks, tally.masks, tally.measures)
