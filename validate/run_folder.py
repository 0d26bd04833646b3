"""The folder of one run: opened for one process at a time, never overwritten."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from validate.errors import CommandError
from validate.evidence.manifest import AUDIT, SEAL
from validate.provenance.audit import read_events


def open_folder(folder: Path, *, resume: bool) -> Path:
    """The run folder, made if need be. Raises CommandError where it holds a run and --resume was not said, or the reverse."""
    begun = (folder / AUDIT).exists()
    if folder.exists() and not folder.is_dir():
        raise CommandError(f"{folder}: is a file; --out names a folder for the run")
    if begun and not resume:
        state = "a finished run" if (folder / SEAL).exists() else "a run that was interrupted"
        raise CommandError(
            f"{folder}: holds {state}. Give another --out, or go on with --resume; nothing is overwritten."
        )
    if folder.exists() and not begun and any(folder.iterdir()) and not resume:
        raise CommandError(f"{folder}: is not empty and no run of ours. Give a new folder with --out.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run_name(folder: Path) -> str:
    """A run's name in the ledger: the first digits of the hash of its trail's first event."""
    return str(next(read_events(folder / AUDIT))["hash"])[:16]


@contextmanager
def sole_user(folder: Path) -> Iterator[None]:
    """Nobody else runs into this folder meanwhile. The hold ends with the process, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"{folder}: another process is running into this folder; wait for it, or stop it"
            ) from None
        yield
    finally:
        os.close(descriptor)
