"""Signed evidence without a run: a folder with what a seal needs, keys, and a time-stamp authority made by openssl."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pypdf
import pytest

from validate.canonical import pretty_json
from validate.evidence.manifest import AUDIT
from validate.evidence.seal import write_manifest, write_seal
from validate.provenance.audit import AuditTrail
from validate.provenance.keys import Key, new_key
from validate.provenance.states import Progress, State

WAY = (State.LOCKED, State.RUN, State.UNBLINDED, State.REPORTED)


@pytest.fixture
def reported(tmp_path: Path) -> Path:
    """A sealed and reported run folder, as small as one can be."""
    run = tmp_path / "run"
    for name, content in {
        "estimates.json": {"estimates": []},
        "verdict.json": {"outcome": "PASS"},
        "protocol.yaml": {},
    }.items():
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_bytes(pretty_json(content))
    (run / "report").mkdir()
    (run / "report/report.html").write_text("<p>0.91</p>")
    with AuditTrail(run / AUDIT, actor="A. Example (stated)") as trail:
        progress = Progress(trail)
        for state in WAY:
            progress.to(state, "as planned")
        write_manifest(run, inputs={}, created="2026-03-03T00:00:00Z")
        write_seal(run, audit_head=trail.head)
    return run


@pytest.fixture
def with_pdf(reported: Path) -> Path:
    """The same with a report of two pages and places for two signatures."""
    pages = pypdf.PdfWriter()
    for _ in range(2):
        pages.add_blank_page(595, 842)
    out = BytesIO()
    pages.write(out)
    (reported / "report/report.pdf").write_bytes(out.getvalue())
    places = [{"page": 2, "box": [50, 400, 270, 450]}, {"page": 2, "box": [290, 400, 510, 450]}]
    (reported / "report/addresses.json").write_bytes(pretty_json({"signatures": places}))
    with AuditTrail(reported / AUDIT) as trail:
        write_manifest(reported, inputs={}, created="2026-03-03T00:00:00Z")
        write_seal(reported, audit_head=trail.head)
    return reported


@pytest.fixture
def key(tmp_path: Path) -> Key:
    return new_key(tmp_path / "keys/first", name="Dr A. Example")


@pytest.fixture
def other_key(tmp_path: Path) -> Key:
    return new_key(tmp_path / "keys/second", name="Dr B. Example", kind="p256")


CONFIGURATION = """
[ca]
default_ca = ca
[ca]
dir = {folder}
[tsa]
default_tsa = tsa
[tsa]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
ROOT_EXTENSIONS = "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n"
SIGNER_EXTENSIONS = (
    "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n"
    "extendedKeyUsage=critical,timeStamping\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
)


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


def make_authority(folder: Path) -> Path:
    """A root and a time-stamping certificate under it; returns openssl's configuration."""
    folder.mkdir(parents=True)
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(CONFIGURATION.format(folder=folder))
    (folder / "root.ext").write_text(ROOT_EXTENSIONS)
    (folder / "tsa.ext").write_text(SIGNER_EXTENSIONS)
    for name in ("root", "tsa"):
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder / f"{name}.key")
        subject = f"/CN=Test {name}"
        openssl("req", "-new", "-key", folder / f"{name}.key", "-subj", subject, "-out", folder / f"{name}.csr")
    sign = ("x509", "-req", "-days", "3", "-extfile")
    openssl(
        *sign,
        folder / "root.ext",
        "-in",
        folder / "root.csr",
        "-signkey",
        folder / "root.key",
        "-out",
        folder / "root.pem",
    )
    openssl(
        *sign, folder / "tsa.ext", "-in", folder / "tsa.csr", "-CA", folder / "root.pem", "-CAkey", folder / "root.key",
        "-CAcreateserial", "-out", folder / "tsa.pem",
    )  # fmt: skip
    return folder / "tsa.cnf"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A real RFC 3161 server on loopback: its URL, and its root certificate."""
    folder = tmp_path_factory.mktemp("tsa") / "authority"
    configuration = make_authority(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            openssl("ts", "-reply", "-config", configuration, "-queryfile", folder / "query", "-out", folder / "reply")
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write((folder / "reply").read_bytes())

        def log_message(self, *_arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", folder / "root.pem"
    server.shutdown()
    server.server_close()
    thread.join()
