"""`validate run`: the whole way, from protocol to sealed report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from validate.run_unblinded import Run

COLOUR = {"PASS": "green", "FAIL": "red", "INCONCLUSIVE": "yellow"}


def command(
    protocol: Annotated[Path, typer.Argument(metavar="PROTOCOL", help="Protocol file (YAML).", show_default=False)],
    *,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Run folder to write.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run in --out.")] = False,
    device: Annotated[Literal["cpu", "cuda", "auto"] | None, typer.Option(help="Overrides the protocol's.")] = None,
    engine: Annotated[str, typer.Option(help="Where inference runs: local, or ray.")] = "local",
    address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Of the Ray cluster; auto: the one this machine is in.")
    ] = None,
    exploratory: Annotated[
        bool, typer.Option("--exploratory", help="Run without a lock; every number is marked exploratory.")
    ] = False,
    amend: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Go on although something differs from the lock, and record why."),
    ] = None,
    severity: Annotated[
        Literal["minor", "major"], typer.Option(help="Of the amendment: minor where only words changed.")
    ] = "major",
    actor: Annotated[str | None, typer.Option(metavar="NAME", help="Who runs this, for the audit trail.")] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the criteria as JUnit XML.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Lock, run the models, compute, decide, seal and report."""
    from validate.cli.junit import write_junit
    from validate.cli.progress import RunProgress
    from validate.lock.amendment import Amendment
    from validate.run_protocol import run

    with RunProgress(quiet=as_json) as progress:
        finished = run(
            protocol,
            out=out,
            resume=resume,
            device=device,
            engine=engine,
            address=address,
            exploratory=exploratory,
            amendment=None if amend is None else Amendment(amend, severity),
            actor=actor,
            reporter=progress,
        )
    if junit is not None:
        write_junit(junit, finished.verdict, title=finished.title)
    if as_json:
        _print_json(finished)
    else:
        _print(finished)
    raise typer.Exit(int(finished.exit_code))


def _print_json(finished: Run) -> None:
    from validate.canonical import pretty_json
    from validate.verdict.document import to_document

    outcome = {
        "run": str(finished.folder),
        "exit_code": int(finished.exit_code),
        "verdict": to_document(finished.verdict),
        "report": [str(path) for path in finished.report],
    }
    typer.echo(pretty_json(outcome).decode(), nl=False)


def _print(finished: Run) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    verdict = finished.verdict
    word: str = verdict.outcome or "NO VERDICT"
    if verdict.exploratory:
        word = f"EXPLORATORY ({word})"
    console.print()
    console.print(Text(word, style=f"bold {COLOUR.get(verdict.outcome or '', 'white')}"), Text(finished.title))
    console.print(escape(verdict.sentence), soft_wrap=False)
    if verdict.criteria:
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        several = len({criterion.model for criterion in verdict.criteria}) > 1
        for title in (("model",) if several else ()) + ("criterion", "verdict", "why"):
            table.add_column(title, overflow="fold")
        for criterion in verdict.criteria:
            what = criterion.endpoint + (f", every {criterion.worst_of}" if criterion.worst_of else "")
            style = COLOUR[criterion.outcome]
            of = (Text(criterion.model),) if several else ()
            table.add_row(*of, what, Text(criterion.outcome, style=style), Text(criterion.sentence.split(". ")[0]))
        console.print(table)
    console.print()
    for path in finished.report:
        console.print(f"report    {path}", soft_wrap=True, markup=False)
    console.print(f"evidence  {finished.folder}", soft_wrap=True, markup=False)
    console.print(f"check it  validate verify {finished.folder}", soft_wrap=True, markup=False)
