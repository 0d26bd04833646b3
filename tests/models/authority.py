"""Certificates for the tests: an authority, and what it has signed; made anew each time, so that none is worth stealing."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path
from typing import Any

PASSWORD = b"a-secret-word"


def write_certificates(folder: Path) -> Path:
    """ca.pem; a certificate of localhost, NAME.pem, for "ours" and "vendor"; one of another authority for "rogue".

    Keys : NAME.key, encrypted with PASSWORD, and NAME-plain.key
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    authority, rogue = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    (folder / "ca.pem").write_bytes(
        _signed("authority", authority, authority, authority=True).public_bytes(Encoding.PEM)
    )
    for name, signer in (("ours", authority), ("vendor", authority), ("rogue", rogue)):
        key = ec.generate_private_key(ec.SECP256R1())
        (folder / f"{name}.pem").write_bytes(_signed(name, key, signer).public_bytes(Encoding.PEM))
        for ending, how in ((".key", BestAvailableEncryption(PASSWORD)), ("-plain.key", NoEncryption())):
            (folder / f"{name}{ending}").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    return folder


def _signed(name: str, key: Any, signer: Any, *, authority: bool = False) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(
        issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]),
        subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - dt.timedelta(hours=1),
        not_valid_after=now + dt.timedelta(days=1),
    )
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=authority, crl_sign=authority, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    here = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if not authority:
        made = made.add_extension(here, critical=False)
    return made.sign(signer, hashes.SHA256())
