"""The black box: a case is sent to the vendor's node by C-STORE, and its answer comes back to our own AE.

An answer is matched by study and instance UIDs. One that is late, of another study or without the expected content is no
answer; two that differ are none either, since which one counts must not be guessed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from validate.canonical import digest
from validate.cohort.case import Case
from validate.errors import Contradiction, ModelError
from validate.models.adapter import OUT_OF_SIGHT, Batch, ModelIdentity, read_options
from validate.models.dicom_answer import read
from validate.models.dicom_peer import (
    Arrival,
    Listener,
    Node,
    Receiver,
    Tls,
    Unreachable,
    echo,
    send,
    tls_contexts,
)
from validate.models.dicom_reading import CLASSES, NAMES, DicomReading, check_reading
from validate.models.dicom_references import Level, References, references, refers_to
from validate.models.dicom_waiting import Waiting
from validate.models.digest import check_digest
from validate.models.prediction import Failure, Prediction
from validate.models.retry import Backoff, retried
from validate.protocol.model import Model

GONE = 5  # batches in a row that could not be sent, after which it is the node and not the case


class DicomNodeOptions(BaseModel):
    """
    node : the vendor's application entity      listen : ours, which the node is configured to answer to
    answer : what kind of object the answer is, and how it is read      match : what it must refer to
    seconds : from the last file sent to the answer; after that the case is a failure
    settle : seconds to wait after an answer for a second one, which would contradict it
    linger : seconds to listen on after the last case, for the same
    in_flight : cases sent before the first answer is waited for      tls : for both directions      retries : of sending
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    node: Node
    listen: Listener
    answer: DicomReading
    match: Level = "image"
    seconds: Annotated[float, Field(gt=0)] = 120.0
    settle: Annotated[float, Field(ge=0)] = 0.5
    linger: Annotated[float, Field(ge=0)] = 2.0
    in_flight: Annotated[int, Field(ge=1, le=256)] = 4
    tls: Tls | None = None
    retries: Backoff = Backoff()


class DicomNodeModel:
    needs_pixels = False

    def __init__(self, model: Model, options: DicomNodeOptions, base: Path) -> None:
        self._model, self._options = model, options
        place = f"models.{model.id}"
        self._calling, called = tls_contexts(options.tls, base, place=place)
        self._hostname = options.tls.hostname if options.tls is not None else None
        self.fixed_batch: int | None = options.in_flight
        self._failed_batches = 0
        self._seen: dict[str, str] = {}  # SOP instance UID of an answer that counted → the case's pseudonym
        self._done: dict[str, tuple[Case, float]] = {}
        self._conflict: str | None = None
        self._strangers = 0
        self._events: list[tuple[str, dict[str, Any]]] = []
        classes = CLASSES[options.answer.kind]
        self._receiver = Receiver(options.listen, classes, called, place=place)
        try:
            peer = retried(self._echo, options.retries, on=(Unreachable,))
        except Unreachable as error:
            self._receiver.close()
            raise ModelError(
                f"{place}.node: '{options.node.ae_title}' at {options.node.host} port {options.node.port} can't be used: "
                f"{error}."
            ) from error
        build = f"{peer.version or 'unnamed'} ({peer.implementation})"
        said = {"format": "dicom_node", "ae_title": options.node.ae_title, "implementation": build}
        self.identity = ModelIdentity(
            id=model.id,
            format="dicom_node",
            digest=digest(said),
            provider="the vendor's node",
            runtime=f"DICOM node that calls itself {build}",
            outputs=({"name": NAMES[options.answer.kind], "type": "DICOM object", "shape": [None]},),
            notes=(
                f"sent by C-STORE{' over TLS' if options.tls is not None else ''}",
                f"an answer within {options.seconds:g} seconds counts; a second one within {options.settle:g} makes it a failure",
                "the node's software was not seen: its digest is of what it says of itself",
                OUT_OF_SIGHT,
            ),
        )

    def misfit(self, shape: tuple[int, ...]) -> str | None:
        del shape
        return None

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        del cases
        return {}

    def drain_events(self) -> list[tuple[str, dict[str, Any]]]:
        """What the audit trail must know since it was last asked: seconds from send to notification of every case."""
        found, self._events = self._events, []
        return found

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]:
        self._check_not_contradicted()
        waiting = {case.unit: Waiting(case, len(case.files)) for case in batch.cases}
        self._send(waiting)
        self._wait(waiting)
        results = [self._result(waiting[case.unit]) for case in batch.cases]
        self._report(waiting, results)
        return results

    def conclude(self) -> None:
        """Listen on for a while: a late answer on one of the last cases counts as one on any other."""
        until = time.monotonic() + self._options.linger
        while self._conflict is None and (arrivals := self._receiver.arrivals(until)):
            for arrival in arrivals:
                self._place(arrival, {})
        self._check_not_contradicted()

    def close(self) -> None:
        self._receiver.close()

    def _check_not_contradicted(self) -> None:
        if self._conflict is not None:
            raise Contradiction(self._conflict)

    def _echo(self) -> Any:
        options = self._options
        return echo(
            options.node,
            options.listen.ae_title,
            self._calling,
            hostname=self._hostname,
            seconds=options.retries.seconds,
        )

    def _send(self, waiting: Mapping[str, Waiting]) -> None:
        options = self._options
        of_path = {path: one for one in waiting.values() for path in one.case.files}
        for one in waiting.values():
            if not one.case.files:
                one.failure = Failure("no_image", "This unit has no image to send.")

        def attempt() -> None:
            send(
                list(of_path), options.node, options.listen.ae_title, self._calling,
                hostname=self._hostname, seconds=options.seconds,
                sent=lambda path, status: of_path[path].note(status),
            )  # fmt: skip

        failed: Failure | None = None
        try:
            retried(attempt, options.retries, on=(Unreachable,))
            self._failed_batches = 0
        except Unreachable as error:
            failed = self._unreachable(error)
        except Exception as error:  # noqa: BLE001 - a file that can't be read for sending concerns its batch
            failed = Failure("send_failed", f"The case's files can't be sent ({type(error).__name__}).")
        for one in waiting.values():
            one.failure = one.failure or failed

    def _unreachable(self, error: Unreachable) -> Failure:
        """Of these cases; raises ModelError when it has gone on for too long."""
        self._failed_batches += 1
        if self._failed_batches >= GONE:
            raise ModelError(
                f"models.{self._model.id}.node: {GONE} times in a row it could not be reached: {error}."
            ) from error
        return Failure("node_unreachable", f"The node could not be reached: {error}.")

    def _wait(self, waiting: Mapping[str, Waiting]) -> None:
        """Until every case has its answer and has settled, or its time is over."""
        while (until := self._next_deadline(waiting)) is not None:
            for arrival in self._receiver.arrivals(until):
                self._place(arrival, waiting)
        for arrival in self._receiver.arrivals(0.0):
            self._place(arrival, waiting)

    def _next_deadline(self, waiting: Mapping[str, Waiting]) -> float | None:
        now = time.monotonic()
        deadlines = [
            (one.first + self._options.settle) if one.first is not None else (one.sent or now) + self._options.seconds
            for one in waiting.values()
            if one.failure is None
        ]
        open_ones = [deadline for deadline in deadlines if deadline > now]
        return min(open_ones) if open_ones else None

    def _place(self, arrival: Arrival, waiting: Mapping[str, Waiting]) -> None:
        """To the case it is of; an answer to a case that has its result already contradicts it, unless it is the same one."""
        if str(arrival.dataset.get("SOPClassUID", "")) not in CLASSES[self._options.answer.kind]:
            self._strangers += 1
            return
        try:
            refers, instance = references(arrival.dataset), str(arrival.dataset.SOPInstanceUID)
        except Exception:  # noqa: BLE001 - anything may be sent to an open port
            self._strangers += 1
            return
        for one in waiting.values():
            if refers_to(refers, one.case, self._options.match):
                one.answers.setdefault(instance, arrival)
                return
        if instance in self._seen:
            return
        if not self._was_of(refers, arrival):
            self._strangers += 1

    def _was_of(self, refers: References, arrival: Arrival) -> bool:
        for unit, (case, sent) in self._done.items():
            if refers_to(refers, case, self._options.match):
                late = arrival.time - sent
                self._events.append(("late_answer", {"model": self._model.id, "unit": unit, "seconds": round(late, 3)}))
                if unit in self._seen.values():
                    self._conflict = (
                        f"models.{self._model.id}: the node sent a second, different answer on case {unit}, {late:.1f} seconds "
                        f"after the case, when the first one had been taken. Raise settle above {self._options.settle:g}, so "
                        "that both are seen, and run anew."
                    )
                return True
        return False

    def _result(self, one: Waiting) -> Prediction | Failure:
        self._done[one.case.unit] = (one.case, one.sent or time.monotonic())
        if one.failure is not None:
            return one.failure
        if not one.answers:
            seconds = f"{self._options.seconds:g}"
            return Failure(
                "node_timeout", f"No {NAMES[self._options.answer.kind]} of this case came in {seconds} seconds."
            )
        if len(one.answers) > 1:
            return Failure("duplicate_answer", f"{len(one.answers)} different answers on this case came; expected one.")
        ((instance, arrival),) = one.answers.items()
        self._seen[instance] = one.case.unit
        return read(arrival.dataset, self._options.answer, case=one.case, model=self._model)

    def _report(self, waiting: Mapping[str, Waiting], results: Sequence[Prediction | Failure]) -> None:
        answered = [
            {
                "unit": one.case.unit,
                "seconds": round(one.first - one.sent, 3) if one.first is not None and one.sent is not None else None,
                "failure": result.reason if isinstance(result, Failure) else None,
            }
            for one, result in zip(waiting.values(), results, strict=True)
        ]
        facts = {"model": self._model.id, "cases": answered, "objects_of_no_case": self._strangers}
        self._events.append(("node_answers", facts))
        self._strangers = 0


class DicomNodeAdapter:
    needs_pixels = False
    reads_files = True
    OPTIONS: type[BaseModel] = DicomNodeOptions

    def load(self, model: Model, *, base: Path, device: str, threads: int = 0) -> DicomNodeModel:
        del device, threads  # the node computes
        from validate.imaging.reader_warnings import silence_readers

        silence_readers()
        options = read_options(DicomNodeOptions, model)
        check_reading(options.answer, model)
        if model.path is not None:
            raise ModelError(f"models.{model.id}.path: a node has no file here; remove it.")
        loaded = DicomNodeModel(model, options, base)
        try:
            check_digest(loaded.identity.digest, model=model)
        except ModelError:
            loaded.close()
            raise
        return loaded


ADAPTER = DicomNodeAdapter()
