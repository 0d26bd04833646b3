"""The two ends of a DICOM exchange: sending a case's files to a vendor's node, and taking in what comes back on our own AE.

pynetdicom runs the protocol; every network call has a time-out, and what arrives is bounded in size and in number.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from validate.errors import ModelError
from validate.models.credentials import SecretSource, secret

Title = Annotated[str, Field(pattern=r"^[\x21-\x5b\x5d-\x7e][\x20-\x5b\x5d-\x7e]{0,15}$")]  # PS3.5 6.2, AE
Port = Annotated[int, Field(ge=1, le=65535)]
VERIFICATION = "1.2.840.10008.1.1"
LARGEST = 1 << 30  # bytes of an object that comes back
MOST = 10_000  # objects that wait to be looked at
SUCCESS = 0x0000
REFUSED_RESOURCES = 0xA700
CANNOT_UNDERSTAND = 0xC000
CONTEXTS = 128  # presentation contexts of one association, PS3.8


class Tls(BaseModel):
    """
    authority : PEM file of the certificates that the other side's is checked against      certificate, key : our own, PEM
    password : of the key      hostname : that the node's certificate must be for; None where it names no host
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    authority: str
    certificate: str
    key: str
    password: SecretSource | None = None
    hostname: str | None = None


class Node(BaseModel):
    """The vendor's application entity."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str
    port: Port
    ae_title: Title


class Listener(BaseModel):
    """Our own: where the answers are sent to. `accept` : titles that may send; every other association is rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ae_title: Title = "VALIDATE"
    host: str = "127.0.0.1"
    port: Port
    accept: tuple[Title, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrival:
    """An object that came back, and when (time.monotonic)."""

    dataset: Any = field(repr=False)
    time: float


class Unreachable(Exception):
    """The node does not answer, or refuses us; the message says which."""


class Receiver:
    """Our AE, in threads of its own. `arrivals` takes what has come since it was last asked."""

    def __init__(self, listener: Listener, classes: Iterable[str], tls: ssl.SSLContext | None, *, place: str) -> None:
        from pynetdicom import AE, evt
        from pynetdicom.presentation import DEFAULT_TRANSFER_SYNTAXES

        _quiet()
        self._waiting: list[Arrival] = []
        self._news = threading.Condition()
        self._ae = AE(listener.ae_title)
        self._ae.require_called_aet = True
        self._ae.require_calling_aet = list(listener.accept)
        # A connection without a word, as monitors and load balancers make, is held until acse_timeout.
        self._ae.maximum_associations = 200
        self._ae.network_timeout = self._ae.dimse_timeout = 60
        self._ae.acse_timeout = 10
        for one in classes:
            self._ae.add_supported_context(one, DEFAULT_TRANSFER_SYNTAXES)
        self._ae.add_supported_context(VERIFICATION)
        try:
            self._server = self._ae.start_server(
                (listener.host, listener.port),
                block=False,
                evt_handlers=[(evt.EVT_C_STORE, self._stored)],
                ssl_context=tls,
            )
        except OSError as error:
            raise ModelError(
                f"{place}.listen: can't listen on {listener.host} port {listener.port}: {error.strerror}. Choose another port."
            ) from error

    def arrivals(self, until: float) -> list[Arrival]:
        """What has arrived; waits for the first until this time (time.monotonic)."""
        with self._news:
            while not self._waiting and (left := until - time.monotonic()) > 0:
                self._news.wait(left)
            found, self._waiting = self._waiting, []
            return found

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()

    def _stored(self, event: Any) -> int:
        now = time.monotonic()
        try:
            if len(event.request.DataSet.getvalue()) > LARGEST or len(self._waiting) >= MOST:
                return REFUSED_RESOURCES
            dataset = event.dataset
            dataset.file_meta = event.file_meta
        except Exception:  # noqa: BLE001 - anything may be sent to an open port
            return CANNOT_UNDERSTAND
        with self._news:
            self._waiting.append(Arrival(dataset, now))
            self._news.notify()
        return SUCCESS


@dataclass(frozen=True, slots=True)
class Peer:
    """What the node says of itself while associating."""

    implementation: str
    version: str


def echo(node: Node, own_title: str, tls: ssl.SSLContext | None, *, hostname: str | None, seconds: float) -> Peer:
    """C-ECHO. Raises Unreachable."""
    _check_reached(node, tls, hostname, seconds)
    association = _associated(node, own_title, [(VERIFICATION, None)], tls, hostname=hostname, seconds=seconds)
    try:
        status = association.send_c_echo()
        if "Status" not in status or status.Status != SUCCESS:
            raise Unreachable("it does not answer a verification (C-ECHO)")
        user = association.acceptor
        version = user.implementation_version_name
        named = version.decode("ascii", "replace") if isinstance(version, bytes) else str(version or "")
        return Peer(str(user.implementation_class_uid or ""), named.strip())
    finally:
        association.release()


def send(
    paths: Sequence[Path],
    node: Node,
    own_title: str,
    tls: ssl.SSLContext | None,
    *,
    hostname: str | None,
    seconds: float,
    sent: Callable[[Path, int | None], None],
) -> None:
    """C-STORE of files in one association; `sent` is told each one's status, None where no answer came.

    Raises Unreachable before anything is sent.
    """
    import pydicom

    datasets = {path: pydicom.dcmread(path) for path in paths}
    wanted = list(
        dict.fromkeys(
            (str(one.get("SOPClassUID", "")), str(one.file_meta.TransferSyntaxUID)) for one in datasets.values()
        )
    )
    if len(wanted) > CONTEXTS:
        raise Unreachable(f"the files have {len(wanted)} kinds, more than one association takes")
    association = _associated(node, own_title, wanted, tls, hostname=hostname, seconds=seconds)
    try:
        for path, dataset in datasets.items():
            try:
                status = association.send_c_store(dataset)
            except ValueError:  # no presentation context was accepted for this file
                sent(path, 0x0122)
                continue
            except RuntimeError:  # the association is gone
                sent(path, None)
                continue
            sent(path, int(status.Status) if "Status" in status else None)
    finally:
        if association.is_established:
            association.release()


def _quiet() -> None:
    """Pynetdicom writes addresses and identifiers into its log, which is nobody's to read; what matters is raised."""
    log = logging.getLogger("pynetdicom")
    log.setLevel(logging.CRITICAL + 1)
    log.propagate = False


def _associated(
    node: Node,
    own_title: str,
    wanted: Sequence[tuple[str, str | None]],
    tls: ssl.SSLContext | None,
    *,
    hostname: str | None,
    seconds: float,
) -> Any:
    from pynetdicom import AE

    _quiet()
    entity = AE(own_title)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = seconds
    for abstract, transfer in wanted:
        entity.add_requested_context(abstract, transfer) if transfer else entity.add_requested_context(abstract)
    association = entity.associate(
        node.host, node.port, ae_title=node.ae_title, tls_args=(tls, hostname) if tls is not None else None
    )
    if association.is_established:
        return association
    if association.is_rejected:
        raise Unreachable(f"it rejects our association as '{own_title}' to '{node.ae_title}'")
    _check_reached(node, tls, hostname, seconds)
    raise Unreachable("what answers at its address does not speak DICOM")


def _check_reached(node: Node, tls: ssl.SSLContext | None, hostname: str | None, seconds: float) -> None:
    """Whether somebody is there, and shows a certificate that we trust: pynetdicom would not tell one from the other."""
    try:
        with socket.create_connection((node.host, node.port), timeout=seconds) as plain:
            if tls is not None:
                with tls.wrap_socket(plain, server_hostname=hostname):
                    pass
    except ssl.SSLError as error:
        raise Unreachable(f"its TLS can't be trusted or understood ({error.reason or type(error).__name__})") from error
    except OSError as error:
        raise Unreachable(f"nothing answers at its address ({error.strerror or type(error).__name__})") from error


def tls_contexts(tls: Tls | None, base: Path, *, place: str) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """For calling and for being called; both sides show a certificate. Raises ModelError where a file can't be used."""
    if tls is None:
        return None, None
    password = secret(tls.password, place=f"{place}.tls.password").reveal() if tls.password is not None else None
    found = []
    for purpose in (ssl.Purpose.SERVER_AUTH, ssl.Purpose.CLIENT_AUTH):
        try:
            context = ssl.create_default_context(purpose, cafile=str(base / tls.authority))
            context.load_cert_chain(str(base / tls.certificate), str(base / tls.key), password)
        except (OSError, ssl.SSLError) as error:
            raise ModelError(
                f"{place}.tls: its certificates can't be used ({type(error).__name__}). Expected PEM files of an authority, a "
                "certificate and its key."
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = purpose is ssl.Purpose.SERVER_AUTH and tls.hostname is not None
        found.append(context)
    return found[0], found[1]
