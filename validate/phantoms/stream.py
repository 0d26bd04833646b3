"""Random streams of the phantoms: one for each purpose, so that adding a draw to one moves no other."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """A generator fixed by the seed and the words of its purpose, such as stream(7, "anatomy", 12)."""
    text = "\x1f".join((str(seed), *map(str, purpose)))
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
