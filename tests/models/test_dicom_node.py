"""The black box behind a DICOM node: answers late, twice, wrongly or never become failures that say so, and no wrong number."""

from __future__ import annotations

import gc
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from vendor_answers import KINDS, SCORE, SR, Kind, spaced_file  # type: ignore[import-not-found]
from vendor_node import VendorNode, logit, report  # type: ignore[import-not-found]

from validate.errors import Contradiction, ModelError
from validate.models.adapter import Batch
from validate.models.dicom_node import ADAPTER
from validate.models.prediction import ClassScores, Failure

Make = Callable[..., Any]
LOGIT = {"activation": "sigmoid", "kind": "probability"}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


SOME = [pytest.param(name, marks=() if name in {"sr", "seg"} else pytest.mark.slow) for name in KINDS]  # a second each


@pytest.fixture
def exchange(model: Make, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """A node with a behaviour, and a model block that talks to it."""
    opened: list[Any] = []

    def made(behave: Any = None, *, output: Any = LOGIT, status: int = 0, secured: Any = None, **options: Any) -> Any:
        port = free_port()
        node = VendorNode(("127.0.0.1", port, "VALIDATE"), behave, status=status, tls=secured)
        opened.append(node)
        given = {
            "node": {"host": "127.0.0.1", "port": node.port, "ae_title": "VENDOR"},
            "listen": {"port": port},
            "answer": SR,
            "seconds": 1.5,
            "settle": 0.2,
            **options,
        }
        loaded = ADAPTER.load(
            model(format="dicom_node", path=None, output=output, options=given), base=tmp_path, device="cpu"
        )
        opened.append(loaded)
        return loaded

    yield made
    for one in opened:  # the node before us: who calls a closed port leaves a socket behind
        one.close()


def test_answers_are_matched_by_their_uids_and_timed(exchange: Make, imaged: Make, expected: Make) -> None:
    loaded, images = exchange(seconds=20.0), imaged(3)
    results = loaded.predict(Batch(images.cases))
    assert all(isinstance(result, ClassScores) for result in results), results
    assert [result.scores["score"] for result in results] == pytest.approx(expected(images.pixels), rel=1e-6)
    ((name, facts),) = loaded.drain_events()
    assert name == "node_answers"
    assert [one["unit"] for one in facts["cases"]] == [case.unit for case in images.cases]
    assert all(0 <= one["seconds"] < 20 for one in facts["cases"])
    assert loaded.identity.runtime.startswith("DICOM node that calls itself VENDOR_7.2 (1.2.826.")
    assert loaded.drain_events() == []


@pytest.fixture
def told(exchange: Make, imaged: Make) -> Callable[..., Any]:
    """What comes of one case whose answers are these, of one kind."""

    def made(kind: Kind, *answers: tuple[float, Callable[[Any], Any]], **options: Any) -> Any:
        images = imaged(1)
        spaced_file(images.cases[0].files[0])
        loaded = exchange(
            lambda image: [(wait, answer(image)) for wait, answer in answers],
            output=kind.output, answer=kind.answer, **options,
        )  # fmt: skip
        (result,) = loaded.predict(Batch(images.cases))
        return result

    return made


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_answer_is_read_as_it_comes(name: str, told: Make) -> None:
    kind = KINDS[name]
    result = told(kind, (0.0, kind.right), seconds=20.0)
    assert not isinstance(result, Failure), result
    assert kind.expected(result)


@pytest.mark.parametrize("name", SOME)
def test_two_different_answers_of_any_kind_are_none(name: str, told: Make) -> None:
    kind = KINDS[name]
    result = told(kind, (0.0, kind.right), (0.0, kind.other), seconds=20.0, settle=0.5)
    assert result == Failure("duplicate_answer", "2 different answers on this case came; expected one.")


@pytest.mark.parametrize("name", SOME)
def test_an_answer_of_any_kind_without_the_expected_content_is_a_failure(name: str, told: Make) -> None:
    kind = KINDS[name]
    result = told(kind, (0.0, kind.wrong), seconds=20.0)
    assert isinstance(result, Failure), result
    assert result.reason == kind.reason


@pytest.mark.parametrize("name", SOME)
def test_an_answer_of_any_kind_that_is_late_or_never_comes_is_a_failure(name: str, told: Make) -> None:
    kind = KINDS[name]
    expected = Failure("node_timeout", f"No {kind.noun} of this case came in 0.4 seconds.")
    assert told(kind, seconds=0.4) == expected
    assert told(kind, (1.5, kind.right), seconds=0.4) == expected


@pytest.mark.parametrize("name", SOME)
def test_an_answer_of_any_kind_on_another_study_is_none(name: str, told: Make) -> None:
    kind = KINDS[name]

    def elsewhere(image: Any) -> Any:
        image.StudyInstanceUID = "1.2.3.4.5"
        return kind.right(image)

    assert told(kind, (0.0, elsewhere), seconds=0.8).reason == "node_timeout"


def test_an_answer_of_another_kind_is_none(told: Make) -> None:
    assert told(KINDS["seg"], (0.0, KINDS["gsps"].right), seconds=0.8).reason == "node_timeout"


def test_a_report_without_a_value_is_a_failure(told: Make) -> None:
    result = told(KINDS["sr"], (0.0, lambda image: report(image, None)), seconds=20.0)
    assert (result.reason, "no value under the code" in result.detail) == ("missing_output", True)


def test_one_and_the_same_answer_sent_again_is_one_answer(exchange: Make, imaged: Make) -> None:
    def again(image: Any) -> Any:
        answer = report(image, logit(image))
        return [(0.0, answer), (0.0, answer)]

    (result,) = exchange(again, seconds=10.0).predict(Batch(imaged(1).cases))
    assert isinstance(result, ClassScores), result


def _twice_late(image: Any) -> Any:
    return [(0.0, report(image, 0.5)), (0.5, report(image, 0.7))]


CONTRADICTED = r"sent a second, different answer on case unit-000, \d\.\d seconds after.*Raise settle"


def test_a_second_answer_after_the_first_was_taken_stops_the_run(exchange: Make, imaged: Make) -> None:
    loaded = exchange(_twice_late, output=SCORE, seconds=3.0, settle=0.05)
    images = imaged(2)
    (first,) = loaded.predict(Batch(images.cases[:1]))
    assert isinstance(first, ClassScores)
    for arrival in loaded._receiver.arrivals(time.monotonic() + 10):
        loaded._place(arrival, {})
    with pytest.raises(Contradiction, match=CONTRADICTED):
        loaded.predict(Batch(images.cases[1:]))


def test_a_second_answer_on_the_last_case_is_still_heard(exchange: Make, imaged: Make) -> None:
    loaded = exchange(_twice_late, output=SCORE, seconds=3.0, settle=0.05, linger=5.0)
    loaded.predict(Batch(imaged(1).cases))
    with pytest.raises(Contradiction, match=CONTRADICTED):
        loaded.conclude()
    names = [name for name, _ in loaded.drain_events()]
    assert names == ["node_answers", "late_answer"]


def test_an_answer_that_stays_the_only_one_is_left_in_peace(exchange: Make, imaged: Make) -> None:
    loaded = exchange(seconds=10.0, linger=0.0)
    loaded.predict(Batch(imaged(1).cases))
    loaded.conclude()


def test_percentages_are_said_or_refused(exchange: Make, imaged: Make) -> None:
    def percent(image: Any) -> Any:
        return [(0.0, report(image, 93.0, unit="%"))]

    images = imaged(1)
    with pytest.raises(ModelError, match=r"percent: the reports give percentages.*say percent: true"):
        exchange(percent, output=SCORE, seconds=10.0).predict(Batch(images.cases))
    (result,) = exchange(percent, output=SCORE, seconds=10.0, answer={**SR, "percent": True}).predict(
        Batch(images.cases)
    )
    assert result.scores == {"score": 0.93}


def test_a_node_that_refuses_an_image_is_a_failure(exchange: Make, imaged: Make) -> None:
    (result,) = exchange(status=0xA700).predict(Batch(imaged(1).cases))
    assert result == Failure("send_refused", "The node did not take an image of this case: status A700.")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_node_that_goes_away_fails_its_cases_and_at_last_stops_the_run(exchange: Make, imaged: Make) -> None:
    loaded = exchange(retries={"attempts": 2, "first": 0.0, "seconds": 2})
    loaded._options = loaded._options.model_copy(
        update={"node": loaded._options.node.model_copy(update={"port": free_port()})}
    )
    images = imaged(1)
    (result,) = loaded.predict(Batch(images.cases))
    assert isinstance(result, Failure)
    assert result.reason == "node_unreachable"
    with pytest.raises(ModelError, match="5 times in a row it could not be reached: nothing answers at its address"):
        for _ in range(4):
            loaded.predict(Batch(images.cases))
    gc.collect()  # pynetdicom leaves a socket behind where nobody answers; its warning belongs here


def test_nobody_there_is_said_before_the_run(model: Make, tmp_path: Path) -> None:
    options = {
        "node": {"host": "127.0.0.1", "port": free_port(), "ae_title": "NOBODY"},
        "listen": {"port": free_port()},
        "answer": SR,
        "retries": {"attempts": 1, "seconds": 2},
    }
    with pytest.raises(
        ModelError, match=r"'NOBODY' at 127.0.0.1 port \d+ can't be used: nothing answers at its address"
    ):
        ADAPTER.load(model(format="dicom_node", path=None, options=options), base=tmp_path, device="cpu")


def test_a_port_that_is_taken_is_said(model: Make, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        options = {
            "node": {"host": "127.0.0.1", "port": 4242, "ae_title": "V"},
            "listen": {"port": taken.getsockname()[1]},
            "answer": SR,
        }
        with pytest.raises(ModelError, match=r"can't listen on 127.0.0.1 port"):
            ADAPTER.load(model(format="dicom_node", path=None, options=options), base=tmp_path, device="cpu")


# --- TLS


def _vendor_side(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    found = []
    for purpose in (ssl.Purpose.SERVER_AUTH, ssl.Purpose.CLIENT_AUTH):
        context = ssl.create_default_context(purpose, cafile=str(folder / "ca.pem"))
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key", "a-secret-word")
        context.check_hostname, context.verify_mode = False, ssl.CERT_REQUIRED
        found.append(context)
    return found[0], found[1]


TLS = {
    "authority": "ca.pem",
    "certificate": "ours.pem",
    "key": "ours.key",
    "password": {"environment": "NODE_PASSWORD"},
}


def test_both_directions_go_over_tls_with_certificates_on_both_sides(
    exchange: Make, imaged: Make, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_PASSWORD", "a-secret-word")
    loaded = exchange(secured=_vendor_side(certificates, "vendor"), tls=TLS, seconds=20.0)
    (result,) = loaded.predict(Batch(imaged(1).cases))
    assert isinstance(result, ClassScores), result
    assert loaded.identity.notes[0] == "sent by C-STORE over TLS"


@pytest.mark.slow
def test_a_node_of_another_authority_is_not_trusted_and_no_secret_shows(
    model: Make, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_PASSWORD", "a-secret-word")
    node = VendorNode(("127.0.0.1", 1, "VALIDATE"), tls=_vendor_side(certificates, "rogue"))
    options = {
        "node": {"host": "127.0.0.1", "port": node.port, "ae_title": "VENDOR"},
        "listen": {"port": free_port()},
        "answer": SR,
        "tls": TLS,
        "retries": {"attempts": 1, "seconds": 3},
    }
    try:
        with pytest.raises(ModelError, match="its TLS can't be trusted or understood") as caught:
            ADAPTER.load(model(format="dicom_node", path=None, options=options), base=certificates, device="cpu")
        assert "a-secret-word" not in str(caught.value)
        monkeypatch.delenv("NODE_PASSWORD")
        with pytest.raises(ModelError, match=r"tls\.password: the environment variable NODE_PASSWORD is not set"):
            ADAPTER.load(model(format="dicom_node", path=None, options=options), base=certificates, device="cpu")
    finally:
        node.close()
