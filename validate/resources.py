"""Where the files that ship with the program lie: in the wheel, or else in the checkout."""

from __future__ import annotations

from pathlib import Path

from validate.errors import MachineError

PACKAGE = Path(__file__).parent
FOLDERS = ("protocols", "reports", "sample_data")


def resource(*parts: str) -> Path:
    """Path of a shipped file or folder; its parts are given one by one: "reports", "templates".

    A wheel carries these folders in validate/_shipped; a checkout has them beside the package.
    Raises MachineError when it is in neither.
    """
    for root in (PACKAGE / "_shipped", PACKAGE.parent):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise MachineError(
        f"{'/'.join(parts)}: shipped file not found under {PACKAGE / '_shipped'} or {PACKAGE.parent}. "
        "Install validate-imaging again, or run from a whole checkout."
    )
