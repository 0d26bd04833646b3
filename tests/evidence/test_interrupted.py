"""Killed at any moment of signing, a run holds: as it was sealed before, or with the new signature. Nothing else is excused."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from validate.evidence.interrupted import leftovers
from validate.evidence.manifest import AUDIT
from validate.evidence.verify import verify
from validate.provenance.keys import Key
from validate.sign_run import sign_run

SIGN = """
import os, sys
from pathlib import Path
from validate.provenance.keys import read_key
from validate.sign_run import sign_run
key = read_key(Path(sys.argv[2]))
import validate.evidence.pdf_signature as warm
warm._pyhanko()
print("ready", flush=True)
sys.stdin.readline()
sign_run(Path(sys.argv[1]), key, meaning="approved")
"""


def killed_while_signing(run: Path, key: Path, after: float) -> None:
    """SIGKILL, so many seconds after it began to sign."""
    child = subprocess.Popen(
        [sys.executable, "-c", SIGN, str(run), str(key)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "VALIDATE_HOME": str(run.parent / "home")},
    )  # fmt: skip
    assert child.stdin is not None and child.stdout is not None
    child.stdout.readline()
    child.stdin.write(b"go\n")
    child.stdin.flush()
    time.sleep(after)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdin.close()
    child.stdout.close()


def signing_takes(run: Path, key: Path) -> float:
    copy = Path(shutil.copytree(run, run.parent / "timed"))
    start = time.perf_counter()
    killed_while_signing(copy, key, 0.0)
    started = time.perf_counter() - start
    child = [sys.executable, "-c", SIGN, str(copy), str(key)]
    start = time.perf_counter()
    subprocess.run(
        child,
        input=b"go\n",
        stdout=subprocess.DEVNULL,
        env={**os.environ, "VALIDATE_HOME": str(run.parent / "home")},
        check=True,
    )
    return max(time.perf_counter() - start - started, 0.05)


@pytest.mark.slow
def test_sigkill_at_any_moment_of_signing_leaves_the_old_state_or_the_new(
    with_pdf: Path, key: Key, tmp_path: Path
) -> None:
    sign_run(with_pdf, key, meaning="reviewed")
    folder, dice, seen = tmp_path / "keys/first", random.Random(20261127), set()
    whole = signing_takes(with_pdf, folder)
    for number in range(10):
        copy = Path(shutil.copytree(with_pdf, tmp_path / f"copy-{number}"))
        killed_while_signing(copy, folder, dice.uniform(0, 1.3 * whole))
        answer = verify(copy, trusted=[key.certificate])
        assert answer.differences == (), number
        meanings = [one.meaning for one in answer.signatures]
        assert meanings in (["reviewed"], ["reviewed", "approved"])
        seen.add((len(meanings), bool(answer.left_over)))
        sign_run(copy, key, meaning="responsible")
        assert verify(copy, trusted=[key.certificate]).differences == ()
        shutil.rmtree(copy)
    assert 1 in {count for count, _ in seen}  # it was killed before the seal was replaced


def test_what_an_interrupted_signature_cannot_have_left_is_no_leftover(with_pdf: Path, key: Key) -> None:
    sign_run(with_pdf, key, meaning="reviewed")
    for name in (
        "signatures/03-approved.dsse.json",
        "signatures/02-approved.dsse.json.new",
        "signatures/02-liked.dsse.json",
        "late.json",
    ):
        (with_pdf / name).write_text("x")
        assert leftovers(with_pdf) == {}
        assert any("added later" in line for line in verify(with_pdf).differences)
        (with_pdf / name).unlink()
    copy = with_pdf / "signatures/report.pdf"
    original = copy.read_bytes()
    copy.write_bytes(original + b"more")
    assert not verify(with_pdf).holds
    copy.write_bytes(original)
    trail = with_pdf / AUDIT
    lines = trail.read_bytes()
    trail.write_bytes(lines + lines.splitlines(keepends=True)[0])
    assert not verify(with_pdf).holds
    trail.write_bytes(lines)
    assert verify(with_pdf).holds


@pytest.mark.parametrize("broken", ["render", "take_place", "report_digests", "write_seal"])
def test_a_report_made_again_that_is_interrupted_leaves_the_sealed_one(
    with_pdf: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    import validate.report_again as module

    sealed = (with_pdf / "report/report.pdf").read_bytes()

    def rendered(folder: Path, *, out: Path, **_options: object) -> tuple[Path, ...]:
        (out / "report.pdf").write_bytes(b"another")
        (out / "more.svg").write_text("<svg/>")
        if broken == "render":
            raise KeyboardInterrupt
        return (out / "report.pdf", out / "more.svg")

    def crash(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "render", rendered)
        if broken != "render":
            patch.setattr(module, broken, crash)
        with pytest.raises(KeyboardInterrupt):
            module.render_again(with_pdf)
    answer = verify(with_pdf)
    assert answer.differences == ()
    broken = ""
    monkeypatch.setattr(module, "render", rendered)
    module.render_again(with_pdf)
    answer = verify(with_pdf)
    assert (answer.differences, answer.left_over) == ((), ())
    assert (with_pdf / "report/report.pdf").read_bytes() == b"another" != sealed
    assert not list(with_pdf.glob(".*.partial"))
