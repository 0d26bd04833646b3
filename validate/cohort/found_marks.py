"""One mark of a reference as its source says it, before the image is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from validate.errors import DataError

Shape = Literal["box", "point", "ball"]
NUMBERS = {"box": (4, 6), "point": (2, 3), "ball": (3, 4)}  # in a plane and in a volume


@dataclass(frozen=True, slots=True)
class Mark:
    """mm, pixels : as `lesions` says; one of them is there      lesion : "" where the source has no id
    about : what else the source says: "size" as it states it, "area" (COCO's, pixels), "ignore" (a place where marks count neither as
        hits nor as false), "crowd" (COCO's iscrowd), and columns of a table that are asked for
    """

    shape: Shape
    mm: tuple[float, ...] | None = None
    pixels: tuple[float, ...] | None = None
    target: str = ""
    lesion: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)


FoundMarks = Mapping[str, Sequence[Mark]]  # by unit: of every case that was read, none being an answer too


def checked(mark: Mark, where: str) -> Mark:
    """The mark. Raises DataError, naming `where`, for one without extent."""
    numbers = mark.mm if mark.mm is not None else mark.pixels
    if numbers is None or len(numbers) not in NUMBERS[mark.shape]:
        wanted = " or ".join(map(str, NUMBERS[mark.shape]))
        raise DataError(f"{where}: a {mark.shape} is {wanted} numbers; got {0 if numbers is None else len(numbers)}.")
    half = len(numbers) // 2
    if mark.shape == "box" and any(high <= low for low, high in zip(numbers[:half], numbers[half:], strict=True)):
        raise DataError(f"{where}: the box's upper corner does not lie beyond its lower one.")
    if mark.shape == "ball" and numbers[-1] <= 0:
        raise DataError(f"{where}: the ball has no diameter.")
    return mark
