"""`validate index`: what is in this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="Folder with DICOM files.", show_default=False)],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes that read headers.")] = 2,
) -> None:
    """Say what is in a folder: modalities, vendors, views, defects, identifiers; no protocol needed."""
    from validate.canonical import pretty_json
    from validate.cli.progress import RunProgress
    from validate.cohort.index import index_folder
    from validate.cohort.summary import index_summary

    with RunProgress(quiet=as_json) as progress:
        progress.stage("Reading headers")
        summary = index_summary(index_folder(source.resolve(), workers=workers, progress=progress.advance))
    if as_json:
        typer.echo(pretty_json(summary).decode(), nl=False)
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print(
        f"[bold]{summary['files']:,} files[/]: {summary['images']:,} images of {summary['patients']:,} patients"
    )
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column("what is there")
    for name, counts in summary["attributes"].items():
        table.add_row(name, ", ".join(f"{level} {count:,}" for level, count in counts.items()))
    for reason, count in summary["not_images"].items():
        table.add_row(f"[yellow]{reason}[/]", f"{count:,} files")
    console.print(table)
    if summary["identifiers"]:
        named = ", ".join(f"{name} in {count:,}" for name, count in summary["identifiers"].items())
        console.print(f"[yellow]Identifiers found[/] (never written to a run): {named}")
