"""The cluster's engine ends in the bytes of the local one, whatever is lost on the way; and says what it can't reach."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from validate.errors import CommandError, MachineError
from validate.inference.plan import make_plan
from validate.inference.ray import ENGINE, RayEngine
from validate.inference.ray_worker import Worker, piece_of
from validate.inference.rebuild import Rebuild
from validate.models.load import load_models
from validate.protocol.passes import CLEAN
from validate.run_protocol import chosen_engine

Make = Callable[..., Any]
NAMESPACES = ("unshare", "--net", "--pid", "--mount", "--fork", "--mount-proc", "--kill-child")


@pytest.mark.services
def test_two_nodes_end_in_the_bytes_of_one_machine_whatever_is_lost(tmp_path: Path) -> None:
    script = Path(__file__).with_name("ray_two_nodes.py")
    done = subprocess.run(
        [*NAMESPACES, sys.executable, str(script), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=450,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["files"] > 40
    assert found["same_bytes"]
    assert found["ended"] > 0 and found["workers_lost"] > 0
    assert found["same_bytes_after_a_node_was_lost"]
    assert 0 < found["shards_when_the_driver_was_lost"] < found["files"] - 1
    assert found["resumed"] > 0
    assert found["same_bytes_after_the_driver_was_lost"]


def test_a_worker_opens_the_models_again_and_does_a_stretch(
    plan: Make, study: Make, protocol: Make, results_of: Make, tmp_path: Path
) -> None:
    cases = study(tmp_path / "dicom", 10, broken=(2,))
    work = plan(tmp_path, cases)
    identities = tuple(model.loaded.identity for model in work.models)
    worker = Worker(Rebuild(protocol(), tmp_path, None, identities), (CLEAN,), work.cohort_digest)
    assert worker.ready() is None
    stretches = list(work.stretches())
    answer = worker.work(piece_of(1, stretches[1]), {"m": 4})
    ((number, model, pass_id, rows, timing),) = answer.shards
    assert (number, model, pass_id, timing.cases, answer.error) == (1, "m", "clean", 2, None)
    assert [row.unit for row in rows] == ["u0008", "u0009"]


def test_a_node_with_another_model_is_refused(
    plan: Make, study: Make, protocol: Make, tiny_onnx: Make, tmp_path: Path
) -> None:
    work = plan(tmp_path, study(tmp_path / "dicom", 2))
    identities = tuple(model.loaded.identity for model in work.models)
    tiny_onnx(tmp_path / "tiny.onnx", bias=9.0)
    problem = Worker(Rebuild(protocol(), tmp_path, None, identities), (CLEAN,), "c" * 64).ready()
    assert problem is not None and "on a node of the cluster it has digest" in problem
    (tmp_path / "tiny.onnx").unlink()
    problem = Worker(Rebuild(protocol(), tmp_path, None, identities), (CLEAN,), "c" * 64).ready()
    assert problem is not None and "no file at" in problem


def test_an_address_where_nobody_answers_is_said_before_anything_else(
    plan: Make, study: Make, protocol: Make, tmp_path: Path
) -> None:
    work = plan(tmp_path, study(tmp_path / "dicom", 2))
    with pytest.raises(CommandError, match="use --engine local"):
        ENGINE.run(work, out=tmp_path / "a", resume=False)
    study_protocol = protocol()
    loaded = load_models(study_protocol, base=tmp_path)
    from validate.cohort.case import Cohort

    whole = make_plan(study_protocol, Cohort(work.cases, (), (), "c" * 64), loaded, base=tmp_path)
    with pytest.raises(MachineError, match=r"--address 127\.0\.0\.1:9: nobody answers there"):
        RayEngine(address="127.0.0.1:9", connecting=2).run(whole, out=tmp_path / "b", resume=False)


def test_an_address_belongs_to_an_engine_with_a_cluster() -> None:
    assert chosen_engine("ray", "10.0.0.7:6379").address == "10.0.0.7:6379"
    assert chosen_engine("ray", None).address == "auto"
    with pytest.raises(CommandError, match="belongs to --engine ray"):
        chosen_engine("local", "10.0.0.7:6379")
