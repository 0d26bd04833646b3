"""ro-crate-metadata.json: the run folder as a Research Object Crate 1.1, so that archives and search engines can read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from validate import __version__
from validate.evidence.manifest import OUTSIDE, REPORT, SIGNATURES, run_files, sealed_file

CRATE = "ro-crate-metadata.json"
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
KINDS = {
    ".json": "application/json", ".yaml": "application/yaml", ".parquet": "application/vnd.apache.parquet",
    ".csv": "text/csv", ".jsonl": "application/jsonl",
}  # fmt: skip


def crate_document(folder: Path, *, created: str) -> dict[str, Any]:
    """Every file that the manifest will list, with size, SHA-256 and what it is.

    created : UTC time of the sealing, ISO 8601
    """
    protocol = yaml.safe_load((folder / "protocol.yaml").read_text(encoding="utf-8"))
    names = [
        name
        for name in run_files(folder)
        if name not in OUTSIDE and name != CRATE and not name.startswith((REPORT, SIGNATURES))
    ]
    files = [_file(folder, name) for name in names]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": protocol["title"],
        "description": protocol["intended_use"],
        "identifier": f"{protocol['id']} {protocol['version']}",
        "datePublished": created,
        "license": "Not stated: the site decides who may read this evidence.",
        "hasPart": [{"@id": name} for name in names],
        "mentions": {"@id": "#run"},
    }
    run = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"Validation of {', '.join(str(model['name']) for model in protocol['models'])}",
        "instrument": {"@id": "#program"},
        "object": [{"@id": f"#model-{model['id']}"} for model in protocol["models"]],
        "result": [{"@id": "estimates.json"}, {"@id": "verdict.json"}],
        "endTime": created,
    }
    program = {"@id": "#program", "@type": "SoftwareApplication", "name": "validate-imaging", "version": __version__}
    models = [
        {
            "@id": f"#model-{model['id']}", "@type": "SoftwareApplication", "name": model["name"],
            "version": str(model["version"]),
        }
        for model in protocol["models"]
    ]  # fmt: skip
    about = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    return {"@context": CONTEXT, "@graph": [about, root, run, program, *models, *files]}


def _file(folder: Path, name: str) -> dict[str, Any]:
    one = sealed_file(folder, name)
    kind = KINDS.get(Path(name).suffix)
    return {
        "@id": name,
        "@type": "File",
        "name": one.role,
        "contentSize": str(one.size),
        "sha256": one.sha256,
        **({"encodingFormat": kind} if kind else {}),
    }
