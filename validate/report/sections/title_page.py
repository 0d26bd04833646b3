"""R00: what this report is, and the contents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import digests, moments, view
from validate.report.house import House
from validate.report.printed import Printed, joined, printed
from validate.report.profile_words import kind, work
from validate.report.section import Section
from validate.report.study import Study
from validate.report.table import Column, Table, row


def content(study: Study) -> Mapping[str, Any]:
    return {"facts": _facts(study)}


def _facts(study: Study) -> Table:
    sealed, protocol = study.sealed, study.protocol
    site = protocol["report"]["site"]
    lock = sealed.lock["lock_sha256"]
    models = joined((_model(study, index) for index in range(len(study.models))), "; ")
    maker = protocol["statements"]["manufacturer"]
    mark = study.house.sheet.confidentiality if study.house is not None else ""
    rows = [
        row("What it is", _kind(study)),
        row("Device under test", models),
        row("Manufacturer", view.words(maker) if maker else "not stated (statements.manufacturer); the manufacturer supplies it"),
        row("Site", view.words(site, "not stated in the protocol (report.site)")),
        row("Protocol", _protocol(study)),
        row("Lock", digests.fingerprint(lock, 64) if lock else printed("none: nothing was frozen before the first look")),
        row("Evidence", printed(_grouped(sealed.manifest_digest), "evidence/manifest.json#")),
        row("Report", study.report_id + ", made from the evidence of " + moments.minute(sealed.manifest["created"])),
        row("Status", "Not signed. " + _status(study)),
        row("Identifiers", "Patients, studies and images appear under keyed pseudonyms; the key stays at the site."),
        row("Confidentiality", mark or "not marked (confidentiality in the house style); the site supplies it"),
        row("To check it", printed("validate verify RUN") + " repeats every hash and computes every number again"),
    ]  # fmt: skip
    if study.house is not None and study.house.folder is not None:
        rows.append(row("House style", _house(study.house)))
    return Table("identity", (Column(""), Column("")), tuple(rows))


def _kind(study: Study) -> Printed:
    """The kind of work with its measures, so that a reader who searches for either finds this report."""
    primary = [one for one in study.protocol["endpoints"] if one["role"].text == "primary"]
    asked = primary or list(study.protocol["endpoints"])[:1]
    measures = {str(name): name for name in (study.endpoint_words(one["id"].text) for one in asked)}
    named = f"{work(study)} ({kind(study).lower()})"
    return printed(named) + (": " + joined(measures.values(), "; ") if measures else "")


def _house(house: House) -> Printed:
    """Whose it is, and which templates are not the ones that ship: words may differ there, numbers can't be made."""
    named = printed(house.sheet.name or "without a name")
    replaced = ", ".join(house.replaced)
    return named + (f"; templates of its own: {replaced}" if replaced else "; every template is the one that ships")


def _model(study: Study, index: int) -> Printed:
    return study.model_name(study.models[index]) + " (" + view.words(study.models[index]["format"]) + ")"


def _protocol(study: Study) -> Printed:
    protocol = study.protocol
    return view.words(protocol["id"]) + " " + view.words(protocol["version"]) + ": " + view.words(protocol["title"])


def _grouped(digest: str) -> str:
    return digests.whole_digest(digest)


def _status(study: Study) -> str:
    return "Exploratory: no lock was held." if study.exploratory else "For review."


SECTION = Section(
    id="R00", title="Title page", question="About this report", template="sections/title_page.html.j2",
    content=content, rank={"acceptance": -5, "submission": -5, "comparison": -5}, opens_page=True,
)  # fmt: skip
