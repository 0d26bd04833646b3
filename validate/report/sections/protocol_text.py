"""A6: the protocol, word for word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from validate.canonical import pointer_step
from validate.report.printed import Piece, Printed
from validate.report.section import Section
from validate.report.study import Study

MOST_LINES = 400


def content(study: Study) -> Mapping[str, Any]:
    text = (study.sealed.folder / "protocol.yaml").read_text(encoding="utf-8")
    lines = text.splitlines()
    return {
        "text": addressed(text, end=len("\n".join(lines[:MOST_LINES]))),
        "left_out": len(lines) > MOST_LINES,
    }


def addressed(text: str, *, end: int) -> Printed:
    """The beginning of the protocol's text, each value in it with its address."""
    pieces, place = list[Piece](), 0
    for first, last, pointer in sorted(_values(yaml.compose(text, Loader=yaml.SafeLoader), "")):
        if last <= end:
            pieces += [Piece(text[place:first]), Piece(text[first:last], f"protocol.yaml#{pointer}")]
            place = last
    return Printed((*pieces, Piece(text[place:end])))


def _values(node: yaml.Node | None, pointer: str) -> Iterator[tuple[int, int, str]]:
    """Where each value begins and ends, and its JSON pointer."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            member = f"{pointer}/{pointer_step(str(key.value))}"
            if any(sign.isdigit() for sign in str(key.value)):
                yield key.start_mark.index, key.end_mark.index, f"{member};name"
            yield from _values(value, member)
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            yield from _values(value, f"{pointer}/{place}")
    elif node is not None and node.end_mark.index > node.start_mark.index:
        yield node.start_mark.index, node.end_mark.index, pointer


SECTION = Section(
    id="A6", title="Protocol text", question="The protocol, word for word",
    template="sections/protocol_text.html.j2", content=content,
)  # fmt: skip
