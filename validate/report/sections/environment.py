"""R22: the machine and the versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import digests, view
from validate.report.printed import Printed, joined, printed
from validate.report.section import Section
from validate.report.study import Study
from validate.report.table import Column, Table, row

MATTER = (
    "numpy", "scipy", "numba", "pyarrow", "onnxruntime-gpu", "onnxruntime", "torch", "pydicom", "pylibjpeg",
    "pylibjpeg-openjpeg", "pylibjpeg-rle", "pylibjpeg-libjpeg", "pyjpegls", "scikit-learn", "pydantic", "jinja2",
    "weasyprint",
)  # fmt: skip


SBOM = "evidence/sbom.cdx.json"


def content(study: Study) -> Mapping[str, Any]:
    return {"facts": _machine(study), "packages": _packages(study)}


def _machine(study: Study) -> Table:
    found = study.sealed.environment
    machine, system = found["machine"], found["system"]
    accelerators = joined(
        (view.words(one["name"]) + " (" + view.words(one["driver"]) + ")" for one in machine["accelerators"]), ", "
    )
    rows = (
        row("This harness", printed("validate ") + view.words(found["validate"]["version"]) + ", source "
            + digests.fingerprint(found["validate"]["source_sha256"])),
        row("Python", view.words(found["python"]["implementation"]) + " " + view.words(found["python"]["version"])),
        row("System", view.words(system["distribution"]) + ", " + view.words(system["name"]) + " " + view.words(system["release"])),
        row("Processor", view.words(machine["processor"]) + ", " + view.words(machine["architecture"]) + ", "
            + view.count(machine["cores"], "core")),
        row("Memory", _gibibytes(study)),
        row("Accelerator", accelerators or printed("none found")),
        row("Clock", "the machine's own; no outside authority has stamped the time"),
        row("Bill of materials", _bill(study)),
    )  # fmt: skip
    return Table("environment", (Column(""), Column("")), rows)


def _bill(study: Study) -> Printed:
    """The file that lists all software, with its digest."""
    files = study.sealed.manifest["files"]
    found = next((one for one in files if one["path"].text == SBOM), files["absent"])
    if not found:
        return printed("none in this evidence")
    return view.words(found["path"]) + ", SHA-256 " + digests.fingerprint(found["sha256"])


def _gibibytes(study: Study) -> Printed:
    return view.gibibytes(study.sealed.environment["machine"]["memory_bytes"])


def _packages(study: Study) -> Printed:
    installed = study.sealed.environment["packages"]
    named = ((printed(name, installed[name].name_address), installed[name]) for name in MATTER if installed[name])
    return joined((name + "\u00a0" + view.words(version) for name, version in named), " · ")


SECTION = Section(
    id="R22", title="Software and hardware environment", question="What it ran on",
    template="sections/environment.html.j2", content=content, rank={"acceptance": 173, "comparison": 173},
)  # fmt: skip
