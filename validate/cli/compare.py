"""`validate compare`: models of finished runs side by side on the same cases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

NOTE = "Exploratory: these comparisons were not locked before the results were known. To decide, declare them in a protocol."


def command(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN RUN…", help="Run folders of the same cases.", show_default=False)
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON, by level too.")] = False,
) -> None:
    """Show the paired differences between the models of two or more runs on the same cases."""
    from validate.canonical import pretty_json
    from validate.compare_runs import compare_runs
    from validate.estimation.document import to_document

    found = compare_runs(runs)
    if as_json:
        document = {
            "schema_version": "1", "exploratory": True, "models": found.models,
            "values": to_document(found.values)["estimates"], "differences": to_document(found.differences)["estimates"],
        }  # fmt: skip
        typer.echo(pretty_json(document).decode(), nl=False)
        return
    _show(found)


def _show(found: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    from validate.analyses.wording import metric_of, printed_estimate

    console = Console(highlight=False)
    values = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for title in ("endpoint", *found.models.values()):
        values.add_column(title, overflow="fold")
    by_endpoint: dict[str, dict[str, Any]] = {}
    for estimate in found.values:
        by_endpoint.setdefault(estimate.endpoint, {})[estimate.model] = estimate
    for endpoint, of_model in by_endpoint.items():
        cells = [printed_estimate(of_model[name]) if name in of_model else "–" for name in found.models]
        values.add_row(metric_of(next(iter(of_model.values()))).title or endpoint, *cells)
    console.print(values)
    console.print()
    differences = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for title in ("first less second", "endpoint", "difference (limits)"):
        differences.add_column(title, overflow="fold")
    for estimate in found.differences:
        if not estimate.stratum and "/missing=" not in estimate.id:
            pair = f"{found.models[estimate.model]} less {found.models[estimate.contrast['against']]}"
            differences.add_row(pair, metric_of(estimate).title, printed_estimate(estimate))
    console.print(differences)
    console.print()
    console.print(NOTE)
