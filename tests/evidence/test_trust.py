"""Whose word counts, and since when: authorities above a signer, outside time, a second signer, and clocks that were set back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from validate.canonical import digest, pretty_json
from validate.evidence.manifest import AUDIT
from validate.evidence.seal import write_manifest, write_seal
from validate.evidence.verification import UNPROVEN
from validate.evidence.verify import verify
from validate.lock.stored import FROZEN
from validate.provenance.attestation import attest
from validate.provenance.audit import AuditTrail
from validate.provenance.certificate import read_certificates
from validate.provenance.keys import Key, read_key
from validate.provenance.states import Progress, State
from validate.sign_run import sign_run

NOW = datetime.now(UTC)


def issued(name: str, by: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None, *, ca: bool, days: int = 30):
    """A certificate and its key, by an authority or by itself."""
    private = ec.generate_private_key(ec.SECP256R1())
    holder = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(holder)
        .issuer_name(by[0].subject if by else holder)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=days))
        .not_valid_after(NOW + timedelta(days=1 if days < 40 else -5))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(by[1] if by else private, hashes.SHA256())
    )
    return certificate, private


def stored(folder: Path, chain: list[x509.Certificate], private: ec.EllipticCurvePrivateKey) -> Key:
    folder.mkdir()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private.private_bytes(*form))
    pem = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
    (folder / "certificate.pem").write_bytes(pem)
    return read_key(folder)


def test_who_trusts_the_authority_trusts_those_it_vouches_for_and_nobody_else(reported: Path, tmp_path: Path) -> None:
    root, root_key = issued("Hospital root", None, ca=True, days=35)
    middle, middle_key = issued("Hospital staff", (root, root_key), ca=True, days=33)
    leaf, leaf_key = issued("Dr A. Example", (middle, middle_key), ca=False)
    impostor, _ = issued("Hospital root", None, ca=True, days=35)  # the same name costs nothing
    colleague, _ = issued("Dr B. Example", (middle, middle_key), ca=False)
    sign_run(reported, stored(tmp_path / "k", [leaf, middle], leaf_key), meaning="approved")
    for trusted in (root, middle, leaf):
        answer = verify(reported, trusted=[trusted])
        assert (answer.differences, answer.signatures[0].trusted) == ((), True)
    for other in (impostor, colleague):
        answer = verify(reported, trusted=[other])
        assert answer.differences == ("no signature of this run is by a key that you trust",)


def test_a_certificate_that_may_not_vouch_for_others_does_not(reported: Path, tmp_path: Path) -> None:
    colleague, colleague_key = issued("Dr B. Example", None, ca=False, days=35)
    leaf, leaf_key = issued("Dr A. Example", (colleague, colleague_key), ca=False)
    sign_run(reported, stored(tmp_path / "k", [leaf, colleague], leaf_key), meaning="approved")
    assert verify(reported, trusted=[colleague]).differences == ("no signature of this run is by a key that you trust",)


def test_a_signature_outside_the_life_of_its_certificate_is_told(reported: Path, tmp_path: Path) -> None:
    old, old_key = issued("Dr A. Example", None, ca=False, days=60)  # expired five days ago
    sign_run(reported, stored(tmp_path / "k", [old], old_key), meaning="approved")
    (problem,) = verify(reported, trusted=[old]).differences
    assert "when its certificate had expired" in problem


@pytest.fixture
def stamped_lock(reported: Path, authority: tuple[str, Path]) -> Callable[[datetime], Path]:
    """The run again, from a lock that is stamped now, with models that began at a time of one's choosing."""

    def make(began: datetime) -> Path:
        frozen = {name: {} for name in FROZEN}
        (reported / "lock.json").write_bytes(pretty_json({**frozen, "lock_sha256": digest(frozen)}))
        attest(reported / "lock.json", key=None, authority=authority[0], time="")
        (reported / AUDIT).unlink()
        with AuditTrail(reported / AUDIT, clock=lambda: began) as trail:
            progress = Progress(trail)
            for state in (State.LOCKED, State.RUN, State.UNBLINDED, State.REPORTED):
                progress.to(state, "as planned")
            write_manifest(reported, inputs={}, created="2026-03-03T00:00:00Z")
            write_seal(reported, audit_head=trail.head)
        return reported

    return make


def test_who_trusts_only_the_time_is_told_the_time_and_that_nobody_is_known(
    stamped_lock: Callable[[datetime], Path], authority: tuple[str, Path]
) -> None:
    answer = verify(stamped_lock(datetime.now(UTC)), trusted=read_certificates(authority[1]))
    assert answer.differences == ()
    assert answer.lock_stamp is not None
    assert answer.unproven.startswith(
        "identity unproven: no signature by a trusted key; time of the signature unproven"
    )


def test_who_does_not_know_the_authority_takes_nothing_from_its_stamp(
    stamped_lock: Callable[[datetime], Path], key: Key
) -> None:
    run = stamped_lock(datetime.now(UTC))
    assert verify(run).unproven == UNPROVEN
    sign_run(run, key, meaning="approved")
    answer = verify(run, trusted=[key.certificate])
    assert (answer.differences, answer.lock_stamp) == ((), None)


def test_models_that_began_before_the_lock_was_seen_outside_are_told(
    stamped_lock: Callable[[datetime], Path], authority: tuple[str, Path]
) -> None:
    run = stamped_lock(datetime.now(UTC) - timedelta(days=9))
    (problem,) = verify(run, trusted=read_certificates(authority[1])).differences
    assert "one of the two was dated back" in problem


def test_a_stamp_of_other_bytes_is_told_to_everybody(stamped_lock: Callable[[datetime], Path]) -> None:
    run = stamped_lock(datetime.now(UTC))
    (run / "lock.json").write_text('{"other": 1}')
    with AuditTrail(run / AUDIT) as trail:
        write_manifest(run, inputs={}, created="2026-03-03T00:00:00Z")
        write_seal(run, audit_head=trail.head)
    assert verify(run).differences == ("lock.json.tsr: the time stamp is of other bytes than lie here",)


def test_a_signature_dated_back_is_told_by_the_outside_time(
    reported: Path, key: Key, authority: tuple[str, Path]
) -> None:
    early = datetime.now(UTC) - timedelta(minutes=20)
    path = sign_run(reported, key, meaning="approved", authority=authority[0], clock=lambda: early)
    answer = verify(reported, trusted=[key.certificate, *read_certificates(authority[1])])
    assert any(f"{path.name}: says it was given at" in problem for problem in answer.differences)


def test_a_second_trusted_signer_stands_for_the_time_and_one_key_twice_does_not(
    reported: Path, key: Key, other_key: Key
) -> None:
    sign_run(reported, key, meaning="authored")
    sign_run(reported, key, meaning="approved")
    assert "time of the lock unproven" in verify(reported, trusted=[key.certificate]).unproven
    sign_run(reported, other_key, meaning="reviewed")
    answer = verify(reported, trusted=[key.certificate, other_key.certificate])
    assert answer.unproven.startswith("nothing: a trusted key signed")
    assert "time of the lock unproven" in verify(reported, trusted=[key.certificate]).unproven
