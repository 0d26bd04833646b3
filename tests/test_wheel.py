"""What users install is the wheel: it is built, installed in a fresh environment, and makes a report there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def command(*words: str | Path, cwd: Path, expected: tuple[int, ...] = (0,)) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        [str(w) for w in words], check=False, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode in expected, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def find_links() -> list[str]:
    """uv does not read pip's find-links."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=False, capture_output=True, text=True
    ).stdout
    places = {line.split("=", 1)[1].strip("'\" ") for line in listed.splitlines() if "find-links=" in line}
    return [word for place in sorted(places) for word in ("--find-links", place)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    shutil.copytree(
        ROOT, tree, ignore=shutil.ignore_patterns(".venv", ".git", "runs", ".*_cache", "__pycache__", "cxr")
    )
    command(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, tree, cwd=folder)
    return next(folder.glob("*.whl"))


def test_the_wheel_carries_templates_gallery_types_and_console_module(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "validate/py.typed" in names
    assert "validate_console.py" in names
    assert any(n.startswith("validate/_shipped/protocols/gallery/") for n in names)
    assert any(n.startswith("validate/_shipped/reports/templates/") for n in names)
    assert any(n.startswith("validate/_shipped/reports/styles/") for n in names)
    assert not any(n.startswith(("tests/", "sample_data/")) for n in names)


@pytest.mark.slow
def test_a_report_is_rendered_from_the_wheel_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    command(sys.executable, "-m", "uv", "venv", "-q", "--python", sys.executable, tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    command(
        sys.executable, "-m", "uv", "pip", "install", "-q", "--python", python, *find_links(),
        "-c", ROOT / "constraints.txt", wheel, cwd=tmp_path,
    )  # fmt: skip
    validate = python.with_name("validate")
    command(validate, "sample", tmp_path / "sample_data", "--only", "tables", cwd=tmp_path)
    protocol = tmp_path / "protocols" / "gallery" / "cxr-opacity-table.yaml"
    protocol.parent.mkdir(parents=True)
    protocol.write_bytes((ROOT / "protocols" / "gallery" / "cxr-opacity-table.yaml").read_bytes())
    command(validate, "run", protocol, "--out", tmp_path / "run", cwd=tmp_path, expected=(0, 10, 11))
    command(validate, "report", tmp_path / "run", "--format", "pdf,html", cwd=tmp_path)
    assert (tmp_path / "run" / "report" / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert "VERIFIED" in command(validate, "verify", tmp_path / "run", cwd=tmp_path)
