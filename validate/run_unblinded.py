"""The stages after the models: labels are read, numbers computed and decided on, and all of it sealed in a report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from validate.analyses.shift_tables import write_image_statistics
from validate.canonical import pretty_json, write_atomically
from validate.casewise.casewise import Casewise, Question
from validate.cohort.case import Cohort
from validate.cohort.identified import FILE as IDENTIFIED
from validate.cohort.identified import identified_units
from validate.cohort.manifest import write_table
from validate.cohort.privacy import site_key
from validate.cohort.reference import read_reference, reference_digest
from validate.errors import ExitCode
from validate.estimation.estimates import Estimates
from validate.evidence.derived import write_derived
from validate.evidence.manifest import REPORT, run_files
from validate.evidence.seal import write_manifest, write_seal
from validate.evidence.trail_fit import report_digests
from validate.lock.stored import confirmatory_run, read_lock
from validate.numbers import MEASURES, Numbers, computed, join_folder
from validate.protocol.shift import shift_of
from validate.protocol.targets import MEASURED
from validate.provenance.states import State
from validate.registry import load as load_plugin
from validate.report.house import FOLDER, house_files
from validate.report.render import render
from validate.results.marked import write_marked
from validate.results.store import write_units
from validate.run_pictures import write_run_pictures
from validate.run_record import RunRecord
from validate.uses import Uses
from validate.verdict.verdict import Verdict

OUTCOME_CODES = {"PASS": ExitCode.PASS, "FAIL": ExitCode.FAIL, "INCONCLUSIVE": ExitCode.INCONCLUSIVE}


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


@dataclass(frozen=True, slots=True)
class Unblinded(RunRecord):
    """The stages of one run once its models are done, in order; each writes its files into the folder."""

    def run(self, cohort: Cohort, uses: Uses) -> Run:
        """All of them."""
        self.shift(cohort)
        self.unblind(cohort, uses)
        self.reporter.stage("Computing the numbers")
        write_units(join_folder(self.folder, self.protocol), self.folder / "results/units.parquet")
        numbers = computed(self.folder, self.protocol, locked=confirmatory_run(self.folder))
        for relative, document in numbers.documents().items():
            write_atomically(self.folder / relative, pretty_json(document))
        self.pictures(cohort, numbers)
        self.trail.append("computed", {"estimates": len(numbers.estimates), "outcome": numbers.verdict.outcome})
        uses.enter("computed", outcome=numbers.verdict.outcome, exploratory=numbers.verdict.exploratory)
        return self.report(numbers, uses)

    def unblind(self, cohort: Cohort, uses: Uses) -> None:
        """Only now are labels read; the ledger notes the look before it happens."""
        reference = self.protocol.reference
        uses.enter("unblinded")
        write_atomically(self.folder / "evidence/ledger.json", pretty_json(uses.document()))
        self.trail.append("unblinded", {"reference": reference_digest(reference, self.loaded.base)})
        self.progress.to(State.UNBLINDED, "labels are joined to outputs")
        known = identified_units(cohort, self.protocol, base=self.loaded.base, site_key=site_key())
        write_table(known, self.folder / IDENTIFIED)
        if self.protocol.task in MEASURED:
            self.measure(cohort)
            return
        labels = read_reference(reference, base=self.loaded.base, cases=cohort.cases)
        write_table(labels, self.folder / "cohort/reference.parquet")

    def measure(self, cohort: Cohort) -> None:
        """What is true of each case, and what is measured of every output of it."""
        self.reporter.stage("Measuring each case")
        casewise: Casewise = load_plugin("casewise", self.protocol.task)
        question = Question(self.protocol, self.loaded.base, self.folder / "inference", cohort.cases)
        found = casewise.tables(question, self.reporter.advance)
        write_table(found.reference, self.folder / "cohort/reference.parquet")
        write_table(found.measures, self.folder / MEASURES)
        if found.marks is not None and found.lesions is not None:
            write_marked(self.folder, found.marks, found.lesions)
        failed = sum(reason is not None for reason in found.measures["failure"].to_pylist())
        self.trail.append("measured", {"rows": found.measures.num_rows, "not_comparable": failed})

    def shift(self, cohort: Cohort) -> None:
        """What the images of this cohort are like, where the protocol asks for a comparison with a reference."""
        if shift_of(self.protocol) is None:
            return
        self.reporter.stage("Describing the images")
        write_image_statistics(self.folder, self.protocol, cohort.cases, self.reporter.advance)

    def pictures(self, cohort: Cohort, numbers: Numbers) -> None:
        """Slices of the worst cases, and one case as it was disturbed: only where the protocol lets pixels leave the site."""
        for told in write_run_pictures(
            self.folder, self.protocol, self.loaded.base, cohort.cases, tuple(numbers.findings)
        ):
            self.trail.append("pictures", told)

    def house_style(self) -> None:
        """A copy of the house style, so that the report can be made again from the run folder alone."""
        if self.protocol.report.house_style is None:
            return
        source = self.loaded.base / self.protocol.report.house_style
        for name in house_files(source):
            write_atomically(self.folder / FOLDER / name, (source / name).read_bytes())

    def report(self, numbers: Numbers, uses: Uses) -> Run:
        """Seal what the numbers rest on, render, and bind report, manifest and trail together."""
        self.reporter.stage("Writing the report")
        created = self.clock().isoformat(timespec="seconds")
        self.house_style()
        write_derived(self.folder, created=created)
        lock = self.folder / "lock.json"
        inputs = {"lock": read_lock(lock).digest} if lock.is_file() else {}
        manifest = write_manifest(self.folder, inputs=inputs, created=created)
        self.trail.append("manifest", {"sha256": manifest})
        written: tuple[Path, ...] = ()
        try:
            written = render(self.folder, formats=self.protocol.report.formats)
        finally:
            # Where the PDF can't be made here, the numbers are sealed all the same, with what could be written.
            written = tuple(self.folder / name for name in run_files(self.folder) if name.startswith(REPORT))
            digests = report_digests(self.folder, written)
            self.trail.append("reported", {"files": [path.name for path in written], "sha256": digests})
            self.progress.to(State.REPORTED, "numbers are sealed and set in a report")
            uses.enter("reported", files=[path.name for path in written if path.suffix in {".pdf", ".html"}])
            write_seal(self.folder, audit_head=self.trail.head)
        return Run(
            folder=self.folder,
            title=self.protocol.title,
            verdict=numbers.verdict,
            estimates=Estimates(numbers.estimates),
            report=tuple(path for path in written if path.suffix in {".pdf", ".html"}),
            exit_code=exit_code(numbers.verdict),
        )


def exit_code(verdict: Verdict) -> ExitCode:
    """What a verdict returns to the shell: an exploratory one never 0."""
    if verdict.exploratory or verdict.outcome is None:
        return ExitCode.EXPLORATORY
    return OUTCOME_CODES[verdict.outcome]
