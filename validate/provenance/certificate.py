"""X.509 certificates: whose a key is meant to be, whether it signed something, and whether a reader trusts whoever says so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from validate.errors import CommandError, EvidenceError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, Extension, ExtensionType

PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
LONGEST_CHAIN = 8


def read_certificates(path: Path) -> tuple[Certificate, ...]:
    """The certificates of a PEM file, or of a folder of `validate keys new`, the signer's first.

    Raises CommandError where there is none.
    """
    place = path / "certificate.pem" if path.is_dir() else path
    try:
        return certificates_of(place.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, EvidenceError):
        raise CommandError(
            f"{place}: no certificate can be read there; expected PEM, as `validate keys new` writes it"
        ) from None


def certificates_of(pem: str) -> tuple[Certificate, ...]:
    """Raises EvidenceError for what is no certificate."""
    from cryptography import x509

    try:
        found = tuple(x509.load_pem_x509_certificate(text.encode()) for text in PEM.findall(pem)[:LONGEST_CHAIN])
    except ValueError as error:
        raise EvidenceError("a signature carries no X.509 certificate that can be read") from error
    if not found:
        raise EvidenceError("a signature carries no X.509 certificate that can be read")
    return found


def certificate_of_der(content: bytes) -> Certificate:
    """A certificate from its DER form."""
    from cryptography import x509

    return x509.load_der_x509_certificate(content)


def certificates_text(certificates: Sequence[Certificate]) -> str:
    """PEM, one after the other."""
    from cryptography.hazmat.primitives import serialization

    return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in certificates)


def subject(certificate: Certificate) -> str:
    """The name that the certificate claims."""
    from cryptography.x509.oid import NameOID

    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def fingerprint(certificate: Certificate) -> str:
    """SHA-256 of the certificate (DER), 64 hexadecimal digits."""
    from cryptography.hazmat.primitives import hashes

    return certificate.fingerprint(hashes.SHA256()).hex()


def vouched_for(chain: Sequence[Certificate], trusted: Sequence[Certificate]) -> bool:
    """Whether the reader trusts the first of these: by name, or by an authority that the others lead to (RFC 5280, 6.1).

    chain : the signer's certificate, then whoever issued the one before      trusted : as the reader named them
    """
    known = {fingerprint(one) for one in trusted}
    return any(fingerprint(one) in known for one in _led(chain, trusted))


def _led(chain: Sequence[Certificate], trusted: Sequence[Certificate]) -> Iterator[Certificate]:
    """The signer's certificate, and each authority above it as far as every step holds."""
    yield chain[0]
    current, depth = chain[0], 0
    while depth < LONGEST_CHAIN:
        above = next((one for one in (*trusted, *chain[1:]) if _issued(current, one, depth)), None)
        if above is None or above == current:
            return
        yield above
        current, depth = above, depth + 1


def _issued(certificate: Certificate, issuer: Certificate, below: int) -> bool:
    """Below : authorities between this issuer and the signer"""
    from cryptography.exceptions import InvalidSignature
    from cryptography.x509 import BasicConstraints, KeyUsage

    constraints = _extension(issuer, BasicConstraints)
    usage = _extension(issuer, KeyUsage)
    if constraints is None or not isinstance(constraints.value, BasicConstraints) or not constraints.value.ca:
        return False
    if constraints.value.path_length is not None and below > constraints.value.path_length:
        return False
    if usage is not None and isinstance(usage.value, KeyUsage) and not usage.value.key_cert_sign:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return (
        issuer.not_valid_before_utc
        <= certificate.not_valid_before_utc
        <= certificate.not_valid_after_utc
        <= issuer.not_valid_after_utc
    )


def stamps_times(certificate: Certificate) -> bool:
    """Whether it is a time-stamping authority's, which signs nothing else (RFC 3161, 2.3)."""
    from cryptography.x509 import ExtendedKeyUsage
    from cryptography.x509.oid import ExtendedKeyUsageOID

    usage = _extension(certificate, ExtendedKeyUsage)
    return (
        usage is not None
        and isinstance(usage.value, ExtendedKeyUsage)
        and (ExtendedKeyUsageOID.TIME_STAMPING in usage.value)
    )


def _extension(certificate: Certificate, kind: type[ExtensionType]) -> Extension[ExtensionType] | None:
    from cryptography.x509 import ExtensionNotFound

    try:
        return certificate.extensions.get_extension_for_class(kind)
    except ExtensionNotFound:
        return None


def signature_holds(certificate: Certificate, signature: bytes, content: bytes) -> bool:
    """Whether this key signed exactly this content: Ed25519, ECDSA or RSA-PSS, the latter two with SHA-256."""
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
