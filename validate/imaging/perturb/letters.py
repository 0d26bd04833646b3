"""Letters as pixels: five by seven dots each, scaled to a height."""

from __future__ import annotations

from typing import Any

import numpy as np

DOTS = {
    "R": ("11110", "10001", "10001", "11110", "10100", "10010", "10001"),
    "L": ("10000", "10000", "10000", "10000", "10000", "10000", "11111"),
    "A": ("01110", "10001", "10001", "11111", "10001", "10001", "10001"),
    "P": ("11110", "10001", "10001", "11110", "10000", "10000", "10000"),
    "T": ("11111", "00100", "00100", "00100", "00100", "00100", "00100"),
    "I": ("01110", "00100", "00100", "00100", "00100", "00100", "01110"),
    "E": ("11111", "10000", "10000", "11110", "10000", "10000", "11111"),
    "N": ("10001", "11001", "10101", "10011", "10001", "10001", "10001"),
    "0": ("01110", "10001", "10011", "10101", "11001", "10001", "01110"),
    "1": ("00100", "01100", "00100", "00100", "00100", "00100", "01110"),
    "2": ("01110", "10001", "00001", "00110", "01000", "10000", "11111"),
    "5": ("11111", "10000", "11110", "00001", "00001", "10001", "01110"),
    "7": ("11111", "00001", "00010", "00100", "01000", "01000", "01000"),
    " ": ("00000", "00000", "00000", "00000", "00000", "00000", "00000"),
}


def written(text: str, height: int, aspect: float = 1.0) -> Any:
    """(height, width) float32 tensor, 1 where there is ink. aspect : height of a pixel over its width, so that letters keep
    their shape on pixels that are not square."""
    import torch

    rows = np.concatenate(
        [np.array([[int(dot) for dot in f"{line}0"] for line in DOTS[letter]], np.float32) for letter in text], axis=1
    )[:, :-1]
    width = max(round(height / rows.shape[0] * rows.shape[1] * aspect), 1)
    down = np.minimum(np.arange(height) * rows.shape[0] // height, rows.shape[0] - 1)
    across = np.minimum(np.arange(width) * rows.shape[1] // width, rows.shape[1] - 1)
    return torch.from_numpy(np.ascontiguousarray(rows[np.ix_(down, across)]))
