"""SIGKILL at any step of the first sealing: the run is as it was before, without a seal, or it is sealed and holds. Never between.

Each step costs two runs: three are tried here, the last two among them, and as many as KILLED_STEPS says besides.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# In a process of its own, which is warm: a child for each step runs the whole study and kills itself there.
DRIVER = """
import json, os, random, signal, sys
from pathlib import Path
import validate
from validate import run_unblinded
from validate.errors import EvidenceError
from validate.evidence.verify import verify
from validate.numbers import recomputation

study, out = Path(sys.argv[1]), Path(sys.argv[2])
steps, last = [0], [0]

def counted(real):
    def call(*arguments, **options):
        if steps[0]:
            steps[0] += 1
            if steps[0] - 1 == last[0]:
                os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)
    return call

def begin(real):
    def call(*arguments, **options):
        steps[0] = 1
        return real(*arguments, **options)
    return call

def child(work):
    process = os.fork()
    if process == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
    return os.waitpid(process, 0)[1]

def killed_at(step, folder, ended):
    os.fsync, os.replace = counted(os.fsync), counted(os.replace)
    run_unblinded.write_derived = begin(run_unblinded.write_derived)
    last[0] = step
    validate.run(study, out=folder)
    ended.write_text(str(steps[0] - 1))

assert child(lambda: killed_at(0, out / "whole", out / "steps")) == 0
count = int((out / "steps").read_text())
dice = random.Random(20261127)
few, many = {count - 1, count}, int(os.environ.get("KILLED_STEPS", "1"))
chosen = sorted({*few, *dice.sample(range(1, count - 1), many)})
found = []
for step in chosen:
    folder = out / f"killed-{step}"
    status = child(lambda: killed_at(step, folder, out / "never"))
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (step, status)
    sealed = (folder / "evidence/seal.json").is_file()
    try:
        differences = list(verify(folder, recompute=recomputation).differences)
    except EvidenceError as error:
        differences = [str(error)]
    again = validate.run(study, out=folder, resume=True)
    after = verify(folder, recompute=recomputation)
    found.append({"step": step, "sealed": sealed, "differences": differences, "after": [after.status, *after.differences]})
print(json.dumps({"count": count, "found": found}))
"""


@pytest.mark.slow
def test_sigkill_at_any_step_of_the_first_sealing_leaves_no_seal_or_a_whole_one(
    tree: Callable[[Path], Path], tmp_path: Path
) -> None:
    gallery = tree(tmp_path)
    study = gallery / "killed.yaml"
    text = (gallery / "cxr-opacity-table.yaml").read_text().replace("formats: [pdf, html", "formats: [html")
    study.write_text(text + "\nresampling: {replicates: 200, at_most: 200}\n" if "resampling:" not in text else text)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DRIVER, str(study), str(tmp_path)], capture_output=True, text=True,
        timeout=500, check=False, env={**os.environ, "VALIDATE_HOME": str(tmp_path / "home")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["count"] > 50
    for one in told["found"]:
        unsealed = ["evidence/seal.json: missing" in line for line in one["differences"]]
        assert (one["sealed"], one["differences"]) == (True, []) or (not one["sealed"] and unsealed == [True]), one
        assert one["after"] == ["VERIFIED"], one
    assert not all(one["sealed"] for one in told["found"])
