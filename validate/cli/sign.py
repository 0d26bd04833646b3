"""`validate sign`: put one's name under a finished run, and say what that means."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.", show_default=False)],
    *,
    meaning: Annotated[
        Literal["authored", "reviewed", "approved", "responsible"], typer.Option(help="What the signature says.")
    ],
    key: Annotated[Path, typer.Option(metavar="KEY", help="Folder of `validate keys new`, or a PEM file.")],
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate of the key, where it is not beside it.")
    ] = None,
    tsa: Annotated[
        str | None, typer.Option(metavar="URL", help="Have it stamped by an RFC 3161 authority; only a hash leaves.")
    ] = None,
) -> None:
    """Sign the evidence and the report of a run; several can sign one after the other."""
    from validate.provenance.keys import read_key
    from validate.sign_run import sign_run

    signer = read_key(key, certificate=certificate)
    path = sign_run(run, signer, meaning=meaning, authority=tsa)
    typer.echo(f"signed       {path}")
    typer.echo(f"as           {meaning}, by {signer.name}")
    typer.echo(f"fingerprint  {signer.fingerprint}")
    typer.echo(f"check it     validate verify {run} --trust CERTIFICATE")
