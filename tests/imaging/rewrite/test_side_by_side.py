"""Rewriting on several threads at once does not end the process: coders of other people are not made for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from validate.resources import resource

PROGRAM = """
import random, sys, threading, time
from pathlib import Path
from validate.imaging.image import read_image
from validate.imaging.rewrite.transfer_syntax import TransferSyntax, transcoded
from validate.imaging.volume import DecodeFailure
files = [path.read_bytes() for path in sorted(Path(sys.argv[1]).rglob("*.dcm"))]
end, done = time.monotonic() + 12, []
def work(seed):
    chance = random.Random(seed)
    while time.monotonic() < end:
        try:
            read_image(transcoded(chance.choice(files), TransferSyntax(to=chance.choice(("jpeg_2000", "jpeg_ls"))), None))
            done.append(1)
        except DecodeFailure:
            pass
threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert len(done) > 10
"""


@pytest.mark.slow
def test_the_process_goes_on() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(resource("sample_data", "cxr"))],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
