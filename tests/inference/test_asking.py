"""Batches go to models in order while others are prepared; nothing after the one that ends the run is asked."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from validate.errors import ModelError
from validate.inference.asking import Asking, Stopped
from validate.models.begun import Begun


def just(work: Callable[[], Any]) -> Callable[[], Begun[Any]]:
    """A batch whose model is asked only when its turn has come."""
    return lambda: Begun(work)


def test_answers_come_in_order_while_the_giver_goes_on() -> None:
    asking, gate, order = Asking(lambda *_: None), threading.Event(), list[int]()

    def slow(number: int) -> int:
        assert gate.wait(10)
        order.append(number)
        return number

    first, second = asking.put(just(lambda: slow(1))), asking.put(just(lambda: slow(2)))
    assert not first.done()  # both were taken although no model has answered
    gate.set()
    asking.settle([second])
    assert (first.result(), second.result(), order) == (1, 2, [1, 2])
    asking.close()


def test_no_more_than_two_wait() -> None:
    asking, gates = Asking(lambda *_: None), [threading.Event() for _ in range(3)]
    for gate in gates[:2]:
        asking.put(just(lambda gate=gate: gate.wait(10)))
    threading.Timer(0.05, gates[0].set).start()
    asking.put(just(lambda: gates[2].wait(10)))  # comes back once the first has been answered
    assert gates[0].is_set()
    assert asking.waited > 0
    for gate in gates:
        gate.set()
    asking.close()


def test_what_ends_the_run_is_raised_and_the_next_batch_is_not_asked() -> None:
    asking, asked = Asking(lambda *_: None), list[int]()

    def wrong() -> None:
        raise ModelError("models.a: wrong.")

    first = asking.put(just(wrong))
    with pytest.raises(ModelError, match="wrong"):  # when the second is given, if the first has come back by then
        asking.settle([asking.put(just(lambda: asked.append(2)))])
    asking.close()
    assert first.exception() is not None and asked == []


def test_events_are_told_by_the_one_who_gives_batches() -> None:
    told: list[tuple[str, Any, bool]] = []
    main = threading.current_thread()
    asking = Asking(lambda name, data: told.append((name, data, threading.current_thread() is main)))
    answer = asking.put(just(lambda: asking.note("batch_halved", {"to": 8})))
    asking.settle([answer])
    assert told == [("batch_halved", {"to": 8}, True)]
    asking.close()


def test_a_model_that_hangs_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import validate.inference.asking as module

    monkeypatch.setattr(module, "FAREWELL", 0.05)
    asking, gate, begun, seen = Asking(lambda *_: None), threading.Event(), threading.Event(), list[str]()

    def hanging() -> None:
        begun.set()
        gate.wait(10)
        try:
            asking.check()
        except Stopped:
            seen.append("stopped")

    asking.put(just(hanging))
    assert begun.wait(10)
    start = time.perf_counter()
    asking.close()
    assert time.perf_counter() - start < 5
    gate.set()
    for _ in range(100):
        if seen:
            break
        time.sleep(0.02)
    assert seen == ["stopped"]  # and it asks for nothing more when it comes back


def _away(order: list[str], name: str, gate: threading.Event, *, answered: socket.socket) -> Callable[[], Begun[Any]]:
    """A batch in another process, whose answer can be read from `answered`."""

    def begin() -> Begun[Any]:
        order.append(f"begin {name}")
        return Begun(lambda: (gate.wait(10), order.append(f"answer {name}")), waiting)

    def waiting(bell: int) -> bool:
        ready, _, _ = select.select([answered, bell], [], [], 10)
        return answered in ready

    return begin


def test_the_next_batch_is_sent_while_the_model_is_busy_and_no_further_one() -> None:
    asking, order, model = Asking(lambda *_: None), list[str](), object()
    gates = [threading.Event() for _ in range(3)]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        first = asking.put(_away(order, "1", gates[0], answered=ours), of=model)
        second = asking.put(_away(order, "2", gates[1], answered=ours), of=model)
        while len(order) < 2:
            time.sleep(0.001)
        assert order == ["begin 1", "begin 2"] and not first.done()
        gates[0].set()
        asking.settle([first])
        third = asking.put(_away(order, "3", gates[2], answered=ours), of=model)
        while len(order) < 4:
            time.sleep(0.001)
        assert order[2:] == ["answer 1", "begin 3"] and not second.done()
        theirs.send(b".")
        for gate in gates:
            gate.set()
        asking.settle([third])
    assert order[4:] == ["answer 2", "answer 3"]
    asking.close()


def test_batches_of_two_models_do_not_share_their_time() -> None:
    asking, order = Asking(lambda *_: None), list[str]()
    ours, theirs = socket.socketpair()
    gate = threading.Event()
    gate.set()
    with ours, theirs:
        asking.put(_away(order, "a", gate, answered=ours), of="a")
        last = asking.put(_away(order, "b", gate, answered=ours), of="b")
        theirs.send(b".")
        asking.settle([last])
    assert order == ["begin a", "answer a", "begin b", "answer b"]
    asking.close()
