"""Signing keys: a private key in a file, and a certificate that says whose it is meant to be.

A key made here is its own witness: it proves that what was signed has not changed since, and that whoever signed held this
key. Whose key it is, only somebody whom the reader trusts can say: a certification authority, or a colleague who compares
the fingerprint.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from validate.errors import CommandError, EvidenceError

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
    """private : what signs; never printed, logged or bundled      certificate : X.509, self-signed or an authority's"""

    private: PrivateKey
    certificate: Certificate

    @property
    def name(self) -> str:
        return subject(self.certificate)

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.certificate)

    @property
    def certificate_pem(self) -> str:
        return certificate_text(self.certificate)

    def __repr__(self) -> str:
        return f"Key({self.name!r}, {self.fingerprint[:16]}…)"

    def sign(self, content: bytes) -> bytes:
        """Ed25519 as RFC 8032; ECDSA and RSA-PSS with SHA-256."""
        return _signed(self.private, content)


def new_key(
    folder: Path,
    *,
    name: str,
    kind: Literal["ed25519", "p256"] = "ed25519",
    passphrase: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
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
    return Key(private, certificate)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_key(path: Path, *, certificate: Path | None = None, passphrase: str | None = None) -> Key:
    """A folder of `validate keys new`, or a PEM file of any authority with its certificate beside it or named.

    passphrase : else from the environment (VALIDATE_KEY_PASSPHRASE); never from a protocol
    Raises CommandError, without a word of the secret, where it can't be read, or key and certificate don't belong together.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    key_file = path / "key.pem" if path.is_dir() else path
    secret = passphrase if passphrase is not None else os.environ.get(PASSPHRASE)
    try:
        private = serialization.load_pem_private_key(key_file.read_bytes(), secret.encode() if secret else None)
    except OSError as error:
        raise CommandError(
            f"{key_file}: the key can't be read: {error.strerror}. Make one: validate keys new"
        ) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CommandError(
            f"{key_file}: not a private key that can be opened (PEM, PKCS#8). If it has a passphrase, set {PASSPHRASE}."
        ) from None
    if not isinstance(private, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise CommandError(f"{key_file}: got a {type(private).__name__}, expected Ed25519, ECDSA or RSA")
    beside = certificate if certificate is not None else key_file.with_name("certificate.pem")
    held = read_certificate(beside)
    if _public_bytes(private.public_key()) != _public_bytes(held.public_key()):
        raise CommandError(f"{beside}: is the certificate of another key than {key_file.name}")
    return Key(private, held)


def read_certificate(path: Path) -> Certificate:
    """The first certificate of a PEM file, or of a folder of `validate keys new`. Raises CommandError where there is none."""
    place = path / "certificate.pem" if path.is_dir() else path
    try:
        return certificate_of(place.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, EvidenceError):
        raise CommandError(
            f"{place}: no certificate can be read there; expected PEM, as `validate keys new` writes it"
        ) from None


def certificate_of(pem: str) -> Certificate:
    """Raises EvidenceError for what is no certificate."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise EvidenceError("a signature carries no X.509 certificate that can be read") from error


def certificate_text(certificate: Certificate) -> str:
    """PEM."""
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def subject(certificate: Certificate) -> str:
    """The name that the certificate claims."""
    from cryptography.x509.oid import NameOID

    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def fingerprint(certificate: Certificate) -> str:
    """SHA-256 of the certificate (DER), 64 hexadecimal digits."""
    from cryptography.hazmat.primitives import hashes

    return certificate.fingerprint(hashes.SHA256()).hex()


def signature_holds(certificate: Certificate, signature: bytes, content: bytes) -> bool:
    """Whether this key signed exactly this content."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    public = certificate.public_key()
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, content)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, content, ec.ECDSA(hashes.SHA256()))
        elif isinstance(public, rsa.RSAPublicKey):
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
            public.verify(signature, content, pss, hashes.SHA256())
        else:
            return False
    except InvalidSignature:
        return False
    return True


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


def certificate_of_der(content: bytes) -> Certificate:
    """A certificate from its DER form."""
    from cryptography import x509

    return x509.load_der_x509_certificate(content)
