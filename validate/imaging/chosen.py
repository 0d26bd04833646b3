"""Which files of a case are meant: those of a name, or with what their DICOM headers say."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from validate.imaging.volume import DecodeFailure


@dataclass(frozen=True, slots=True)
class Choice:
    """
    name : pattern of the file's name, None for any      header : DICOM keyword → values of which it has one
    several : whether all that fit are meant, as one series; else there must be one
    zeros : shape of what stands in for a file that is not there; None where nothing does
    """

    name: str | None = None
    header: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    several: bool = False
    zeros: tuple[int, ...] | None = None

    def of(self, paths: Sequence[Path]) -> list[Path]:
        """Those that fit, in order. A file that is no DICOM fits no header."""
        return [path for path in paths if self._fits(path)]

    def document(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "name": self.name,
            "header": {keyword: list(values) for keyword, values in self.header.items()},
            "several": self.several,
            "zeros": None if self.zeros is None else list(self.zeros),
        }

    def _fits(self, path: Path) -> bool:
        if self.name is not None and not fnmatch.fnmatchcase(path.name, self.name):
            return False
        if not self.header:
            return True
        from pydicom import dcmread
        from pydicom.errors import InvalidDicomError

        try:
            found = dcmread(path, stop_before_pixels=True, specific_tags=list(self.header))
        except (InvalidDicomError, OSError, ValueError, KeyError, AttributeError, EOFError):
            return False
        return all(str(found.get(keyword, "")) in values for keyword, values in self.header.items())


def chosen_files(choice: Choice, paths: Sequence[Path]) -> tuple[Path, ...]:
    """Those of a case that one of several inputs is. Raises DecodeFailure where they are not as many as it takes."""
    fitting = choice.of(paths)
    if len(fitting) == 1 or (fitting and choice.several):
        return tuple(fitting)
    raise DecodeFailure(
        "ambiguous_input" if fitting else "missing_input",
        f"{len(fitting)} of this case's {len(paths)} files fit its description; expected one{' or more' * choice.several}.",
    )


def choice_of(document: Mapping[str, Any]) -> Choice:
    """The choice that `document` describes."""
    zeros = document["zeros"]
    return Choice(
        document["name"],
        {keyword: tuple(values) for keyword, values in document["header"].items()},
        document["several"],
        None if zeros is None else tuple(zeros),
    )
