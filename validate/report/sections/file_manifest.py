"""A8: the files that the numbers rest on, and how to verify them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import digests, view
from validate.report.section import Section
from validate.report.study import Study
from validate.report.table import Column, Table, row

MOST_FILES = 30


def content(study: Study) -> Mapping[str, Any]:
    files = list(study.sealed.manifest["files"])
    columns = (
        Column("File", width=38),
        Column("What it is", width=20),
        Column("Bytes", numeric=True, width=12),
        Column("SHA-256", width=30),
    )
    rows = tuple(
        row(view.words(f["path"]), view.words(f["role"]), view.count(f["bytes"]), digests.fingerprint(f["sha256"]))
        for f in files[:MOST_FILES]
    )
    return {
        "files": Table("files", columns, rows),
        "left_out": view.more(study.sealed.manifest["files"], MOST_FILES) if len(files) > MOST_FILES else "",
    }


SECTION = Section(
    id="A8", title="File manifest and verification", question="The files behind the numbers",
    template="sections/file_manifest.html.j2", content=content,
)  # fmt: skip
