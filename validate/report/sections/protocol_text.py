"""A6: the protocol, word for word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report.section import Section
from validate.report.study import Study

MOST_LINES = 400


def content(study: Study) -> Mapping[str, Any]:
    lines = (study.sealed.folder / "protocol.yaml").read_text(encoding="utf-8").splitlines()
    return {
        "text": "\n".join(lines[:MOST_LINES]),
        "left_out": str(len(lines) - MOST_LINES) if len(lines) > MOST_LINES else "",
    }


SECTION = Section(
    id="A6", title="Protocol text", question="The protocol, word for word",
    template="sections/protocol_text.html.j2", content=content,
)  # fmt: skip
