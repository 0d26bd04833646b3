"""`validate keys new`: a key to sign with, and what it proves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def command(
    action: Annotated[Literal["new"], typer.Argument(help="new: make a key and its certificate.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="New folder for the key.", show_default=False)],
    *,
    name: Annotated[str, typer.Option(metavar="NAME", help="Of the person who will sign.")],
    kind: Annotated[
        Literal["ed25519", "p256"], typer.Option(help="p256 where other programs must read the signature.")
    ] = "ed25519",
) -> None:
    """Make a signing key in FOLDER. With VALIDATE_KEY_PASSPHRASE set, the key is stored under that passphrase."""
    import os

    from validate.provenance.keys import INTEGRITY, PASSPHRASE, new_key

    del action  # there is one
    key = new_key(folder, name=name, kind=kind, passphrase=os.environ.get(PASSPHRASE) or None)
    typer.echo(f"key          {folder / 'key.pem'} (keep it to yourself)")
    typer.echo(f"certificate  {folder / 'certificate.pem'} (give it to those who verify)")
    typer.echo(f"fingerprint  {key.fingerprint}")
    typer.echo(INTEGRITY)
