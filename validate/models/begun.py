"""A batch that is with its model: what may be done meanwhile, and how its answer is had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Found = TypeVar("Found")
Next = TypeVar("Next")


def _at_once(bell: int) -> bool:
    del bell
    return True


@dataclass(frozen=True, slots=True)
class Begun(Generic[Found]):
    """
    answer : what came of it, called once; waits for it, and raises what the model raised
    wait : until there is an answer, or no hope of one (True), or the file `bell` can be read before that (False)
    """

    answer: Callable[[], Found]
    wait: Callable[[int], bool] = _at_once

    def then(self, meaning: Callable[[Found], Next]) -> Begun[Next]:
        """The same batch, with what its answer means."""
        return Begun(lambda: meaning(self.answer()), self.wait)
