"""A model behind a server: what it promises is checked, silence is tried again, and lies give no number."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import authority  # type: ignore[import-not-found]
from open_grpc import OpenGrpcServer  # type: ignore[import-not-found]
from open_server import MODEL, OpenServer, reply, right  # type: ignore[import-not-found]

from validate.errors import ModelError, ProtocolError
from validate.models.child_host import ModelCrashed
from validate.models.kserve import ADAPTER

Make = Callable[..., Any]
QUICK = {"attempts": 2, "first": 0.0}


@pytest.fixture
def served(model: Make, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """A server with a behaviour, and the model that is behind it."""
    opened: list[Any] = []

    def made(behave: Any = right, *, about: Any = None, output: Any = None, secured: Any = None, **options: Any) -> Any:
        server = OpenServer(behave, model=about, tls=secured)
        opened.append(server)
        given = {"url": server.url, "server_model": "tiny", "seconds": 5.0, "retries": QUICK, **options}
        block = model(format="kserve", path=None, options=given, **({"output": output} if output is not None else {}))
        loaded = ADAPTER.load(block, base=tmp_path, device="cpu")
        opened.append(loaded)
        loaded.server = server
        return loaded

    yield made
    for one in reversed(opened):
        one.close()


def test_the_scores_are_those_computed_by_hand_and_the_server_says_what_it_is(
    served: Make, batch: Make, expected: Make
) -> None:
    loaded, images = served(), batch(3)
    assert [one.scores["score"] for one in loaded.predict(images)] == pytest.approx(expected(images.pixels), rel=1e-6)
    identity = loaded.identity
    assert identity.runtime == "tiny-server 3.1"
    assert identity.inputs == ({"name": "image", "type": "float32", "shape": [None, 1, None, None]},)
    assert identity.notes[0] == "model 'tiny', versions 1, platform by-hand"
    assert "its weights were not seen here" in identity.notes[1]
    assert "the model takes (1, any, any)" in str(loaded.misfit((3, 8, 8)))


def test_a_batch_is_cut_into_requests(served: Make, batch: Make, expected: Make) -> None:
    loaded, images = served(at_most=2), batch(5)
    assert [one.scores["score"] for one in loaded.predict(images)] == pytest.approx(expected(images.pixels), rel=1e-6)
    assert [one["inputs"][0]["shape"][0] for one in loaded.server.asked] == [2, 2, 1]


def test_a_server_that_is_not_ready_is_asked_again(served: Make, batch: Make, expected: Make) -> None:
    told = iter([(503, {"error": "loading"}), (503, {"error": "loading"})])
    loaded = served(lambda request: next(told, None) or right(request), retries={"attempts": 4, "first": 0.0})
    images = batch(2)
    assert [one.scores["score"] for one in loaded.predict(images)] == pytest.approx(expected(images.pixels), rel=1e-6)
    assert len(loaded.server.asked) == 3


LIES: dict[str, tuple[Any, str, str]] = {
    "fewer rows": ((200, reply([0.5], [1, 1])), "bad_reply", r"shape \(1, 1\); it promised \(2, 1\)"),
    "more columns": ((200, reply([0.5] * 4, [2, 2])), "bad_reply", r"shape \(2, 2\); it promised \(2, 1\)"),
    "a false shape": ((200, reply([0.5], [2, 1])), "bad_reply", "contradicts itself"),
    "another output": ((200, reply([0.5, 0.5], [2, 1], "other")), "bad_reply", "no output 'logits'"),
    "no json": ((200, "hello"), "bad_reply", "reply"),
    "a refusal": ((400, {"error": "bad input"}), "server_error", r"refuses \(400\): bad input"),
    "an end": ((200, None), "server_unreachable", "can't be reached"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_server_that_lies_or_refuses_gives_no_number(name: str, served: Make, batch: Make) -> None:
    answer, reason, says = LIES[name]
    loaded = served(lambda request: answer)
    with pytest.raises(ModelCrashed, match=says) as caught:
        loaded.predict(batch(2))
    assert caught.value.reason == reason


def test_a_server_that_hangs_is_left_after_the_stated_time(served: Make, batch: Make) -> None:
    def slow(request: Any) -> Any:
        time.sleep(1.0)
        return right(request)

    loaded = served(slow, seconds=0.2, retries={"attempts": 1})
    with pytest.raises(ModelCrashed, match=r"no answer in 0\.2 seconds") as caught:
        loaded.predict(batch(1))
    assert caught.value.reason == "server_timeout"


def test_a_server_that_stays_silent_stops_the_run(served: Make, batch: Make) -> None:
    loaded = served(lambda request: (503, {"error": "x"}), retries={"attempts": 1})
    for _ in range(4):
        with pytest.raises(ModelCrashed, match=r"not ready \(503\)"):
            loaded.predict(batch(1))
    with pytest.raises(ModelError, match="5 requests in a row had no answer"):
        loaded.predict(batch(1))


def test_a_token_comes_from_the_environment_and_shows_nowhere(
    served: Make, batch: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINY_TOKEN", "s3cr3t-word")
    loaded = served(lambda request: (400, {"error": "bad s3cr3t-word"}), authorization={"environment": "TINY_TOKEN"})
    with pytest.raises(ModelCrashed, match="bad <secret>"):
        loaded.predict(batch(1))
    assert all(sent["authorization"] == "Bearer s3cr3t-word" for sent in _lowered(loaded.server.headers))
    assert "s3cr3t-word" not in repr(loaded.identity)
    monkeypatch.delenv("TINY_TOKEN")
    with pytest.raises(ModelError, match=r"authorization: the environment variable TINY_TOKEN is not set"):
        served(authorization={"environment": "TINY_TOKEN"})


def _lowered(headers: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name.lower(): value for name, value in one.items()} for one in headers]


def test_a_token_comes_from_the_keyring(served: Make, batch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring

    monkeypatch.setattr(keyring, "get_password", lambda service, user: {("triton", "me"): "word"}.get((service, user)))
    loaded = served(authorization={"keyring": "triton/me"})
    loaded.predict(batch(1))
    assert _lowered(loaded.server.headers)[-1]["authorization"] == "Bearer word"
    with pytest.raises(ModelError, match="the keyring has no entry triton/you"):
        served(authorization={"keyring": "triton/you"})


def test_a_secret_in_the_protocol_is_refused(served: Make) -> None:
    with pytest.raises(ProtocolError, match="authorization"):
        served(authorization="s3cr3t-word")


def test_nobody_there_is_said_before_the_run(model: Make, tmp_path: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        url = f"127.0.0.1:{one.getsockname()[1]}"
    options = {"url": url, "server_model": "tiny", "seconds": 2.0, "retries": {"attempts": 1}}
    with pytest.raises(ModelError, match=rf"{url}, model 'tiny': the server can't be reached"):
        ADAPTER.load(model(format="kserve", path=None, options=options), base=tmp_path, device="cpu")


def test_a_model_that_takes_something_else_is_refused(served: Make) -> None:
    about = {**MODEL, "inputs": [{"name": "text", "datatype": "BYTES", "shape": [-1, 1]}]}
    with pytest.raises(ModelError, match="its input 'text' takes BYTES"):
        served(about=about)


def test_grpc_gives_the_same_and_says_what_is_not_there(
    model: Make, batch: Make, expected: Make, tmp_path: Path
) -> None:
    server, images = OpenGrpcServer(), batch(5)
    options = {"url": server.url, "transport": "grpc", "server_model": "tiny", "at_most": 2, "retries": QUICK}
    try:
        loaded = ADAPTER.load(model(format="kserve", path=None, options=options), base=tmp_path, device="cpu")
        found = [one.scores["score"] for one in loaded.predict(images)]
        assert found == pytest.approx(expected(images.pixels), rel=1e-6)
        assert loaded.identity.provider == "the server, over gRPC"
        loaded.close()
        with pytest.raises(ModelError, match=r"the server refuses \(StatusCode.NOT_FOUND\): unknown model"):
            block = model(format="kserve", path=None, options={**options, "server_model": "other"})
            ADAPTER.load(block, base=tmp_path, device="cpu")
    finally:
        server.close()


# --- TLS


def _secured(folder: Path, name: str, *, mutual: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.pem"))
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}-plain.key")
    context.verify_mode = ssl.CERT_REQUIRED if mutual else ssl.CERT_NONE
    return context


def _over_tls(served: Make, folder: Path, name: str, *, mutual: bool = False, **tls: str) -> Any:
    return served(secured=_secured(folder, name, mutual=mutual), tls={"authority": "ca.pem", **tls})


def test_requests_go_over_tls(served: Make, batch: Make, expected: Make, certificates: Path) -> None:
    loaded, images = _over_tls(served, certificates, "vendor"), batch(3)
    assert [one.scores["score"] for one in loaded.predict(images)] == pytest.approx(expected(images.pixels), rel=1e-6)


def test_the_server_may_want_a_certificate_of_ours(served: Make, batch: Make, certificates: Path) -> None:
    own = {"certificate": "ours.pem", "key": "ours-plain.key"}
    loaded = _over_tls(served, certificates, "vendor", mutual=True, **own)
    assert len(loaded.predict(batch(1))) == 1


def test_a_server_of_another_authority_is_not_trusted(served: Make, certificates: Path) -> None:
    with pytest.raises(ModelError, match=r"its TLS can't be trusted or understood \(CERTIFICATE_VERIFY_FAILED\)"):
        _over_tls(served, certificates, "rogue")


def test_a_certificate_of_another_host_is_not_trusted(
    served: Make, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authority.ipaddress, "ip_address", lambda _: ipaddress.IPv4Address("127.0.0.9"))
    authority.write_certificates(certificates)
    with pytest.raises(ModelError, match="its TLS can't be trusted or understood"):
        _over_tls(served, certificates, "vendor")
