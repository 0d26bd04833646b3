"""The cluster's engine ends in the bytes of the local one, whatever is lost on the way; and says what it can't reach."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from validate.errors import CommandError, MachineError
from validate.inference.local import LocalEngine
from validate.inference.plan import make_plan
from validate.inference.ray import ENGINE, RayEngine
from validate.inference.ray_worker import Worker, piece_of
from validate.inference.rebuild import Rebuild
from validate.models.load import load_models
from validate.protocol.passes import CLEAN
from validate.run_protocol import chosen_engine

Make = Callable[..., Any]
NAMESPACES = ("unshare", "--net", "--pid", "--mount", "--fork", "--mount-proc", "--kill-child")


def namespaces_refused() -> str | None:
    """Why this machine lets no one make network and process namespaces; None where it does."""
    try:
        tried = subprocess.run([*NAMESPACES, "true"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if tried.returncode == 0 else tried.stderr.strip()


@pytest.mark.services
def test_two_nodes_end_in_the_bytes_of_one_machine_whatever_is_lost(tmp_path: Path) -> None:
    if (refused := namespaces_refused()) is not None:
        pytest.skip(f"two nodes need network and process namespaces of their own: {refused}")
    script = Path(__file__).with_name("ray_two_nodes.py")
    done = subprocess.run(
        [*NAMESPACES, sys.executable, str(script), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=950,
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


class _Future:
    def __init__(self, value: Any, *, lost: bool = False) -> None:
        self.value, self.lost = value, lost


class _Cluster:
    """Stands for Ray's library: workers in this process, some of which are lost at their n-th stretch."""

    class exceptions:  # noqa: N801 - as in the library
        class RayError(Exception):
            pass

    def __init__(self, lost: set[int], nodes: int = 2) -> None:
        self.lost, self.asked, self.count, self.killed = lost, 0, nodes, 0

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 1.0}}] * self.count

    def remote(self, **_: Any) -> Any:
        return lambda kind: type("Kind", (), {"remote": lambda _, *given: self.worker(kind(*given))})()

    def worker(self, inner: Any) -> Any:
        def method(name: str) -> Any:
            def call(*given: Any) -> Any:
                if name == "work":
                    self.asked += 1
                    if self.asked in self.lost:
                        return _Future(None, lost=True)
                return _Future(getattr(inner, name)(*given))

            return type("Method", (), {"remote": staticmethod(call)})()

        return type("Handle", (), {"ready": method("ready"), "work": method("work")})()

    def wait(self, futures: list[Any], *, num_returns: int, timeout: float) -> tuple[list[Any], list[Any]]:
        return futures[:num_returns], futures[num_returns:]

    def get(self, future: Any, *, timeout: float) -> Any:
        if future.lost:
            raise self.exceptions.RayError("the node is gone")
        return future.value

    def kill(self, worker: Any) -> None:
        self.killed += 1


@pytest.fixture
def clustered(plan: Make, study: Make, protocol: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run through the driver on a stand-in for the cluster; returns a function of the stretches that are lost."""
    from validate.cohort.case import Cohort
    from validate.inference import ray as module

    cases = study(tmp_path / "dicom", 30, broken=(4,))
    plan(tmp_path, cases)  # writes the model
    settings = protocol([{}, {"id": "n"}], shard_size=4)
    work = make_plan(settings, Cohort(cases, (), (), "c" * 64), load_models(settings, base=tmp_path), base=tmp_path)
    LocalEngine(kind="thread").run(work, out=tmp_path / "local", resume=False)

    def run(lost: set[int], name: str, **options: Any) -> tuple[Any, list[str], _Cluster]:
        cluster, events = _Cluster(lost), list[str]()
        monkeypatch.setattr(module, "_connected", lambda _: contextlib.nullcontext(cluster))
        summary = RayEngine(**options).run(
            work, out=tmp_path / name, resume=True, on_event=lambda event, _: events.append(event)
        )
        return summary, events, cluster

    return run


def test_the_driver_ends_in_the_bytes_of_one_machine(clustered: Any, results_of: Make, tmp_path: Path) -> None:
    summary, events, cluster = clustered(set(), "cluster")
    assert results_of(tmp_path / "cluster") == results_of(tmp_path / "local")
    assert (summary.rows, summary.shards, summary.workers, summary.worker_kind) == (60, 16, 2, "ray")
    assert events.count("shard_written") == 16 and "worker_lost" not in events and cluster.killed >= 2
    again, _, _ = clustered(set(), "cluster")
    assert again.resumed_shards == 16


def test_stretches_of_lost_workers_are_done_by_others(clustered: Any, results_of: Make, tmp_path: Path) -> None:
    _, events, cluster = clustered({1, 3, 4, 8}, "lost")
    assert events.count("worker_lost") == 4 and cluster.asked == 8 + 4
    assert results_of(tmp_path / "lost") == results_of(tmp_path / "local")


def test_a_stretch_that_every_worker_is_lost_at_stops_the_run_and_keeps_the_rest(
    clustered: Any, results_of: Make, tmp_path: Path
) -> None:
    with pytest.raises(MachineError, match="4 workers were lost in a row at the same 4 cases"):
        clustered(set(range(5, 400)), "never")
    clustered(set(), "never")
    assert results_of(tmp_path / "never") == results_of(tmp_path / "local")


def test_a_cluster_that_gives_no_worker_is_given_up(clustered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from validate.inference import ray as module

    monkeypatch.setattr(module, "_room", lambda *_: 0)
    monkeypatch.setattr(module, "LOOK", 0.05)
    with pytest.raises(MachineError, match=r"gave no worker in 0\.2 seconds"):
        clustered(set(), "none", starting=0.2)
