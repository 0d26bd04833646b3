"""The signature inside the PDF: a copy that only grows, with name, meaning and time to be seen, and no other report under it."""

from __future__ import annotations

import shutil
from io import BytesIO
from pathlib import Path

import pypdf
import pytest

import validate.sign_run
from validate.evidence.manifest import AUDIT
from validate.evidence.pdf_signature import pdf_signatures
from validate.evidence.seal import write_seal
from validate.evidence.verify import verify
from validate.provenance.audit import AuditTrail
from validate.provenance.keys import Key
from validate.sign_run import sign_run


def test_each_signer_adds_to_a_copy_that_begins_with_the_sealed_report(
    with_pdf: Path, key: Key, other_key: Key
) -> None:
    copy, sealed = with_pdf / "signatures/report.pdf", (with_pdf / "report/report.pdf").read_bytes()
    sign_run(with_pdf, key, meaning="reviewed")
    first = copy.read_bytes()
    sign_run(with_pdf, other_key, meaning="approved")
    second = copy.read_bytes()
    assert first.startswith(sealed)
    assert second.startswith(first)
    assert [(s.fingerprint, s.intact) for s in pdf_signatures(second)] == [
        (key.fingerprint, True),
        (other_key.fingerprint, True),
    ]
    assert (with_pdf / "report/report.pdf").read_bytes() == sealed
    assert verify(with_pdf, trusted=[key.certificate]).differences == ()
    fields = pypdf.PdfReader(BytesIO(second)).get_fields() or {}
    assert {f["/V"]["/Reason"] for f in fields.values()} == {"reviewed", "approved"}


def test_a_fifth_signature_finds_no_box_and_is_there_all_the_same(with_pdf: Path, key: Key) -> None:
    for _ in range(3):
        sign_run(with_pdf, key, meaning="reviewed")
    assert len(pdf_signatures((with_pdf / "signatures/report.pdf").read_bytes())) == 3
    assert verify(with_pdf).holds


def reseal(run: Path) -> None:
    with AuditTrail(run / AUDIT) as trail:
        write_seal(run, audit_head=trail.head)


def test_a_copy_with_another_report_a_changed_byte_or_a_signature_less_is_told(
    with_pdf: Path, key: Key, other_key: Key
) -> None:
    sign_run(with_pdf, key, meaning="reviewed")
    copy = with_pdf / "signatures/report.pdf"
    one = copy.read_bytes()
    sign_run(with_pdf, other_key, meaning="approved")
    two = copy.read_bytes()

    def problems(content: bytes) -> str:
        copy.write_bytes(content)
        reseal(with_pdf)
        return " ".join(verify(with_pdf).differences)

    assert "does not begin with the sealed report" in problems(two.replace(b"842", b"843", 1))
    assert "its signatures are not those of this run" in problems(one)
    place = one.rindex(b"/Contents") + 200
    spoilt = bytearray(two)
    spoilt[place] = ord("0") if spoilt[place] != ord("0") else ord("1")
    assert "signatures/report.pdf" in problems(bytes(spoilt))
    assert problems(two) == ""


@pytest.mark.parametrize("broken", ["write_signature", "write_signed_pdf", "write_seal"])
def test_a_crash_while_signing_leaves_what_was_sealed_and_the_next_signature_tidies_up(
    with_pdf: Path, key: Key, other_key: Key, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    sign_run(with_pdf, key, meaning="reviewed")

    def crash(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(validate.sign_run, broken, crash)
        with pytest.raises(KeyboardInterrupt):
            sign_run(with_pdf, other_key, meaning="approved")
    answer = verify(with_pdf)
    assert answer.differences == ()
    assert [one.meaning for one in answer.signatures] == ["reviewed"]
    assert bool(answer.left_over) == (broken != "write_signature")
    sign_run(with_pdf, other_key, meaning="responsible")
    answer = verify(with_pdf)
    assert ([one.meaning for one in answer.signatures], answer.left_over) == (["reviewed", "responsible"], ())


def test_a_run_without_a_pdf_is_signed_all_the_same(reported: Path, key: Key) -> None:
    sign_run(reported, key, meaning="approved")
    assert not (reported / "signatures/report.pdf").exists()
    assert verify(shutil.copytree(reported, reported.parent / "copy")).holds
