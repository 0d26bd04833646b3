"""Whoever knows the format and rewrites every hash: what still tells, and what only a trusted key and an outside time can tell."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pypdf
import pytest
import yaml
from pypdf.annotations import FreeText
from pypdf.generic import NameObject, TextStringObject

from validate.canonical import canonical_json, file_digest, pretty_json
from validate.evidence.derived import write_derived
from validate.evidence.manifest import AUDIT, MANIFEST, run_files
from validate.evidence.pdf_text import _mapped, pages_of
from validate.evidence.printed import check_printed
from validate.evidence.seal import write_manifest, write_seal
from validate.evidence.verification import UNPROVEN, Verification
from validate.evidence.verify import verify
from validate.numbers import computed, join_folder, recomputation
from validate.protocol.load import from_resolved
from validate.provenance.audit import read_events
from validate.provenance.event import GENESIS, line_of, made
from validate.provenance.keys import new_key
from validate.report.again import made_again, paper_made_again
from validate.report.render import render
from validate.results.store import write_units
from validate.run_unblinded import Run
from validate.sign_run import sign_run

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def copy(finished: Run, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished.folder, tmp_path / "run"))


def answer(run: Path, *, numbers: bool = False, **options: Any) -> Verification:
    """numbers : compute every number again, besides all other checks"""
    return verify(run, recompute=recomputation if numbers else lambda _folder: {}, **options)


def rewrite_chain(run: Path, change: Change) -> None:
    """The whole trail again, each event changed as one likes, every hash right."""
    previous, lines = GENESIS, []
    for event in read_events(run / AUDIT):
        change(event)
        forged = made(
            seq=event["seq"],
            time=event["time"],
            actor=event["actor"],
            kind=event["type"],
            data=event["data"],
            previous=previous,
        )
        previous = forged["hash"]
        lines.append(line_of(forged) + b"\n")
    (run / AUDIT).write_bytes(b"".join(lines))


def rewrite_hashes(run: Path, change: Change = lambda event: None) -> None:
    """Manifest, what the trail says of manifest and report, the chain, and the seal."""
    created = json.loads((run / MANIFEST).read_text())["created"]
    inputs = json.loads((run / MANIFEST).read_text())["inputs"]
    write_manifest(run, inputs=inputs, created=created)

    def forge(event: dict[str, Any]) -> None:
        if event["type"] == "manifest":
            event["data"]["sha256"] = file_digest(run / MANIFEST)
        if event["type"] == "reported":
            event["data"]["sha256"] = {name: file_digest(run / name) for name in event["data"]["sha256"]}
        change(event)

    rewrite_chain(run, forge)
    head = [event["hash"] for event in read_events(run / AUDIT)][-1]
    write_seal(run, audit_head=head)


def swap_labels(run: Path) -> None:
    """Two cases' labels, and every number computed again from them, as somebody does who has the program."""
    path = run / "cohort/reference.parquet"
    table = pq.read_table(path)
    labels = table["label"].to_pylist()
    one, other = labels.index(1.0), labels.index(0.0)
    labels[one], labels[other] = labels[other], labels[one]
    place = table.schema.get_field_index("label")
    field = table.schema.field("label")
    pq.write_table(table.set_column(place, field, pa.array(labels, field.type)), path)
    protocol = from_resolved(yaml.safe_load((run / "protocol.yaml").read_text()))
    write_units(join_folder(run, protocol), run / "results/units.parquet")
    for name, document in computed(run, protocol, locked=True).documents().items():
        (run / name).write_bytes(pretty_json(document))
    write_derived(run, created=json.loads((run / MANIFEST).read_text())["created"])
    shutil.rmtree(run / "report")
    render(run, formats=("html",))


@pytest.mark.slow
def test_an_untouched_run_holds(finished: Run) -> None:
    found = answer(finished.folder, numbers=True)
    assert (found.status, found.differences) == ("VERIFIED", ())
    assert found.printed > 1000
    assert found.recounted > 100
    assert found.unproven == UNPROVEN


def other_numbers(content: bytes) -> tuple[bytes, int]:
    """The PDF with two digits of one printed number changed for each other, and the page it was done on."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(content))
    for number, page in enumerate(writer.pages, 1):
        stream = page["/Contents"].get_object()
        data = stream.get_data()
        codes = _digits(page)
        for font, of_digit in codes.items():
            start = data.find(f"/{font} ".encode())
            place = data.find(of_digit["8"], start) if start >= 0 and {"8", "3"} <= of_digit.keys() else -1
            if place >= 0:
                stream.set_data(data[:place] + of_digit["3"] + data[place + 4 :])
                out = io.BytesIO()
                writer.write(out)
                return out.getvalue(), number
    raise AssertionError("no digit found")


def _digits(page: Any) -> dict[str, dict[str, bytes]]:
    """By font the glyph of each digit, as it is written in a page's content."""
    found: dict[str, dict[str, bytes]] = {}
    for name, font in page["/Resources"].get_object()["/Font"].get_object().items():
        meaning = dict(_mapped(font.get_object()["/ToUnicode"].get_object().get_data()))
        found[name[1:]] = {sign: f"{code:04x}".encode() for code, sign in meaning.items() if sign in set("38")}
    return found


def test_a_pdf_with_another_number_is_named_even_where_every_hash_was_made_again(copy: Path) -> None:
    path = copy / "report/report.pdf"
    content, page = other_numbers(path.read_bytes())
    path.write_bytes(content)
    assert any(line.startswith("report/report.pdf: SHA-256 is") for line in verify(copy).differences)
    rewrite_hashes(copy)
    assert verify(copy).holds  # the hashes alone no longer tell
    found = check_printed(copy).differences
    assert any(line.startswith(f"report/report.pdf: page {page} prints ") for line in found), found


@pytest.mark.slow
def test_a_number_that_is_robbed_of_its_address_is_named(copy: Path) -> None:
    """By whoever changes it in the PDF, in what is told of the PDF, and in every hash."""
    path, told = copy / "report/report.pdf", copy / "report/printed.json"
    content, number = other_numbers(path.read_bytes())
    path.write_bytes(content)
    document, page = json.loads(told.read_text()), pages_of(content)[number - 1]
    document["pages"][number - 1]["runs"] = [
        run if "".join(piece if isinstance(piece, str) else piece[0] for piece in run) == text else [text]
        for text, run in zip(page.text, document["pages"][number - 1]["runs"], strict=True)
    ]
    told.write_bytes(canonical_json(document) + b"\n")
    rewrite_hashes(copy)
    assert any(line.endswith("a number without an address") for line in answer(copy).differences)
    found = answer(copy, redraw=made_again).differences
    assert "report/printed.json: is not what this evidence gives when it is made again" in found


@pytest.mark.slow
def test_a_pdf_and_what_is_told_of_it_changed_together_no_longer_fit_the_sealed_values(copy: Path) -> None:
    told = copy / "report/printed.json"
    document = json.loads(told.read_text())
    place = next(
        piece
        for page in document["pages"]
        for run in page["runs"]
        for piece in run
        if not isinstance(piece, str) and piece[1].endswith("/value") and "%" in piece[0]
    )
    was = place[0]
    place[0] = "99.9%"
    told.write_bytes(json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
    rewrite_hashes(copy)
    found = " ".join(answer(copy).differences)
    assert f"prints '99.9%', which is not what lies at {place[1]}" in found, was


def test_a_number_on_the_screen_that_was_changed_is_named(copy: Path) -> None:
    path = copy / "report/report.html"
    text = path.read_text()
    address = 'data-address="estimates.json#/estimates/0/value">'
    start = text.index(address) + len(address)
    end = text.index("<", start)
    path.write_text(text[:start] + "0.999" + text[end:])
    rewrite_hashes(copy)
    assert any(
        line.startswith(
            "report/report.html: prints '0.999', which is not what lies at estimates.json#/estimates/0/value"
        )
        for line in check_printed(copy).differences
    )


@pytest.mark.slow
def test_a_curve_that_was_bent_on_the_page_is_named_even_where_every_hash_was_made_again(copy: Path) -> None:
    assert answer(copy, redraw=made_again).redrawn > 10
    figure, page = copy / "report/figures/roc-candidate.svg", copy / "report/report.html"
    was = figure.read_text()
    place = re.search(r'points="[^"]*?(\d+\.\d)', was) or re.search(r' d="M[^"]*?(\d+\.\d)', was)
    assert place is not None
    bent = was[: place.start(1)] + "0.0" + was[place.end(1) :]
    assert was in page.read_text()
    page.write_text(page.read_text().replace(was, bent))
    figure.write_text(bent)
    rewrite_hashes(copy)
    assert answer(copy).differences == ()  # no number is another
    assert set(answer(copy, redraw=made_again).differences) == {
        f"report/{name}: is not what this evidence gives when it is made again"
        for name in ("report.html", "figures/roc-candidate.svg")
    }


def rewritten(told: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(told.read_text())
    change(document)
    told.write_bytes(canonical_json(document) + b"\n")


def without_addresses(document: dict[str, Any]) -> None:
    """Every tick and every name of a level as if it were a word."""
    for page in document["pages"]:
        page["drawings"] = [["".join(p if isinstance(p, str) else p[0] for p in run)] for run in page["drawings"]]


def as_own_words(document: dict[str, Any]) -> None:
    """A result among the words of the report."""
    piece = next(
        p for page in document["pages"] for run in page["runs"] for p in run if p[1:] and str(p[1]).endswith("/value")
    )
    document["words"].append(piece[0])
    piece[1] = f"report/printed.json#/words/{len(document['words']) - 1}"


def other_page(document: dict[str, Any]) -> None:
    run = next(run for run in document["pages"][2]["runs"] if str(run[0]).startswith("page 3 of"))
    run[0] = run[0].replace("page 3", "page 4")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_addresses, "a number without an address"),
        (other_page, "written as 'page 4 of"),
    ],
)
def test_no_number_is_taken_as_a_word_though_every_hash_was_made_again(
    copy: Path, change: Change, message: str
) -> None:
    rewritten(copy / "report/printed.json", change)
    rewrite_hashes(copy)
    assert verify(copy).holds
    assert any(message in line for line in check_printed(copy).differences), check_printed(copy).differences


def test_a_result_among_the_words_of_the_report_is_told(copy: Path) -> None:
    assert check_printed(copy).words == ()
    rewritten(copy / "report/printed.json", as_own_words)
    rewrite_hashes(copy)
    assert len(check_printed(copy).words) == 1


def edited(path: Path, change: Callable[[pypdf.PdfWriter], object]) -> None:
    """A PDF with something in it changed that is no word of a page."""
    writer, out = pypdf.PdfWriter(clone_from=io.BytesIO(path.read_bytes())), io.BytesIO()
    change(writer)
    writer.write(out)
    path.write_bytes(out.getvalue())


def other_estimates(writer: pypdf.PdfWriter) -> None:
    names = writer.root_object["/Names"]["/EmbeddedFiles"]["/Names"]  # type: ignore[index]
    entry = names[names.index("estimates.json") + 1].get_object()
    stream = entry["/EF"]["/F"].get_object()
    stream.set_data(stream.get_data().replace(b'"value": 0.', b'"value": 0.9', 1))


def no_files(writer: pypdf.PdfWriter) -> None:
    del writer.root_object["/Names"]["/EmbeddedFiles"]  # type: ignore[attr-defined]


def another_file(writer: pypdf.PdfWriter) -> None:
    names = writer.root_object["/Names"]["/EmbeddedFiles"]["/Names"]  # type: ignore[index]
    entry = writer._add_object(names[1].get_object().clone(writer, force_duplicate=True))
    entry.get_object()[NameObject("/UF")] = TextStringObject("approval.json")  # type: ignore[index]
    names.extend([TextStringObject("approval.json"), entry])


def a_note(writer: pypdf.PdfWriter) -> None:
    writer.add_annotation(0, FreeText(text="PASS 99%", rect=(50, 550, 200, 650)))


def an_action(writer: pypdf.PdfWriter) -> None:
    writer.root_object[NameObject("/OpenAction")] = TextStringObject("x")


def a_white_box(writer: pypdf.PdfWriter) -> None:
    stream = writer.pages[0]["/Contents"].get_object()
    stream.set_data(stream.get_data() + b"\nq 1 1 1 rg 0 0 600 800 re f Q")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_estimates, "carries another estimates.json than estimates.json"),
        (no_files, "does not carry protocol.yaml"),
        (another_file, "carries approval.json, which is no file of this evidence"),
        (a_note, "page 1 has a note or a field over it (FreeText)"),
        (an_action, "has OpenAction, which no report has"),
    ],
)
def test_what_a_pdf_carries_or_shows_besides_its_pages_is_named_though_every_hash_was_made_again(
    copy: Path, change: Callable[[pypdf.PdfWriter], None], message: str
) -> None:
    edited(copy / "report/report.pdf", change)
    rewrite_hashes(copy)
    assert verify(copy).holds  # the hashes alone no longer tell
    assert any(line.startswith(f"report/report.pdf: {message}") for line in check_printed(copy).differences)


@pytest.mark.slow
def test_what_is_drawn_over_the_words_of_a_pdf_is_told_where_it_is_set_again(copy: Path) -> None:
    assert answer(copy, redraw=paper_made_again).differences == ()
    edited(copy / "report/report.pdf", a_white_box)
    rewrite_hashes(copy)
    assert check_printed(copy).differences == ()  # each word is still there
    assert answer(copy, redraw=paper_made_again).differences == (
        "report/report.pdf: is not what this evidence gives when it is made again",
    )


def changed_number(path: Path) -> None:
    text = path.read_text()
    found = re.search(r"\d\d\.\d%", text)
    assert found is not None
    path.write_text(f"{text[: found.start()]}99.9%{text[found.end() :]}")


@pytest.mark.slow
def test_cards_tables_and_figures_that_are_others_missing_or_added_are_named_though_every_hash_was_made_again(
    copy: Path,
) -> None:
    changed_number(copy / "report/model_card.md")
    changed_number(copy / "report/tables/a3-1.csv")
    (copy / "report/figures/roc-candidate.svg").unlink()
    (copy / "report/summary.pdf").write_bytes(b"%PDF-1.4 all passed")

    def forget(event: dict[str, Any]) -> None:
        if event["type"] == "reported":
            event["data"]["sha256"].pop("report/figures/roc-candidate.svg")

    rewrite_chain(copy, forget)
    rewrite_hashes(copy)
    assert answer(copy, redraw=made_again).differences == (
        "report/summary.pdf: the audit trail speaks of no such file of the report",
        "report/figures/roc-candidate.svg: missing, and the report of this evidence has it",
        "report/model_card.md: is not what this evidence gives when it is made again",
        "report/tables/a3-1.csv: is not what this evidence gives when it is made again",
    )


@pytest.mark.slow
def test_a_goal_lowered_after_the_lock_is_named_by_the_lock(copy: Path) -> None:
    protocol = yaml.safe_load((copy / "protocol.yaml").read_text())
    protocol["acceptance"][0]["at_least"] = 0.5
    (copy / "protocol.yaml").write_text(yaml.safe_dump(protocol, sort_keys=False))
    rewrite_hashes(copy)
    assert "protocol.yaml: is not what lock.json froze" in answer(copy).differences


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("lock.json", "lock.json: missing, and the audit trail says that this run was locked"),
        ("report/printed.json", "report/printed.json: missing"),
        ("evidence/checklists.json", "evidence/checklists.json"),
        ("evidence/cases.json", "evidence/cases.json"),
    ],
)
def test_a_file_taken_out_with_every_hash_made_again_is_named(copy: Path, file: str, message: str) -> None:
    (copy / file).unlink()

    def forget(event: dict[str, Any]) -> None:
        if event["type"] == "reported":
            event["data"]["sha256"].pop(file, None)

    rewrite_chain(copy, forget)
    rewrite_hashes(copy)
    assert any(message in line for line in answer(copy).differences), answer(copy).differences


@pytest.mark.slow
def test_a_trail_without_its_unblinding_or_with_another_lock_is_named(copy: Path) -> None:
    def other_lock(event: dict[str, Any]) -> None:
        if "lock" in event["data"]:
            event["data"]["lock"] = "0" * 64

    rewrite_hashes(copy, other_lock)
    assert any("names another lock than lock.json" in line for line in answer(copy).differences)


@pytest.mark.slow
def test_who_swaps_labels_computes_all_again_and_signs_is_told_only_by_a_key_and_never_more_than_integrity(
    finished: Run, tmp_path: Path
) -> None:
    owner = new_key(tmp_path / "owner", name="Dr A. Example")
    forger = new_key(tmp_path / "forger", name="Dr A. Example")
    run = Path(shutil.copytree(finished.folder, tmp_path / "run"))
    true = Path(shutil.copytree(finished.folder, tmp_path / "true"))
    sign_run(true, owner, meaning="approved")

    def dated_back(event: dict[str, Any]) -> None:
        event["time"] = (datetime.fromisoformat(event["time"]) - timedelta(days=90)).isoformat(timespec="microseconds")
        if event["type"] == "reported":
            names = [name for name in run_files(run) if name.startswith("report/")]
            event["data"]["sha256"] = {name: file_digest(run / name) for name in names}

    swap_labels(run)
    rewrite_chain(run, dated_back)
    rewrite_hashes(run)
    sign_run(run, forger, meaning="approved")
    alone = answer(run, numbers=True)
    # dates and digests on the pages still tell of one who did not print them anew; nothing else does without a key
    assert [line for line in alone.differences if not line.startswith("report/")] == []
    assert alone.unproven == UNPROVEN
    assert alone.unproven.startswith("integrity only")
    known = answer(run, numbers=True, trusted=[owner.certificate])
    assert "no signature of this run is by a key that you trust" in known.differences
    assert answer(true, trusted=[owner.certificate]).differences == ()
