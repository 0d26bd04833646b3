"""An item is answered by evidence that is there, never by a heading; everything else says who must supply it."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from validate import report
from validate.canonical import pretty_json
from validate.evidence.checklist import checklist_tables, checklists_document
from validate.evidence.derived import derived_differences, write_derived
from validate.evidence.element import DATA, Elements, catalogue
from validate.protocol.words import Statements

SECTION = re.compile(r"R\d\d|A\d")


@pytest.fixture
def run(reported: Path) -> Path:
    return reported


def protocol(run: Path, **blocks: Any) -> None:
    (run / "protocol.yaml").write_text(yaml.safe_dump(blocks))


def items(run: Path, checklist: str = "claim_2024") -> dict[str, Any]:
    found = next(one for one in checklists_document(run)["checklists"] if one["id"] == checklist)
    return {item["id"]: item for item in found["items"]}


def test_the_lists_hold_as_many_items_as_the_originals() -> None:
    lists = yaml.safe_load((DATA / "checklists.yaml").read_text())["checklists"]
    # rows as counted in the statements: STARD-AI 40 items in 48 rows, CLAIM 2024 44, TRIPOD+AI 27 items in 52 rows
    assert {one["id"]: len(one["items"]) for one in lists} == {
        "stard_ai_2025": 48,
        "claim_2024": 44,
        "tripod_ai_2024": 52,
    }
    assert all(one["doi"].startswith("10.") for one in lists)


def test_every_item_and_clause_asks_for_elements_that_are_known_and_names_its_sections() -> None:
    lists = yaml.safe_load((DATA / "checklists.yaml").read_text())["checklists"]
    clauses = yaml.safe_load((DATA / "clauses.yaml").read_text())["clauses"]
    for item in [*(item for one in lists for item in one["items"]), *clauses]:
        assert item["elements"], item
        assert set(item["elements"]) <= set(catalogue()), item
        assert item["sections"], item
        assert all(SECTION.fullmatch(section) for section in item["sections"]), item


def test_draft_guidance_says_so_and_nothing_claims_compliance() -> None:
    clauses = yaml.safe_load((DATA / "clauses.yaml").read_text())["clauses"]
    assert {c["state"] for c in clauses if "7 Jan 2025" in c["document"]} == {"draft"}
    for name in ("checklists.yaml", "clauses.yaml", "elements.yaml"):
        lines = [line for line in (DATA / name).read_text().splitlines() if not line.startswith("#")]
        assert not any("complian" in line.lower() for line in lines), name


# Numbers of sections and paragraphs that were read in the texts themselves; a document is named as a whole where none was.
READ = {
    "21 CFR 892.2060": set(), "21 CFR 892.2070": set(), "21 CFR 892.2080": {"(b)(1)(ii)-(iii)"},
    "FDA, AI-enabled": {"VIII", "X", "XI", "App. C", "X and App. C", "App. E and F"},
    "FDA, reporting of diagnostic tests": set(), "FDA, computer-assisted detection": {"IV", "V"},
    "FDA, clinical performance": {"VI"}, "FDA, cybersecurity": set(), "FDA, computer software": set(),
    "Regulation (EU) 2017/745": {"Annex II 6.1", "Annex II 6.1(b)", "Annex XIV A", "Annex XIV A.1(a)"}, "MDCG 2020-1": {"4.3"},
    "Regulation (EU) 2024/1689": {
        "Annex IV", "Annex IV 1", "Annex IV 1(a), (c)", "Annex IV 2(g)", "Annex IV 3", "Annex IV 4", "Art. 10", "Art. 12",
        "Art. 15(1)-(3)", "Art. 15(4)",
    },
    "21 CFR Part 11": {
        "11.10(a)", "11.10(b)", "11.10(c)", "11.10(d), (g)", "11.10(e)", "11.10(f)", "11.50", "11.70", "11.100, 11.200, 11.300",
    },
}  # fmt: skip


def test_no_paragraph_is_cited_that_was_not_read() -> None:
    for one in yaml.safe_load((DATA / "clauses.yaml").read_text())["clauses"]:
        (known,) = [numbers for document, numbers in READ.items() if one["document"].startswith(document)]
        assert one["clause"] == "" or one["clause"] in known, one


def test_every_statement_of_the_protocol_is_an_element_or_has_its_place_in_a_section() -> None:
    asked = {
        e["at"].rsplit("/", 1)[1] for e in catalogue().values() if e["at"].startswith("protocol.yaml#/statements/")
    }
    assert asked <= set(Statements.model_fields)
    sections = "".join(path.read_text("utf-8") for path in Path(report.__file__).parent.rglob("*.py"))

    def is_printed(name: str) -> bool:
        """Read from what the protocol states, or a title of it: not any word that a section quotes."""
        return re.search(rf'(said|\["statements"\])\["{name}"\]|"{name}":\s*["(]', sections) is not None

    assert [name for name in sorted(set(Statements.model_fields) - asked) if not is_printed(name)] == []
    assert not is_printed("patients") and not is_printed("sensitivity")  # quoted by sections, and no statement


def test_an_item_is_answered_only_where_its_evidence_is_not_empty(run: Path) -> None:
    for empty in ({}, {"title": ""}, {"title": None}):
        protocol(run, **empty)
        one = items(run)["1"]
        assert (one["status"], one["evidence"]) == ("needs a person", [])
        assert one["missing"] == [{"what": "title of the study", "who": "author of the protocol"}]
    protocol(run, title="A study")
    assert items(run)["1"]["status"] == "answered"
    assert items(run)["1"]["evidence"] == ["protocol.yaml#/title"]


def test_half_of_the_evidence_answers_nothing(run: Path) -> None:
    protocol(run, statements={"data_availability": "on request"})
    one = items(run)["43"]
    assert one["status"] == "needs a person"
    assert one["evidence"] == ["protocol.yaml#/statements/data_availability"]
    assert [m["what"] for m in one["missing"]] == ["availability of model and code"]


def test_what_the_program_should_have_supplied_is_not_answered(run: Path) -> None:
    assert items(run)["35"]["status"] == "not answered"  # no participant flow in this folder
    assert items(run)["24"]["status"] == "concerns development"


@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_what_the_task_can_not_have_is_not_asked_of_it(run: Path, task: str) -> None:
    (run / "findings.json").write_bytes(pretty_json({"findings": []}))
    protocol(run, task=task)
    one = items(run, "stard_ai_2025")["30"]  # cross-tabulation against the reference, and nothing else
    assert (one["status"], one["evidence"], one["missing"]) == ("not applicable", [], [])
    (stard,) = (one for one in checklists_document(run)["checklists"] if one["id"] == "stard_ai_2025")
    left_out = sum(item["status"] == "not applicable" for item in stard["items"])
    assert left_out >= 1 and stard["items_in_all"] == len(stard["items"]) - left_out  # "answered of" those that can be
    clauses = checklists_document(run)["clauses"]
    assert not any("cross-tab" in missing["what"] for clause in clauses for missing in clause["missing"])
    protocol(run, task="classification")
    assert items(run, "stard_ai_2025")["30"]["status"] == "not answered"


def test_a_finding_without_data_is_no_evidence(run: Path) -> None:
    (run / "findings.json").write_bytes(
        pretty_json({"findings": [{"analysis": "population", "status": "undefined", "data": {}}]})
    )
    assert Elements(run)["population"].at is None
    (run / "findings.json").write_bytes(
        pretty_json({"findings": [{"analysis": "population", "status": "ok", "data": {"rows": [1]}}]})
    )
    assert Elements(run)["population"].at == "findings.json#/findings/0"


def test_the_tables_hold_the_same_items(run: Path) -> None:
    document = checklists_document(run)
    tables = dict(checklist_tables(document))
    assert set(tables) == {"stard_ai_2025.csv", "claim_2024.csv", "tripod_ai_2024.csv", "clauses.csv"}
    rows = list(csv.DictReader(io.StringIO(tables["claim_2024.csv"].decode())))
    assert [r["item"] for r in rows] == [i["id"] for i in document["checklists"][1]["items"]]
    clauses = list(csv.DictReader(io.StringIO(tables["clauses.csv"].decode())))
    assert all(row["document"] and row["state"] for row in clauses)


def test_an_edited_checklist_is_told_even_where_every_hash_was_made_again(run: Path) -> None:
    (run / "results").mkdir()
    pq.write_table(pa.table({"unit": ["U-1"], "model": ["a"], "pass": ["clean"]}), run / "results/units.parquet")
    protocol(run, id="s", version="1", title="A study", intended_use="None.", models=[])
    write_derived(run, created="2026-03-03T00:00:00Z")
    assert derived_differences(run) == []
    path = run / "evidence/checklists.json"
    path.write_text(path.read_text().replace("needs a person", "answered", 1))
    assert derived_differences(run) == ["evidence/checklists.json: is not what the rest of this evidence gives"]
