"""`validate check`: does the protocol make sense, are data and models there, and what will it cost?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from validate.rehearsal import DryRun


def command(
    protocol: Annotated[Path, typer.Argument(metavar="PROTOCOL", help="Protocol file (YAML).", show_default=False)],
    *,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or auto; overrides the protocol's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Check a protocol, its data and its models; run three cases; say what the whole run will cost."""
    import dataclasses

    from validate.canonical import pretty_json
    from validate.cli.progress import RunProgress
    from validate.rehearsal import dry_run

    with RunProgress(quiet=as_json) as progress:
        found = dry_run(protocol, device=device, reporter=progress)
    if as_json:
        typer.echo(pretty_json(dataclasses.asdict(found)).decode(), nl=False)
    else:
        _print(found)


def _print(found: DryRun) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    console.print(f"[bold green]The protocol makes sense.[/] {found.cases:,} cases in, {found.exclusions:,} files out")
    for warning in found.warnings:
        console.print(Text.assemble(("warning ", "yellow"), warning))
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for title in ("model", "case", "result"):
        table.add_column(title)
    for model, case, result in found.outputs:
        table.add_row(model, case, result)
    console.print(table)
    for name, identity in found.models.items():
        shape = "; ".join(f"{port['name']} {port['shape']}" for port in identity["inputs"])
        console.print(
            f"{name}: {identity['format']}, {identity['provider']}, {identity['runtime']}, takes {shape or 'no pixels'}",
            markup=False,
        )
    console.print(
        f"The whole run: about {found.seconds:,.0f} s of inference and {found.megabytes:,.1f} MB of results for "
        f"{found.cases:,} cases."
    )
