"""`validate schema`: the JSON Schema of a protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it there instead.")] = None,
) -> None:
    """Print the JSON Schema that editors complete and check protocols from."""
    from validate.canonical import pretty_json, write_atomically
    from validate.catalog import shipped_catalog
    from validate.protocol.jsonschema import json_schema

    content = pretty_json(json_schema(shipped_catalog()))
    if out is None:
        typer.echo(content.decode(), nl=False)
    else:
        write_atomically(out, content)
        typer.echo(f"wrote {out}")
