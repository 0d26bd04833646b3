"""`validate lock`: freeze a protocol, its cohort and its models before anyone looks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    protocol: Annotated[Path, typer.Argument(metavar="PROTOCOL", help="Protocol file (YAML).", show_default=False)],
    *,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or auto; overrides the protocol's.")] = None,
) -> None:
    """Freeze protocol, cohort, reference table, models and passes into PROTOCOL.lock.json."""
    from validate.cli.progress import RunProgress
    from validate.rehearsal import lock_protocol

    with RunProgress() as progress:
        path, lock = lock_protocol(protocol, device=device, reporter=progress)
    typer.echo(f"locked   {path}")
    typer.echo(f"digest   {lock.digest}")
    typer.echo("From here on a change of protocol, cohort, labels, models or program is refused.")
