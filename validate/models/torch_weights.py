"""Weights without a program, for an architecture that is named apart: safetensors, or a state dict of torch.save."""

from __future__ import annotations

import json
import struct
from typing import Literal

from validate.errors import ModelError

Kind = Literal["safetensors", "state_dict", "pickle"]
LARGEST_HEADER = 100 << 20  # bytes; as in the format's own readers


def weights_kind(content: bytes, *, unpickle: bool, where: str) -> Kind:
    """How the child opens it. Raises ModelError for a file that is none of these, and for a torn safetensors file."""
    if content[:2] == b"PK" or content[:1] == b"\x80":
        return "pickle" if unpickle else "state_dict"
    _check_safetensors(content, where)
    return "safetensors"


def _check_safetensors(content: bytes, where: str) -> None:
    """The header's offsets cover the rest of the file exactly, one tensor after the other."""
    wrong = f"{where}: this is no safetensors file and nothing that torch.save wrote"
    if len(content) < 8:
        raise ModelError(f"{wrong}: it has {len(content)} bytes.")
    (length,) = struct.unpack("<Q", content[:8])
    if length > min(LARGEST_HEADER, len(content) - 8) or content[8:9] != b"{":
        raise ModelError(f"{wrong}.")
    try:
        header = json.loads(content[8 : 8 + length])
        spans = sorted(tuple(entry["data_offsets"]) for name, entry in header.items() if name != "__metadata__")
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise ModelError(f"{wrong}: its header can't be read ({type(error).__name__}).") from error
    end = 0
    for span in spans:
        if len(span) != 2 or span[0] != end or span[1] < span[0]:
            raise ModelError(f"{where}: refused: tensors of this safetensors file overlap, or leave gaps.")
        end = span[1]
    if end != len(content) - 8 - length:
        raise ModelError(
            f"{where}: this safetensors file is torn: its tensors have {end} bytes, and {len(content) - 8 - length} are "
            "there. Copy the file again."
        )
