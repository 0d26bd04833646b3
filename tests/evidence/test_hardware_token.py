"""A key that never leaves its token signs statement and PDF like a key in a file; a wrong PIN or label is one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from validate.errors import CommandError, MachineError
from validate.evidence.pdf_signature import pdf_signatures
from validate.evidence.verify import verify
from validate.provenance.certificate import read_certificates
from validate.provenance.hardware_token import token_signer

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "8204711-pin"


def certified(private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, name: str) -> x509.Certificate:
    holder = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(holder)
        .issuer_name(holder)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=9))
        .sign(private, hashes.SHA256())
    )


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a token of SoftHSM that holds an ECDSA and an RSA key; each key's configuration lies in it."""
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")  # the module reads it when it is loaded

    def tool(*arguments: object) -> None:
        subprocess.run(["softhsm2-util", *map(str, arguments)], check=True, capture_output=True, timeout=60)

    tool("--init-token", "--free", "--label", "Test card", "--so-pin", "12345678", "--pin", PIN)
    keys = {"ecdsa": ec.generate_private_key(ec.SECP256R1()), "rsa": rsa.generate_private_key(65537, 2048)}
    for number, (name, private) in enumerate(keys.items(), 1):
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / "secret.pem").write_bytes(private.private_bytes(*form))
        tool(
            "--import",
            folder / "secret.pem",
            "--token",
            "Test card",
            "--label",
            name,
            "--id",
            f"0{number}",
            "--pin",
            PIN,
        )
        (folder / "secret.pem").unlink()
        certificate = certified(private, f"Dr {name.upper()} Example")
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.yaml").write_text(
            f"pkcs11: {MODULE}\ntoken: Test card\nkey: {name}\ncertificate: {name}.pem\npin_variable: CARD_PIN\n"
        )
    return folder


@pytest.mark.services
def test_keys_on_a_token_sign_statement_and_pdf_one_after_the_other(with_pdf: Path, token: Path) -> None:
    run = with_pdf
    for name, meaning in (("ecdsa", "authored"), ("rsa", "approved")):
        done = subprocess.run(
            [sys.executable, "-m", "validate", "sign", str(run), "--meaning", meaning, "--key", str(token / f"{name}.yaml")],
            env={**os.environ, "CARD_PIN": PIN, "VALIDATE_HOME": str(run.parent / "home")},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert PIN not in done.stdout + done.stderr
    trusted = [one for name in ("ecdsa", "rsa") for one in read_certificates(token / f"{name}.pem")]
    answer = verify(run, trusted=trusted)
    assert answer.differences == ()
    assert [(s.signer, s.meaning, s.trusted) for s in answer.signatures] == [
        ("Dr ECDSA Example", "authored", True),
        ("Dr RSA Example", "approved", True),
    ]
    assert [s.intact for s in pdf_signatures((run / "signatures/report.pdf").read_bytes())] == [True, True]
    for path in (p for p in run.rglob("*") if p.is_file()):
        assert PIN.encode() not in path.read_bytes(), path


@pytest.mark.services
def test_what_is_wrong_with_a_token_is_said_without_the_pin(token: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = (token / "ecdsa.yaml").read_text()

    def problem(text: str) -> str:
        (token / "bad.yaml").write_text(text)
        with pytest.raises((CommandError, MachineError)) as refused:
            token_signer(token / "bad.yaml")
        return str(refused.value)

    monkeypatch.delenv("CARD_PIN", raising=False)
    assert "set CARD_PIN" in problem(right)
    monkeypatch.setenv("CARD_PIN", "not-the-pin")
    assert "refused the PIN in CARD_PIN" in problem(right)
    assert "not-the-pin" not in problem(right)
    monkeypatch.setenv("CARD_PIN", PIN)
    assert "not exactly one token with the label 'Other card'" in problem(right.replace("Test card", "Other card"))
    assert "not exactly one key with the label 'none'" in problem(right.replace("key: ecdsa", "key: none"))
    assert "certificate is of another key" in problem(right.replace("ecdsa.pem", "rsa.pem"))
    assert "holds 0 certificates" in problem(right.replace("certificate: ecdsa.pem\n", ""))
    assert "can't sign with this token" in problem(right.replace(str(MODULE), "/nonexistent.so"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "does not say where a token holds a key"),
        ("pkcs11: [", "no YAML that can be read"),
        ("pkcs11: /m.so\ntoken: t\n", "key: Field required"),
        ("pkcs11: /m.so\ntoken: t\nkey: k\npin: 1234\n", "pin: Extra inputs are not permitted"),
    ],
)
def test_a_file_that_names_no_token_is_refused_in_words(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "key.yaml").write_text(text)
    with pytest.raises(CommandError, match=message) as refused:
        token_signer(tmp_path / "key.yaml")
    assert "1234" not in str(refused.value)
    with pytest.raises(CommandError, match="can't be read"):
        token_signer(tmp_path / "nowhere.yaml")
