"""A Merkle tree over the cases: the root speaks for all of them, and one case's place can be proven without the others.

Leaves and nodes are hashed apart, and an odd node is carried up as it is, as in RFC 9162 section 2.1 (Certificate
Transparency), so that no node can pass for a leaf and no case can be counted twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from validate.canonical import canonical_json
from validate.errors import EvidenceError


def leaf(content: bytes) -> bytes:
    """SHA-256 of 0x00 and the content."""
    return hashlib.sha256(b"\x00" + content).digest()


def node(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root of these leaf hashes, in this order; of none, SHA-256 of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def _above(level: Sequence[bytes]) -> list[bytes]:
    pairs = [node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return [*pairs, level[-1]] if len(level) % 2 else pairs


@dataclass(frozen=True, slots=True)
class Proof:
    """index : place of the leaf      size : number of leaves      path : sibling hashes from the leaf up"""

    index: int
    size: int
    path: tuple[bytes, ...]


def proof(leaves: Sequence[bytes], index: int) -> Proof:
    """That the leaf at `index` is in the tree. Raises IndexError where there is no such leaf."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of {len(leaves)}")
    path, level, place = [], list(leaves), index
    while len(level) > 1:
        sibling = place ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level, place = _above(level), place // 2
    return Proof(index, len(leaves), tuple(path))


def proven_root(content_hash: bytes, shown: Proof) -> bytes:
    """The root that this proof leads to. Raises EvidenceError where its form can't be that of any tree."""
    if not 0 <= shown.index < shown.size:
        raise EvidenceError(f"inclusion proof: leaf {shown.index} of {shown.size}")
    value, place, width, path = content_hash, shown.index, shown.size, list(shown.path)
    while width > 1:
        if place ^ 1 < width:
            if not path:
                raise EvidenceError("inclusion proof: too short for a tree of this size")
            sibling = path.pop(0)
            value = node(sibling, value) if place % 2 else node(value, sibling)
        place, width = place // 2, (width + 1) // 2
    if path:
        raise EvidenceError("inclusion proof: too long for a tree of this size")
    return value


def case_leaf(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Of one case: the canonical form of its rows in the results table, in their order there."""
    return leaf(canonical_json([dict(row) for row in rows]))
