"""Names in free text: the parts of a person's name, a patient's number or a title, in elements that hold plain words.

Only what the same header calls a person is looked for, and forms of address: no list of names is asked. So a hit is good reason
to look, and no hit is no proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from validate.imaging.element_layout import Value

NAMES = frozenset(
    [
        *(0x00100010, 0x00101001, 0x00101005, 0x00101060, 0x00080090, 0x00081048, 0x00081050, 0x00081060, 0x00081070),
        *(0x00321032, 0x0040A123, 0x00102297, 0x00081052, 0x00081062),
    ]
)
NUMBERS = frozenset([0x00100020, 0x00080050, 0x00101000])
WORDS = frozenset(b"LO LT SH ST UC UT".split())
WORDLESS = frozenset([0x00080060, 0x00080070])
SHORTEST = 4  # letters; shorter names are words too often
TITLE = re.compile(rb"(?<![a-z])(mr|mrs|ms|miss|dr|prof|herr|frau|mme|sr|sra)\.? [A-Z][a-z]{2,}", re.IGNORECASE)
CAPITAL = re.compile(rb"\. ?[A-Z]|(?i:mr|mrs|ms|dr|prof|herr|frau|mme) [A-Z]")
SPLIT = re.compile(rb"[\^=\\ ,;.]+")
WORD = re.compile(rb"[^\W_]{4,}|[\x80-\xff\w]{4,}")
# Makers, body parts and other words of headers that are surnames too.
COMMON = frozenset(
    b"philips siemens canon bone chest head hand foot back young standard anonymous anonymized unknown test patient none "
    b"phantom hospital clinic medical left right male female kidney heart brain spine knee long short small".split()
)


def names_somebody(elements: Iterable[tuple[int, Value]], identifying: frozenset[int]) -> bool:
    """Whether a text that is there for something else names a person.

    elements : of a header at every level (header_facts)      identifying : tags that are there to identify, left out here
    """
    parts: set[bytes] = set()
    texts: list[bytes] = []
    for tag, (kind, content) in elements:
        if tag in NAMES:
            parts |= {part.lower() for part in SPLIT.split(content.strip(b"\0 ")) if len(part) >= SHORTEST}
        elif tag in NUMBERS:
            number = content.strip(b"\0 ").lower()
            if len(number) >= SHORTEST:
                parts.add(number)
        elif (kind is None or kind in WORDS) and content and tag not in WORDLESS and _is_free(tag, identifying):
            texts.append(content)
    parts -= COMMON
    if not texts:
        return False
    whole = b"\n".join(texts)
    if TITLE.search(whole) and CAPITAL.search(whole):
        return True
    lowered = whole.lower()
    return any(part in lowered and _stands_alone(part, lowered) for part in parts)


def _is_free(tag: int, identifying: frozenset[int]) -> bool:
    """Private elements too: makers write the patient's name there."""
    return bool((tag >> 16) & 1) or tag not in identifying


def _stands_alone(part: bytes, text: bytes) -> bool:
    return re.search(rb"(?<![^\W_])" + re.escape(part) + rb"(?![^\W_])", text) is not None
