"""`validate verify`: does this evidence hold, and does every number come out again?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from validate.errors import ExitCode


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder, or a bundle (zip).", show_default=False)],
    *,
    recompute: Annotated[bool, typer.Option(help="Compute every number again from the per-case tables.")] = True,
    trust: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="CERTIFICATE", help="Of a signer or time-stamp authority whose word you take; repeatable."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Check hashes, audit chain and every number of a run, offline."""
    import dataclasses

    from validate.canonical import pretty_json
    from validate.evidence.bundle import opened_bundle
    from validate.evidence.verify import verify
    from validate.numbers import recomputation
    from validate.provenance.certificate import read_certificates

    certificates = [read_certificates(path)[0] for path in trust or ()]  # a chain beside it is not trusted with it
    with opened_bundle(run) as folder:
        answer = verify(folder, recompute=recomputation if recompute else None, trusted=certificates)
    if as_json:
        typer.echo(pretty_json(dataclasses.asdict(answer)).decode(), nl=False)
    else:
        typer.echo(answer.status)
        typer.echo(f"{answer.files} files, {answer.events} events, {answer.numbers} numbers checked")
        typer.echo(f"{answer.recounted} of {answer.estimates} estimates counted a second, independent way")
        typer.echo(f"{answer.printed} numbers printed in the PDF matched by their address")
        for difference in answer.differences:
            typer.echo(f"  differs: {difference}")
        for one in answer.signatures:
            whose = "trusted key" if one.trusted else "key not named as trusted"
            when = f"{one.time}, stamped {one.stamp.time}" if one.stamp else f"{one.time} by the signer's own clock"
            typer.echo(f"  {one.meaning} by {one.signer} ({whose} {one.fingerprint[:16]}…), {when}")
        if answer.other_version:
            typer.echo(
                f"  made by another version of the program ({answer.other_version}): checklists and scripts not made again"
            )
        if answer.left_over:
            typer.echo(
                f"  a signature, or a report made again, was interrupted and does not count ({', '.join(answer.left_over)})"
            )
        if answer.lock_signer:
            typer.echo(f"  lock signed by {answer.lock_signer}")
        if answer.lock_stamp:
            typer.echo(f"  lock stamped {answer.lock_stamp}")
        typer.echo(answer.unproven)
    raise typer.Exit(ExitCode.PASS if answer.holds else ExitCode.NOT_VERIFIED)
