"""What is written about the evidence once it is whole: checklists and clauses, and the way from claims to results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from validate.canonical import pretty_json, write_atomically
from validate.evidence.cases import CASES, cases_document
from validate.evidence.checklist import CHECKLISTS, checklist_tables, checklists_document
from validate.evidence.recount_tables import recount_files
from validate.evidence.seal import read_document
from validate.evidence.traceability import TRACEABILITY, traceability_document, traceability_table

LISTS = "evidence/checklists/"


def derived_documents(folder: Path) -> dict[str, dict[str, Any]]:
    """By file, from the other files of the run folder and from nothing else."""
    return {
        CASES: cases_document(folder),
        CHECKLISTS: checklists_document(folder),
        TRACEABILITY: traceability_document(folder),
    }


def derived_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Each file and its bytes: the documents, and the same as tables for who works with them."""
    documents = derived_documents(folder)
    for name, document in documents.items():
        yield name, pretty_json(document)
    for name, content in checklist_tables(documents[CHECKLISTS]):
        yield f"{LISTS}{name}", content
    yield from recount_files(folder)
    yield TRACEABILITY.replace(".json", ".csv"), traceability_table(documents[TRACEABILITY])


def write_derived(folder: Path) -> None:
    """Write them, before the manifest."""
    for name, content in derived_files(folder):
        write_atomically(folder / name, content)


def derived_differences(folder: Path) -> list[str]:
    """Whichever of them is not what this evidence gives; nothing for a run that has none. Raises EvidenceError if torn."""
    if not (folder / CHECKLISTS).is_file():
        return []
    read_document(folder, CHECKLISTS)
    return [
        f"{name}: is not what the rest of this evidence gives"
        for name, content in derived_files(folder)
        if not (folder / name).is_file() or (folder / name).read_bytes() != content
    ]
