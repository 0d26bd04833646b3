"""Another series of the same study than the one that was meant: a scout, a reformat, a screen copy, a test object, nothing.

What arrives has the size of what was expected, since gateways sort by description and not by content (IHE Radiology, Scheduled Workflow).
scout : averaged over the slices (or over 16 × 16 pixels of a single image), coarse, with a line over it. reformat : the slices seen from
the front (a single image: its transpose stretched). screen : the image in a quarter, text beside it. phantom : a bar pattern.
blank : black.
"""

from __future__ import annotations

from typing import Any, Literal

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.letters import written
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack

KINDS = ("scout", "reformat", "screen", "phantom", "blank")


class WrongSeries(Strength):
    """kind : what arrived instead."""

    kind: Literal["scout", "reformat", "screen", "phantom", "blank"]


def mistaken(stack: Stack, options: WrongSeries, _draw: Draw) -> Stack:
    """Of the same shape."""
    return stack.having(MADE[options.kind](stack).expand_as(stack.voxels).contiguous())


def _resized(voxels: Any, size: tuple[int, int], mode: str = "bilinear") -> Any:
    import torch

    n, z, rows, columns, c = voxels.shape
    flat = voxels.movedim(-1, 2).reshape(n * z, c, rows, columns)
    more = {"align_corners": False} if mode == "bilinear" else {}
    return torch.nn.functional.interpolate(flat, size=size, mode=mode, **more).reshape(n, z, c, *size).movedim(2, -1)


def _scout(stack: Stack) -> Any:
    mean = stack.voxels.mean(dim=1, keepdim=True)
    rows, columns = mean.shape[2:4]
    coarse = _resized(_resized(mean, (max(rows // 16, 4), max(columns // 16, 4)), "area"), (rows, columns))
    middle = coarse.narrow(2, rows // 2, max(rows // 128, 1))
    middle.copy_(stack.white.expand_as(middle))
    return coarse


def _reformat(stack: Stack) -> Any:
    if stack.voxels.shape[1] == 1:
        return _resized(stack.voxels.transpose(2, 3), tuple(stack.voxels.shape[2:4]))
    n, z, rows, columns, c = stack.voxels.shape
    front = stack.voxels[:, :, rows // 2].reshape(n, 1, z, columns, c)
    return _resized(front, (rows, columns))


def _screen(stack: Stack) -> Any:
    out = stack.black.expand_as(stack.voxels).clone()
    rows, columns = out.shape[2:4]
    out[:, :, : rows // 2, : columns // 2] = _resized(stack.voxels, (rows // 2, columns // 2))
    ink = written("PATIENT 0120", max(rows // 24, 7))
    ink = ink[:, : columns - columns // 2].to(out.device)
    region = out[:, :, rows // 8 : rows // 8 + ink.shape[0], columns // 2 : columns // 2 + ink.shape[1]]
    shape = ink[: region.shape[2], : region.shape[3], None]
    region.copy_(shape * stack.white + (1 - shape) * region)
    return out


def _phantom(stack: Stack) -> Any:
    import torch

    rows, columns = stack.voxels.shape[2:4]
    across = torch.arange(columns, device=stack.voxels.device)
    period = (2 ** (2 + torch.arange(rows, device=stack.voxels.device) * 4 // rows))[:, None]
    bars = ((across[None] // period) % 2).to(stack.voxels.dtype)[None, None, :, :, None]
    return stack.black + bars * (stack.white - stack.black)


def _blank(stack: Stack) -> Any:
    return stack.black


MADE = {"scout": _scout, "reformat": _reformat, "screen": _screen, "phantom": _phantom, "blank": _blank}
PERTURBATION = Perturbation(
    title="Wrong series",
    suites=frozenset({"any"}),
    OPTIONS=WrongSeries,
    severities=tuple({"kind": kind} for kind in KINDS),
    anchor="a scout, a reformat, a screen copy, a test object, a black image; in no order of harm",
    strength="kind",
    unit="",
    validity="Made from the image itself, so a scout is softer and a reformat rougher than real ones. No answer about the patient is right "
    "here: the question is what the model does (input guard).",
    source="IHE Radiology Technical Framework, Scheduled Workflow",
    change=mistaken,
)  # fmt: skip
