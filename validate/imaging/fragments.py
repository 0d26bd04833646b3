"""The fragments of a compressed image (PS3.5 A.4), where all of them together are one frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

ITEM, DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
MOST = 4096  # fragments of one frame; more are left to others


def one_frame(content: NDArray[np.uint8]) -> bytes | None:
    """The frame that a sequence of fragments holds, which begins with its table of offsets; None where it is not whole.

    content : from the first item on; what follows the sequence is passed over
    """
    found: list[NDArray[Any]] = []
    at = 0
    for _ in range(MOST):
        head = content[at : at + 8].tobytes()
        if head[:4] == DELIMITER:
            break
        length = int.from_bytes(head[4:], "little")
        if head[:4] != ITEM or len(head) < 8 or at + 8 + length > content.size:
            return None
        if at:
            found.append(content[at + 8 : at + 8 + length])
        elif length not in {0, 4}:
            return None  # a table of several frames
        at += 8 + length
    else:
        return None
    if not found:
        return None
    return found[0].tobytes() if len(found) == 1 else b"".join(part.tobytes() for part in found)
