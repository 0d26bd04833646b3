"""Statements of people stand in the section they belong to; what nobody stated is named there as missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from validate.evidence.printed import fits
from validate.protocol.words import Statements
from validate.report import stated as kinds
from validate.report.render import render
from validate.report.sealed import read_sealed
from validate.report.section import Missing
from validate.report.sections import governance, independence
from validate.report.stated import REFERENCE, stated
from validate.report.study import Study

MAPS: dict[str, Mapping[str, tuple[str, str]]] = {
    name: value for name, value in vars(kinds).items() if name.isupper() and isinstance(value, dict)
}
SHOWN = {field for kind in MAPS.values() for field in kind} | set(governance.TITLES) | set(governance.BESIDES)


def with_statements(folder: Path, said: Mapping[str, str]) -> Path:
    protocol = yaml.safe_load((folder / "protocol.yaml").read_text(encoding="utf-8"))
    (folder / "protocol.yaml").write_text(yaml.safe_dump({**protocol, "statements": dict(said)}), encoding="utf-8")
    return folder


def test_what_is_stated_is_shown_and_what_is_not_is_missing(build: Callable[..., Path]) -> None:
    said = {"annotators": "Two radiologists.", "standard_rationale": "Nothing better is known."}
    study = Study(read_sealed(with_statements(build(), said)), "acceptance")
    found = stated(study, "stated-reference", REFERENCE, "reader_agreement")
    assert [str(line.cells[1]) for line in found.facts.rows] == [said[key] for key in REFERENCE if key in said]
    assert REFERENCE["reader_agreement"][1] not in found.missing  # known in another way
    for key, (_, words) in REFERENCE.items():
        if words and key != "reader_agreement":
            assert (words in found.missing) is (key not in said)


def test_every_statement_that_a_protocol_can_make_has_its_place_in_the_report() -> None:
    assert set(Statements.model_fields) == SHOWN


@pytest.mark.parametrize("profile", ["acceptance", "submission", "comparison"])
def test_each_of_them_is_printed_word_for_word_and_then_missing_nowhere(
    build: Callable[..., Path], profile: str, tmp_path: Path
) -> None:
    said = {name: f"Said of {name.replace('_', ' ')}." for name in Statements.model_fields}
    folder = with_statements(build(), said)
    html = render(folder, formats=("html",), profile=profile, out=tmp_path)[0].read_text(encoding="utf-8")
    for name, words in said.items():
        assert f'data-address="protocol.yaml#/statements/{name}">{words}</span>' in html, name
    for kind in MAPS.values():
        for _, words in kind.values():
            assert not words or words not in html


def test_passes_are_named_in_words(build: Callable[..., Path], tmp_path: Path) -> None:
    folder = build()
    lock = json.loads((folder / "lock.json").read_text(encoding="utf-8"))
    lock["passes"] = [{"id": "clean"}, {"id": "quantum_noise-3"}, {"id": "metamorphic.batch_size"}]
    (folder / "lock.json").write_text(json.dumps(lock), encoding="utf-8")
    html = render(folder, formats=("html",), out=tmp_path)[0].read_text(encoding="utf-8")
    for place, words in enumerate(("clean", "quantum noise 3", "metamorphic: batch size")):
        assert f'data-address="lock.json#/passes/{place}/id">{words}</span>' in html
        assert fits(folder, words, f"lock.json#/passes/{place}/id")


def test_what_is_stated_of_independence_stands_though_neither_protocol_nor_ledger_tells_of_it(
    build: Callable[..., Path],
) -> None:
    folder = build()
    place = folder / "protocol.yaml"
    protocol = yaml.safe_load(place.read_text(encoding="utf-8"))
    del protocol["cohort"]["independence"]
    place.write_text(yaml.safe_dump(protocol), encoding="utf-8")
    assert isinstance(independence.content(Study(read_sealed(folder), "acceptance")), Missing)
    for field in (*kinds.INDEPENDENCE, *kinds.REPRESENTATIVE):
        html = render(with_statements(folder, {field: f"Said of {field}."}), formats=("html",))[0].read_text("utf-8")
        assert f'data-address="protocol.yaml#/statements/{field}">Said of {field}.</span>' in html
        assert "Not in this evidence: whether test cases were used to develop the model" in html
