"""`validate check`: does the protocol make sense, are data and models there, and what will it cost?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

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
    from rich.text import Text

    console = Console(highlight=False)
    console.print(f"[bold green]The protocol makes sense.[/] {found.cases:,} cases in, {found.exclusions:,} files out")
    for warning in found.warnings:
        console.print(Text.assemble(("warning ", "yellow"), warning))
    given = _table("model", "case", "what goes in", "shape", "minimum", "maximum", "mean")
    for row in found.inputs:
        named = (row["model"], row["unit"], row["input"] or "image")
        if "failure" in row:
            given.add_row(*named, f"failed: {row['failure']}")
        else:
            shape = " × ".join(map(str, row["shape"]))
            given.add_row(*named, shape, *(f"{row[key]:.4g}" for key in ("minimum", "maximum", "mean")))
    if found.inputs:
        console.print(given)
    answers = _table("model", "case", "result")
    for model, case, result in found.outputs:
        answers.add_row(model, case, result)
    console.print(answers)
    for line in _passes(found.passes):
        console.print(line, markup=False)
    for name, identity in found.models.items():
        for line in _identity(name, identity, found.raw.get(name)):
            console.print(line, markup=False)
    console.print(
        f"The whole run: about {found.seconds:,.0f} s of inference and {found.megabytes:,.1f} MB of results for "
        f"{found.cases:,} cases."
    )


def _passes(passes: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """Passes that came out alike in one line."""
    alike: dict[tuple[str, str], list[str]] = {}
    for model, name, told in passes:
        alike.setdefault((model, told), []).append(name)
    for (model, told), names in alike.items():
        counted = f"{len(names)} passes over changed files, images or settings" if len(names) > 1 else "pass"
        yield f"{model}, {counted} ({', '.join(names)}): {told}"


def _table(*titles: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title)
    return table


def _identity(name: str, identity: Mapping[str, Any], raw: Mapping[str, float] | None) -> Iterator[str]:
    """What the model is, what it takes and gives, and what its numbers ranged over."""
    yield f"{name}: {identity['format']}, {identity['provider']}, {identity['runtime']}, SHA-256 {identity['digest']}"
    for kind in ("inputs", "outputs"):
        ports = "; ".join(
            f"{port['name'] or 'unnamed'} {port['type']} {_shape(port['shape'])}" for port in identity[kind]
        )
        yield f"  {kind}: {ports or 'not declared'}"
    if identity["parameters"] is not None:
        yield f"  trained numbers: {identity['parameters']:,}" + (f"; {identity['opset']}" if identity["opset"] else "")
    if raw is not None:
        yield f"  raw outputs: {raw['minimum']:.4g} to {raw['maximum']:.4g}, mean {raw['mean']:.4g}"
    for note in identity["notes"]:
        yield f"  {note}"


def _shape(sizes: Iterable[int | str | None]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in sizes) + ")"
