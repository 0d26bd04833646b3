"""What the reading libraries warn about is checked here by ourselves, or does not concern us: they stay silent.

Their messages quote header values, so they would carry identifiers into whatever log this process keeps.
"""

from __future__ import annotations

import logging
import re
import warnings

LIBRARIES = re.compile(r"(pydicom|pylibjpeg|libjpeg|openjpeg|rle|jpeg_ls|PIL)(\.|$)")
SILENT = ("ignore", None, Warning, LIBRARIES, 0)


def silence_readers() -> None:
    """Ignore warnings that those libraries' own modules raise, and keep their log to themselves.

    Only ever adds one filter: images are decoded on several threads, and `warnings.catch_warnings` there lets one thread
    take away or leave behind another's filters.
    """
    if SILENT not in warnings.filters:
        warnings.filters.insert(0, SILENT)  # type: ignore[attr-defined]
        warnings._filters_mutated()  # type: ignore[attr-defined]
    logging.getLogger("pydicom").propagate = False
