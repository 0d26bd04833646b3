"""`validate index`: what is in this folder, archive or disc."""

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
    "characteristic": "Characteristics",
}
MOST_SHOWN = 12


def command(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="Folder with DICOM files, zip archive, or DICOMDIR.", show_default=False),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Also write a page with thumbnails; pixels go nowhere else.", show_default=False)
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that read headers.")] = 2,
    cache: Annotated[bool, typer.Option(help="Keep what was read beside the site key, and go on from there.")] = True,
    vendors: Annotated[
        Path | None, typer.Option(help="Table of makers and models, before the shipped one.", show_default=False)
    ] = None,
) -> None:
    """Say what is in a folder: modalities, vendors, views, defects, identifiers; no protocol needed."""
    from validate.canonical import pretty_json
    from validate.cohort.privacy import home
    from validate.cohort.vendors import read_vendors
    from validate.index_source import indexed

    if vendors is not None:
        read_vendors(str(vendors))
    with RunProgress(quiet=as_json) as progress:
        progress.stage("Reading headers")
        found = indexed(
            source.absolute(),
            workers=workers,
            cache=home() / "index" if cache else None,
            vendors=(vendors,) if vendors is not None else (),
            thumbnails=html is not None,
            progress=progress.advance,
        )
    if html is not None:
        from validate.index_page import write_page

        write_page(html, source.name, found)
    if as_json:
        typer.echo(pretty_json(found.summary).decode(), nl=False)
    else:
        show(found.summary)
        if html is not None:
            typer.echo(f"Page: {html}")


def show(summary: dict[str, Any]) -> None:
    """On a terminal. Header texts are shown as they are, never taken for mark-up."""
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
            most = list(words.items())[:MOST_SHOWN]
            more = f", and {len(words) - len(most)} more" if len(words) > len(most) else ""
            console.print(Text(f"  {KINDS[kind]}: " + ", ".join(f"{word} {n:,}" for word, n in most) + more))
    _show_strata(summary, console)


def _show_strata(summary: dict[str, Any], console: Any) -> None:
    """What the data propose as strata, and whether groups of patients can be told from scanners and sites."""
    from rich.text import Text

    from validate.cohort.strata import protocol_lines

    proposals = summary["strata"]
    if any(one["use"] for one in proposals):
        console.print(Text.assemble(("Strata that these images allow: ", "bold"), protocol_lines(proposals)))
    for pair in summary["confounding"]["pairs"]:
        for single in pair["single"]:
            console.print(
                Text(
                    f"  Confounded: {single['share']:.0%} of {pair['group'].replace('_', ' ')} {_printable(single['level'])} come "
                    f"from {pair['by']} {_printable(single['on'])}: a gap between groups may be one between scanners",
                    "yellow",
                )
            )


def _attributes(summary: dict[str, Any]) -> Any:
    """What was read of the headers. Header texts are shown as they are, never taken for mark-up."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in ("attribute", "images", "missing, and why"):
        table.add_column(column)
    for name, counts in {**summary["attributes"], "site": summary["sites"]}.items():
        levels = ", ".join(f"{_printable(level)} {count:,}" for level, count in counts.items() if level != "missing")
        why = ", ".join(f"{_printable(reason)} {n:,}" for reason, n in summary["missing"].get(name, {}).items())
        if not why and (missing := counts.get("missing")):  # a band, or a site: made of something else that is missing
            why = f"missing {missing:,}"
        table.add_row(name.replace("_", " "), Text(levels or "–"), Text(why, "dim"))
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
