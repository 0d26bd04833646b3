"""The criteria as JUnit XML, for a build server: FAIL is a failure, INCONCLUSIVE an error, exploratory is skipped."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from validate.canonical import write_atomically
from validate.verdict.verdict import Verdict

TAG = {"FAIL": "failure", "INCONCLUSIVE": "error"}


def write_junit(path: Path, verdict: Verdict, *, title: str) -> None:
    """Write one test case per criterion. Raises OSError where the file can't be written."""
    tags = ["skipped" if verdict.exploratory else TAG.get(c.outcome) for c in verdict.criteria]
    suite = Element(
        "testsuite",
        name=title,
        tests=str(len(tags)),
        failures=str(tags.count("failure")),
        errors=str(tags.count("error")),
        skipped=str(tags.count("skipped")),
    )
    for criterion, tag in zip(verdict.criteria, tags, strict=True):
        case = SubElement(suite, "testcase", classname=criterion.model, name=f"{criterion.id} {criterion.endpoint}")
        if tag is not None:
            SubElement(case, tag, message=criterion.sentence, type=criterion.reason)
    write_atomically(path, b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suite, encoding="utf-8"))
