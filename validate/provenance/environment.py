"""What a run was made with: machine, system, versions. No host name, user, path or serial number."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from validate import __version__
from validate.provenance.source import source_digest


def environment_document() -> dict[str, Any]:
    """Plain JSON for evidence/environment.json; the same on every call on an unchanged machine."""
    return {
        "schema_version": "1",
        "validate": {"version": __version__, "source_sha256": source_digest()},
        "python": {"version": platform.python_version(), "implementation": platform.python_implementation()},
        "system": {"name": platform.system(), "release": platform.release(), "distribution": _distribution()},
        "machine": {
            "architecture": platform.machine(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_bytes": _memory(),
            "accelerators": _accelerators(),
        },
        "packages": _packages(),
    }


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    except OSError:
        return "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, "unknown")


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _accelerators() -> list[dict[str, str]]:
    """Asked of the driver's own tool, because importing torch costs seconds."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    rows = (line.split(", ") for line in answer.splitlines() if line.count(", ") == 2)
    return [{"name": name, "memory": memory, "driver": driver} for name, memory, driver in rows]


def _packages() -> dict[str, str]:
    """Every installed distribution and its version, sorted by name."""
    found = {
        str(d.metadata["Name"]).lower().replace("_", "-"): d.version for d in distributions() if d.metadata["Name"]
    }
    return dict(sorted(found.items()))
