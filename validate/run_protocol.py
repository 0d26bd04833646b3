"""The whole way, from protocol to sealed report. The only module that knows every stage.

Each stage reads files and writes files into one run folder, so a run can stop anywhere, resume, be inspected and be
replayed. Stages return what happened; it is written to the audit trail here.
"""

from __future__ import annotations

import dataclasses
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from validate import __version__
from validate.analyses.analysis import Evidence
from validate.analyses.document import to_document as findings_document
from validate.analyses.run import required_passes, run_analyses
from validate.canonical import file_digest, pretty_json, write_atomically
from validate.catalog import shipped_catalog
from validate.cohort.build import build_cohort
from validate.cohort.case import Cohort
from validate.cohort.manifest import read_cohort, write_cohort, write_table
from validate.cohort.privacy import site_key, write_lookup
from validate.cohort.reference import read_reference
from validate.errors import CommandError, EvidenceError, ExitCode, ProtocolError, ValidateError
from validate.estimation.document import to_document as estimates_document
from validate.estimation.estimates import Estimates
from validate.estimation.run import estimate_all
from validate.evidence.manifest import AUDIT, SEAL
from validate.evidence.seal import write_manifest, write_seal
from validate.evidence.verify import verify
from validate.inference.plan import make_plan
from validate.inference.progress import Update
from validate.inference.store import read_inference
from validate.lock.lock import Lock, check_lock, lock_path, make_lock, read_lock, write_lock
from validate.models.adapter import LoadedModel
from validate.models.load import load_models
from validate.protocol.load import LoadedProtocol, from_resolved, load_protocol
from validate.protocol.passes import Pass
from validate.protocol.schema import StudyProtocol
from validate.provenance.audit import AuditTrail
from validate.provenance.environment import environment_document
from validate.registry import load as load_plugin
from validate.report.render import render
from validate.results.join import join_units
from validate.results.store import read_units, write_units
from validate.verdict.decide import decide
from validate.verdict.document import to_document as verdict_document
from validate.verdict.verdict import Verdict

OUTCOME_CODES = {"PASS": ExitCode.PASS, "FAIL": ExitCode.FAIL, "INCONCLUSIVE": ExitCode.INCONCLUSIVE}


class Reporter(Protocol):
    """Who is told how far a run is."""

    def stage(self, title: str) -> None: ...

    def advance(self, done: int, total: int | None, failures: int = 0) -> None: ...

    def say(self, line: str) -> None: ...


class Silent:
    """Tells nobody."""

    def stage(self, title: str) -> None:
        """Say nothing."""

    def advance(self, done: int, total: int | None, failures: int = 0) -> None:
        """Say nothing."""

    def say(self, line: str) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run. `folder` holds everything; the rest is for looking at.

    report : the rendered files; exit_code : what `validate run` returns (contracts.md)
    """

    folder: Path
    title: str
    verdict: Verdict
    estimates: Estimates
    report: tuple[Path, ...]
    exit_code: ExitCode


def utc_now() -> datetime:
    """The clock of a run; tests give their own."""
    return datetime.now(UTC)


def run(
    protocol: str | Path,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    device: str | None = None,
    engine: str = "local",
    exploratory: bool = False,
    reporter: Reporter | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Run:
    """Lock (unless locked), run the models, compute, decide, seal and report.

    protocol : path of the YAML file; what it names is relative to it
    out : run folder, new or empty; runs/<protocol id> unless given. With resume, the interrupted run's folder
    device : overrides inference.device      exploratory : run unlocked; nothing then counts as a PASS
    Raises ValidateError (each kind has its exit code); what was already computed stays in the folder.
    """
    loaded = load_protocol(Path(protocol), catalog=shipped_catalog())
    folder = _open_folder(Path(out) if out is not None else Path("runs") / loaded.protocol.id, resume=resume)
    with _sole_user(folder), AuditTrail(folder / AUDIT, clock=clock) as trail:
        stages = _Stages(loaded, folder, trail, reporter or Silent(), clock)
        trail.append("resumed" if resume else "started", {"protocol": loaded.protocol.id, "version": __version__})
        try:
            return stages.run(device=device, engine=engine, exploratory=exploratory)
        except (ValidateError, KeyboardInterrupt) as error:
            # The message may name paths, which may name patients: the trail keeps the kind only.
            trail.append("stopped", {"error": type(error).__name__})
            raise


@dataclass(frozen=True, slots=True)
class _Stages:
    """The stages of one run, in order; each writes its files into the folder."""

    loaded: LoadedProtocol
    folder: Path
    trail: AuditTrail
    reporter: Reporter
    clock: Callable[[], datetime]

    @property
    def protocol(self) -> StudyProtocol:
        return self.loaded.protocol

    def run(self, *, device: str | None, engine: str, exploratory: bool) -> Run:
        """All of them."""
        self.trail.append("environment", {"package": __version__, "device": device or self.protocol.inference.device})
        for warning in self.loaded.warnings:
            self.reporter.say(f"warning: {warning}")
        with _open_models(self.protocol, self.loaded.base, device) as models:
            cohort = self.cohort()
            passes = required_passes(self.protocol)
            locked = self.lock(cohort, models, passes, exploratory=exploratory)
            self.inference(cohort, models, passes, engine=engine)
        self.unblind(cohort)
        self.reporter.stage("Computing the numbers")
        write_units(join_folder(self.folder, self.protocol), self.folder / "results/units.parquet")
        numbers = computed(self.folder, self.protocol, locked=locked)
        for relative, document in numbers.documents().items():
            write_atomically(self.folder / relative, pretty_json(document))
        self.trail.append("computed", {"estimates": len(numbers.estimates), "outcome": numbers.verdict.outcome})
        return self.report(numbers)

    def cohort(self) -> Cohort:
        """Who is in: read from the source every time (only there do the files lie), written down for later stages."""
        self.reporter.stage("Reading the cohort")
        cohort = build_cohort(self.protocol, base=self.loaded.base, site_key=site_key(), progress=self.reporter.advance)
        write_cohort(cohort, self.folder / "cohort")
        write_lookup(cohort.digest, {case.unit: str(case.files[0]) for case in cohort.cases if case.files})
        self.trail.append(
            "cohort", {"cases": len(cohort.cases), "exclusions": len(cohort.exclusions), "digest": cohort.digest}
        )
        self.reporter.say(f"{len(cohort.cases):,} cases in, {len(cohort.exclusions):,} files out, each with its reason")
        return cohort

    def lock(
        self, cohort: Cohort, models: Mapping[str, LoadedModel], passes: tuple[Pass, ...], *, exploratory: bool
    ) -> bool:
        """Freeze before any model sees a case, or hold what was frozen against what is here now."""
        current = make_lock(
            self.loaded,
            cohort,
            {name: model.identity for name, model in models.items()},
            passes,
            clock=self.clock,
        )
        stored = self.folder / "lock.json"
        beside = lock_path(self.loaded.path)
        if exploratory:
            self.trail.append("unlocked", {"reason": "run asked for without a lock"})
            self.reporter.say("EXPLORATORY: nothing is locked, so nothing here counts as a PASS")
        for place in (stored, beside):
            if not exploratory and place.is_file() and (differences := check_lock(read_lock(place), current)):
                self.trail.append("refused", {"differences": len(differences)})
                raise ProtocolError([f"{place}: locked, and now different: {line}" for line in differences])
        if exploratory or stored.is_file():
            pass
        elif beside.is_file():
            write_atomically(stored, beside.read_bytes())
            self.trail.append("lock_held", {"lock": read_lock(stored).digest})
        else:
            for place in (beside, stored):
                write_lock(current, place)
            self.trail.append("locked", {"lock": current.digest})
            self.reporter.say(f"Locked now, before any model has read a case: {beside}")
        write_atomically(self.folder / "protocol.yaml", resolved_yaml(self.loaded))
        return not exploratory

    def inference(
        self, cohort: Cohort, models: Mapping[str, LoadedModel], passes: tuple[Pass, ...], *, engine: str
    ) -> None:
        """Every case through every model and pass, into crash-safe shards."""
        self.reporter.stage("Running the models")
        plan = make_plan(self.protocol, cohort, models, passes)
        out = self.folder / "inference"

        def show(update: Update) -> None:
            self.reporter.advance(update.done, update.total, update.failures)

        summary = load_plugin("engines", engine).run(
            plan, out=out, resume=out.exists(), progress=show, on_event=self.trail.append
        )
        identities = {name: dataclasses.asdict(model.identity) for name, model in models.items()}
        document = {"schema_version": "1", "models": identities}
        write_atomically(self.folder / "evidence/models.json", pretty_json(document))
        write_atomically(self.folder / "evidence/environment.json", pretty_json(environment_document()))
        failed = sum(summary.failures.values())
        self.reporter.say(f"{summary.rows - failed:,} outputs, {failed:,} cases without one, each with its reason")

    def unblind(self, cohort: Cohort) -> None:
        """Only now are labels read."""
        reference = self.protocol.reference
        self.trail.append("unblinded", {"reference": file_digest(self.loaded.base / reference.table)})
        labels = read_reference(reference, base=self.loaded.base, cases=cohort.cases)
        write_table(labels, self.folder / "cohort/reference.parquet")

    def report(self, numbers: Numbers) -> Run:
        """Seal what the numbers rest on, render, and bind report, manifest and trail together."""
        self.reporter.stage("Writing the report")
        lock = self.folder / "lock.json"
        inputs = {"lock": read_lock(lock).digest} if lock.is_file() else {}
        manifest = write_manifest(self.folder, inputs=inputs, created=self.clock().isoformat(timespec="seconds"))
        self.trail.append("manifest", {"sha256": manifest})
        written: tuple[Path, ...] = ()
        try:
            written = render(self.folder, formats=self.protocol.report.formats)
        finally:
            # Where the PDF can't be made here, the numbers are sealed all the same.
            self.trail.append("reported", {"files": [path.name for path in written]})
            write_seal(self.folder, audit_head=self.trail.head)
        return Run(
            folder=self.folder,
            title=self.protocol.title,
            verdict=numbers.verdict,
            estimates=Estimates(numbers.estimates),
            report=tuple(path for path in written if path.suffix in {".pdf", ".html"}),
            exit_code=exit_code(numbers.verdict),
        )


def render_again(
    folder: Path,
    *,
    profile: str | None = None,
    formats: tuple[str, ...] = ("pdf", "html"),
    out: Path | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> tuple[Path, ...]:
    """The report once more, from the sealed evidence. In the run folder itself the trail and the seal follow it.

    Raises EvidenceError, before anything is written, where the evidence no longer fits its seal.
    """
    if out is not None:
        return render(folder, profile=profile, formats=formats, out=out)
    differences = verify(folder).differences
    if differences:
        shown = "; ".join(differences[:3])
        raise EvidenceError(f"{folder}: the evidence does not fit its seal, so no report is made of it: {shown}")
    with _sole_user(folder), AuditTrail(folder / AUDIT, clock=clock) as trail:
        written: tuple[Path, ...] = ()
        try:
            written = render(folder, profile=profile, formats=formats)
        finally:
            names = [path.name for path in written if path.parent.name != "figures"]
            trail.append("reported", {"files": names, "profile": profile})
            write_seal(folder, audit_head=trail.head)
    return written


def lock_protocol(
    protocol: str | Path,
    *,
    device: str | None = None,
    reporter: Reporter | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> tuple[Path, Lock]:
    """Freeze a protocol beside itself, before anything is run. No model reads a case, no label is read.

    Raises ProtocolError where it is locked already and something differs.
    """
    loaded, told = load_protocol(Path(protocol), catalog=shipped_catalog()), reporter or Silent()
    told.stage("Reading the cohort")
    with _open_models(loaded.protocol, loaded.base, device) as models:
        cohort = build_cohort(loaded.protocol, base=loaded.base, site_key=site_key(), progress=told.advance)
        identities = {name: model.identity for name, model in models.items()}
        lock = make_lock(loaded, cohort, identities, required_passes(loaded.protocol), clock=clock)
    path = lock_path(loaded.path)
    if path.is_file():
        if differences := check_lock(read_lock(path), lock):
            raise ProtocolError([f"{path}: locked already, and now different: {line}" for line in differences])
        return path, read_lock(path)
    write_lock(lock, path)
    return path, lock


def exit_code(verdict: Verdict) -> ExitCode:
    """What a verdict returns to the shell: an exploratory one never 0."""
    if verdict.exploratory or verdict.outcome is None:
        return ExitCode.EXPLORATORY
    return OUTCOME_CODES[verdict.outcome]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Everything that is computed from the results table."""

    estimates: tuple[Any, ...]
    findings: tuple[Any, ...]
    verdict: Verdict

    def documents(self) -> dict[str, dict[str, Any]]:
        """The run folder's files by name."""
        return {
            "estimates.json": estimates_document(self.estimates),
            "findings.json": findings_document(self.findings),
            "verdict.json": verdict_document(self.verdict),
        }


def computed(folder: Path, protocol: StudyProtocol, *, locked: bool) -> Numbers:
    """Estimates, findings and verdict from the tables of a run folder, and from nothing else."""
    cohort = read_cohort(folder / "cohort")
    units = read_units(folder / "results/units.parquet")
    estimates = estimate_all(protocol, units, cohort_digest=cohort.digest)
    evidence = Evidence(
        protocol=protocol,
        estimates=estimates,
        units=units,
        cases=pq.read_table(folder / "cohort/cases.parquet"),
        cohort_digest=cohort.digest,
        flow=cohort.flow,
    )
    return Numbers(estimates, run_analyses(evidence), decide(protocol, estimates, locked=locked))


def join_folder(folder: Path, protocol: StudyProtocol) -> pa.Table:
    """The results table from a run folder's cohort, labels and outputs."""
    return join_units(
        protocol,
        pq.read_table(folder / "cohort/cases.parquet"),
        pq.read_table(folder / "cohort/reference.parquet"),
        read_inference(folder / "inference"),
        passes=required_passes(protocol),
    )


def recomputation(folder: Path) -> dict[str, Any]:
    """Every number of a run folder once more, from its tables: what `verify` compares with.

    Raises EvidenceError where the results table is not what cohort, labels and outputs give.
    """
    try:
        stored = yaml.safe_load((folder / "protocol.yaml").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise EvidenceError(f"protocol.yaml: can't be read: {error}") from error
    protocol = from_resolved(stored)
    joined, units = join_folder(folder, protocol), read_units(folder / "results/units.parquet")
    if not joined.replace_schema_metadata(None).equals(units):
        raise EvidenceError("results/units.parquet: is not what cohort, reference and inference give when joined again")
    return computed(folder, protocol, locked=(folder / "lock.json").is_file()).documents()


def _open_folder(folder: Path, *, resume: bool) -> Path:
    """The run folder, made if need be. Raises CommandError where it holds a run and --resume was not said, or the reverse."""
    begun = (folder / AUDIT).exists()
    if folder.exists() and not folder.is_dir():
        raise CommandError(f"{folder}: is a file; --out names a folder for the run")
    if begun and not resume:
        state = "a finished run" if (folder / SEAL).exists() else "a run that was interrupted"
        raise CommandError(
            f"{folder}: holds {state}. Give another --out, or go on with --resume; nothing is overwritten."
        )
    if folder.exists() and not begun and any(folder.iterdir()) and not resume:
        raise CommandError(f"{folder}: is not empty and no run of ours. Give a new folder with --out.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _sole_user(folder: Path) -> Iterator[None]:
    """Nobody else runs into this folder meanwhile. The hold ends with the process, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"{folder}: another process is running into this folder; wait for it, or stop it"
            ) from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _open_models(protocol: StudyProtocol, base: Path, device: str | None) -> Iterator[dict[str, LoadedModel]]:
    models = load_models(protocol, base=base, device=device)
    try:
        yield models
    finally:
        for model in models.values():
            model.close()


def resolved_yaml(loaded: LoadedProtocol) -> bytes:
    """The protocol as resolved, in the order of its blocks."""
    text: str = yaml.safe_dump(loaded.resolved, sort_keys=False, allow_unicode=True, width=110)
    return text.encode()


@dataclass(frozen=True, slots=True)
class DryRun:
    """What `validate check` found.

    outputs : (model, case pseudonym, score or reason), three cases a model    seconds, megabytes : of the whole run
    """

    cases: int
    exclusions: int
    warnings: tuple[str, ...]
    models: dict[str, dict[str, Any]]
    outputs: tuple[tuple[str, str, str], ...]
    seconds: float
    megabytes: float


DRY_CASES = 3
BYTES_A_ROW = 120  # of inference shards and results table together, as stored


def dry_run(protocol: str | Path, *, device: str | None = None, reporter: Reporter | None = None) -> DryRun:
    """Schema, sense, data, models, and three cases through every model in a folder that is thrown away."""
    loaded, told = load_protocol(Path(protocol), catalog=shipped_catalog()), reporter or Silent()
    told.stage("Reading the cohort")
    with _open_models(loaded.protocol, loaded.base, device) as models, TemporaryDirectory() as scratch:
        cohort = build_cohort(loaded.protocol, base=loaded.base, site_key=site_key(), progress=told.advance)
        few = dataclasses.replace(cohort, cases=cohort.cases[:: max(len(cohort.cases) // DRY_CASES, 1)][:DRY_CASES])
        told.stage("Running three cases")
        plan = make_plan(loaded.protocol, few, models, required_passes(loaded.protocol))
        summary = load_plugin("engines", "local").run(plan, out=Path(scratch) / "inference", resume=False)
        rows = read_inference(Path(scratch) / "inference").to_pylist()
    outputs = tuple(
        (row["model"], row["unit"], f"{row['score']:.4f}" if row["status"] == "ok" else f"no output: {row['failure']}")
        for row in rows
    )
    total = len(cohort.cases) * max(summary.rows, 1) / max(len(few.cases), 1)
    return DryRun(
        cases=len(cohort.cases),
        exclusions=len(cohort.exclusions),
        warnings=loaded.warnings,
        models={name: dataclasses.asdict(model.identity) for name, model in models.items()},
        outputs=outputs,
        seconds=(summary.predict_seconds + summary.decode_seconds / summary.workers) / max(summary.rows, 1) * total,
        megabytes=total * BYTES_A_ROW / 1e6,
    )
