"""Parts of a report laid out side by side, each in a process of its own; the result does not depend on how many."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from validate.errors import MachineError
from validate.processes.channel import Child, ChildGone, start_child
from validate.report.leaves import Leaves
from validate.report.press_worker import unpacked
from validate.report.sheet import Anchor, Sheet
from validate.report.typesetter import Warnings, missing

MOST = 4


@dataclass(frozen=True, slots=True)
class Laid:
    """What is known of a part before its pages are numbered. heights : of its pages, in CSS pixels."""

    heights: Sequence[float]
    anchors: Sequence[Anchor]


class Press(Protocol):
    """Lays parts out, then numbers them."""

    warnings: list[str]

    def lay_out(self, parts: Sequence[str]) -> list[Laid]: ...
    def number(self, before: Sequence[int], total: int, folios: Mapping[str, int]) -> list[Leaves]: ...
    def close(self) -> None: ...


def press(workers: int | None = None) -> Press:
    """`workers` processes, as many as there are cores unless given; with one, no other process is started."""
    count = min(workers or os.cpu_count() or 1, MOST)
    return Alone() if count == 1 else Crew([start_child("validate.report.press_worker") for _ in range(count)])


@dataclass(slots=True)
class Alone:
    """In this process, one part after the other."""

    warnings: list[str] = field(default_factory=list)
    _sheets: list[Sheet] = field(default_factory=list)

    def lay_out(self, parts: Sequence[str]) -> list[Laid]:
        import logging

        heard = Warnings()
        logger = logging.getLogger("weasyprint")
        logger.addHandler(heard)
        try:
            self._sheets = [Sheet(html) for html in parts]
        finally:
            logger.removeHandler(heard)
        self.warnings += heard.messages
        return [Laid(sheet.heights, sheet.anchors) for sheet in self._sheets]

    def number(self, before: Sequence[int], total: int, folios: Mapping[str, int]) -> list[Leaves]:
        return [
            sheet.numbered(part=part, before=before[part], total=total, folios=folios)
            for part, sheet in enumerate(self._sheets)
        ]

    def close(self) -> None:
        self._sheets.clear()


@dataclass(slots=True)
class Crew:
    """Processes that wait for parts from the moment they are started."""

    children: list[Child]
    warnings: list[str] = field(default_factory=list)
    _whose: dict[int, int] = field(default_factory=dict)
    _ready: set[int] = field(default_factory=set)

    def lay_out(self, parts: Sequence[str]) -> list[Laid]:
        """The longest part first, each by whoever is free."""
        waiting = sorted(range(len(parts)), key=lambda part: len(parts[part]))
        laid: dict[int, Laid] = {}

        def serve(child: int) -> None:
            self._greet(child)
            while waiting:
                part = waiting.pop()
                self._whose[part] = child
                answer, _ = self._ask(child, {"part": part}, parts[part].encode())
                anchors = [Anchor(name, page, x, y) for name, page, x, y in answer["anchors"]]
                laid[part] = Laid(answer["heights"], anchors)

        self._together(serve)
        return [laid[part] for part in range(len(parts))]

    def number(self, before: Sequence[int], total: int, folios: Mapping[str, int]) -> list[Leaves]:
        found: dict[int, Leaves] = {}

        def serve(child: int) -> None:
            for part in (part for part, whose in self._whose.items() if whose == child):
                place = {"part": part, "before": before[part], "total": total, "folios": dict(folios)}
                answer, arrays = self._ask(child, place)
                found[part] = unpacked(arrays)
                self.warnings += answer["warnings"]

        self._together(serve)
        return [found[part] for part in range(len(before))]

    def close(self) -> None:
        for child in self.children:
            child.end()

    def _together(self, serve: Any) -> None:
        with ThreadPoolExecutor(len(self.children)) as threads:
            for done in [threads.submit(serve, child) for child in range(len(self.children))]:
                done.result()

    def _greet(self, child: int) -> None:
        if child in self._ready:
            return
        try:
            answer, _ = self.children[child].channel.receive()
        except ChildGone as error:
            raise _gone() from error
        if "missing" in answer:
            raise missing(answer["missing"])
        self._ready.add(child)

    def _ask(self, child: int, header: dict[str, Any], text: bytes = b"") -> tuple[dict[str, Any], Any]:
        channel = self.children[child].channel
        try:
            channel.send(header, [np.frombuffer(text, np.uint8)] if text else ())
            answer, arrays = channel.receive()
        except ChildGone as error:
            raise _gone() from error
        if "failed" in answer:
            raise MachineError(
                f"report.pdf: part {header['part']} can't be set: {answer['failed']}. This is an error of the program or of a house "
                "style, and no number depends on it. The HTML report is written; `validate report RUN` makes the PDF."
            )
        return answer, arrays


def _gone() -> MachineError:
    return MachineError(
        "report.pdf: a process that sets the report ended before it was done, most likely for want of memory. "
        "The HTML report is written; `validate report RUN` makes the PDF."
    )
