"""Signing keys: a private key in a file or in a token, and a certificate that says whose it is meant to be.

A key made here is its own witness: it proves that what was signed has not changed since, and that whoever signed held this
key. Whose key it is, only somebody whom the reader trusts can say: a certification authority, or a colleague who compares
the fingerprint.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from validate.errors import CommandError
from validate.provenance.certificate import certificates_text, fingerprint, read_certificates, subject
from validate.provenance.clock import utc_now
from validate.provenance.hardware_token import token_signer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

    PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey

PASSPHRASE = "VALIDATE_KEY_PASSPHRASE"  # noqa: S105 (the name of a variable, not a secret)
YEARS = 5
INTEGRITY = (
    "This key proves integrity, not identity: anybody can make a key with any name. Give its fingerprint to those who will "
    "verify, by another way than with the evidence."
)


@dataclass(frozen=True, slots=True)
class Key:
    """signs : what holds the private key, in memory or in a token; the key itself is never printed, logged or bundled

    chain : X.509, the signer's own certificate first, then those of the authorities above it, where there are any
    """

    signs: Callable[[bytes], bytes] = field(repr=False)
    chain: tuple[Certificate, ...]

    @property
    def certificate(self) -> Certificate:
        return self.chain[0]

    @property
    def name(self) -> str:
        return subject(self.certificate)

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.certificate)

    @property
    def certificates_pem(self) -> str:
        return certificates_text(self.chain)

    def __repr__(self) -> str:
        return f"Key({self.name!r}, {self.fingerprint[:16]}…)"

    def sign(self, content: bytes) -> bytes:
        """Ed25519 as RFC 8032; ECDSA and RSA-PSS with SHA-256."""
        return self.signs(content)


def new_key(
    folder: Path,
    *,
    name: str,
    kind: Literal["ed25519", "p256"] = "ed25519",
    passphrase: str | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Key:
    """A key and its self-signed certificate in a new folder: key.pem, readable by its owner only, and certificate.pem.

    Raises CommandError where the folder holds a key already: a key is never overwritten.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    from cryptography.x509.oid import NameOID

    if not name.strip():
        raise CommandError("keys new: the name is empty; expected that of the person who will sign (--name).")
    for taken in (folder / "key.pem", folder / "certificate.pem"):
        if taken.exists():
            raise CommandError(f"{taken}: exists already, and a key is never overwritten. Give another folder.")
    private = ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP256R1())
    holder, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name.strip())]), clock().astimezone(UTC)
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(holder)
        .issuer_name(holder)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(private, None if kind == "ed25519" else hashes.SHA256())
    )
    secret = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_new(folder / "key.pem", pem, 0o600)
    _write_new(folder / "certificate.pem", certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return Key(lambda content: _signed(private, content), (certificate,))


def _write_new(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_key(path: Path, *, certificate: Path | None = None, passphrase: str | None = None) -> Key:
    """A folder of `validate keys new`, a PEM file of any authority with its certificate beside it or named, or a YAML file
    that says where a token holds the key (hardware_token.py).

    passphrase : else from the environment (VALIDATE_KEY_PASSPHRASE); never from a protocol
    Raises CommandError, without a word of the secret, where it can't be read, or key and certificate don't belong together.
    """
    if path.suffix in {".yaml", ".yml"}:
        signs, chain = token_signer(path, certificate)
        return Key(signs, chain)
    key_file = path / "key.pem" if path.is_dir() else path
    private = _private_key(key_file, passphrase if passphrase is not None else os.environ.get(PASSPHRASE))
    beside = certificate if certificate is not None else key_file.with_name("certificate.pem")
    chain = read_certificates(beside)
    if _public_bytes(private.public_key()) != _public_bytes(chain[0].public_key()):
        raise CommandError(f"{beside}: is the certificate of another key than {key_file.name}")
    return Key(lambda content: _signed(private, content), chain)


def _private_key(path: Path, secret: str | None) -> PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        private = serialization.load_pem_private_key(path.read_bytes(), secret.encode() if secret else None)
    except OSError as error:
        raise CommandError(f"{path}: the key can't be read: {error.strerror}. Make one: validate keys new") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CommandError(
            f"{path}: not a private key that can be opened (PEM, PKCS#8). If it has a passphrase, set {PASSPHRASE}."
        ) from None
    if not isinstance(private, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise CommandError(f"{path}: got a {type(private).__name__}, expected Ed25519, ECDSA or RSA")
    return private


def _signed(private: PrivateKey, content: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding

    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.sign(content)
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return private.sign(content, ec.ECDSA(hashes.SHA256()))
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    return private.sign(content, pss, hashes.SHA256())


def _public_bytes(public: object) -> bytes:
    from cryptography.hazmat.primitives import serialization

    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(public.public_bytes(encoding, form))  # type: ignore[attr-defined]
