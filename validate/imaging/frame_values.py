"""What the frames of an enhanced object say each for itself (PS3.3 C.7.6.16.1.2), of a few elements: the different values there are, and
whether every frame says one. Read from the header's bytes, frame by frame; nothing is kept but the values that differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from validate.imaging.element_layout import UNDEFINED
from validate.imaging.header_walk import ITEM, ITEM_END, PER_FRAME, SEQUENCE_END, HeaderWalk, OutOfTheOrdinary

# sequence of a functional group → element in it → keyword of the same at the top of an object that is not enhanced
GROUPS: Mapping[int, Mapping[int, str]] = {
    0x00289110: {0x00280030: "PixelSpacing", 0x00180050: "SliceThickness"},  # Pixel Measures
    0x00189325: {0x00180060: "KVP"},  # CT X-Ray Details
    0x00189314: {0x00181210: "ConvolutionKernel"},  # CT Reconstruction
    0x00209071: {0x00209072: "ImageLaterality"},  # Frame Anatomy: Frame Laterality
    0x00289443: {0x00181164: "ImagerPixelSpacing"},  # Frame Pixel Data Properties
}
LONGEST = 256  # bytes of a value
MOST = 64  # different spellings of a value; more are different values

Text = tuple[str, ...]


@dataclass(slots=True)
class FrameValues:
    """frames : how many    telling : by keyword, how many say something      said : the different values that they give, up to a bound"""

    frames: int = 0
    telling: dict[str, int] = field(default_factory=dict)
    said: dict[str, set[Text]] = field(default_factory=dict)

    def add(self, keyword: str, value: Text) -> None:
        """One frame's. An empty value says nothing."""
        if not any(value):
            return
        self.telling[keyword] = self.telling.get(keyword, 0) + 1
        values = self.said.setdefault(keyword, set())
        if len(values) <= MOST:
            values.add(value)

    def common(self, keyword: str) -> Text | None:
        """What all frames say; None where they differ, or not all of them say it. Equal numbers are equal, however written."""
        values = self.said.get(keyword, set())
        if self.telling.get(keyword, 0) < self.frames or len({_meant(value) for value in values}) != 1:
            return None
        return min(values)


def frame_values(walk: HeaderWalk, at: int, length: int) -> FrameValues:
    """Of the per-frame functional groups that begin here. Raises OutOfTheOrdinary where the library must read them."""
    found, walk.found = FrameValues(), None
    end = at + length if length != UNDEFINED else None
    while end is None or at < end:
        walk.step()
        mark, _, size, at = walk.announced(at, implicit=True)
        if mark == SEQUENCE_END and end is None:
            break
        if mark != ITEM:
            raise OutOfTheOrdinary
        found.frames += 1
        stop = at + size if size != UNDEFINED else None
        for tag, place, long, after in _inside(walk, at, stop):
            if (wanted := GROUPS.get(tag)) is not None:
                for keyword, value in _group(walk, place, long, wanted):
                    found.add(keyword, value)
            at = after
        at = stop if stop is not None else at + 8
    return found


def _inside(walk: HeaderWalk, at: int, stop: int | None) -> Iterator[tuple[int, int, int, int]]:
    """Tag, place and length of the value, and the place after it, of each element of an item."""
    while stop is None or at < stop:
        walk.step()
        tag, kind, length, place = walk.announced(at, implicit=walk.implicit)
        if tag == ITEM_END and stop is None:
            return
        at = walk.sequence(tag, kind, place, length) if length == UNDEFINED else place + length
        if at > (stop or walk.size):
            raise OutOfTheOrdinary
        yield tag, place, length, at


def _group(walk: HeaderWalk, at: int, length: int, wanted: Mapping[int, str]) -> Iterator[tuple[str, Text]]:
    """Of the first item of a functional group, which has one."""
    if length == 0:
        return
    mark, _, size, at = walk.announced(at, implicit=True)
    if mark == SEQUENCE_END:
        return
    if mark != ITEM:
        raise OutOfTheOrdinary
    for tag, place, long, _ in _inside(walk, at, at + size if size != UNDEFINED else None):
        if tag in wanted and long != UNDEFINED:
            yield wanted[tag], texts(walk.content(place, min(long, LONGEST)))


def library_frame_values(dataset: Any) -> FrameValues | None:
    """The same of what the library has read; what is broken says nothing."""
    frames = _items(dataset, PER_FRAME)
    if frames is None:
        return None
    found = FrameValues()
    for frame in frames:
        found.frames += 1
        for group, wanted in GROUPS.items():
            for item in (_items(frame, group) or ())[:1]:
                for tag, keyword in wanted.items():
                    found.add(keyword, texts(_value(item, tag)))
    return found


def _items(dataset: Any, tag: int) -> Any:
    value = _value(dataset, tag)
    return value if value is not None and not isinstance(value, bytes | str) and hasattr(value, "__len__") else None


def _value(dataset: Any, tag: int) -> Any:
    try:
        return dataset[tag].value if tag in dataset else None
    except Exception:  # noqa: BLE001 (a hostile item may break the parser in any way; then it says nothing)
        return None


def texts(value: Any) -> Text:
    """The parts of a value, as bytes or as the library has them."""
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace").split("\\")
    several = value if not isinstance(value, str) and hasattr(value, "__iter__") else [value]
    return tuple("" if part is None else str(part).strip(" \0") for part in several)


def _meant(value: Text) -> tuple[object, ...]:
    return tuple(_number(part) for part in value)


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text
