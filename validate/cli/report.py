"""`validate report`: set the sealed evidence in type again; computes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.", show_default=False)],
    *,
    profile: Annotated[
        Literal["acceptance", "submission", "comparison"] | None,
        typer.Option(help="Order and wording of the sections; the protocol's own unless given. No number changes."),
    ] = None,
    formats: Annotated[
        str,
        typer.Option("--format", metavar="LIST", help="What to write, with commas between: pdf, html, card, tables."),
    ] = "pdf,html,card,tables",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to write to; RUN/report unless given.")
    ] = None,
    house: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of a house style (house.yaml); that of the run unless given."),
    ] = None,
) -> None:
    """Render the report of a run again from its sealed evidence."""
    from validate.report_again import render_again

    wanted = tuple(dict.fromkeys(name.strip().lower() for name in formats.split(",") if name.strip()))
    for path in render_again(run, profile=profile, formats=wanted, out=out, house=house):
        if path.parent.name not in {"figures", "tables"}:
            typer.echo(str(path))
