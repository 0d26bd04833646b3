"""A device that is gone, told from a case that a model can't do, by what CUDA and its libraries say.

The words are those of cudaGetErrorString and of onnxruntime's "CUDA failure N"; the numbers, of enum cudaError in the CUDA runtime API.
After any of them the context of the process is of no more use: its next call fails too, whatever the case.
"""

from __future__ import annotations

import re

# 46 busy or unavailable, 100 none detected, 214 uncorrectable memory, 700 illegal address, 702 timed out,
# 710 device-side assert, 719 unspecified launch failure, 999 unknown
NUMBERS = (46, 100, 214, 700, 702, 710, 719, 999)
_LOST = re.compile(
    r"CUDA failure (?:" + "|".join(map(str, NUMBERS)) + r")\b"
    r"|CUDA(?: driver)? error:? (?:unspecified launch failure|an illegal memory access|device-side assert|unknown error"
    r"|no CUDA-capable device|(?:all )?CUDA-capable device|uncorrectable ECC|the launch timed out|device kernel image)"
    r"|GPU is lost|fallen off the bus|CUDA-capable device\(s\) is/are busy or unavailable",
    re.IGNORECASE,
)


class DeviceLost(Exception):
    """The model's device, or its context on it, answers no more; another process may still reach it."""


def lost_device(error: BaseException | str) -> bool:
    """Whether this is the end of a device or of a process's use of it, and no matter of a case or of memory."""
    return isinstance(error, DeviceLost) or _LOST.search(str(error)) is not None
