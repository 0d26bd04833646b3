"""`validate index`: what is in this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from validate.cli.progress import RunProgress

KINDS = {
    "person": "People",
    "date": "Dates",
    "institution": "Institutions",
    "device": "Devices",
    "uid": "UIDs",
    "text": "Free text",
}


def command(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="Folder with DICOM files.", show_default=False)],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes that read headers.")] = 2,
) -> None:
    """Say what is in a folder: modalities, vendors, views, defects, identifiers; no protocol needed."""
    from validate.canonical import pretty_json
    from validate.cohort.index import index_folder
    from validate.cohort.summary import index_summary

    with RunProgress(quiet=as_json) as progress:
        progress.stage("Reading headers")
        found = index_folder(source.resolve(), identifiers=True, workers=workers, progress=progress.advance)
    summary = index_summary(found)
    if as_json:
        typer.echo(pretty_json(summary).decode(), nl=False)
    else:
        _show(summary)


def _show(summary: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    of = f"{summary['images']:,} images of {summary['patients']:,} patients in {summary['studies']:,} studies"
    console.print(Text.assemble((f"{summary['files']:,} files", "bold"), f": {of}"))
    console.print(_attributes(summary))
    _show_counts("No images", summary["not_images"], "files", console)
    _show_counts("Defects", summary["defects"], "images", console)
    if summary["identifiers"]:
        console.print(Text("Identifiers found (no value of them is shown here or enters a run)", "yellow"))
        for kind, words in summary["identifiers"].items():
            console.print(Text(f"  {KINDS[kind]}: " + ", ".join(f"{word} {count:,}" for word, count in words.items())))


def _attributes(summary: dict[str, Any]) -> Any:
    """What was read of the headers. Header texts are shown as they are, never taken for mark-up."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in ("attribute", "images", "missing, and why"):
        table.add_column(column)
    for name, counts in summary["attributes"].items():
        levels = ", ".join(f"{_printable(level)} {count:,}" for level, count in counts.items() if level != "missing")
        why = ", ".join(f"{reason} {count:,}" for reason, count in summary["missing"].get(name, {}).items())
        if levels:
            table.add_row(name.replace("_", " "), Text(levels), Text(why, "dim"))
    return table


def _show_counts(title: str, counts: dict[str, int], what: str, console: Any) -> None:
    from rich.text import Text

    from validate.cohort.flow import reason_label

    if counts:
        listed = ", ".join(f"{reason_label(reason)} {count:,}" for reason, count in counts.items())
        console.print(Text.assemble((f"{title} ({what}): ", "yellow"), listed))


def _printable(text: str) -> str:
    """A header may hold anything, control sequences of terminals too."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
