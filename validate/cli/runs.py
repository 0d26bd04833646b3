"""`validate runs`: the ledger of test sets on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    *,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every entry as JSON lines, for an auditor.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the runs as JSON.")] = False,
) -> None:
    """Every run and every look at labels that this site's ledger knows, reported or not."""
    from validate.canonical import pretty_json
    from validate.cohort.privacy import home
    from validate.provenance.ledger import Ledger
    from validate.uses import run_rows

    ledger = Ledger(home())
    rows = run_rows(ledger.entries())
    if export is not None:
        typer.echo(f"{ledger.export(export)} entries written to {export}")
    elif as_json:
        typer.echo(pretty_json(rows).decode(), nl=False)
    elif not rows:
        typer.echo(f"Nothing yet: {ledger.path} knows of no run.")
    else:
        _print(rows)


def _print(rows: list[dict[str, object]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for title in ("when", "who", "study", "cases", "state", "outcome"):
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(str(row[name]) for name in ("when", "who", "study", "cases", "state", "outcome")))
    Console(highlight=False).print(table)
