"""The model card as files: Markdown for a repository or a notice board, XML after CHAI's Applied Model Card schema v0.2."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

from validate.report import view
from validate.report.model_card import GROUPS, Entry, Result, card, results
from validate.report.printed import Printed
from validate.report.sealed import Node
from validate.report.study import Study

SCHEMA = "https://mc.chai.org/v0.2/schema.xsd"


def card_markdown(study: Study, model: Node) -> bytes:
    """The card for a repository or a notice board."""
    lines = [f"# Model card: {_markdown(study.model_name(model))}", ""]
    if study.stamps or study.exploratory:
        lines += ["> " + " · ".join([*study.stamps, *(["EXPLORATORY"] if study.exploratory else [])]), ""]
    group = ""
    for entry in card(study, model):
        head = GROUPS.get(entry.path.partition("/")[0], "Evidence")
        if head != group:
            lines += [f"## {head}", ""]
            group = head
        lines += [f"**{entry.label}.** {_markdown(entry.text)}", ""]
    rows = [one for kind in results(study, model["id"].text).values() for one in kind]
    if rows:
        lines += ["## Measured", "", "| Measure | Found | Estimate (limits) |", "|---|---|---|"]
        lines += [
            f"| {_markdown(one.label)} | {_markdown(view.fraction(one.estimate))} | {_markdown(view.estimate(one.estimate))} |"
            for one in rows
        ]
        lines.append("")
    lines.append(f"Report {study.report_id}. Whoever doubts a number runs `validate verify RUN`.")
    return ("\n".join(lines) + "\n").encode()


def card_xml(study: Study, model: Node) -> bytes:
    """After the schema named above; each measure's value is JSON with its limits and its address in the evidence."""
    root = ET.Element("AppliedModelCard", {"xmlns": SCHEMA})
    measured = results(study, model["id"].text)
    for entry in card(study, model):
        parent = root
        *groups, leaf = entry.path.split("/")
        for group in groups:
            found = parent.find(group)
            parent = found if found is not None else ET.SubElement(parent, group)
        if leaf == "Results":
            holder = ET.SubElement(parent, leaf)
            rows: list[Result | None] = [*measured[groups[-1]]]
            for one in rows or [None]:
                _result(holder, one, entry)
        else:
            ET.SubElement(parent, leaf).text = _clean(str(entry.text))
        if entry.path == "ModelSummary/Summary":
            keywords = ET.SubElement(parent, "Keywords")
            ET.SubElement(keywords, "Keyword").text = study.protocol["task"].text
    ET.indent(root)
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _result(holder: ET.Element, one: Result | None, entry: Entry) -> None:
    result = ET.SubElement(holder, "MetricResult")
    ET.SubElement(result, "Label").text = _clean(str(one.label if one is not None else entry.text))
    value: dict[str, object] = {"value": None}
    if one is not None:
        found, interval = one.estimate, one.estimate["interval"]
        value = {
            "value": found["value"].value, "low": interval["low"].value, "high": interval["high"].value,
            "level": interval["level"].value, "method": interval["method"].value, "unit": found["unit"].value,
            "n_cases": found["n_cases"].value, "n_patients": found["n_patients"].value, "address": found.address,
        }  # fmt: skip
    ET.SubElement(result, "ValueJson").text = json.dumps(value, allow_nan=False)


def _clean(text: str) -> str:
    """Without what XML 1.0 has no room for, and without word joiners."""
    return "".join(
        c for c in text.replace("\u2060", "") if c in "\t\n\r" or (ord(c) >= 32 and not 0xD800 <= ord(c) < 0xE000)
    )


def _markdown(text: Printed) -> str:
    """On one line, with nothing in it that Markdown would take for its own."""
    plain = " ".join(_clean(str(text)).split())
    for sign in "\\`*_[]<>|#":
        plain = plain.replace(sign, f"\\{sign}")
    return plain
