"""What the reading libraries warn about is checked here by ourselves, or does not concern us: their warnings stay silent."""

from __future__ import annotations

import re
import warnings

LIBRARIES = re.compile(r"(pydicom|pylibjpeg|libjpeg|openjpeg|rle|jpeg_ls|PIL)(\.|$)")
SILENT = ("ignore", None, Warning, LIBRARIES, 0)


def silence_readers() -> None:
    """Ignore warnings that those libraries' own modules raise.

    Only ever adds one filter: images are decoded on several threads, and `warnings.catch_warnings` there lets one thread
    take away or leave behind another's filters.
    """
    if SILENT not in warnings.filters:
        warnings.filters.insert(0, SILENT)  # type: ignore[attr-defined]
        warnings._filters_mutated()  # type: ignore[attr-defined]
