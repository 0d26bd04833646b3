"""The engine of a cluster: stretches of the cohort as tasks on the workers of an existing Ray cluster, stored here.

Only this process writes, into the same shards as the local engine, so the bytes are the same; a worker or a node that is lost costs
the stretches it was at, which others do again; this process lost costs what was not stored, and --resume goes on.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from validate import errors
from validate.errors import CommandError, Contradiction, MachineError, MissingLibrary, ModelError, ValidateError
from validate.inference.begin import Begun, OnEvent, begin
from validate.inference.local import ignore_event
from validate.inference.plan import InferencePlan
from validate.inference.progress import Progress
from validate.inference.ray_worker import Answer, Piece, Worker, piece_of
from validate.inference.summary import InferenceSummary
from validate.inference.writer import Writer

ATTEMPTS = 4  # at one stretch, after which the workers are not to blame
LOOK = 1.0  # seconds between two looks at what is done


@dataclass(frozen=True, slots=True)
class RayEngine:
    """
    address : "auto", of a cluster this machine belongs to, or host:port of its head
    connecting : seconds to reach the cluster      starting : seconds without a single worker, after which there is none
    patience : seconds that one stretch may take
    """

    address: str = "auto"
    connecting: float = 30.0
    starting: float = 300.0
    patience: float = 3600.0

    def run(
        self,
        plan: InferencePlan,
        *,
        out: Path,
        resume: bool,
        progress: Progress | None = None,
        on_event: OnEvent = ignore_event,
    ) -> InferenceSummary:
        """As the local engine. Raises MachineError too where the cluster can't be reached, or is lost."""
        if plan.rebuild is None:
            raise CommandError(
                "This plan holds open models only, so no other machine can open them; use --engine local."
            )
        begun = begin(plan, out, resume=resume, on_event=on_event)
        on_event("inference_started", {**begun.facts(plan), "worker_kind": "ray"})
        with _connected(self) as ray:
            return _Drive(plan, self, begun, ray, progress, on_event).results()


@dataclass(slots=True)
class _Task:
    piece: Piece
    attempts: int = 0
    started: float = 0.0
    worker: Any = None


@dataclass(slots=True)
class _Drive:
    """One start: which worker is at which stretch, and what is left."""

    plan: InferencePlan
    engine: RayEngine
    begun: Begun
    ray: Any
    progress: Progress | None
    on_event: OnEvent
    waiting: deque[_Task] = field(default_factory=deque)
    idle: list[Any] = field(default_factory=list)
    opening: dict[Any, Any] = field(default_factory=dict)  # future of `ready` → worker
    running: dict[Any, _Task] = field(default_factory=dict)
    most: int = 0
    alone_since: float = field(default_factory=time.monotonic)

    def results(self) -> InferenceSummary:
        tally, writer = self.begun.tally, Writer(self.begun.store, self.on_event)
        self.waiting.extend(_Task(piece_of(number, stretch)) for number, stretch in enumerate(self.begun.pending))
        try:
            while self.waiting or self.running:
                self._hire()
                self._hand_out()
                self._collect(writer)
                tally.show(self.progress, waiting_for="cluster")
            writer.finish()
        except (ValidateError, KeyboardInterrupt) as error:
            with contextlib.suppress(MachineError):
                writer.finish()
                if isinstance(error, Contradiction):
                    self.begun.store.condemn(str(error))
            self.on_event("inference_stopped", {"cause": type(error).__name__, "cases_done": tally.cases})
            raise
        finally:
            self._dismiss()
            writer.close()
        tally.show(self.progress, waiting_for="cluster", last=True)
        summary = self.begun.summary(
            self.plan, workers=self.most, worker_kind="ray", wait_seconds=0.0, predict_seconds=0.0
        )
        self.on_event("inference_finished", {"rows": summary.rows, "failures": dict(summary.failures)})
        return summary

    def _hire(self) -> None:
        """As many workers as the cluster now has room for, and no more than there is work."""
        at_work = {id(task.worker): task.worker for task in self.running.values()}
        known = len(self.opening) + len(self.idle) + len(at_work)
        self.most = max(self.most, len(self.idle) + len(at_work))
        if known - len(self.opening) or not (self.waiting or self.running):
            self.alone_since = time.monotonic()
        elif time.monotonic() - self.alone_since > self.engine.starting:
            raise MachineError(
                f"The cluster gave no worker in {self.engine.starting:g} seconds. Every finished shard is kept: look at the "
                "cluster, then run again with --resume."
            )
        wanted = min(_room(self.ray, self.plan), len(self.waiting) + len(self.running))
        for _ in range(max(wanted - known, 0)):
            worker = self._worker()
            self.opening[worker.ready.remote()] = worker

    def _worker(self) -> Any:
        rebuild = self.plan.rebuild
        assert rebuild is not None
        options = {"num_cpus": 1 if _on_gpu(self.plan) else _cpus(self.ray), "max_restarts": 0, "max_concurrency": 1}
        remote = self.ray.remote(**options, **({"num_gpus": 1} if _on_gpu(self.plan) else {}))(Worker)
        return remote.remote(rebuild, self.plan.passes, self.plan.cohort_digest)

    def _hand_out(self) -> None:
        while self.idle and self.waiting:
            task, worker = self.waiting.popleft(), self.idle.pop()
            task.worker, task.started = worker, time.monotonic()
            task.attempts += 1
            future = worker.work.remote(task.piece, dict(self.begun.store.batch_sizes))
            self.running[future] = task

    def _collect(self, writer: Writer) -> None:
        futures = [*self.opening, *self.running]
        if not futures:
            time.sleep(LOOK)
            return
        done, _ = self.ray.wait(futures, num_returns=1, timeout=LOOK)
        for future in done:
            if future in self.opening:
                self._opened(future)
            else:
                self._answered(future, writer)
        for future, task in list(self.running.items()):
            if time.monotonic() - task.started > self.engine.patience:
                del self.running[future]
                self.ray.kill(task.worker)
                self._lost(task, "silent")

    def _opened(self, future: Any) -> None:
        worker = self.opening.pop(future)
        try:
            problem = self.ray.get(future, timeout=self.engine.connecting)
        except self.ray.exceptions.RayError as error:
            self.on_event("worker_lost", {"cause": type(error).__name__, "while": "opening"})
            return
        if problem is not None:
            raise ModelError(problem)
        self.idle.append(worker)

    def _answered(self, future: Any, writer: Writer) -> None:
        task = self.running.pop(future)
        try:
            answer: Answer = self.ray.get(future, timeout=self.engine.connecting)
        except self.ray.exceptions.RayError as error:
            self._lost(task, type(error).__name__)
            return
        if answer.error is not None:
            kind, message = answer.error
            raise getattr(errors, kind, MachineError)(message)
        for event in answer.events:
            self.on_event(*event)
        self._keep(task.piece, answer, writer)
        self.idle.append(task.worker)

    def _keep(self, piece: Piece, answer: Answer, writer: Writer) -> None:
        from validate.models.prediction import Failure

        stretch = self.begun.pending[piece.number]
        shards = {(shard.index, shard.model.id, shard.pass_.id): shard for shard in stretch.shards}
        for number, model, pass_id, rows, timing in answer.shards:
            self.begun.tally.count([row.result.reason if isinstance(row.result, Failure) else None for row in rows])
            writer.put(shards[number, model, pass_id], rows, timing)
        self.begun.tally.cases += len(stretch.cases)
        self.begun.tally.decode_seconds += answer.decode_seconds

    def _lost(self, task: _Task, cause: str) -> None:
        """A worker is gone: its stretch goes to another."""
        self.on_event("worker_lost", {"cause": cause, "while": "working", "attempt": task.attempts})
        if task.attempts >= ATTEMPTS:
            raise MachineError(
                f"{ATTEMPTS} workers were lost in a row at the same {len(task.piece.cases)} cases ({cause}). Every finished shard "
                "is kept: look at the nodes' memory and logs, then run again with --resume."
            )
        self.waiting.appendleft(task)

    def _dismiss(self) -> None:
        for worker in [*self.idle, *self.opening.values(), *(task.worker for task in self.running.values())]:
            with contextlib.suppress(Exception):
                self.ray.kill(worker)


def _on_gpu(plan: InferencePlan) -> bool:
    return any("cuda" in model.loaded.identity.provider.lower() for model in plan.models)


def _nodes(ray: Any) -> list[dict[str, float]]:
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _cpus(ray: Any) -> int:
    """Of the smallest node, so that each worker has a node's cores and two never share them."""
    return max(1, int(min((node.get("CPU", 0) for node in _nodes(ray) if node.get("CPU", 0) >= 1), default=1)))


def _room(ray: Any, plan: InferencePlan) -> int:
    """Workers that the nodes alive have room for."""
    if _on_gpu(plan):
        return sum(int(node.get("GPU", 0)) for node in _nodes(ray))
    size = _cpus(ray)
    return sum(int(node.get("CPU", 0)) // size for node in _nodes(ray))


@contextlib.contextmanager
def _connected(engine: RayEngine) -> Iterator[Any]:
    """The library, connected. Raises MachineError where nobody answers."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    try:
        import ray
    except ImportError as error:
        raise MissingLibrary("ray", "--engine ray", "pip install 'validate-imaging[ray]'") from error
    _check_reachable(engine)
    try:
        ray.init(address=engine.address, log_to_driver=False, logging_level="ERROR", _node_ip_address=_own_address())
    except Exception as error:
        raise MachineError(
            f"--address {engine.address}: no Ray cluster can be joined there ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}). Start one with `ray start`, or give its head's host:port."
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _own_address() -> str:
    """Which of several addresses of this machine the cluster is told; VALIDATE_NODE_ADDRESS where Ray would choose another."""
    return os.environ.get("VALIDATE_NODE_ADDRESS", "")


def _check_reachable(engine: RayEngine) -> None:
    host, _, port = engine.address.rpartition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=engine.connecting).close()
    except OSError as error:
        raise MachineError(
            f"--address {engine.address}: nobody answers there ({error.strerror or error}). Start a cluster with `ray start --head`, "
            "or give the host:port of one."
        ) from error


ENGINE = RayEngine()
