"""`validate bundle`: a finished run as one zip file, or the proof that one case is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.", show_default=False)],
    target: Annotated[Path, typer.Argument(metavar="FILE", help="File to write.", show_default=False)],
    *,
    case: Annotated[
        str | None,
        typer.Option(metavar="CASE", help="Write only this case (its pseudonym) with the proof that it is in the run."),
    ] = None,
) -> None:
    """Pack the evidence of RUN into FILE; `validate verify FILE` checks it on any machine."""
    from validate.canonical import pretty_json, write_atomically
    from validate.errors import CommandError
    from validate.evidence.bundle import write_bundle
    from validate.evidence.cases import inclusion

    if case is None:
        files = write_bundle(run, target)
        typer.echo(f"{files} files in {target} ({target.stat().st_size / 1e6:.1f} MB)")
        return
    if target.exists():
        raise CommandError(f"{target}: exists already, and nothing is overwritten. Give another name.")
    document = inclusion(run, case)
    write_atomically(target, pretty_json(document))
    typer.echo(f"case {case}, {document['index'] + 1} of {document['cases']}, under the root {document['root']}")
