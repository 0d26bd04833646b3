"""One file → one candidate: an image with what its header says, or a reason why it is none."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from validate.cohort.attributes import harvested, is_image, study_date, tag_value, wanted_tags
from validate.cohort.case import AttributeValue
from validate.cohort.identifiers import found_in, sought_tags
from validate.cohort.tree import Entry
from validate.imaging.archive import is_archive, open_file
from validate.imaging.dicom_file import checked_dicom
from validate.imaging.failure import DecodeFailure
from validate.imaging.header_facts import HeaderFacts, header_facts
from validate.imaging.header_values import companions
from validate.imaging.sniff import is_dicom

HEAD = 8192  # bytes that hold the header of most images
ARCHIVE = "archive"  # the reason of a file that is to be looked into, and none in itself
KEYS: Mapping[str, str] = {
    "patient_id": "PatientID",
    "study_instance_uid": "StudyInstanceUID",
    "series_instance_uid": "SeriesInstanceUID",
    "sop_instance_uid": "SOPInstanceUID",
    "accession_number": "AccessionNumber",
    "institution": "InstitutionName",
}
IDENTITY = ("patient_id", "study_instance_uid", "sop_instance_uid")
MOST_REMEMBERED = 4096
DEFECTS = {"absent": "no_pixel_data", "truncated": "truncated"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file. `reason` is None for an image; identifiers stay in memory.

    path : under its source folder    relative : the same, for the file's pseudonym
    digest : SHA-256 of all its bytes; None where it was not asked for
    defect : what will keep its pixels from being read ("no_pixel_data", "truncated"); it is an image all the same
    identifiers : keywords of filled elements that identify somebody, and other signs, where they were asked for
    """

    path: Path = field(repr=False)
    relative: str = field(repr=False)
    digest: str | None = None
    reason: str | None = None
    detail: str = ""
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    studied: date | None = field(default=None, repr=False)
    defect: str | None = None
    identifiers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every file. It is sent to other processes and kept beside what is remembered of answers.

    tags : further attributes by tag number    identifiers : also look at every element for what identifies somebody
    digests : also read all of every file    vendors : tables of the protocol's, before the shipped one
    """

    tags: Mapping[str, int] = field(default_factory=dict)
    identifiers: bool = False
    digests: bool = True
    vendors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read of one file, as plain data.

    own : JSON of what is its own: keys, study date, defect; or the reason why it is no image
    common : JSON of what it may share with thousands: attributes, missing, identifiers
    """

    own: bytes
    common: bytes
    digest: str | None


def read_facts(entry: Entry, question: Question, earlier: Facts | None = None) -> Facts:
    """Header only; and the digest of all bytes where it is asked for. Never raises for what a file holds.

    earlier : what was read of it when it had another date; where it has the same digest, that is what it says
    """
    if entry.reason is not None:
        return refused(entry.reason, entry.detail)
    digest = None
    try:
        stream, size = _open(entry.place)
        with stream:
            head = stream.read(HEAD)
            if question.digests:
                digest = _digest(stream, head, size)
                if earlier is not None and earlier.digest == digest:
                    return earlier
            facts = _of_content(entry, question, stream, head, size)
    except OSError as error:
        facts = refused("unreadable_file", f"Can't be read: {error.strerror}.")
    return replace(facts, digest=digest) if digest is not None else facts


def refused(reason: str, detail: str = "") -> Facts:
    """The facts of what is no image."""
    return Facts(_json({"reason": reason, "detail": detail}), b"", None)


def digest_of(place: str) -> str | None:
    """SHA-256 of all bytes of a file or member; None where it can't be read."""
    try:
        stream, size = _open(place)
        with stream:
            return _digest(stream, stream.read(HEAD), size)
    except OSError:
        return None


def _open(path: str) -> tuple[BinaryIO, int]:
    """The file, never through a link and never waiting for a pipe; or an archive's member."""
    try:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
        number = os.open(path, flags)
    except NotADirectoryError:
        stream = open_file(Path(path))
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        return stream, size
    state = os.fstat(number)
    if not stat.S_ISREG(state.st_mode):
        os.close(number)
        raise OSError(0, "not a file any more")
    return io.FileIO(number, "rb"), state.st_size


def _digest(stream: BinaryIO, head: bytes, size: int) -> str:
    if len(head) == size:
        return hashlib.sha256(head).hexdigest()
    stream.seek(0)
    return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


def _of_content(entry: Entry, question: Question, stream: BinaryIO, head: bytes, size: int) -> Facts:
    if not head:
        return refused("empty_file", "The file is empty.")
    if is_dicom(head):
        return _of_header(question, stream, head, size)
    if is_archive(head) and _opens(entry.relative):
        return refused(ARCHIVE)
    return refused("not_dicom", "The content is not DICOM, whatever the name says.")


def _opens(name: str) -> bool:
    """Whether an archive is there to hold files: a document or program that is packed as one is a thing by itself."""
    ending = name.rpartition("/")[2].rpartition(".")[2].lower() if "." in name.rpartition("/")[2] else ""
    return ending == "zip" or not ending.isalpha()


def _of_header(question: Question, stream: BinaryIO, head: bytes, size: int) -> Facts:
    try:
        stream, head = checked_dicom(stream, head, size)
        facts = header_facts(
            stream, head, size, _wanted(question), sought=sought_tags() if question.identifiers else None
        )
        header = facts.values
        keys = {name: text for name, keyword in KEYS.items() if (text := _plain(header.get(keyword)))}
        pictured, studied = is_image(header), study_date(header)
        common = _common(question, facts) if pictured else b""
    except Exception as error:  # noqa: BLE001 (a hostile header may break the parser in any way; the file is accounted for)
        kind = error.reason if isinstance(error, DecodeFailure) else type(error).__name__
        return refused("unreadable_header", f"The header can't be read ({kind}).")
    if not pictured:
        return refused("not_an_image", "A DICOM object of a kind that is no image.")
    lacking = [KEYS[name] for name in IDENTITY if name not in keys]
    if lacking:
        return refused("no_identity", f"The header has no {' and no '.join(lacking)}.")
    own = {"keys": keys, "studied": studied.isoformat() if studied else None, "defect": DEFECTS.get(facts.pixels)}
    return Facts(_json(own), common, None)


def _wanted(question: Question) -> frozenset[int]:
    if not question.tags:
        return wanted_tags()
    return wanted_tags() | {tag for own in question.tags.values() for tag in (own, *companions(own))}


def _common(question: Question, facts: HeaderFacts) -> bytes:
    """Attributes, why some are missing, and signs of identifiers. Of files that say the same of all that decides, once."""
    found = found_in(facts.found) if facts.found is not None else frozenset[str]()
    deciding = facts.values.same_where
    if deciding is None:
        return _harvest(question, facts, found)
    key = (deciding, found, question.vendors, tuple(question.tags.items()))
    known = _REMEMBERED.get(key)
    if known is None:
        if len(_REMEMBERED) >= MOST_REMEMBERED:
            _REMEMBERED.clear()
        known = _REMEMBERED[key] = _harvest(question, facts, found)
    return known


def _harvest(question: Question, facts: HeaderFacts, found: frozenset[str]) -> bytes:
    values, missing = harvested(facts.values, vendors=question.vendors)
    values |= {name: tag_value(facts.values, tag) for name, tag in question.tags.items()}
    return _json([values, missing, sorted(found)])


_REMEMBERED: dict[tuple[Any, ...], bytes] = {}


def _json(facts: Any) -> bytes:
    return _ENCODER.encode(facts).encode()


_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))


def _plain(value: Any) -> str:
    return str(value or "").replace("\0", "").strip()


class Recalled:
    """Candidates of facts. What many files have in common, as the slices of a series do, is kept once."""

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._known: dict[bytes, tuple[Mapping[str, AttributeValue], Mapping[str, str], frozenset[str]]] = {}

    def candidate(self, entry: Entry, facts: Facts) -> Candidate:
        """The candidate of one file."""
        own = json.loads(facts.own)
        path = Path(entry.place)
        if (reason := own.get("reason")) is not None:
            return Candidate(path, entry.relative, facts.digest, reason, own["detail"])
        attributes, missing, identifiers = self._common(facts.common)
        return Candidate(
            path,
            entry.relative,
            facts.digest,
            keys={**own["keys"], "file_name": entry.place.rpartition("/")[2]},
            attributes=attributes,
            missing=missing,
            studied=date.fromisoformat(own["studied"]) if own["studied"] else None,
            defect=own["defect"],
            identifiers=identifiers,
        )

    def _common(self, common: bytes) -> tuple[Mapping[str, AttributeValue], Mapping[str, str], frozenset[str]]:
        known = self._known.get(common)
        if known is None:
            if len(self._known) >= self._most:
                self._known.clear()
            attributes, missing, identifiers = json.loads(common)
            known = self._known[common] = (attributes, missing, frozenset(identifiers))
        return known
