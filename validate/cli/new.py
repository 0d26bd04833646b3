"""`validate new`: a commented protocol to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Protocol file to write.", show_default=False)],
    *,
    task: Annotated[
        str, typer.Option(help="classification, multiclass, multilabel, ordinal or segmentation.")
    ] = "classification",
    source: Annotated[
        str, typer.Option(help="What the cohort is read from: dicom or table; of masks NIfTI, whatever is said.")
    ] = "dicom",
) -> None:
    """Write a commented protocol; fill it in, then `validate check` it."""
    from validate.canonical import write_atomically
    from validate.errors import CommandError
    from validate.protocol.starter import starter

    if path.exists():
        raise CommandError(f"{path}: is there already; choose another name, nothing is overwritten")
    write_atomically(path, starter(task, source).encode())
    typer.echo(f"wrote {path}\nnext   validate check {path}")
