"""Random numbers of a perturbation: every image has a generator of its own, whatever it is batched with."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator


class Source(Protocol):
    """What a perturbation asks of numpy's Generator."""

    def standard_normal(self, size: Any, dtype: Any) -> Any: ...

    def standard_exponential(self, size: Any, dtype: Any) -> Any: ...

    def standard_gamma(self, shape: float, size: Any, dtype: Any) -> Any: ...

    def random(self, size: Any, dtype: Any) -> Any: ...

    def integers(self, low: int) -> Any: ...


class Draw:
    """Draws come in the order in which they are asked for; each is (n, …), one image a row, the same on any device.

    images : what is disturbed, as it was decoded; so that what follows from it alone is made once for all severities
    """

    def __init__(self, generators: Sequence[Source], device: str, images: Sequence[Any] = ()) -> None:
        self.device, self.generators, self.images = device, generators, images

    def kept(self, make: Callable[[], Any]) -> Any:
        """A tensor that follows from the images and the cause alone: made once for all severities, where there is room for it.

        One for each cause; nobody writes on it.
        """
        noises = [one.noise for one in self.generators if isinstance(one, _Reading)]
        if not self.images or len(noises) != len(self.images):
            return make()
        known = noises[0].following
        if known is None or not known.of_same(noises, self.images, self.device):
            known = Following(tuple(noises), tuple(self.images), self.device, make())
            noises[0].following = known if noises[0].room.takes(known.value.nbytes) else None
        return known.value

    def normal(self, *shape: int) -> Any:
        """Standard normal."""
        return self._stacked([one.standard_normal(shape, dtype=np.float32) for one in self.generators])

    def made(self, make: Callable[..., Any], *arguments: Any) -> Any:
        """(n, …) what `make` makes of each generator and these arguments; once for all severities that ask for the same."""
        return self._stacked(
            [
                one.made(make, arguments) if isinstance(one, _Reading) else make(one, *arguments)
                for one in self.generators
            ]
        )

    def exponential(self, *shape: int) -> Any:
        """Of mean 1."""
        return self._stacked([one.standard_exponential(shape, dtype=np.float32) for one in self.generators])

    def uniform(self, low: float, high: float, *shape: int) -> Any:
        """Even between the two."""
        drawn = self._stacked([one.random(shape, dtype=np.float32) for one in self.generators])
        return low + (high - low) * drawn

    def column(self, low: float, high: float) -> Any:
        """(n, 1, 1, 1, 1): one even number for each image."""
        return self.uniform(low, high, 1, 1, 1, 1)

    def whole(self, below: int) -> list[int]:
        """One whole number for each image, 0 up to and without `below`."""
        return [int(one.integers(below)) for one in self.generators]

    def _stacked(self, drawn: Sequence[Any]) -> Any:
        import torch

        return torch.from_numpy(np.stack(drawn)).to(self.device)


@dataclass(slots=True)
class Room:
    """Bytes that may be kept for the images of a batch, all together."""

    left: int = 256 << 20
    _one: Lock = field(default_factory=Lock)

    def takes(self, size: int) -> bool:
        """Whether there was room for so many more."""
        with self._one:
            fits = size <= self.left
            self.left -= size if fits else 0
            return fits


@dataclass(frozen=True, slots=True, eq=False)
class Following:
    """What follows from images that are disturbed together. Their noises and pixels are the very same objects, not equal ones."""

    noises: tuple[Noise, ...]
    images: tuple[Any, ...]
    device: str
    value: Any

    def of_same(self, noises: Sequence[Noise], images: Sequence[Any], device: str) -> bool:
        mine, given = (*self.noises, *self.images), (*noises, *images)
        return device == self.device and len(mine) == len(given) and all(map(operator.is_, mine, given))


@dataclass(slots=True, eq=False)
class Noise:
    """The numbers of one generator, drawn once for all severities that share them.

    make : the generator in its first state
    room : for what is drawn and for what follows from the image      full : whether something has found none
    following : that, of those images of which this is the first
    """

    make: Callable[[], Generator]
    room: Room = field(default_factory=Room)
    following: Following | None = None
    full: bool = False
    _generator: Generator | None = None
    _drawn: list[tuple[Any, Any]] = field(default_factory=list)
    _one: Lock = field(default_factory=Lock)  # two threads may hold images of one content

    def again(self) -> Source:
        """From the first number on. Who asks for the same as others before is given the same, without drawing it anew."""
        return _Reading(self)

    def at(self, place: int, call: Any) -> Any:
        """What this call gives after `place` calls, or None where another was made there before, or there is no room for it."""
        with self._one:
            return self._at(place, call)

    def _at(self, place: int, call: Any) -> Any:
        if place < len(self._drawn):
            known, value = self._drawn[place]
            return value if known == call else None
        if self.full or not self.room.takes(_bytes(call)):
            self.full = True
            return None
        if self._generator is None:
            self._generator = self.make()
        value = _called(self._generator, call)
        if callable(call[0]) and not self.room.takes(value.nbytes):
            self.full = True
        else:
            self._drawn.append((call, value))
        return value


@dataclass(slots=True)
class _Reading:
    noise: Noise
    calls: list[Any] = field(default_factory=list)
    own: Generator | None = None

    def standard_normal(self, size: Any, dtype: Any) -> Any:
        return self._next(("standard_normal", (), size, dtype))

    def standard_exponential(self, size: Any, dtype: Any) -> Any:
        return self._next(("standard_exponential", (), size, dtype))

    def standard_gamma(self, shape: float, size: Any, dtype: Any) -> Any:
        return self._next(("standard_gamma", (shape,), size, dtype))

    def random(self, size: Any, dtype: Any) -> Any:
        return self._next(("random", (), size, dtype))

    def integers(self, low: int) -> Any:
        return self._next(("integers", (low,), None, None))

    def made(self, make: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """What `make` makes of the generator and these arguments."""
        return self._next((make, arguments, None, None))

    def _next(self, call: Any) -> Any:
        found = None if self.own is not None else self.noise.at(len(self.calls), call)
        if found is None:
            if self.own is None:  # from here on other calls than those that are known: through all of them again
                self.own = self.noise.make()
                for before in self.calls:
                    _called(self.own, before)
            found = _called(self.own, call)
        self.calls.append(call)
        return found


def _bytes(call: Any) -> int:
    """Of the numbers that a call gives; of what is made of the generator, known only when it is made."""
    _, _, size, dtype = call
    return 0 if dtype is None else math.prod(np.atleast_1d(size).tolist()) * np.dtype(dtype).itemsize


def _called(generator: Generator, call: Any) -> Any:
    name, arguments, size, dtype = call
    if callable(name):
        return name(generator, *arguments)
    method = getattr(generator, name)
    return method(*arguments) if dtype is None else method(*arguments, size=size, dtype=dtype)
