"""Digests as printed: in groups that an eye can follow."""

from __future__ import annotations

from validate.report.printed import Printed, printed
from validate.report.sealed import Node
from validate.report.view import words


def fingerprint(node: Node, digits: int = 16) -> Printed:
    """The start of a digest in groups of four: "5f3a 91c2 …"."""
    text = node.text.removeprefix("sha256:")
    if not text:
        return words(node)
    if len(text) <= digits:
        return printed(whole_digest(text), node.address)
    return printed(short_digest(text, digits) + " …", node.address)


def short_digest(digest: str, digits: int = 8) -> str:
    """As in "5f3a 91c2"."""
    return " ".join(digest[i : i + 4] for i in range(0, min(digits, len(digest)), 4))


def whole_digest(digest: str) -> str:
    """In groups of eight: all of it on one line."""
    return " ".join(digest[i : i + 8] for i in range(0, len(digest), 8))
