"""DSSE envelopes (Dead Simple Signing Envelope 1.0.2) around in-toto statements (Statement v1), with the signer's certificate.

What is signed is the payload's very bytes with its type, so that no reader has to rebuild a canonical form.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from validate.canonical import canonical_json, pretty_json
from validate.errors import EvidenceError
from validate.provenance.certificate import certificates_of, certificates_text, fingerprint, signature_holds
from validate.provenance.keys import Key

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"


def statement(subjects: Mapping[str, str], *, predicate_type: str, predicate: Mapping[str, Any]) -> dict[str, Any]:
    """An in-toto statement.    subjects : {name: SHA-256}"""
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": value}} for name, value in sorted(subjects.items())],
        "predicateType": predicate_type,
        "predicate": dict(predicate),
    }


def authentication_encoding(payload: bytes, kind: str = PAYLOAD) -> bytes:
    """PAE of the DSSE protocol: the bytes that are signed."""
    return b"DSSEv1 %d %b %d %b" % (len(kind.encode()), kind.encode(), len(payload), payload)


def envelope(document: Mapping[str, Any], key: Key) -> bytes:
    """The signed statement, as it is stored."""
    payload = canonical_json(dict(document))
    signature = key.sign(authentication_encoding(payload))
    return pretty_json(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD,
            "signatures": [
                {
                    "keyid": key.fingerprint,
                    "sig": base64.b64encode(signature).decode(),
                    "cert": key.certificates_pem,
                }
            ],
        }
    )


def opened(content: bytes) -> tuple[dict[str, Any], tuple[Certificate, ...]]:
    """Statement and certificates of an envelope whose signature holds, the signer's own first.

    Raises EvidenceError where it does not, or what lies there is no envelope of ours: several signatures, another type,
    a base64 text that another text would decode like, a key twice.
    """
    try:
        document = json.loads(content)
        (signed,) = document["signatures"]
        payload = base64.b64decode(document["payload"], validate=True)
        signature = base64.b64decode(signed["sig"], validate=True)
        chain = certificates_of(signed["cert"])
        told = json.loads(payload)
        if set(document) != {"payload", "payloadType", "signatures"} or set(signed) != {"keyid", "sig", "cert"}:
            raise EvidenceError("carries other fields than a signed statement has")
        as_written = pretty_json(document) == content and canonical_json(told) == payload
    except (ValueError, KeyError, TypeError, binascii.Error, RecursionError, AttributeError) as error:
        raise EvidenceError(f"not a signed statement that can be read: {type(error).__name__}") from error
    if not as_written or base64.b64encode(payload).decode() != document["payload"]:
        raise EvidenceError("was rewritten: its bytes are not as a signed statement is stored")
    if base64.b64encode(signature).decode() != signed["sig"] or document["payloadType"] != PAYLOAD:
        raise EvidenceError("was rewritten: its bytes are not as a signed statement is stored")
    if not isinstance(told, dict) or told.get("_type") != STATEMENT:
        raise EvidenceError("signs something that is no in-toto statement")
    if signed["keyid"] != fingerprint(chain[0]) or signed["cert"] != certificates_text(chain):
        raise EvidenceError("names another key than its certificate's")
    if not signature_holds(chain[0], signature, authentication_encoding(payload)):
        raise EvidenceError("the signature does not fit what it signs")
    return told, chain
