"""What the run was made with, and what was tested, as bills of materials: CycloneDX 1.6 (ECMA-424), in JSON.

The software's names every package of the environment; the model's carries a model card with intended use and the measures by
slice, each with its interval. Equal evidence gives equal bytes: the serial number comes from the content.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from validate.canonical import digest
from validate.evidence.seal import read_document
from validate.protocol.passes import CLEAN

SBOM, MODEL_BOM = "evidence/sbom.cdx.json", "evidence/model.cdx.json"
SPACE = uuid.UUID("5b1f3c0a-6b7e-5c1e-9d55-0f2f8e0d7a61")  # of our serial numbers (RFC 9562, version 5)


def software_document(folder: Path) -> dict[str, Any]:
    """Every package of the environment, with its version and package URL, and the program that ran with its digest."""
    environment = read_document(folder, "evidence/environment.json")
    program = environment["validate"]
    components = [
        {
            "type": "library", "bom-ref": f"pkg:pypi/{name}@{version}", "name": name, "version": version,
            "purl": f"pkg:pypi/{name}@{version}",
        }
        for name, version in sorted(environment["packages"].items())
    ]  # fmt: skip
    main = {
        "type": "application", "bom-ref": "program", "name": "validate-imaging", "version": program["version"],
        "hashes": [{"alg": "SHA-256", "content": program["source_sha256"]}],
        "properties": [{"name": "validate:support", "value": "not stated: the site or manufacturer supplies support level and end"}],
    }  # fmt: skip
    machine = environment["machine"]
    properties = [
        {"name": f"validate:{name}", "value": str(value)}
        for name, value in (
            ("python", environment["python"]["version"]),
            ("system", f"{environment['system']['name']} {environment['system']['release']}"),
            ("distribution", environment["system"]["distribution"]),
            ("processor", machine["processor"]),
            ("accelerators", ", ".join(one["name"] for one in machine["accelerators"]) or "none"),
        )
    ]
    return _document(components, main, properties)


def model_document(folder: Path) -> dict[str, Any]:
    """Every model with its digest and model card."""
    protocol = yaml.safe_load((folder / "protocol.yaml").read_text(encoding="utf-8"))
    identities = read_document(folder, "evidence/models.json")["models"]
    estimates = read_document(folder, "estimates.json")["estimates"]
    components = [
        _model(model, identities[model["id"]], protocol, [e for e in estimates if e["model"] == model["id"]])
        for model in protocol["models"]
    ]
    main = {
        "type": "data", "bom-ref": "study", "name": protocol["id"], "version": str(protocol["version"]),
        "description": protocol["title"],
    }  # fmt: skip
    return _document(components, main, [])


def _document(
    components: Sequence[Mapping[str, Any]], main: Mapping[str, Any], properties: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    content = {"metadata": {"component": dict(main), "properties": list(properties)}, "components": list(components)}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(SPACE, digest(content))}",
        "version": 1,
        **content,
    }


def _model(
    model: Mapping[str, Any],
    identity: Mapping[str, Any],
    protocol: Mapping[str, Any],
    estimates: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    said = protocol.get("statements") or {}
    limits = [text for text in (said.get("limitations"),) if text]
    card: dict[str, Any] = {
        "modelParameters": {
            "task": protocol["task"],
            "inputs": [{"format": f"{one['name']}: {one.get('type')}"} for one in identity.get("inputs") or ()],
            "outputs": [{"format": f"{one['name']}: {one.get('type')}"} for one in identity.get("outputs") or ()],
        },
        "quantitativeAnalysis": {"performanceMetrics": list(_measures(estimates))},
        "considerations": {
            "useCases": [protocol["intended_use"]],
            **({"users": [said["users"]]} if said.get("users") else {}),
            **({"technicalLimitations": limits} if limits else {}),
        },
    }
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model-{model['id']}",
        "name": model["name"],
        "version": str(model["version"]),
        "hashes": [{"alg": "SHA-256", "content": identity["digest"]}],
        "modelCard": card,
    }


def _measures(estimates: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The main value of each endpoint, overall and by stratum; what has no value is left to estimates.json, which says why."""
    for one in estimates:
        if one["value"] is None or one["contrast"] is not None or "/missing=" in one["id"] or one["pass"] != CLEAN.id:
            continue
        parts = [*(f"{name}={level}" for name, level in one["stratum"].items())]
        parts += [f"{name}={value}" for name, value in one["condition"].items()]
        interval = one["interval"]
        limits = {"lowerBound": str(interval["low"]), "upperBound": str(interval["high"])} if interval else None
        yield {
            "type": one["metric"],
            "value": str(one["value"]),
            "slice": ", ".join(parts) or "overall",
            **({"confidenceInterval": limits} if limits else {}),
        }
