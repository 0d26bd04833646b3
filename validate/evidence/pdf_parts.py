"""What a PDF holds besides its pages: files that travel in it, and whatever could show other words than the pages do, or act.

For the sealed report alone: a signature's field stands in the signed copy, which begins with the very bytes of this file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from validate.errors import EvidenceError, MissingLibrary
from validate.evidence.pdf_reader import opened_pdf

DEEPEST = 20
CARRIED = ("estimates.json", "protocol.yaml", "evidence/manifest.json")  # in every report
PLACES = ("report", "report/tables")  # of the other files that it may carry
ACTING = ("/OpenAction", "/AA", "/AcroForm", "/OCProperties", "/Collection", "/Requirements")


def part_differences(folder: Path, content: bytes) -> Iterator[str]:
    """In words, whatever a report has no place for.    content : of its PDF. Raises EvidenceError for what can't be read."""
    words, attached = _read(content)
    yield from words
    yield from _attachment_differences(folder, attached)


def _read(content: bytes) -> tuple[list[str], dict[str, bytes]]:
    """In words what no report has, and the files that travel in it."""
    try:
        root = opened_pdf(content).root
        names = root["/Names"].get_object() if "/Names" in root else {}
        words = [f"has {name[1:]}, which no report has" for name in ACTING if name in root]
        words += [f"has {name[1:]}, which no report has" for name in names if name not in {"/Dests", "/EmbeddedFiles"}]
        for number, page in enumerate(leaves(root["/Pages"]), 1):
            words += [f"page {number} {one}" for one in _beside(page)]
        return words, dict(_attached(names))
    except MissingLibrary:
        raise
    except (
        Exception
    ) as error:  # pyHanko reads as it is asked, and stumbles anywhere over bytes that somebody has changed
        raise EvidenceError(f"its parts can't be read: {type(error).__name__}: {error}") from error


def leaves(node: Any, depth: int = 0) -> Iterator[Any]:
    """Every page, in order."""
    found = node.get_object()
    if depth > DEEPEST:
        raise ValueError("pages are nested too deeply")
    if found.get("/Type") == "/Page":
        yield found
        return
    for kid in found["/Kids"]:
        yield from leaves(kid, depth + 1)


def _beside(page: Any) -> Iterator[str]:
    """What lies over a page: links within the report, and nothing else."""
    if "/AA" in page:
        yield "acts by itself, as no page of a report does"
    for entry in page["/Annots"].get_object() if "/Annots" in page else ():
        one = entry.get_object()
        if one.get("/Subtype") != "/Link":
            yield f"has a note or a field over it ({str(one.get('/Subtype'))[1:]}), as no page of a report has"
        elif "/AP" in one:
            yield "has a link that draws over it, as no page of a report has"
        elif "/A" in one and one["/A"].get_object().get("/S") not in {"/URI", "/GoTo"}:
            yield "has a link that acts, as no page of a report has"


def _attached(names: Any) -> Iterator[tuple[str, bytes]]:
    if "/EmbeddedFiles" not in names:
        return
    listed = names["/EmbeddedFiles"].get_object()["/Names"].get_object()
    for at in range(1, len(listed), 2):
        entry = listed[at].get_object()
        yield str(entry["/UF"]), entry["/EF"].get_object()["/F"].get_object().data


def _of_a_kind_that_is_not_here(folder: Path, name: str) -> bool:
    """Model cards and tables travel in the PDF where the report has none of them as files, too."""
    kinds = (("model_card*.xml", "report"), ("*.csv", "report/tables"))
    return any(Path(name).match(kind) and not any((folder / place).glob(kind)) for kind, place in kinds)


def _attachment_differences(folder: Path, attached: Mapping[str, bytes]) -> Iterator[str]:
    whole = {path.rsplit("/", 1)[-1]: folder / path for path in CARRIED}
    yield from (f"does not carry {name}" for name in whole if name not in attached)
    for name, content in attached.items():
        places = [whole[name]] if name in whole else [folder / place / name for place in PLACES]
        found = next((path for path in places if path.is_file()), None)
        if found is None and _of_a_kind_that_is_not_here(folder, name):
            continue
        if "/" in name or found is None:
            yield f"carries {name}, which is no file of this evidence"
        elif found.read_bytes() != content:
            yield f"carries another {name} than {found.relative_to(folder).as_posix()}"
