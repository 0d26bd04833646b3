"""The root over the cases speaks for each of them; one case can be shown without the others."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from validate.canonical import pretty_json
from validate.cli.main import app
from validate.errors import CommandError, EvidenceError
from validate.evidence.bundle import write_bundle
from validate.evidence.cases import cases_document, check_inclusion, inclusion
from validate.evidence.manifest import AUDIT, CASES, MANIFEST
from validate.evidence.merkle import Proof, leaf, node, proof, proven_root, root
from validate.evidence.seal import write_manifest, write_seal
from validate.evidence.verify import verify
from validate.provenance.audit import AuditTrail

# The leaves and roots of the test vectors of RFC 6962 and RFC 9162 implementations (google/certificate-transparency,
# merkletree tests): eight inputs in hexadecimal, and the root over the first n of them.
INPUTS = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


@pytest.mark.parametrize("count", range(1, 9))
def test_roots_are_those_of_certificate_transparency(count: int) -> None:
    assert root([leaf(bytes.fromhex(text)) for text in INPUTS[:count]]).hex() == ROOTS[count - 1]


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert root([]) == hashlib.sha256(b"").digest()


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40), st.data())
def test_every_leaf_is_proven_and_no_other_content_is(contents: list[bytes], data: st.DataObject) -> None:
    leaves = [leaf(content) for content in contents]
    place = data.draw(st.integers(0, len(leaves) - 1))
    shown = proof(leaves, place)
    assert proven_root(leaves[place], shown) == root(leaves)
    assert proven_root(leaf(contents[place] + b"!"), shown) != root(leaves)


def test_a_node_cannot_pass_for_a_leaf_and_a_proof_has_one_length() -> None:
    leaves = [leaf(bytes([n])) for n in range(4)]
    assert node(leaves[0], leaves[1]) != leaf(leaves[0] + leaves[1])
    shown = proof(leaves, 2)
    with pytest.raises(EvidenceError, match="too short"):
        proven_root(leaves[2], Proof(2, 4, shown.path[:1]))
    with pytest.raises(EvidenceError, match="too long"):
        proven_root(leaves[2], Proof(2, 4, (*shown.path, leaves[0])))
    with pytest.raises(EvidenceError, match="leaf 4 of 4"):
        proven_root(leaves[2], Proof(4, 4, shown.path))
    with pytest.raises(IndexError):
        proof(leaves, 4)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    rows = {
        "unit": ["U-1", "U-2", "U-3"] * 2,
        "model": ["a"] * 3 + ["b"] * 3,
        "score": [0.1, None, float("-inf"), 0.4, 0.5, 0.6],
    }
    pq.write_table(pa.table(rows), tmp_path / "results/units.parquet")
    return tmp_path


def test_one_case_is_proven_with_all_its_rows_and_none_of_the_others(run: Path) -> None:
    known = cases_document(run)["root"]
    document = inclusion(run, "U-2")
    check_inclusion(document, known)
    assert [row["model"] for row in document["rows"]] == ["a", "b"]
    assert "U-1" not in str(document)


def test_an_edited_case_another_name_or_another_root_is_no_proof(run: Path) -> None:
    known = cases_document(run)["root"]
    document = inclusion(run, "U-2")
    for forged in (
        {**document, "rows": [{**document["rows"][0], "score": 0.9}, document["rows"][1]]},
        {**document, "case": "U-1"},
        {**document, "rows": []},
        {**document, "index": 0},
    ):
        with pytest.raises(EvidenceError, match="inclusion proof"):
            check_inclusion(forged, known)
    with pytest.raises(EvidenceError, match="not in that evidence"):
        check_inclusion(document, "0" * 64)
    with pytest.raises(EvidenceError, match="can't be read"):
        check_inclusion({"index": "x"}, known)
    with pytest.raises(CommandError, match="no case 'U-9'"):
        inclusion(run, "U-9")


def test_a_case_is_checked_from_the_command_line_against_a_run_a_bundle_or_a_known_root(
    reported: Path, tmp_path: Path
) -> None:
    (reported / "results").mkdir()
    rows = {"unit": ["U-1", "U-2", "U-3"], "model": ["a"] * 3, "score": [0.1, None, 0.4]}
    pq.write_table(pa.table(rows), reported / "results/units.parquet")
    (reported / CASES).write_bytes(pretty_json(cases_document(reported)))
    with AuditTrail(reported / AUDIT) as trail:
        write_manifest(reported, inputs={}, created="2026-03-03T00:00:00Z")
        write_seal(reported, audit_head=trail.head)
    root = json.loads((reported / MANIFEST).read_text())["cases"]["root"]
    assert root == cases_document(reported)["root"]
    case, bundle = tmp_path / "case.json", tmp_path / "a.zip"
    write_bundle(reported, bundle)

    def ask(*arguments: object) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["verify", *map(str, arguments)])
        return done.exit_code, done.output + str(done.exception or "")

    assert CliRunner().invoke(app, ["bundle", str(reported), str(case), "--case", "U-2"]).exit_code == 0
    for known in (("--of", reported), ("--of", bundle), ("--root", root)):
        code, output = ask(case, *known)
        assert (code, output.splitlines()[0]) == (0, "INCLUDED")
        assert "unproven" in output
        assert "U-1" not in output
    assert "say under which root" in ask(case)[1]
    assert "not in that evidence" in ask(case, "--root", "0" * 64)[1]
    document = json.loads(case.read_text())
    case.write_bytes(pretty_json({**document, "rows": [{**document["rows"][0], "score": 0.9}]}))
    assert "not in that evidence" in ask(case, "--of", reported)[1]
    case.write_text("{}")
    assert "not the proof of one case" in ask(case, "--of", reported)[1]
    assert "are for one case" in ask(reported, "--root", root)[1]


def test_a_manifest_with_another_root_than_the_cases_is_named(run: Path) -> None:
    (run / "evidence").mkdir()
    (run / CASES).write_bytes(pretty_json(cases_document(run)))
    with AuditTrail(run / AUDIT) as trail:
        trail.append("started")
        write_manifest(run, inputs={}, created="2026-03-03T00:00:00Z")
        path = run / MANIFEST
        path.write_text(path.read_text().replace(cases_document(run)["root"], "0" * 64))
        write_seal(run, audit_head=trail.head)
    assert verify(run).differences == (
        f"{MANIFEST}#/cases: is not the root over the cases that lies in evidence/cases.json",
    )
