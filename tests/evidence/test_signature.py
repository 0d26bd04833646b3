"""Who signed counts: with a trusted key named, nobody else's signature, and no rewritten evidence, passes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from validate.canonical import file_digest
from validate.errors import CommandError, EvidenceError, MachineError
from validate.evidence.manifest import AUDIT
from validate.evidence.seal import write_manifest, write_seal
from validate.evidence.verification import UNPROVEN
from validate.evidence.verify import verify
from validate.provenance.audit import AuditTrail
from validate.provenance.certificate import read_certificates
from validate.provenance.keys import Key, new_key, read_key
from validate.provenance.states import Progress, State
from validate.sign_run import sign_run


def test_a_signature_by_a_trusted_key_is_told_with_its_meaning(reported: Path, key: Key) -> None:
    sign_run(reported, key, meaning="reviewed")
    answer = verify(reported, trusted=[key.certificate])
    assert answer.differences == ()
    (one,) = answer.signatures
    assert (one.signer, one.meaning, one.trusted, one.stamp) == ("Dr A. Example", "reviewed", True, None)
    assert answer.unproven.startswith("time of the lock unproven")
    events = [json.loads(line) for line in (reported / AUDIT).read_text().splitlines()]
    assert events[-1]["data"]["new"] == "signed"
    assert events[-1]["actor"].startswith("Dr A. Example (key ")


def test_without_a_trusted_key_a_signature_proves_no_identity(reported: Path, key: Key) -> None:
    sign_run(reported, key, meaning="approved")
    answer = verify(reported)
    assert answer.holds
    assert not answer.signatures[0].trusted
    assert answer.unproven == UNPROVEN


def test_a_countersignature_keeps_the_earlier_one_valid(reported: Path, key: Key, other_key: Key) -> None:
    sign_run(reported, key, meaning="authored")
    sign_run(reported, other_key, meaning="reviewed")
    sign_run(reported, key, meaning="approved")
    answer = verify(reported, trusted=[key.certificate])
    assert answer.differences == ()
    assert [(s.meaning, s.trusted) for s in answer.signatures] == [
        ("authored", True),
        ("reviewed", False),
        ("approved", True),
    ]


def test_an_earlier_signature_taken_out_is_told_by_the_later_one_and_by_the_trail(reported: Path, key: Key) -> None:
    first = sign_run(reported, key, meaning="authored")
    sign_run(reported, key, meaning="approved")
    first.unlink()
    differences = " ".join(verify(reported).differences)
    assert "was given after other signatures than lie here" in differences
    assert "a signature (authored, by Dr A. Example) stands in the trail and is gone" in differences


def rewrite_everything(run: Path, key: Key, meaning: str = "approved") -> None:
    """What somebody does who knows the format and has a key of his own: new numbers, new trail, new seal, new signature."""
    shutil.rmtree(run / "signatures", ignore_errors=True)
    (run / AUDIT).unlink()
    (run / "verdict.json").write_text('{\n  "outcome": "FAIL"\n}\n')
    with AuditTrail(run / AUDIT, actor="A. Example (stated)") as trail:
        progress = Progress(trail)
        for state in (State.LOCKED, State.RUN, State.UNBLINDED, State.REPORTED):
            progress.to(state, "as planned")
        write_manifest(run, inputs={}, created="2026-03-03T00:00:00Z")
        write_seal(run, audit_head=trail.head)
    sign_run(run, key, meaning=meaning)  # type: ignore[arg-type]


def test_who_rewrites_everything_and_signs_with_his_own_key_is_found_by_the_trusted_one(
    reported: Path, key: Key, tmp_path: Path
) -> None:
    sign_run(reported, key, meaning="approved")
    impostor = new_key(tmp_path / "impostor", name="Dr A. Example")  # the same name costs nothing
    rewrite_everything(reported, impostor)
    alone = verify(reported)
    assert alone.status == "INTEGRITY ONLY"
    assert alone.unproven == UNPROVEN
    assert (
        "no signature of this run is by a key that you trust" in verify(reported, trusted=[key.certificate]).differences
    )


@pytest.mark.parametrize("name", ["verdict.json", "report/report.html", "estimates.json"])
def test_a_resealed_edit_no_longer_fits_the_signature(reported: Path, key: Key, name: str) -> None:
    sign_run(reported, key, meaning="approved")
    path = reported / name
    path.write_bytes(path.read_bytes().replace(b"0.91", b"0.99").replace(b"PASS", b"FAIL").replace(b"[]", b"[1]"))
    with AuditTrail(reported / AUDIT) as trail:
        write_manifest(reported, inputs={}, created="2026-03-03T00:00:00Z")
        write_seal(reported, audit_head=trail.head)
    differences = verify(reported, trusted=[key.certificate]).differences
    assert any("was given to another" in line for line in differences)


def test_a_trail_cut_back_behind_the_signature_no_longer_fits_it(reported: Path, key: Key) -> None:
    sign_run(reported, key, meaning="approved")
    lines = (reported / AUDIT).read_bytes().splitlines(keepends=True)
    (reported / AUDIT).write_bytes(b"".join(lines[:2]))
    with AuditTrail(reported / AUDIT) as trail:
        write_seal(reported, audit_head=trail.head)
    differences = " ".join(verify(reported, trusted=[key.certificate]).differences)
    assert "was given to another audit trail than lies here" in differences


def test_no_byte_of_a_signature_can_be_changed(reported: Path, key: Key) -> None:
    path = sign_run(reported, key, meaning="approved")
    original = path.read_bytes()
    for place in range(0, len(original), 7):
        changed = bytearray(original)
        changed[place] ^= 1
        path.write_bytes(bytes(changed))
        assert not verify(reported, trusted=[key.certificate]).holds, place
    path.write_bytes(original)
    assert verify(reported, trusted=[key.certificate]).holds


def test_evidence_that_does_not_hold_is_not_signed(reported: Path, key: Key) -> None:
    (reported / "estimates.json").write_text("{}")
    with pytest.raises(EvidenceError, match="so it is not signed"):
        sign_run(reported, key, meaning="approved")
    assert not (reported / "signatures").exists()


def test_an_outside_time_stamp_is_told_only_to_who_trusts_the_authority(
    reported: Path, key: Key, authority: tuple[str, Path]
) -> None:
    url, root = authority
    path = sign_run(reported, key, meaning="approved", authority=url)
    trusted = [key.certificate, *read_certificates(root)]
    (one,) = verify(reported, trusted=trusted).signatures
    assert one.stamp is not None
    assert one.stamp.time[:10] == one.time[:10]
    assert verify(reported, trusted=[key.certificate]).signatures[0].stamp is None
    token = path.with_name(path.name + ".tsr")
    token.write_bytes(token.read_bytes()[:-1] + b"\x00")
    assert not verify(reported, trusted=trusted).holds


def test_an_authority_that_is_none_or_away_stops_the_signature(reported: Path, key: Key) -> None:
    with pytest.raises(CommandError, match="expected the http or https address"):
        sign_run(reported, key, meaning="approved", authority="file:///etc/passwd")
    with pytest.raises(MachineError, match="gave no answer"):
        sign_run(reported, key, meaning="approved", authority="http://127.0.0.1:9/")
    assert not (reported / "signatures").exists()
    assert verify(reported).holds


def test_a_private_key_is_never_written_again(reported: Path, key: Key, tmp_path: Path) -> None:
    sign_run(reported, key, meaning="approved")
    secret = (tmp_path / "keys/first/key.pem").read_text().splitlines()[1]
    for path in reported.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path
    assert secret not in repr(key)
    assert (tmp_path / "keys/first/key.pem").stat().st_mode & 0o077 == 0


def test_keys_are_never_overwritten_and_bad_ones_are_refused_in_words(tmp_path: Path, key: Key, other_key: Key) -> None:
    assert key.fingerprint != other_key.fingerprint
    with pytest.raises(CommandError, match="never overwritten"):
        new_key(tmp_path / "keys/first", name="again")
    with pytest.raises(CommandError, match="the name is empty"):
        new_key(tmp_path / "keys/third", name=" ")
    new_key(tmp_path / "keys/sealed", name="C. Example", passphrase="open sesame")
    with pytest.raises(CommandError, match="VALIDATE_KEY_PASSPHRASE") as refused:
        read_key(tmp_path / "keys/sealed", passphrase="wrong")
    assert "wrong" not in str(refused.value)
    assert read_key(tmp_path / "keys/sealed", passphrase="open sesame").name == "C. Example"
    with pytest.raises(CommandError, match="certificate of another key"):
        read_key(tmp_path / "keys/first", certificate=tmp_path / "keys/second/certificate.pem")
    with pytest.raises(CommandError, match="can't be read"):
        read_key(tmp_path / "nowhere")
    (tmp_path / "no.pem").write_text("hello")
    with pytest.raises(CommandError, match="no certificate"):
        read_certificates(tmp_path / "no.pem")


def test_the_seal_after_signing_binds_the_signature(reported: Path, key: Key) -> None:
    path = sign_run(reported, key, meaning="approved")
    seal = json.loads((reported / "evidence/seal.json").read_text())
    assert [(f["path"], f["sha256"]) for f in seal["signatures"]] == [
        (path.relative_to(reported).as_posix(), file_digest(path))
    ]
