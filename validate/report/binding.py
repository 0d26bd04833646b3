"""Parts of a report bound into one PDF: one structure tree, one outline, one set of names, one identity."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from validate.report.leaves import REFERENCE, Leaves
from validate.report.pdf_file import file_bytes

PAGES, CATALOG = 1, 2
COLOUR_SPACE = re.compile(rb"\[/ICCBased \d+ 0 R\]")
MEDIA = {".json": "application/json", ".yaml": "application/yaml", ".xml": "text/xml", ".csv": "text/csv"}
# PDF/UA is no schema that PDF/A knows by itself, so it is described (ISO 19005-3, 6.6.2.3).
UNIVERSAL = b"""<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/"
 xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
 xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#"><pdfuaid:part>1</pdfuaid:part><pdfaExtension:schemas><rdf:Bag>
<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI><pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource"><pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType><pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Indicates which part of ISO 14289 is followed</pdfaProperty:description></rdf:li></rdf:Seq>
</pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description></rdf:RDF>"""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that travels inside the PDF. content : its bytes, or the path they are read from."""

    content: Path | bytes
    name: str
    description: str

    def read(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


def bind(parts: Sequence[Leaves], attached: Sequence[Attached], *, identifier: bytes, created: datetime) -> bytes:
    """One PDF of all parts; equal arguments give equal bytes."""
    import pydyf

    pdf = pydyf.PDF()
    root, document, outlines, tree = (pydyf.Dictionary() for _ in range(4))
    for entry in (root, document, outlines, tree):
        pdf.add_object(entry)
    kids: list[bytes] = []
    elements: list[bytes] = []
    parents: list[bytes] = []
    places: dict[bytes, bytes] = {}
    top: list[tuple[int, bytes, int]] = []
    for leaves in parts:
        numbered = _renumbering(leaves, len(pdf.objects), (root.number, document.number, outlines.number))
        for number, (head, stream) in leaves.objects.items():
            entry = _Ready(numbered(head) + stream, apart=bool(stream))
            pdf.add_object(entry)
            if number in leaves.kids:
                kids.append(entry.reference)
        for _, dictionary, count in leaves.outline:
            entry = _Ready(b"", apart=False)
            pdf.add_object(entry)
            top.append((entry.number, numbered(dictionary), count))
        elements.append(numbered(leaves.elements).strip()[1:-1])
        parents += [str(key).encode() + b" " + numbered(value) for key, value in leaves.parents]
        places |= {name: numbered(at) for name, at in leaves.places if name not in places}
        if leaves is parts[0]:
            pdf.catalog.update({key: numbered(value) for key, value in leaves.catalog.items()})
    pdf.pages["Kids"], pdf.pages["Count"] = pydyf.Array(kids), len(kids)
    root |= {"Type": "/StructTreeRoot", "K": pydyf.Array([document.reference]), "ParentTree": tree.reference}
    document |= {"Type": "/StructElem", "S": "/Document", "P": root.reference, "K": b"[" + b" ".join(elements) + b"]"}
    tree["Nums"] = b"[" + b" ".join(parents) + b"]"
    pdf.catalog |= {"StructTreeRoot": root.reference}
    pdf.catalog["Names"] = pydyf.Dictionary(
        {"Dests": pydyf.Dictionary({"Names": pydyf.Array(x for name in sorted(places) for x in (name, places[name]))})}
    )
    _outline(pdf, outlines, top)
    _share_colour_spaces(pdf)
    _attach(pdf, attached, created)
    _describe(pdf, parts[0])
    return file_bytes(pdf, identifier)


class _Ready:
    """An object whose bytes are already there, as pydyf takes it. apart : not to be put among compressed objects."""

    free = "n"

    def __init__(self, data: bytes, *, apart: bool) -> None:
        self.number = 0
        self.data, self.compressible = data, not apart

    @property
    def reference(self) -> bytes:
        return f"{self.number} 0 R".encode()


def _renumbering(leaves: Leaves, first: int, roots: tuple[int, int, int]) -> Callable[[bytes], bytes]:
    """References of a part as references of the whole; what stands in a string stays as it is."""
    order = [*leaves.objects, *(number for number, _, _ in leaves.outline)]
    places = {number: first + place for place, number in enumerate(order)}
    places |= {PAGES: PAGES, CATALOG: CATALOG} | dict(zip(leaves.roots, roots, strict=True))

    def numbered(data: bytes) -> bytes:
        return REFERENCE.sub(lambda found: b"%d 0 R" % places[int(found[1])] if found[1] else found[0], data)

    return numbered


def _share_colour_spaces(pdf: Any) -> None:
    """Each colour space once, and referred to: programs that copy a PDF make a profile anew for every array around it."""
    shared: dict[bytes, _Ready] = {}

    def reference(found: re.Match[bytes]) -> bytes:
        if found[0] not in shared:
            shared[found[0]] = _Ready(found[0], apart=False)
            pdf.add_object(shared[found[0]])
        return shared[found[0]].reference

    for entry in [one for one in pdf.objects if isinstance(one, _Ready)]:
        head, keyword, rest = entry.data.partition(b"\nstream\n")
        entry.data = COLOUR_SPACE.sub(reference, head) + keyword + rest


def _outline(pdf: Any, outlines: Any, top: Sequence[tuple[int, bytes, int]]) -> None:
    """Bookmarks of all parts in one row."""
    if not top:
        return
    for place, (number, dictionary, _) in enumerate(top):
        links = [b"/Parent " + outlines.reference]
        links += [b"/Prev %d 0 R" % top[place - 1][0]] if place else []
        links += [b"/Next %d 0 R" % top[place + 1][0]] if place + 1 < len(top) else []
        pdf.objects[number].data = dictionary[:-2] + b"".join(links) + b">>"
    ends = {"First": b"%d 0 R" % top[0][0], "Last": b"%d 0 R" % top[-1][0]}
    outlines |= {"Type": "/Outlines", "Count": sum(count for _, _, count in top), **ends}
    pdf.catalog["Outlines"] = outlines.reference


def _attach(pdf: Any, attached: Sequence[Attached], created: datetime) -> None:
    import pydyf

    if not attached:
        return
    moment = pydyf.String(created.astimezone(UTC).strftime("D:%Y%m%d%H%M%SZ"))
    files = []
    for one in sorted(attached, key=lambda one: one.name):
        content = one.read()
        sum_of = hashlib.md5(content, usedforsecurity=False).hexdigest()  # what the PDF format asks for
        media = MEDIA.get(Path(one.name).suffix, "application/octet-stream").replace("/", "#2f")
        details = pydyf.Dictionary(
            {"CheckSum": f"<{sum_of}>", "Size": len(content), "CreationDate": moment, "ModDate": moment}
        )
        stream = pydyf.Stream(
            [content], {"Type": "/EmbeddedFile", "Subtype": f"/{media}", "Params": details}, compress=True
        )
        pdf.add_object(stream)
        entry = pydyf.Dictionary({
            "Type": "/Filespec", "F": pydyf.String(one.name), "UF": pydyf.String(one.name), "AFRelationship": "/Data",
            "EF": pydyf.Dictionary({"F": stream.reference}), "Desc": pydyf.String(one.description),
        })  # fmt: skip
        pdf.add_object(entry)
        files.append((pydyf.String(one.name), entry.reference))
    names = pydyf.Dictionary({"Names": pydyf.Array(x for pair in files for x in pair)})
    pdf.add_object(names)
    pdf.catalog["Names"]["EmbeddedFiles"] = names.reference
    pdf.catalog["AF"] = pydyf.Array(reference for _, reference in files)


def _describe(pdf: Any, first: Leaves) -> None:
    """Who made it, from what and by which standards it is set."""
    import pydyf

    pdf.info.update(first.info)
    metadata = pydyf.Stream(
        [first.metadata.replace(b"</rdf:RDF>", UNIVERSAL)], {"Type": "/Metadata", "Subtype": "/XML"}
    )
    pdf.add_object(metadata)
    pdf.catalog["Metadata"] = metadata.reference
