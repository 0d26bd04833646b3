"""A laid-out part as PDF objects: its own numbers, its structure and its links, ready to be bound with other parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ELSEWHERE = "report:#"  # a link into another part, until all parts are bound
STRIDE = 1_000_000  # of structure keys: no part has as many
REFERENCE = re.compile(rb"\((?:[^\\()]|\\.)*\)|<[0-9A-Fa-f]*>|(?<![\d.])(\d+) 0 R", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Leaves:
    """A part as PDF objects, ready to be bound with others.

    objects : number in this part → (dictionary, stream with its keywords or nothing)
    kids : objects of its pages    elements : its structure elements    parents : key and value of its parent tree, in order
    outline : top-level bookmarks as (object, dictionary without its neighbours, bookmarks it counts for)
    places : named destinations    catalog, info : entries of the catalog and of the document's information
    """

    objects: Mapping[int, tuple[bytes, bytes]]
    kids: tuple[int, ...]
    elements: bytes
    parents: tuple[tuple[int, bytes], ...]
    outline: tuple[tuple[int, bytes, int], ...]
    places: tuple[tuple[bytes, bytes], ...]
    catalog: Mapping[str, bytes]
    info: Mapping[str, bytes]
    metadata: bytes
    roots: tuple[int, int, int]


def leaves_of(pdf: Any, part: int) -> Leaves:
    """What pydyf made of a part.    part : which of the report"""
    import pydyf

    catalog = pdf.catalog
    root = _at(pdf, catalog["StructTreeRoot"])
    tree, document = _at(pdf, root["ParentTree"]), _at(pdf, root["K"][0])
    outlines = _at(pdf, catalog["Outlines"]) if "Outlines" in catalog else None
    top = _chain(pdf, outlines) if outlines is not None else []
    metadata = _at(pdf, catalog["Metadata"])
    for entry in pdf.objects:
        if isinstance(entry, pydyf.Dictionary):
            _settle(entry, part)
            if entry.get("S") in {"/TH", "/TD"}:
                _scope(pdf, entry)
    outline = tuple((one.number, _without(one, "Prev", "Next", "Parent"), 1 + max(int(one["Count"]), 0)) for one in top)
    apart = {0, 1, 2, root.number, tree.number, document.number, metadata.number, *(number for number, _, _ in outline)}
    if outlines is not None:
        apart.add(outlines.number)
    names = catalog.get("Names", {}).get("Dests", {}).get("Names", [])
    nums = tree["Nums"]
    return Leaves(
        objects={one.number: _split(one) for one in pdf.objects if one.number not in apart},
        kids=tuple(pdf.pages["Kids"][::3]),
        elements=document["K"].data,
        parents=tuple(
            (int(key) + part * STRIDE, _data(value)) for key, value in zip(nums[::2], nums[1::2], strict=True)
        ),
        outline=outline,
        places=tuple((_data(name), _data(at)) for name, at in zip(names[::2], names[1::2], strict=True)),
        catalog={key: _data(catalog[key]) for key in ("Lang", "OutputIntents", "ViewerPreferences", "MarkInfo")},
        info={key: _data(value) for key, value in pdf.info.items()},
        metadata=b"".join(metadata.stream),
        roots=(root.number, document.number, outlines.number if outlines is not None else 0),
    )


def _settle(entry: Any, part: int) -> None:
    """Structure keys that no other part has, and links into other parts as links within the report."""
    import pydyf

    for key in ("StructParents", "StructParent"):
        if key in entry:
            entry[key] = int(entry[key]) + part * STRIDE
    if entry.get("Subtype") != "/Link":
        return
    target = getattr(entry["A"].get("URI"), "string", "") if "A" in entry else ""
    if target.startswith(ELSEWHERE):
        del entry["A"]
        entry["Dest"] = pydyf.String(target.removeprefix(ELSEWHERE))
    if "Dest" in entry:
        entry["Contents"] = pydyf.String(f"To {entry['Dest'].string.replace('-', ' ')}")  # read aloud


def _scope(pdf: Any, cell: Any) -> None:
    """Which way a head of a table points, in place of names of cells: those hold in one part only (ISO 14289-1, 7.5)."""
    cell.pop("ID", None)
    attributes = cell["A"]
    attributes.pop("Headers", None)
    if cell["S"] == "/TH":
        group = _at(pdf, _at(pdf, cell["P"])["P"])
        attributes["Scope"] = "/Column" if group["S"] == "/THead" else "/Row"


def _at(pdf: Any, reference: bytes) -> Any:
    return pdf.objects[int(reference.split()[0])]


def _chain(pdf: Any, outlines: Any) -> list[Any]:
    found = [_at(pdf, outlines["First"])]
    while "Next" in found[-1]:
        found.append(_at(pdf, found[-1]["Next"]))
    return found


def _without(entry: Any, *keys: str) -> bytes:
    import pydyf

    return bytes(pydyf.Dictionary({key: value for key, value in entry.items() if key not in keys}).data)


def _split(entry: Any) -> tuple[bytes, bytes]:
    """A stream's compressed bytes apart, so that no number in them is taken for a reference."""
    import pydyf

    data = bytes(entry.data)
    if not isinstance(entry, pydyf.Stream):
        return data, b""
    head, keyword, rest = data.partition(b"\nstream\n")
    return head, keyword + rest


def _data(value: Any) -> bytes:
    import pydyf

    return bytes(pydyf._to_bytes(value))
