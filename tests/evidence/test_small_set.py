"""Verification needs few packages: none that reads images, runs models, sets pages or draws."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from validate.evidence.bundle import write_bundle
from validate.provenance.keys import Key
from validate.sign_run import sign_run

# What a machine that only verifies may have besides Python's own library (docs/evidence.md).
ALLOWED = (
    *("numpy", "scipy", "numba", "llvmlite", "pyarrow", "pydantic", "yaml", "typer", "rich", "cryptography", "pyhanko"),
    *("rfc3161_client", "platformdirs"),
)
UNWANTED = (
    *(
        "torch",
        "onnxruntime",
        "pydicom",
        "nibabel",
        "imagecodecs",
        "highdicom",
        "pynetdicom",
        "PIL",
        "pylibjpeg",
        "openjpeg",
    ),
    *(
        "rle",
        "libjpeg",
        "jpeg_ls",
        "weasyprint",
        "jinja2",
        "matplotlib",
        "sklearn",
        "fairlearn",
        "pandas",
        "safetensors",
        "psutil",
    ),
)
PROGRAM = f"""
import sys
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {UNWANTED!r}:
            raise ImportError(f"{{name}} is not on this machine")
sys.meta_path.insert(0, Refused())
from validate.cli.main import main
sys.argv = ["validate", "verify", *sys.argv[1:]]
main()
"""


def verified(*arguments: object, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "VALIDATE_HOME": str(home)}, cwd=home,
    )  # fmt: skip


def test_a_signed_bundle_is_checked_with_a_small_set_of_packages_and_nothing_but_the_file(
    with_pdf: Path, key: Key, tmp_path: Path
) -> None:
    sign_run(with_pdf, key, meaning="approved")
    (tmp_path / "elsewhere").mkdir()
    bundle = tmp_path / "elsewhere/a.zip"
    write_bundle(with_pdf, bundle)
    trust = tmp_path / "keys/first/certificate.pem"
    done = verified(bundle, "--no-recompute", "--trust", trust, home=tmp_path / "elsewhere")
    assert (done.returncode, done.stderr) == (0, "")
    assert "approved by Dr A. Example (trusted key" in done.stdout


def test_computing_every_number_again_needs_no_more(tmp_path: Path) -> None:
    program = (
        PROGRAM.rsplit("from validate.cli", 1)[0]
        + "import validate.numbers, validate.evidence.verify, validate.evidence.printed"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert done.stderr == ""


@pytest.mark.slow
def test_a_finished_run_verifies_without_them(tmp_path: Path) -> None:
    import shutil

    import validate

    root = Path(__file__).parents[2]
    tree = tmp_path / "protocols/gallery"
    tree.mkdir(parents=True)
    shutil.copyfile(root / "protocols/gallery/cxr-opacity-table.yaml", tree / "study.yaml")
    shutil.copytree(root / "sample_data/tables", tmp_path / "sample_data/tables")
    run = validate.run(tree / "study.yaml", out=tmp_path / "run")
    done = verified(run.folder, home=tmp_path)
    assert done.stdout.startswith("VERIFIED"), done.stdout + done.stderr
