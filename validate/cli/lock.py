"""`validate lock`: freeze a protocol, its cohort and its models before anyone looks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def command(
    protocol: Annotated[Path, typer.Argument(metavar="PROTOCOL", help="Protocol file (YAML).", show_default=False)],
    *,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or auto; overrides the protocol's.")] = None,
    amend: Annotated[
        str | None, typer.Option(metavar="REASON", help="Replace a lock that no longer fits, and record why.")
    ] = None,
    severity: Annotated[
        Literal["minor", "major"], typer.Option(help="Of the amendment: minor where only words changed.")
    ] = "major",
    actor: Annotated[str | None, typer.Option(metavar="NAME", help="Who locks, for the ledger.")] = None,
    key: Annotated[Path | None, typer.Option(metavar="KEY", help="Sign the lock (validate keys new).")] = None,
    tsa: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Have the lock stamped by an RFC 3161 authority; only a hash leaves."),
    ] = None,
) -> None:
    """Freeze protocol, cohort, reference table, models and passes into PROTOCOL.lock.json."""
    from validate.cli.progress import RunProgress
    from validate.lock.amendment import Amendment
    from validate.provenance.keys import read_key
    from validate.rehearsal import lock_protocol

    signer = None if key is None else read_key(key)
    with RunProgress() as progress:
        path, lock = lock_protocol(
            protocol,
            device=device,
            amendment=None if amend is None else Amendment(amend, severity),
            actor=actor,
            key=signer,
            authority=tsa,
            reporter=progress,
        )
    typer.echo(f"locked   {path}")
    typer.echo(f"digest   {lock.digest}")
    looks = lock.document["earlier_uses"]["earlier_looks"]
    if looks:
        typer.echo(f"earlier  {looks} earlier looks at labels of some of these cases stand in this site's ledger")
    typer.echo(
        "From here on a change of protocol, cohort, labels, models or program is refused, or recorded (--amend)."
    )
