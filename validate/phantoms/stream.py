"""Random streams of the phantoms: one for each purpose, so that adding a draw to one moves no other."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """A generator fixed by the seed and by the words of its purpose: 7 and "anatomy", 12, for example."""
    text = "\x1f".join((str(seed), *map(str, purpose)))
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
