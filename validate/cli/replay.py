"""`validate replay`: run the models again and compare answers, marks, masks and measures with the sealed ones, case by case."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from validate.errors import ExitCode


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Finished run folder.", show_default=False)],
    protocol: Annotated[
        Path, typer.Argument(metavar="PROTOCOL", help="Its protocol file: images and models lie beside it.")
    ],
    *,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or auto; overrides the protocol's.")] = None,
    tolerance: Annotated[float, typer.Option(help="Relative difference up to which two numbers are the same.")] = 1e-6,
) -> None:
    """Run inference again where the images are at hand; exit code 4 where an output is not the sealed one."""
    from validate.cli.progress import RunProgress
    from validate.replay import replay

    with RunProgress() as progress:
        found = replay(run, protocol, device=device, tolerance=tolerance, reporter=progress)
    typer.echo("REPLAYED" if found.holds else "DIFFERS")
    typer.echo(f"{found.cases} outputs compared, {found.identical} the same to the bit")
    typer.echo(f"largest difference of a number: {found.largest:.3g}")
    if found.marks or found.masks or found.measures:
        typer.echo(f"{found.marks} marks, {found.masks} masks, and what was measured of {found.measures} compared")
    for line in found.differences:
        typer.echo(f"  differs: {line}")
    raise typer.Exit(ExitCode.PASS if found.holds else ExitCode.NOT_VERIFIED)
