"""What is written about the evidence once it is whole: checklists and clauses, the way from claims to results, deviations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from validate.canonical import pretty_json, write_atomically
from validate.evidence.bill_of_materials import MODEL_BOM, SBOM, model_document, software_document
from validate.evidence.cases import cases_document
from validate.evidence.checklist import CHECKLISTS, checklist_tables, checklists_document
from validate.evidence.crate import CRATE, crate_document
from validate.evidence.deviations import DEVIATIONS, deviations_document
from validate.evidence.manifest import CASES
from validate.evidence.outcome_statement import STATEMENT, statement_document
from validate.evidence.recount_table import Table
from validate.evidence.recount_tables import recount_files
from validate.evidence.seal import read_document
from validate.evidence.traceability import TRACEABILITY, traceability_document, traceability_table
from validate.provenance.source import source_digest

MODELS, ENVIRONMENT = "evidence/models.json", "evidence/environment.json"
OF_MODELS = {SBOM: software_document, MODEL_BOM: model_document, STATEMENT: statement_document}
LISTS = "evidence/checklists/"


def derived_documents(folder: Path) -> dict[str, dict[str, Any]]:
    """By file, from the other files of the run folder and from nothing else."""
    return {
        CASES: cases_document(folder),
        CHECKLISTS: checklists_document(folder),
        DEVIATIONS: deviations_document(folder),
        TRACEABILITY: traceability_document(folder),
        **{name: made(folder) for name, made in OF_MODELS.items() if (folder / MODELS).is_file()},
    }


def derived_files(folder: Path, table: Table | None = None) -> Iterator[tuple[str, bytes]]:
    """Each file and its bytes: the documents, and the same as tables for who works with them.    table : of recount_table"""
    documents = derived_documents(folder)
    for name, document in documents.items():
        yield name, pretty_json(document)
    for name, content in checklist_tables(documents[CHECKLISTS]):
        yield f"{LISTS}{name}", content
    yield from recount_files(folder, table)
    yield TRACEABILITY.replace(".json", ".csv"), traceability_table(documents[TRACEABILITY])


def write_derived(folder: Path, *, created: str) -> None:
    """Write them, before the manifest; last the crate, which lists all the others.

    created : UTC time of the sealing, ISO 8601
    """
    for name, content in derived_files(folder):
        write_atomically(folder / name, content)
    write_atomically(folder / CRATE, pretty_json(crate_document(folder, created=created)))


def made_by(folder: Path) -> str | None:
    """In words, which other version of the program made this evidence; None where it was this one."""
    if not (folder / ENVIRONMENT).is_file():
        return None
    program = read_document(folder, ENVIRONMENT).get("validate") or {}
    source = program.get("source_sha256")
    if source == source_digest():
        return None
    return f"version {program.get('version')}, source {str(source)[:12]}…"


def derived_differences(folder: Path, table: Table | None = None) -> list[str]:
    """Whichever of them is not what this evidence gives; nothing for a run that has none. Raises EvidenceError if torn.

    Of another version's, only what follows from the tables alone: its rules, lists and scripts were others.
    """
    if not (folder / CHECKLISTS).is_file():
        whole = (folder / ENVIRONMENT).is_file() and made_by(folder) is None
        return [f"{CHECKLISTS}: missing, and every run of this program has it"] if whole else []
    read_document(folder, CHECKLISTS)
    of_tables = {CASES, TRACEABILITY} if made_by(folder) is not None else None
    return [
        f"{name}: is not what the rest of this evidence gives"
        for name, content in derived_files(folder, table)
        if (of_tables is None or name in of_tables)
        and (not (folder / name).is_file() or (folder / name).read_bytes() != content)
    ]
