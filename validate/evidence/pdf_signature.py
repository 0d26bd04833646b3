"""The same signature inside the PDF (PAdES, ETSI EN 319 142-1), on a copy that only grows: the report's own bytes stay in front.

signatures/report.pdf begins with the very bytes of report/report.pdf; each signer adds an increment with a visible field that
shows name, meaning and time. So earlier signatures stay valid, and whoever has the copy has the sealed report too.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from validate.canonical import write_atomically
from validate.errors import EvidenceError, MissingLibrary
from validate.evidence.manifest import SIGNATURES
from validate.evidence.seal import read_document
from validate.provenance.keys import Key

if TYPE_CHECKING:
    from collections.abc import Mapping

REPORT_PDF, SIGNED_PDF, PLACES = "report/report.pdf", f"{SIGNATURES}report.pdf", "report/addresses.json"


@dataclass(frozen=True, slots=True)
class PdfSignature:
    """fingerprint : SHA-256 of the signer's certificate      intact : it covers what it should and nothing else changed since"""

    fingerprint: str
    intact: bool


def signed_pdf(folder: Path, key: Key, *, meaning: str, time: str, authority: str | None) -> bytes | None:
    """The next state of the signed copy; None where this run has no PDF.

    time : shown beside the name, UTC      Raises EvidenceError where the copy no longer begins with the sealed report.
    """
    if not (folder / REPORT_PDF).is_file():
        return None
    signers, fields, writer_of = _pyhanko()
    content = _current(folder)
    count = len(pdf_signatures(content)) + 1
    writer = writer_of(BytesIO(content), strict=False)
    place = _place(folder, count)
    fields.append_signature_field(
        writer, fields.SigFieldSpec(f"signature-{count}", on_page=place["page"] - 1, box=tuple(place["box"]))
    )
    stamp = _stamp_style(f"{key.name}\n{meaning}\n{time}\nkey {key.fingerprint[:16]}")
    meta = signers.PdfSignatureMetadata(
        field_name=f"signature-{count}", name=key.name, reason=meaning, md_algorithm=_digest(key),
        subfilter=fields.SigSeedSubFilter.PADES,
    )  # fmt: skip
    signer = signers.PdfSigner(meta, _signer(key), timestamper=_timestamper(authority), stamp_style=stamp)
    out = BytesIO()
    signer.sign_pdf(writer, output=out, existing_fields_only=True)
    return out.getvalue()


def write_signed_pdf(folder: Path, content: bytes) -> Path:
    """Beside the other signatures."""
    write_atomically(folder / SIGNED_PDF, content)
    return folder / SIGNED_PDF


def check_signed_pdf(folder: Path, given: Mapping[str, int]) -> list[str]:
    """What does not hold of the signed copy, in words; nothing where there is none and none is needed.

    given : by fingerprint, how many signatures of the run are by that key
    """
    path = folder / SIGNED_PDF
    if not path.is_file():
        return []
    content, sealed = path.read_bytes(), folder / REPORT_PDF
    if not sealed.is_file() or not content.startswith(sealed.read_bytes()):
        return [f"{SIGNED_PDF}: does not begin with the sealed report"]
    try:
        found = pdf_signatures(content)
    except EvidenceError as error:
        return [f"{SIGNED_PDF}: {error}"]
    problems = [f"{SIGNED_PDF}: signature {n} does not hold" for n, one in enumerate(found, 1) if not one.intact]
    counted: dict[str, int] = {}
    for one in found:
        counted[one.fingerprint] = counted.get(one.fingerprint, 0) + 1
    if counted != dict(given):
        problems.append(f"{SIGNED_PDF}: its signatures are not those of this run")
    return problems


def pdf_signatures(content: bytes) -> list[PdfSignature]:
    """The signatures of a PDF, oldest first. Raises EvidenceError for what is no PDF that can be read."""
    from validate.provenance.certificate import certificate_of_der, fingerprint

    _pyhanko()
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.diff_analysis import ModificationLevel
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    found = []
    try:
        reader = PdfFileReader(BytesIO(content), strict=False)
        for embedded in reader.embedded_signatures:
            certificate = certificate_of_der(embedded.signer_cert.dump())
            context = ValidationContext(trust_roots=[embedded.signer_cert], allow_fetching=False)
            status = validate_pdf_signature(embedded, context)
            level = status.modification_level
            kept = level is not None and level <= ModificationLevel.FORM_FILLING
            found.append(PdfSignature(fingerprint(certificate), bool(status.intact and status.valid and kept)))
    except Exception as error:  # whatever a reader stumbles over in bytes that somebody has changed
        raise EvidenceError(f"its signatures can't be read: {type(error).__name__}: {error}") from error
    return found


def _current(folder: Path) -> bytes:
    """The signed copy so far, or the report itself."""
    sealed = (folder / REPORT_PDF).read_bytes()
    copy = folder / SIGNED_PDF
    content = copy.read_bytes() if copy.is_file() else sealed
    if not content.startswith(sealed):
        raise EvidenceError(f"{SIGNED_PDF}: does not begin with the sealed report, so it is not signed again")
    return content


def _place(folder: Path, count: int) -> Mapping[str, Any]:
    """Page and box of the next empty place for a signature; past the last one, an invisible field on the first page."""
    places = read_document(folder, PLACES).get("signatures", [])
    return places[count - 1] if count <= len(places) else {"page": 1, "box": [0, 0, 0, 0]}


def _pyhanko() -> tuple[Any, Any, Any]:
    try:
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.sign import fields, signers
    except ImportError as error:
        raise MissingLibrary("pyHanko", "A signature inside the PDF", "pip install pyhanko") from error
    return signers, fields, IncrementalPdfFileWriter


def _stamp_style(text: str) -> Any:
    from pyhanko.pdf_utils.layout import AxisAlignment, SimpleBoxLayoutRule
    from pyhanko.pdf_utils.text import TextBoxStyle
    from pyhanko.stamp import TextStampStyle

    left = SimpleBoxLayoutRule(x_align=AxisAlignment.ALIGN_MIN, y_align=AxisAlignment.ALIGN_MID)
    return TextStampStyle(
        stamp_text=text, text_box_style=TextBoxStyle(font_size=8), inner_content_layout=left, border_width=0
    )


def _digest(key: Key) -> str:
    """RFC 8419: Ed25519 goes with SHA-512."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return "sha512" if isinstance(key.certificate.public_key(), Ed25519PublicKey) else "sha256"


def _signer(key: Key) -> Any:
    """PyHanko's signer around whatever holds the key: a file's content in memory, or a token that never lets it out."""
    from asn1crypto import algos, x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from pyhanko.sign.signers import Signer
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    class Held(Signer):
        async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:  # noqa: FBT001, FBT002
            del digest_algorithm, dry_run
            return key.sign(data)

    chain = [x509.Certificate.load(one.public_bytes(serialization.Encoding.DER)) for one in key.chain]
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(chain)
    pss = {
        "hash_algorithm": {"algorithm": "sha256"},
        "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": "sha256"}},
        "salt_length": 32,
    }
    mechanism = None
    if isinstance(key.certificate.public_key(), RSAPublicKey):
        mechanism = algos.SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": algos.RSASSAPSSParams(pss)})
    return Held(signing_cert=chain[0], cert_registry=store, signature_mechanism=mechanism)


def _timestamper(authority: str | None) -> Any:
    if authority is None:
        return None
    from pyhanko.sign.timestamps import HTTPTimeStamper

    return HTTPTimeStamper(authority)
