"""The groups that a number is given for: all cases, each level of each attribute, and those of lesions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.results.levels import MISSING


@dataclass(frozen=True, slots=True)
class Groups:
    """attributes, levels : one per group, both None for all cases together    members : (group, n) bool"""

    attributes: tuple[str | None, ...]
    levels: tuple[str | None, ...]
    members: NDArray[np.bool_]

    def of(self, attribute: str) -> list[int]:
        """Places of the groups of one attribute."""
        return [place for place, name in enumerate(self.attributes) if name == attribute]

    @property
    def overall(self) -> Groups:
        """The first group alone."""
        return Groups(self.attributes[:1], self.levels[:1], self.members[:1])

    def stratum(self, place: int) -> dict[str, str]:
        """As an estimate carries it: {} or {attribute: level}."""
        attribute, level = self.attributes[place], self.levels[place]
        return {} if attribute is None or level is None else {attribute: level}


def groups_of(levels: Mapping[str, list[str]], size: int) -> Groups:
    """All cases first, then each level of each attribute, in order of name with "missing" last."""
    attributes: list[str | None] = [None]
    names: list[str | None] = [None]
    members = [np.ones(size, np.bool_)]
    for attribute, values in levels.items():
        column = pa.array(values, pa.string()).dictionary_encode()
        codes, known = column.indices.to_numpy(zero_copy_only=False), column.dictionary.to_pylist()
        for level in sorted(known, key=lambda name: (name == MISSING, name)):
            attributes.append(attribute)
            names.append(level)
            members.append(codes == known.index(level))
    return Groups(tuple(attributes), tuple(names), np.stack(members))


def with_lesions(groups: Groups, levels: Sequence[tuple[str, str]]) -> Groups:
    """The groups of cases, then those of lesions: every case may have a lesion in each of them."""
    everybody = np.ones((len(levels), groups.members.shape[1]), np.bool_)
    return Groups(
        (*groups.attributes, *(attribute for attribute, _ in levels)),
        (*groups.levels, *(level for _, level in levels)),
        np.concatenate((groups.members, everybody)),
    )
