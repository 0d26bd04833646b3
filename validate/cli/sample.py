"""`validate sample`: the synthetic multi-vendor sample studies, to learn and to test on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from validate.errors import CommandError


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the sample goes.")],
    seed: Annotated[int, typer.Option(help="Other seeds give other patients.")] = 20261122,
    patients: Annotated[int, typer.Option(help="Patients with images; about 1.4 images each.")] = 280,
    weak_manufacturer: Annotated[
        str, typer.Option(help="Whose scanners are in poor order: GE, Siemens, Philips, Fujifilm or none.")
    ] = "Fujifilm",
    only: Annotated[str | None, typer.Option(help="One part: cxr, tables, cardiac or nodules.")] = None,
    if_missing: Annotated[  # noqa: FBT002 (typer)
        bool, typer.Option("--if-missing", help="Leave an intact sample as it is.")
    ] = False,
) -> None:
    """Write the synthetic multi-vendor sample studies. No person stands behind any of them."""
    from validate.phantoms.manifest import differences
    from validate.phantoms.sample import PARTS, write_sample

    parts = PARTS if only is None else (only,)
    if if_missing and all((folder / part).is_dir() for part in parts):
        _say_intact(folder, differences(folder))
        return
    weak = None if weak_manufacturer.lower() == "none" else weak_manufacturer
    copied = _copy_models(folder)
    done = write_sample(folder, seed=seed, weak_manufacturer=weak, patients=patients, parts=parts)
    typer.echo(f"{folder}: {done.files} files, {done.bytes / 1e6:.1f} MB of synthetic data, seed {seed}")
    if not copied:
        typer.echo("The trained models are not part of this installation; they are in the repository.", err=True)


def _say_intact(folder: Path, differing: tuple[str, ...]) -> None:
    if differing:
        shown = ", ".join(differing[:3]) + (f" and {len(differing) - 3} more" if len(differing) > 3 else "")
        raise CommandError(
            f"{folder}: {len(differing)} files differ from MANIFEST.sha256 ({shown}). Remove what it holds "
            "besides models and run this again."
        )
    typer.echo(f"{folder}: the sample is there and intact")


def _copy_models(folder: Path) -> bool:
    """Put the shipped models beside the data, unless they are there; False where none are shipped."""
    from validate.errors import MachineError
    from validate.resources import resource

    target = folder / "models"
    if target.is_dir():
        return True
    try:
        source = resource("sample_data", "models")
    except MachineError:
        return False
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*"))
    return True
